"""An executor that does no work: its artifacts are where the real one puts them, and empty."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from tfx.components.evaluator import constants
from tfx.components.pusher import executor as pusher
from tfx.components.util import model_utils
from tfx.dsl.components.base import base_executor
from tfx.experimental.pipeline_testing import base_stub_executor
from tfx.types import artifact_utils, value_artifact

from fluentml.errors import DataError
from fluentml.executors.pusher import NotPushedError

ROLE_FLAG = "--role"
SPLIT = "Split-"
LAYOUT: Mapping[str, str] = {
    "Model": "Format-Serving/",
    "TransformGraph": "transform_fn/",
    "Schema": "schema.pbtxt",
    "HyperParameters": "best_hyperparameters.txt",
}
"""What TFX's own executors put into an artifact of a type: a folder, or a file."""
VERDICTS = {
    "ModelBlessing": (constants.BLESSED_FILE_NAME, constants.NOT_BLESSED_FILE_NAME),
    "InfraBlessing": ("INFRA_BLESSED", "INFRA_NOT_BLESSED"),
}
"""The file in a blessing that says yes, and the one that says no."""


class Executor(base_stub_executor.BaseStubExecutor):
    """TFX's stub executor, which copies what was recorded; what was not is written empty.

    Its role travels as JSON in an extra flag: whether it `fails` or `refuses`, the `values` of
    value artifacts, the `splits` that a source makes, and whether it has to push (`require_push`).
    """

    NOTHING: ClassVar[Mapping[str, Any]] = {"values": {}, "splits": []}

    def __init__(self, context: base_executor.BaseExecutor.Context | None = None) -> None:
        super().__init__(context=context)
        flags = context.extra_flags if context else ()
        given = [flag for flag in flags if flag.startswith(f"{ROLE_FLAG}=")]
        self._role = {**self.NOTHING, **json.loads(given[0].partition("=")[2] if given else "{}")}

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Write every output.

        Raises:
            DataError: The test wants it to fail.
            NotPushedError: A push is required, and a blessing is missing.
        """
        if self._role.get("fails"):
            raise DataError("the test lets it fail.", hint="see fail= of stub_run().")
        recorded = {key: found for key, found in output_dict.items() if self._has(key, found)}
        super().Do(input_dict, recorded, exec_properties)
        for key, artifacts in output_dict.items():
            for artifact in artifacts:
                if key not in recorded:
                    self._write(artifact, key)
                self._describe(artifact, input_dict)

    def _has(self, key: str, artifacts: list[Any]) -> bool:
        # Of a value artifact, which is a file, TFX's recorder makes an empty folder.
        is_value = any(isinstance(one, value_artifact.ValueArtifact) for one in artifacts)
        return not is_value and Path(self._test_data_dir, self._component_id, key).is_dir()

    def _write(self, artifact: Any, key: str) -> None:
        if isinstance(artifact, value_artifact.ValueArtifact):
            value = self._role["values"].get(key, EMPTY[artifact.type_name])
            artifact.value = value.encode() if artifact.type_name == "Bytes" else value
            if artifact.type_name == "Float":  # where conditions look at metrics
                artifact.set_float_custom_property("value", float(value))
            return
        folder = Path(artifact.uri)
        folder.mkdir(parents=True, exist_ok=True)
        inside = LAYOUT.get(artifact.type_name, "")
        if inside.endswith("/"):
            (folder / inside).mkdir(exist_ok=True)
        elif inside:
            (folder / inside).touch()

    def _describe(self, artifact: Any, input_dict: Mapping[str, list[Any]]) -> None:
        """Give an artifact the properties that steps behind it, and conditions, look at."""
        if "split_names" in (artifact.PROPERTIES or {}):
            self._split(artifact, input_dict)
        elif artifact.type_name in VERDICTS:
            self._judge(artifact, input_dict)
        elif artifact.type_name == "PushedModel":
            self._push(artifact, input_dict)

    def _split(self, artifact: Any, input_dict: Mapping[str, list[Any]]) -> None:
        read = [
            artifact_utils.decode_split_names(other.split_names)
            for artifacts in input_dict.values()
            for other in artifacts
            if "split_names" in (other.PROPERTIES or {})
        ]
        there = sorted(path.name for path in Path(artifact.uri).iterdir())
        if there and not there[0].startswith(SPLIT):
            return  # Transform's own statistics are of no split.
        names = [name.removeprefix(SPLIT) for name in there] or next(
            filter(None, read), [*self._role["splits"]]
        )
        artifact.split_names = artifact_utils.encode_split_names(names)
        for name in names:
            (Path(artifact.uri) / f"{SPLIT}{name}").mkdir(exist_ok=True)

    def _judge(self, blessing: Any, input_dict: Mapping[str, list[Any]]) -> None:
        refuses = bool(self._role.get("refuses"))
        for name in os.listdir(blessing.uri):  # noqa: PTH208 (names, as they are)
            Path(blessing.uri, name).unlink()
        Path(blessing.uri, VERDICTS[blessing.type_name][refuses]).touch()
        blessing.set_int_custom_property("blessed", int(not refuses))
        for model in input_dict.get("model") or ():
            # By these a resolver of a later run finds the model that was blessed.
            blessing.set_string_custom_property("current_model", model.uri)
            blessing.set_int_custom_property("current_model_id", model.id)

    def _push(self, pushed: Any, input_dict: Mapping[str, list[Any]]) -> None:
        lacking = [
            key
            for key, artifacts in input_dict.items()
            for artifact in artifacts
            if artifact.type_name in VERDICTS and not model_utils.is_model_blessed(artifact)
        ]
        if lacking and self._role.get("require_push"):
            raise NotPushedError(
                f"Nothing was pushed: the model lacks its {' and '.join(lacking)}."
            )
        pushed.set_int_custom_property(pusher._PUSHED_KEY, int(not lacking))
        if not lacking:
            pushed.set_string_custom_property(pusher._PUSHED_DESTINATION_KEY, pushed.uri)


EMPTY: Mapping[str, Any] = {
    "Integer": 0,
    "Float": 0.0,
    "String": "",
    "Boolean": False,
    "Bytes": "",
    "JsonValue": {},
}
"""The value of a value artifact that no test gives one."""
CLASS_PATH = f"{Executor.__module__}.{Executor.__qualname__}"
