"""What a resolver finds, told without TFX: the same artifacts that TFX's strategies choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentml.components.resolver import (
    STRATEGIES,
    LastModel,
    LastRead,
    LatestBlessedModel,
    LookBack,
    Resolver,
)
from fluentml.executors.history import READ, WRITTEN, last
from fluentml.local.store import Store

Found = Mapping[str, tuple[int, ...]]


def look_back(store: Store, step: LookBack) -> Found | None:
    """Return the ids of what a resolver finds, by output key; None where only TFX can tell."""
    outputs = step.provides() or {}
    if isinstance(step, LastRead):
        return _last(store, step.reader, outputs, READ)
    if isinstance(step, LastModel):
        return _last(store, step.maker, outputs, WRITTEN)
    if isinstance(step, LatestBlessedModel):
        return _latest_blessed(store, outputs)
    if isinstance(step, Resolver) and not step.config:
        if step.strategy.reference == STRATEGIES["latest"]:
            return _latest(store, outputs)
        if step.strategy.reference == STRATEGIES["latest_blessed"]:
            return _latest_blessed(store, outputs)
    return None


def _last(store: Store, node: str, outputs: Mapping[str, str], event: int) -> Found:
    return {
        key: tuple(last(store.mlmd, node, (a.id for a in store.made_by_pipeline(kind)), event, key))
        for key, kind in outputs.items()
    }


def _latest(store: Store, outputs: Mapping[str, str]) -> Found | None:
    """Return the newest artifact of each type; None where one has none: TFX then gives it up."""
    found = {key: store.made_by_pipeline(kind)[-1:] for key, kind in outputs.items()}
    return {key: (one[0].id,) for key, one in found.items()} if all(found.values()) else None


def _latest_blessed(store: Store, outputs: Mapping[str, str]) -> Found:
    key_of = {kind: key for key, kind in outputs.items()}
    # Of several blessings of a model TFX takes the last that it is told of.
    blessings = {
        _number(one, "current_model_id"): one.id
        for one in store.made_by_pipeline("ModelBlessing")
        if _number(one, "blessed") == 1
    }
    for model in reversed(store.made_by_pipeline("Model")):
        if model.id in blessings:
            return {key_of["Model"]: (model.id,), key_of["ModelBlessing"]: (blessings[model.id],)}
    return dict.fromkeys(outputs, ())


def _number(artifact: Any, name: str) -> int:
    return int(artifact.custom_properties[name].int_value)
