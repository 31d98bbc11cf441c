"""What targets make of each step: as asked for, less of it, or nothing."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fluentml.backends import Backend, all_names, get_backend, get_backend_kind, of_whom
from fluentml.errors import BackendError, PipelineError, did_you_mean, listing
from fluentml.graph import Graph, Node

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

State = Literal["ok", "degraded", "refused"]

_STYLES = {"ok": "green", "degraded": "yellow", "refused": "bold red"}
_WHOLE = "(pipeline)"
_WIDTH = 100


class Verdict(NamedTuple):
    """What a target makes of a step, or of the pipeline as a whole.

    Attributes:
        state: `"refused"`, or `"degraded"` where it ignores something or does it less well.
        reasons: Why, with the way round.
    """

    state: State
    reasons: tuple[str, ...] = ()


class Matrix:
    """What each target makes of each step; it prints as a table with the reasons below.

    Attributes:
        steps: Of each target by name, its verdict by the ids of the nodes.
        whole: Of each target by name, its verdict on the pipeline as a whole.
    """

    def __init__(self, graph: Graph, targets: Mapping[str, Backend]) -> None:
        self.steps: dict[str, dict[str, Verdict]] = {}
        self.whole: dict[str, Verdict] = {}
        for name, target in targets.items():
            problems = [*target.problems(graph), *target.missing_here(graph)]
            self.whole[name] = _verdict([one for one in problems if one.node is None], ())
            self.steps[name] = {
                node.id: _verdict(
                    [one for one in problems if one.node == node.id],
                    weaknesses(target, graph, node),
                )
                for node in graph.nodes
            }

    @property
    def refused(self) -> list[str]:
        """The targets that refuse something."""
        return [
            name for name in self.steps if "refused" in {one.state for _, one in self._of(name)}
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return {
            name: {
                "ok": name not in self.refused,
                "pipeline": self.whole[name]._asdict(),
                "steps": {id: one._asdict() for id, one in steps.items()},
            }
            for name, steps in self.steps.items()
        }

    def _of(self, target: str) -> Iterator[tuple[str, Verdict]]:
        yield _WHOLE, self.whole[target]
        yield from self.steps[target].items()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False)
        table.add_column("step", overflow="fold")
        for name in self.steps:
            table.add_column(name, no_wrap=True)
        verdicts = {name: dict(self._of(name)) for name in self.steps}
        for id in next(iter(verdicts.values()), {}):
            states = [verdicts[name][id].state for name in self.steps]
            if id != _WHOLE or {*states} != {"ok"}:
                table.add_row(id, *(Text(state, _STYLES[state]) for state in states))
        yield table
        for name in self.steps:
            told = dict.fromkeys(
                (one.state, why) for _, one in self._of(name) for why in one.reasons
            )
            if told:
                yield Text(f"\n{name}", "bold")
            for state, why in told:
                first, *more = why.splitlines()
                yield Text.assemble("  ", (f"{state}: ", _STYLES[state]), first)
                for line in more:
                    yield Text(f"  {line}", "cyan" if line.startswith("Hint:") else "")

    def __str__(self) -> str:
        from rich.console import Console

        screen = io.StringIO()
        Console(file=screen, width=_WIDTH, soft_wrap=True).print(self)
        return "\n".join(line.rstrip() for line in screen.getvalue().rstrip().splitlines())

    __repr__ = __str__


def chosen(target: str | Backend, options: Mapping[str, Any]) -> dict[str, Backend]:
    """Return the targets that a word means, by name.

    Args:
        target: A name, `"all"`, or a backend that is made.
        options: The target's own; of `"all"`, each takes those that it knows.

    Raises:
        BackendError: There is no such target, or none has such an option.
    """
    if isinstance(target, Backend):
        return {type(target).__name__: get_backend(target, **options)}
    if target != "all":
        return {target: get_backend(target, **options)}
    fields = {name: get_backend_kind(name).model_fields for name in all_names()}
    known = {option for some in fields.values() for option in some}
    for option in options:
        if option not in known:
            raise BackendError(
                f"No target has an option {option!r}.",
                f"Their options: {listing(sorted(known))}.",
                hint=did_you_mean(option, known),
            )
    return {
        name: get_backend(name, **{key: options[key] for key in options if key in some})
        for name, some in fields.items()
    }


def weaknesses(target: Backend, graph: Graph, node: Node) -> Iterator[str]:
    """Yield what a target ignores of a node, or does less well."""
    asked = graph.settings.on.get(node.id)
    ignored = [name for name in (asked.asked() if asked else {}) if name not in target.ON]
    if ignored:
        names = ", ".join(f"{name}=" for name in ignored)
        yield f"on({node.id!r}): {target.NAME} ignores {names}."
    for gap in target.DEGRADED:
        if gap.applies(graph, node):
            left_out = f"{target.NAME} leaves out {gap.what}: {gap.reason}."
            yield f"{of_whom(graph, node)}: {left_out}\nHint: {gap.instead}."


def _verdict(problems: Iterable[PipelineError], weak: Iterable[str]) -> Verdict:
    refused = tuple(map(str, problems))
    if refused:
        return Verdict("refused", refused)
    reasons = tuple(weak)
    return Verdict("degraded", reasons) if reasons else Verdict("ok")
