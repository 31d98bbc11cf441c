"""SchemaCuration: a schema, edited; written as TFX's SchemaGen writes it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Any, ClassVar

from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.components.schema_gen import executor as schema_gen
from tfx.components.util import udf_utils
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils

from fluentml.errors import DataError
from fluentml.executors.features import feature_of

FUNCTION = "schema_fn"
TRAINING, SERVING = "TRAINING", "SERVING"


class SchemaCurationSpec(component_spec.ComponentSpec):
    """What the component takes; the edits and `custom_config` travel as JSON."""

    PARAMETERS: ClassVar = {
        name: component_spec.ExecutionParameter(type=str, optional=True)
        for name in ("edits", "custom_config", "module_file", "module_path", FUNCTION)
    }
    INPUTS: ClassVar = {"schema": component_spec.ChannelParameter(type=standard_artifacts.Schema)}
    OUTPUTS: ClassVar = {
        "curated_schema": component_spec.ChannelParameter(type=standard_artifacts.Schema)
    }


class Executor(base_executor.BaseExecutor):
    """Edit the schema by the plain values, then by the function."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Write the curated schema.

        Raises:
            DataError: An edit does not fit the schema, or the function returns none.
        """
        folder = artifact_utils.get_single_uri(input_dict["schema"])
        schema = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(folder))
        edit(schema, **json.loads(exec_properties["edits"]))
        if any(exec_properties.get(key) for key in ("module_file", "module_path", FUNCTION)):
            function = udf_utils.get_fn(exec_properties, FUNCTION)
            config = json.loads(exec_properties.get("custom_config") or "null")
            schema = function(schema, **({"custom_config": config} if config else {}))
            if not isinstance(schema, schema_pb2.Schema):
                raise DataError(
                    f"{FUNCTION} returned {type(schema).__name__}, not a schema.",
                    hint="end it with `return schema`.",
                )
        output = artifact_utils.get_single_uri(output_dict["curated_schema"])
        file = os.path.join(output, schema_gen.DEFAULT_FILE_NAME)  # noqa: PTH118 (URI)
        io_utils.write_pbtxt_file(file, schema)


class SchemaCuration(base_component.BaseComponent):
    """The component; its parameters are those of `fluentml.components.SchemaCuration`."""

    SPEC_CLASS = SchemaCurationSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        schema: types.BaseChannel,
        edits: Mapping[str, Any],
        custom_config: Mapping[str, Any] | None,
        **function: str,
    ) -> None:
        super().__init__(
            SchemaCurationSpec(
                schema=schema,
                edits=json.dumps(edits, sort_keys=True),
                custom_config=json.dumps(custom_config, sort_keys=True) if custom_config else None,
                curated_schema=types.Channel(type=standard_artifacts.Schema),
                **function,
            )
        )
        if udf_utils.should_package_user_modules():
            udf_utils.add_user_module_dependency(self, "module_file", "module_path")


def edit(
    schema: schema_pb2.Schema,
    *,
    required: list[str],
    optional: list[str],
    domains: Mapping[str, list[Any]],
    label: str | None,
) -> None:
    """Edit a schema in place.

    Args:
        schema: The schema.
        required: Features that every example has.
        optional: Features that an example may lack.
        domains: By feature, its values, or its least and its greatest (None: no bound).
        label: The feature that serving does not see.

    Raises:
        DataError: The schema has no such feature, or one of another type.
    """
    for name in required:
        presence = feature_of(schema, name, "required").presence
        presence.min_fraction, presence.min_count = 1.0, 1
    for name in optional:
        _make_optional(feature_of(schema, name, "optional"))
    for name, domain in domains.items():
        _set_domain(feature_of(schema, name, "domains"), domain)
    if label:
        known = {*schema.default_environment}
        schema.default_environment.extend(e for e in (TRAINING, SERVING) if e not in known)
        feature = feature_of(schema, label, "label")
        if SERVING not in feature.not_in_environment:
            feature.not_in_environment.append(SERVING)


def _make_optional(feature: schema_pb2.Feature) -> None:
    feature.presence.ClearField("min_fraction")
    if feature.HasField("shape"):
        # What may be absent has no fixed shape: Transform would refuse it.
        size = math.prod(dim.size for dim in feature.shape.dim)
        feature.value_count.min = feature.value_count.max = size


def _set_domain(feature: schema_pb2.Feature, domain: list[Any]) -> None:
    is_text = feature.type == schema_pb2.BYTES
    if is_text != isinstance(domain[0] or domain[1], str):
        raise DataError(
            f"domains= gives {feature.name!r} {'numbers' if is_text else 'text'}, "
            f"and the feature holds {'text' if is_text else 'numbers'}.",
            hint="give text a list of values, and numbers (least, greatest).",
        )
    if is_text:
        feature.string_domain.CopyFrom(schema_pb2.StringDomain(name=feature.name, value=domain))
        return
    is_int = feature.type == schema_pb2.INT
    bounds = dict(zip(("min", "max"), domain, strict=True))
    given = {key: int(b) if is_int else b for key, b in bounds.items() if b is not None}
    if is_int:
        feature.int_domain.CopyFrom(schema_pb2.IntDomain(**given))
    else:
        feature.float_domain.CopyFrom(schema_pb2.FloatDomain(**given))
