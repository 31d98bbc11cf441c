"""The schema by which rows become tensors: given, the chain's own, or inferred."""

from __future__ import annotations

import os
from typing import Any

from fluentml.components import ImportSchemaGen, SchemaCuration, SchemaGen
from fluentml.errors import DefinitionError, did_you_mean, listing
from fluentml.graph import Graph, Node
from fluentml.spec import absolute, import_needed, thaw
from fluentml.testing._code import Code
from fluentml.testing._rows import VERB


def find(given: Any, graph: Graph | None, reader: Node | None, table: Any) -> Any:
    """Return the schema, a `schema_pb2.Schema`.

    Args:
        given: A file, its folder or a message; None where the test names none.
        graph: The pipeline, if there is one.
        reader: Its Transform.
        table: The rows, of which a schema is inferred where no other is found.

    Raises:
        DefinitionError: There is no such file, or only a run could tell the schema.
    """
    if given is not None:
        return _read(given)
    if graph is None or reader is None:
        return _inferred(table, infer_feature_shape=True)
    return _made_by(graph, reader.inputs["schema"].channel.node, table)


def _made_by(graph: Graph, id: str, table: Any) -> Any:
    step = graph[id].component
    if isinstance(step, ImportSchemaGen):
        return _read(step.file)
    if isinstance(step, SchemaGen):
        return _inferred(table, infer_feature_shape=step.infer_feature_shape)
    if isinstance(step, SchemaCuration):
        schema = _made_by(graph, graph[id].inputs["schema"].channel.node, table)
        return _curated(step, schema)
    raise DefinitionError(
        f"{VERB} cannot tell the schema that {step.verb} makes.",
        hint="name the one to test with: schema='schema.pbtxt'.",
    )


def _inferred(table: Any, *, infer_feature_shape: bool) -> Any:
    from fluentml.testing import _tft

    examples = _tft.to_examples(table.to_pylist())
    return _tft.infer_schema(examples, infer_feature_shape=infer_feature_shape)


def _curated(step: SchemaCuration, schema: Any) -> Any:
    from fluentml.executors import schema_curation

    schema_curation.edit(
        schema,
        required=list(step.required),
        optional=list(step.optional),
        domains=thaw(step.domains),
        label=step.label,
    )
    if not step.module:
        return schema
    config = thaw(step.custom_config) or {}
    code = Code(step.module, schema_curation.FUNCTION, config)
    with code.beside_its_files():
        return code.load()(schema, **({"custom_config": config} if config else {}))


def _read(given: Any) -> Any:
    pb = import_needed("tensorflow_metadata.proto.v0.schema_pb2")
    if isinstance(given, pb.Schema):
        return given
    if not isinstance(given, str | os.PathLike):
        raise DefinitionError(
            f"{VERB} takes schema= as a file or a schema_pb2.Schema, not a value of the type "
            f"{type(given).__name__}.",
            hint="leave it out: it is then inferred of the rows.",
        )
    from google.protobuf import text_format

    file = absolute(ImportSchemaGen(schema_file=os.fspath(given)).file)
    try:
        with open(file, encoding="utf-8") as text:  # noqa: PTH123 (paths stay text)
            return text_format.Parse(text.read(), pb.Schema())
    except (OSError, text_format.ParseError) as error:
        raise DefinitionError(
            f"{VERB} cannot read the schema {os.fspath(given)!r}: "
            f"{getattr(error, 'strerror', None) or error}.",
            hint="name a schema.pbtxt, or the folder of a Schema artifact.",
        ) from error


def fitted(table: Any, schema: Any) -> Any:
    """Return the rows with numbers of the kind that the schema says, whole ones or fractions.

    Raises:
        DefinitionError: A column that every example has is missing, or has another type.
    """
    pb = import_needed("tensorflow_metadata.proto.v0.schema_pb2")
    for feature in schema.feature:
        if feature.name in table.column_names:
            kind = pb.FeatureType.Name(feature.type)
            table = _typed(table, feature.name, kind)
        elif feature.HasField("shape") or feature.presence.min_fraction == 1:
            raise DefinitionError(
                f"The schema says that every example has {feature.name!r}, and the rows have no "
                "such column.",
                f"Theirs: {listing(table.column_names)}.",
                hint=did_you_mean(feature.name, table.column_names)
                or f"give each row a value: {{{feature.name!r}: …}}.",
            )
    return table


def _typed(table: Any, name: str, kind: str) -> Any:
    arrow = import_needed("pyarrow")
    place, column = table.column_names.index(name), table.column(name)
    is_list = arrow.types.is_list(column.type)
    of = column.type.value_type if is_list else column.type
    wanted = {"INT": arrow.int64(), "FLOAT": arrow.float64()}.get(kind)
    is_number = arrow.types.is_integer(of) or arrow.types.is_floating(of)
    if arrow.types.is_null(of) or (is_number and of == wanted):
        return table
    try:
        if wanted is not None and is_number:
            as_list = arrow.list_(wanted) if is_list else wanted
            return table.set_column(place, name, column.cast(as_list))
    except arrow.ArrowInvalid as error:
        raise _mismatch(name, kind, of) from error
    is_text = arrow.types.is_string(of) or arrow.types.is_large_string(of)
    if (is_text and wanted is not None) or (is_number and kind == "BYTES"):
        raise _mismatch(name, kind, of)
    return table


def _mismatch(name: str, kind: str, given: Any) -> DefinitionError:
    words = {"INT": "whole numbers", "FLOAT": "numbers", "BYTES": "text"}
    return DefinitionError(
        f"The schema says that {name!r} holds {words[kind]}, and the rows have {given}.",
        hint=f"write {words[kind]}, or pass another schema.",
    )
