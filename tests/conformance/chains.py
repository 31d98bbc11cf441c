"""The chains that mean the same on every target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import fluentml as fml
from tests.conformance.components import Break, Count, Grow, Join, Leave, Make, Shout, Tell

NAME = "conformance"


@dataclass(frozen=True)
class Place:
    """Where a chain is built for.

    Attributes:
        root: The root: a folder, or a bucket.
        base: A folder with a model from elsewhere.
        file: What an exit step writes.
    """

    root: str
    base: str
    file: str

    @property
    def start(self) -> fml.PipelineDef:
        """An empty pipeline."""
        return fml.PipelineDef(NAME, root=self.root)

    @property
    def made(self) -> fml.PipelineDef:
        """One that makes a model."""
        return self.start.add_component(Make, arguments={"size": 3})


@dataclass(frozen=True)
class Chain:
    """A chain, with values of its parameters.

    Attributes:
        build: Returns it for a place.
        params: What the run is given.
        earlier: A chain that the same pipeline ran before.
    """

    build: Callable[[Place], fml.PipelineDef]
    params: Mapping[str, Any] = field(default_factory=dict)
    earlier: Callable[[Place], fml.PipelineDef] | None = None


def grow(chain: fml.PipelineDef, id: str, model: str, **step: Any) -> fml.PipelineDef:
    return chain.add_component(
        Grow, id=id, inputs={"model": model, **step.pop("inputs", {})}, **step
    )


def shout(chain: fml.PipelineDef, word: str) -> fml.PipelineDef:
    inputs = {"model": "Make.model"}
    return chain.add_component(Shout, inputs=inputs, arguments={"word": word})


def linear(at: Place) -> fml.PipelineDef:
    return grow(grow(at.made, "First", "Make.model"), "Second", "First.grown", arguments={"by": 2})


def branching(at: Place) -> fml.PipelineDef:
    one = grow(at.made, "One", "Make.model")
    both = grow(one, "Other", "Make.model", arguments={"by": 4})
    return both.add_component(Join, inputs={"one": "One.grown", "other": "Other.grown"})


def is_three(made: Any) -> Any:
    return made.future()[0].custom_property("size") == 3


def is_four(made: Any) -> Any:
    return made.future()[0].custom_property("size") == 4


def conditional(at: Place) -> fml.PipelineDef:
    made = {"when.made": "Make.model"}
    both = grow(at.made, "Holds", "Make.model", inputs=made, when=is_three)
    both = grow(both, "HoldsNot", "Make.model", inputs=made, when=is_four)
    return grow(grow(both, "AfterHolds", "Holds.grown"), "AfterHoldsNot", "HoldsNot.grown")


def parameters(at: Place) -> fml.PipelineDef:
    given = {"size": fml.param("size", 3), "rate": fml.param("rate", 0.25)}
    chain = at.start.add_component(Make, arguments=given)
    return shout(chain, fml.param("word", "quiet"))


def tell(letters: Any, text: Any, share: Any) -> Any:
    one = {"letters": letters, "text": text, "share": share}
    return Tell(**{name: channel.future()[0].value for name, channel in one.items()})


def values(at: Place) -> fml.PipelineDef:
    names = {name: f"Count.{name}" for name in ("letters", "text", "share")}
    counted = at.made.add_component(Count, inputs={"model": "Make.model"})
    return counted.add_component(tell, id="Tell", inputs=names)


def resolver(at: Place) -> fml.PipelineDef:
    found = at.start.resolve("latest", {"model": "Model"}, id="Latest")
    return grow(found, "Grow", "Latest.model")


def looking_back(at: Place) -> fml.PipelineDef:
    """A resolver that stands behind a step finds what that made in the same run."""
    made = at.start.add_component(Make, arguments={"size": 8})
    return grow(made.resolve("latest", {"model": "Model"}, id="Latest"), "Grow", "Latest.model")


def importer(at: Place) -> fml.PipelineDef:
    imported = at.start.import_artifact(at.base, "Model", custom_properties={"made_by": "hand"})
    return grow(imported, "Grow", "Importer.result")


def custom(at: Place) -> fml.PipelineDef:
    return shout(at.made, "hey")


def leaving(at: Place) -> fml.PipelineDef:
    return at.made.on_exit(Leave, arguments={"file": at.file})


def failing(at: Place) -> fml.PipelineDef:
    broken = at.made.add_component(Break, inputs={"model": "Make.model"})
    after = grow(grow(broken, "After", "Break.broken"), "Last", "After.grown")
    return grow(after, "Beside", "Make.model").on_exit(Leave, arguments={"file": at.file})


def failing_beside_skipped(at: Place) -> fml.PipelineDef:
    """What cannot run for two reasons hides neither."""
    made = {"when.made": "Make.model"}
    skipped = grow(at.made, "HoldsNot", "Make.model", inputs=made, when=is_four)
    later = grow(skipped, "Later", "Make.model")
    broken = later.add_component(Break, inputs={"model": "Later.grown"})
    return broken.add_component(Join, inputs={"one": "HoldsNot.grown", "other": "Break.broken"})


CHAINS = {
    "linear": Chain(linear),
    "branching": Chain(branching),
    "conditional": Chain(conditional),
    "parameters": Chain(parameters, {"size": 5, "word": 'it\'s "so"'}),
    "values": Chain(values),
    "resolver": Chain(resolver, earlier=linear),
    "resolver behind a step": Chain(looking_back, earlier=linear),
    "importer": Chain(importer),
    "custom component": Chain(custom),
    "exit step": Chain(leaving),
    "failing node": Chain(failing),
    "failing beside skipped": Chain(failing_beside_skipped),
}
