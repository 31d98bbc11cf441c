"""A schema of data: what is expected of each feature, as plain values."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from fluentml.results._files import names_in, read
from fluentml.results._shown import Shown
from fluentml.spec import import_needed


@dataclass(frozen=True)
class FeatureSchema:
    """What is expected of a feature.

    Attributes:
        name: Its name.
        type: "int", "float", "bytes" or "struct".
        presence: "always", "in at least 95 %", or "optional".
        shape: Values for each example: "1", "28 × 28", "0 to 1", or "any number".
        domain: What values are allowed, in words; empty for no bound.
        values: The allowed texts.
        environments: Where the feature is not expected, such as "not in SERVING".
    """

    name: str
    type: str
    presence: str
    shape: str
    domain: str = ""
    values: tuple[str, ...] = ()
    environments: str = ""


@dataclass(frozen=True)
class Schema(Shown):
    """What stands in a Schema artifact."""

    node: str
    features: tuple[FeatureSchema, ...]

    def to_frame(self) -> Any:
        """Return a pandas DataFrame: a row per feature.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        return import_needed("pandas").DataFrame([asdict(one) for one in self.features])


def read_schema(node: str, uri: str) -> Schema:
    """Return what stands in a Schema artifact.

    Args:
        node: The id of the node that made it.
        uri: The artifact's folder.

    Raises:
        OSError: There is no such file.
        MissingDependencyError: TFX is not installed.
    """
    messages = import_needed("tensorflow_metadata.proto.v0.schema_pb2")
    from google.protobuf import text_format

    # An imported schema keeps the name of its file.
    file = next(n for n in [*names_in(uri), "schema.pbtxt"] if n.endswith(".pbtxt"))
    message = text_format.Parse(read(f"{uri}/{file}").decode(), messages.Schema())
    domains = {domain.name: tuple(domain.value) for domain in message.string_domain}
    return Schema(node, tuple(_feature(feature, domains) for feature in message.feature))


def _feature(message: Any, domains: dict[str, tuple[str, ...]]) -> FeatureSchema:
    kind = message.WhichOneof("domain_info")
    values: tuple[str, ...] = ()
    if kind == "domain":
        values = domains.get(message.domain, ())
    elif kind == "string_domain":
        values = tuple(message.string_domain.value)
    names: Any = message.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number
    absent = ", ".join(message.not_in_environment)
    return FeatureSchema(
        name=message.name,
        type=names[message.type].name.lower(),
        presence=_presence(message),
        shape=_shape(message),
        domain=_domain(message, kind, values),
        values=values,
        environments=f"not in {absent}" if absent else "",
    )


def _presence(message: Any) -> str:
    least = message.presence.min_fraction
    if least >= 1:
        return "always"
    return f"in at least {100 * least:g} %" if least else "optional"


def _shape(message: Any) -> str:
    if message.HasField("shape"):
        return " × ".join(str(dim.size) for dim in message.shape.dim) or "1"
    least, most = message.value_count.min, message.value_count.max
    if not message.HasField("value_count"):
        return "any number"
    if least == most:
        return str(least)
    return f"{least} to {most}" if most else f"at least {least}"


def _domain(message: Any, kind: str | None, values: tuple[str, ...]) -> str:
    if values:
        return f"one of {len(values)} texts"
    if kind in ("int_domain", "float_domain"):
        domain = getattr(message, kind)
        least = f"from {domain.min:g}" if domain.HasField("min") else ""
        most = f"to {domain.max:g}" if domain.HasField("max") else ""
        whole = "categories" if getattr(domain, "is_categorical", False) else ""
        return " ".join(filter(None, [least, most, whole]))
    return re.sub("_?domain$", "", kind or "").replace("_", " ")
