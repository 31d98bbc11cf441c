"""What each verb adds to a pipeline, and how far one can go with it: told by the code itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from fluentml.backends import backend_names, get_backend_kind
from fluentml.checks import CHECKS, Check
from fluentml.component import Component
from fluentml.placement import Placement
from fluentml.verbs import Verbs


class Support(NamedTuple):
    """A verb that adds a component; the texts are Markdown.

    Attributes:
        verb: The method of the chain.
        does: The first line of its docstring.
        lowered_to: The component that it becomes.
        checked: What is looked at before anything runs, beside parameters, inputs and types.
        runs_here: Whether it runs on one machine, and what that takes.
    """

    verb: str
    does: str
    lowered_to: str
    checked: str
    runs_here: str


HEADS = Support("verb", "what it does", "lowered to", "checked before a run", "runs here")


def supported() -> list[Support]:
    """Return a row for every verb that adds a component, in the order of the verbs."""
    return [
        Support(
            verb=f"`{verb}`",
            does=_first_line(getattr(Verbs, verb)).rstrip("."),
            lowered_to=kind.LOWERED_TO or kind.__name__,
            checked=", ".join(_name(check) for check in CHECKS if issubclass(kind, check.kinds)),
            runs_here=kind.RUNS_HERE,
        )
        for verb, kind in _steps()
    ]


def support_table() -> str:
    """Return `supported()` as a table in Markdown."""
    rows = [HEADS, ["---"] * len(HEADS), *supported()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def gaps_table() -> str:
    """Return what the targets cannot do, or not as well, as a table in Markdown."""
    targets = [get_backend_kind(name) for name in backend_names()]
    rows = [("what", "by", "why", "instead"), ("---",) * 4]
    for becomes, declared in (("refused", "GAPS"), ("left out", "DEGRADED")):
        gaps = dict.fromkeys(gap for target in targets for gap in getattr(target, declared))
        for gap in gaps:
            names = ", ".join(one.NAME for one in targets if gap in getattr(one, declared))
            rows.append((gap.what, f"{becomes} by {names}", gap.reason, gap.instead))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def on_table() -> str:
    """Return what becomes of what `on()` asks for, as a table in Markdown."""
    targets = [get_backend_kind(name) for name in backend_names()]
    rows = [("on(…)", *(target.NAME for target in targets)), ("---",) * (len(targets) + 1)]
    rows += [
        (f"{name}=", *(target.ON.get(name, "ignored") for target in targets))
        for name in Placement.model_fields
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def checks_list() -> str:
    """Return what is checked before a run, by the names that the table has, as Markdown."""
    return "\n".join(f"- *{_name(check)}*: {_first_line(check.look)}" for check in CHECKS)


def _steps() -> Iterator[tuple[str, type[Component]]]:
    verbs = dict.fromkeys(name for room in Verbs.__mro__ for name in vars(room))
    for verb in verbs:
        yield from ((verb, kind) for kind in Component.KINDS.values() if verb == kind.VERB)


def _name(check: Check) -> str:
    return check.look.__name__.replace("_", " ")


def _first_line(documented: Callable[..., Any]) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]
