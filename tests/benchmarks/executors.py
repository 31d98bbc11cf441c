"""One step by itself, by our executor or by TFX's, on what `prepare` has made of some trips."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfx.components.bulk_inferrer import executor as tfx_infer
from tfx.components.statistics_gen import executor as tfx_statistics
from tfx.components.transform import executor as tfx_transform
from tfx.types import standard_artifacts as kinds

from fluentml.executors import inference_batches, statistics_gen, transform_batches
from fluentml.local import wheels
from fluentml.local.beam import light
from fluentml.lowering import IN_PROCESS_RUNNER

EXECUTORS: dict[str, tuple[Any, Any]] = {
    "statistics": (statistics_gen, tfx_statistics),
    "transform": (transform_batches, tfx_transform),
    "infer": (inference_batches, tfx_infer),
}
MADE = {
    "statistics": {"statistics": kinds.ExampleStatistics},
    "transform": {
        "transform_graph": kinds.TransformGraph,
        "transformed_examples": kinds.Examples,
        "updated_analyzer_cache": kinds.TransformCache,
        "pre_transform_schema": kinds.Schema,
        "pre_transform_stats": kinds.ExampleStatistics,
        "post_transform_schema": kinds.Schema,
        "post_transform_stats": kinds.ExampleStatistics,
        "post_transform_anomalies": kinds.ExampleAnomalies,
    },
    "infer": {"inference_result": kinds.InferenceResult},
}
PROPERTIES: dict[str, dict[str, str]] = {
    "statistics": {},
    "transform": {
        "preprocessing_fn": "examples.taxi.preprocessing_fn",
        "custom_config": "null",
    },
    "infer": {"data_spec": "{}", "model_spec": "{}"},
}


def prepare(data: Path) -> None:
    """Make examples and a schema of the trips in `few`, and a model of the taxi chain."""
    import fluentml as fml
    from examples.taxi import build_model, preprocessing_fn
    from fluentml import datasets

    made = (
        fml.PipelineDef("taxi", root=data)
        .from_csv(datasets.taxi())
        .generate_statistics()
        .infer_schema()
        .preprocess(preprocessing_fn)
        .train(build_model, label="tips_xf", batch_size=128, train_steps=300)
        .run(quiet=True)
    )
    trips = fml.PipelineDef("trips", root=data).from_csv(data / "few")
    read = trips.generate_statistics().infer_schema().run(quiet=True)
    for run, node, key in (
        (read, "CsvExampleGen", "examples"),
        (read, "SchemaGen", "schema"),
        (made, "Trainer", "model"),
    ):
        (data / key).symlink_to(run.nodes[node].outputs[key][0].uri)


def measured(step: str, whose: str, data: Path) -> None:
    """Run a step in the working folder; ours as a run of fluentml would."""
    inputs = {"examples": [_artifact(kinds.Examples, data / "examples")]}
    inputs["examples"][0].split_names = json.dumps(["train", "eval"])
    if step == "transform":
        inputs["schema"] = [_artifact(kinds.Schema, data / "schema")]
    if step == "infer":
        inputs["model"] = [_artifact(kinds.Model, data / "model")]
    folder = Path.cwd() / step
    outputs = {key: [_artifact(kind, folder / key)] for key, kind in MADE[step].items()}
    ours, theirs = EXECUTORS[step]
    module: Any = ours if whose == "ours" else theirs
    context = module.Executor.Context(
        beam_pipeline_args=[IN_PROCESS_RUNNER], tmp_dir=str(folder / "tmp"), unique_id="1"
    )
    with contextlib.ExitStack() as stack:
        if whose == "ours":
            stack.enter_context(wheels.in_process())
            stack.enter_context(light([IN_PROCESS_RUNNER]))
        module.Executor(context).Do(inputs, outputs, PROPERTIES[step])


def _artifact(kind: Callable[[], Any], uri: Path) -> Any:
    one = kind()
    one.uri = str(uri)
    return one


if __name__ == "__main__":
    what, *given, where = sys.argv[1:]
    prepare(Path(where)) if what == "prepare" else measured(what, *given, Path(where))
