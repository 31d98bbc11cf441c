"""Where an interrupted training is kept, so that the same training goes on from there."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx.components.trainer.fn_args_utils import FnArgs

from fluentml.spec import is_remote


def folder(fn_args: FnArgs, build_model: Any, options: Mapping[str, Any]) -> str | None:
    """Return the folder of a training: another one if anything that decides it is another.

    It stands under the step's own, beside the model runs, of which each attempt has another:
    `Trainer/.system/training/<key>`. The key tells the examples, the parameters and the code.

    Args:
        fn_args: What TFX passes to `run_fn`.
        build_model: The user's function; every `.py` file beside its own counts, as TFX ships them.
        options: What else decides the training, by name.

    Returns:
        The folder; None where the model run is remote or not in TFX's layout.
    """
    run = fn_args.model_run_dir
    if not run or is_remote(run) or Path(run).parent.name != "model_run":
        return None
    decides = [
        fn_args.train_files,
        fn_args.train_steps,
        fn_args.transform_graph_path,
        fn_args.hyperparameters,
        fn_args.base_model,
        fn_args.custom_config,
        dict(options),
        _code(build_model),
    ]
    text = json.dumps(decides, sort_keys=True, default=str)
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    return str(Path(run).parents[1] / ".system" / "training" / key)


def _code(build_model: Any) -> list[str]:
    try:
        file = inspect.getsourcefile(build_model)
    except TypeError:
        return []
    files = sorted(Path(file).parent.glob("*.py")) if file else []
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
