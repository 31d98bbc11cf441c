"""Training starts from the last model that the step made, and reads what the chain gives it."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

import fluentml as fml

pytestmark = pytest.mark.tfx

MODULE = """
    import json
    from pathlib import Path

    def run_fn(fn_args):
        seen = {{
            "base_model": fn_args.base_model,
            "hyperparameters": fn_args.hyperparameters and fn_args.hyperparameters["values"],
            "custom_config": fn_args.custom_config,
        }}
        Path({told!r}).write_text(json.dumps(seen))
        if (fn_args.custom_config or {{}}).get("fail"):
            raise ValueError("as asked")
        Path(fn_args.serving_model_dir).mkdir(parents=True)
"""


class Chain:
    """A source of examples, and a training step that only tells what it got."""

    def __init__(self, folder: Path) -> None:
        (folder / "data").mkdir()
        rows = "".join(f"{number},2\n" for number in range(50))
        (folder / "data/rows.csv").write_text(f"x,y\n{rows}")
        self.told = folder / "told.json"
        self.module = folder / "my_model.py"
        self.module.write_text(textwrap.dedent(MODULE).format(told=str(self.told)))
        self.source = fml.PipelineDef("p", root=folder / "artifacts").cache()
        self.source = self.source.from_csv(folder / "data")

    def run(self, *, before: Any = None, **parameters: Any) -> tuple[dict[str, Any], str]:
        """Return what `run_fn` got, and the folder of the model that it made."""
        chain = before or self.source
        result = chain.train(self.module, warm_start=True, **parameters).run(quiet=True)
        (model,) = result.artifacts(f"{parameters.get('id', 'Trainer')}.model")
        return json.loads(self.told.read_text()), f"{model.uri}/Format-Serving"


def test_each_run_starts_from_the_model_before(tmp_path: Path):
    chain = Chain(tmp_path)
    given = {"rate": 0.5}
    with_values = chain.source.with_hyperparameters(given)
    seen, first = chain.run(before=with_values, custom_config={"a": [1]})
    assert seen == {"base_model": None, "hyperparameters": given, "custom_config": {"a": [1]}}

    with pytest.raises(fml.RunError):
        chain.run(custom_config={"fail": True})
    failed = json.loads(chain.told.read_text())
    assert failed["base_model"] == first

    # Neither the failed one's, nor that of another step; nothing else changed, and it trains.
    seen, other = chain.run(id="Other")
    assert seen["base_model"] is None
    seen, second = chain.run()
    assert seen == {"base_model": first, "hyperparameters": None, "custom_config": None}
    seen, third = chain.run()
    assert seen["base_model"] == second
    assert len({first, other, second, third}) == 4

    pinned = chain.source.with_base_model(Path(first).parent)
    seen, _ = chain.run(before=pinned, custom_config={"pinned": True})
    assert seen["base_model"] == first
