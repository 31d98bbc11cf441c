"""What a run is asked for: which nodes, and the values of its parameters."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from typing_extensions import Self

from fluentml.errors import DefinitionError
from fluentml.graph import Graph
from fluentml.spec import FrozenDict, Spec


class RunRequest(Spec):
    """What a run is asked for, as `run()` got it; a run that resumes another asks for the same.

    Attributes:
        from_: Ids of nodes that run, and with them all that reads from them.
        to: Id of the last node to run.
        only: Ids of the only nodes that run.
        params: Values of runtime parameters.
        resumes: Id of the run that it goes on with.
    """

    from_: tuple[str, ...] = ()
    to: str | None = None
    only: tuple[str, ...] = ()
    params: FrozenDict[str, Any] = FrozenDict()
    resumes: str | None = None

    @classmethod
    def of(
        cls,
        from_: str | Iterable[str],
        to: str | None,
        only: str | Iterable[str],
        params: Mapping[str, Any] | None,
    ) -> Self:
        """Return what the arguments of `run()` ask for.

        Raises:
            DefinitionError: They contradict each other.
        """
        first, alone = _ids(from_), _ids(only)
        if alone and (first or to):
            raise DefinitionError(
                f"run() got only= and {'from_=' if first else 'to='}.",
                hint="only= names all that runs; leave the other out.",
            )
        return cls(from_=first, to=to, only=alone, params=FrozenDict(params or {}))

    @property
    def forced(self) -> tuple[str, ...]:
        """The ids of the nodes that run even where nothing has changed."""
        return self.from_ or self.only

    def in_ids(self, graph: Graph) -> Self:
        """Return the same with ids in place of the verbs that added the nodes.

        Raises:
            WiringError: There is no such node.
        """
        changes: dict[str, Any] = {
            "from_": tuple(graph[name].id for name in self.from_),
            "only": tuple(graph[name].id for name in self.only),
            "to": graph[self.to].id if self.to else None,
        }
        return self.model_copy(update=changes)

    def running(self, graph: Graph) -> frozenset[str]:
        """Return the ids of the nodes of a graph that this asks for.

        Exit steps go with what runs to the end of the pipeline.

        Raises:
            DefinitionError: Nothing lies between two nodes, or an exit step is named.
            WiringError: There is no such node.
        """
        for id in self.forced:
            if graph[id].component.AT_EXIT:
                raise DefinitionError(
                    f"{id!r} runs at the end of a run, and not by itself.",
                    hint="name a node that reads or makes artifacts.",
                )
        reached = graph.up_to(self.to) if self.to else graph
        wanted = frozenset(node.id for node in reached.nodes)
        if self.only:
            return frozenset(self.only)
        return wanted & _behind(graph, self._started(wanted)) if self.from_ else wanted

    def _started(self, wanted: Collection[str]) -> tuple[str, ...]:
        for id in self.from_:
            if id not in wanted:
                raise DefinitionError(
                    f"run() has nothing to do from {id!r} to {self.to!r}: {self.to} does not need "
                    f"what {id} makes.",
                    hint="name a node behind it, or leave to= out.",
                )
        return self.from_

    def given(self, graph: Graph) -> frozenset[str]:
        """Return the ids of the nodes whose outputs are read as they are: they do not run."""
        running = self.running(graph)
        read = {id for node in graph.nodes if node.id in running for id in node.upstream}
        return frozenset(read - running)

    def cut(self, graph: Graph) -> Graph:
        """Return the graph of what runs, and of all that is before it."""
        if not self.forced:
            return graph.up_to(self.to) if self.to else graph
        wanted = {*self.running(graph)}
        for node in reversed(graph.nodes):
            if node.id in wanted:
                wanted.update(node.upstream)
        nodes = tuple(node for node in graph.nodes if node.id in wanted)
        return graph.model_copy(update={"nodes": nodes})

    def resumed(self, run_id: str) -> Self:
        """Return the same for a run that goes on with that one."""
        return self.model_copy(update={"resumes": run_id})

    def given_also(self, params: Mapping[str, Any]) -> Self:
        """Return the same with these values beside, or in place of, those that it has."""
        return self.model_copy(update={"params": FrozenDict({**self.params, **params})})


def _behind(graph: Graph, first: Collection[str]) -> frozenset[str]:
    """Return these nodes and all that read from them, and the exit steps."""
    found = {*first}
    for node in graph.nodes:
        if node.component.AT_EXIT or not found.isdisjoint(node.upstream):
            found.add(node.id)
    return frozenset(found)


def _ids(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(dict.fromkeys(given))
