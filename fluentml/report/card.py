"""A model card (Mitchell et al. 2019): what people say of a model, and what was measured of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from fluentml.errors import DefinitionError, did_you_mean, listing
from fluentml.report.markup import Content, element, join
from fluentml.report.tables import Cell, Row, facts, table
from fluentml.report.words import number
from fluentml.spec import import_needed

if TYPE_CHECKING:
    from fluentml.local.record import Record

Texts = tuple[str, ...]


class ModelCard(BaseModel):
    """What people say of a model; each is a text or several.

    Attributes:
        name: What the model is called; the pipeline's name unless given.
        description: What it predicts, of what.
        owners: Who answers for it.
        intended_use: What it is for.
        out_of_scope: What it must not be used for.
        limitations: Where it is known to be wrong.
        ethical_considerations: Whom it may harm, and what is done about it.
        license: Under which licence it may be used.
        references: Where to read more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    description: Texts = ()
    owners: Texts = ()
    intended_use: Texts = ()
    out_of_scope: Texts = ()
    limitations: Texts = ()
    ethical_considerations: Texts = ()
    license: str = ""
    references: Texts = ()

    @field_validator("*", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any, info: Any) -> Any:
        several = info.field_name not in ("name", "license")
        return (value,) if several and isinstance(value, str) else value


def model_card(given: ModelCard | Mapping[str, Any] | str | os.PathLike[str]) -> ModelCard:
    """Return a model card.

    Args:
        given: The card, its fields by name, or a YAML file of them.

    Raises:
        DefinitionError: There is no such file or field, or a field is of another type.
    """
    if isinstance(given, ModelCard):
        return given
    what = "the model card" if isinstance(given, Mapping) else f"the model card {str(given)!r}"
    fields = given if isinstance(given, Mapping) else _from_yaml(Path(given))
    names = [*ModelCard.model_fields]
    for name in fields:
        if name not in names:
            raise DefinitionError(
                f"{what} has {name!r}.".capitalize(),
                f"Its fields: {listing(names)}.",
                hint=did_you_mean(str(name), names) or "take one of these.",
            )
    try:
        return ModelCard.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors()[0]
        raise DefinitionError(
            f"{what} has a wrong {first['loc'][0]!r}: {first['msg']}.".capitalize(),
            hint="each field is a text, or a list of texts.",
        ) from error


def _from_yaml(file: Path) -> Mapping[str, Any]:
    yaml = import_needed("yaml")
    try:
        fields = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DefinitionError(
            f"The model card {str(file)!r} cannot be read: {error.strerror}.",
            hint="name a YAML file with fields such as 'owners' and 'intended_use'.",
        ) from error
    except yaml.YAMLError as error:
        raise DefinitionError(
            f"The model card {str(file)!r} is no YAML: {error}.",
            hint="write a line for each field, such as `owners: [Ann, Ben]`.",
        ) from error
    if not isinstance(fields, Mapping):
        raise DefinitionError(
            f"The model card {str(file)!r} holds no fields.",
            hint="write a line for each field, such as `owners: [Ann, Ben]`.",
        )
    return fields


def card_view(card: ModelCard, record: Record) -> Markup:
    """Return the card, its quantitative analysis filled in from the evaluation."""
    told: list[tuple[str, Content]] = [("model", card.name or record.result.pipeline)]
    told.append(("version", record.result.run_id))
    for field in ModelCard.model_fields:
        value = getattr(card, field)
        if field != "name" and value:
            told.append((field.replace("_", " "), _texts(value)))
    return join([facts(told), _analysis(record)])


def _texts(value: str | Texts) -> Content:
    if isinstance(value, str) or len(value) == 1:
        return value if isinstance(value, str) else value[0]
    return element("ul", [element("li", one) for one in value])


def _analysis(record: Record) -> Markup | None:
    """Return the metrics with their bounds, and how far they spread over the slices."""
    parts: list[Content] = []
    for evaluation in record.result.evaluations:
        rows: list[Row] = []
        for name, value in evaluation.metrics.items():
            if name.endswith("_diff"):
                continue
            found = [(m[name], where) for where, m in evaluation.slices.items() if name in m]
            worst, best = (min(found), max(found)) if found else (None, None)
            low = f"{number(worst[0])} ({worst[1]})" if worst else ""
            high = f"{number(best[0])} ({best[1]})" if best else ""
            rows.append([name, value, evaluation.bounds.get(name, ""), Cell(low), Cell(high)])
        heads = ["metric", "value", "threshold", "least of a slice", "greatest of a slice"]
        caption = f"Quantitative analysis, by {evaluation.node}"
        parts.append(table(heads, rows, caption=caption))
    return join(parts) if parts else None
