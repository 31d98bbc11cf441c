"""ModelConverter: other formats of a blessed model, each held to the model's own predictions."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
from tfx.components.pusher import executor as pusher
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import io_utils, path_utils

from fluentml.errors import DataError
from fluentml.executors.formats import WRITERS
from fluentml.executors.servable import Answer, Servable

EXAMPLES = 100
"""As many examples are asked, all in one batch and the first one alone."""
RELATIVE, ABSOLUTE = 1e-3, 1e-5
"""How far a number may lie from the model's own: other kernels round otherwise."""


class Executor(base_executor.BaseExecutor):
    """Write each format into a folder `Format-…` of the Model artifact."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Read `model`, its blessings and `examples`, write `converted_model`.

        Raises:
            DataError: A format cannot hold the model, or does not predict the same.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        if not pusher.Executor().CheckBlessing(input_dict):
            return
        model = artifact_utils.get_single_instance(input_dict["model"])
        path = path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))
        examples = some_examples(input_dict["examples"])
        output = artifact_utils.get_single_uri(output_dict["converted_model"])
        for name, signature in json.loads(exec_properties["formats"]).items():
            writer, servable = WRITERS[name], Servable(path, signature, examples)
            with tempfile.TemporaryDirectory() as folder:
                for wanted, got in writer.write(servable, Path(folder)):
                    if reason := difference(wanted, got):
                        raise DataError(
                            f"The {writer.title} model predicts otherwise than the SavedModel: "
                            f"{reason}.",
                            hint=f"leave {name!r} out of formats=, or replace the operations whose "
                            "kernels differ.",
                        )
                io_utils.copy_dir(folder, f"{output}/{writer.layout}")


def some_examples(artifacts: list[Any]) -> list[bytes]:
    """Return a few serialized examples, of the split `eval` where there is one."""
    splits = artifact_utils.decode_split_names(artifacts[0].split_names)
    split = "eval" if "eval" in splits else splits[0]
    files = tf.io.gfile.glob(f"{artifact_utils.get_split_uri(artifacts, split)}/*")
    records = tf.data.TFRecordDataset(sorted(files), "GZIP").take(EXAMPLES)
    examples = [*records.as_numpy_iterator()]
    if not examples:
        raise DataError(
            f"There is nothing to compare the predictions on: the split {split!r} is empty.",
            hint="give the split rows.",
        )
    return examples


def difference(wanted: Answer, got: Answer) -> str | None:
    """Return in words how far two answers to the same examples differ; None where they agree."""
    if wanted.keys() != got.keys():
        return f"it returns {sorted(got)} rather than {sorted(wanted)}"
    for name, right in wanted.items():
        wrong = got[name]
        if right.shape != wrong.shape:
            return f"{name!r} has the shape {wrong.shape} rather than {right.shape}"
        near = right.dtype.kind == "f" and np.isclose(
            wrong, right, RELATIVE, ABSOLUTE, equal_nan=True
        )
        agrees = np.atleast_1d(near | (wrong == right))
        rows = np.sum(~agrees.reshape(len(agrees), -1).all(axis=1))
        if rows:
            return f"{name!r} differs for {rows} of {len(agrees)} examples{_by(wrong, right)}"
    return None


def _by(wrong: Any, right: Any) -> str:
    if right.dtype.kind not in "fiu":
        return ""
    return f", by up to {np.nanmax(np.abs(wrong.astype(float) - right.astype(float))):.3g}"


class ModelConverterSpec(ComponentSpec):
    """What the component takes; the formats and their signatures are a dict in JSON."""

    PARAMETERS: ClassVar = {"formats": ExecutionParameter(type=str)}
    INPUTS: ClassVar = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model_blessing": ChannelParameter(type=standard_artifacts.ModelBlessing, optional=True),
        "infra_blessing": ChannelParameter(type=standard_artifacts.InfraBlessing, optional=True),
    }
    OUTPUTS: ClassVar = {"converted_model": ChannelParameter(type=standard_artifacts.Model)}


class ModelConverter(base_component.BaseComponent):
    """The component; its parameters are those of `fluentml.components.ModelConverter`."""

    SPEC_CLASS = ModelConverterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, formats: str, **inputs: BaseChannel) -> None:
        spec = ModelConverterSpec(
            **inputs, formats=formats, converted_model=Channel(type=standard_artifacts.Model)
        )
        super().__init__(spec=spec)
