"""Where a graph can go: one module per backend, its file name is its name.

A backend is a frozen pydantic object whose fields are its options and which can `run` a graph or
`compile` it into a file. A package outside adds one by the entry point group `fluentml.backends`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from pydantic import ValidationError
from typing_extensions import Self

from fluentml.checks import cloud
from fluentml.errors import BackendError, PipelineError, did_you_mean, listing
from fluentml.graph import Graph, Node, Settings
from fluentml.run_request import RunRequest
from fluentml.spec import Spec

if TYPE_CHECKING:
    from fluentml.backends._service import Service
    from fluentml.results import RunResult
    from fluentml.wiring import Definition


class Gap(NamedTuple):
    """Something that a backend cannot do, or not as well as others.

    Attributes:
        what: As a user writes it.
        reason: Why; a half-sentence.
        instead: What to do.
        applies: Whether a node of a graph asks for it.
    """

    what: str
    reason: str
    instead: str
    applies: Callable[[Graph, Node], bool]


class Backend(Spec):
    """Base of the backends; a field is an option."""

    NAME: ClassVar[str] = ""
    """How readers call it."""
    GAPS: ClassVar[tuple[Gap, ...]] = ()
    """What it cannot do; refused before a graph is lowered."""
    DEGRADED: ClassVar[tuple[Gap, ...]] = ()
    """What it does less well than it is asked to; `check` tells of it."""
    ON: ClassVar[Mapping[str, str]] = {}
    """What becomes of each thing that `on()` asks for, for readers; it ignores what is not here."""

    def needed(self, option: str) -> str:
        """Return an option that may be left out, and is needed by now.

        Raises:
            BackendError: It was left out.
        """
        value: str | None = getattr(self, option)
        if not value:
            raise needs(type(self), option)
        return value

    def there(self, graph: Graph) -> Graph:
        """Return the graph with what holds for it there, such as another root."""
        return graph

    def run(self, graph: Graph) -> RunResult:
        """Run the graph to its end and return what came of it."""
        raise BackendError(
            f"The backend {type(self).__name__} cannot run a pipeline.",
            hint='take run("local").',
        )

    def run_as_asked(self, graph: Graph, request: RunRequest) -> RunResult:
        """Run the graph of what was asked for.

        Args:
            graph: What is to run, and all before it.
            request: What of it is to run.

        Raises:
            BackendError: It runs all of a graph, or nothing.
        """
        if request.forced:
            raise BackendError(
                f"The backend {type(self).__name__} takes nothing over from earlier runs.",
                hint="leave from_= and only= out; to= it takes.",
            )
        return self.run(graph)

    def unfinished(self, settings: Settings) -> tuple[Self, RunRequest]:
        """Return this backend as the last run of a pipeline had it, and what resumes that run.

        Raises:
            BackendError: There is no run to resume, or it resumes none.
        """
        raise BackendError(
            f"The backend {type(self).__name__} resumes no runs.",
            hint='take resume("local").',
        )

    def forecast(self, graph: Graph) -> Mapping[str, str]:
        """Return in words, for the nodes of which it can tell, what a run would do with them."""
        return {}

    def compile(self, params: Mapping[str, Any], bind: Definition) -> str:
        """Return the text of a file by which the pipeline runs elsewhere.

        Args:
            params: The runtime parameters that the file leaves open, with their defaults.
            bind: The chain: called, it returns the graph with these values in place of them;
                others have the defaults.
        """
        raise BackendError(
            f"The backend {type(self).__name__} compiles to no file.",
            hint='compile("vertex" or "kubeflow" or "airflow" or "beam", …) does.',
        )

    def service(self) -> Service:
        """Return what takes pipelines there, to run now or by a schedule.

        Raises:
            BackendError: There is none, or it cannot be asked: no credentials, no address.
            MissingDependencyError: A library that it needs is not installed.
        """
        raise BackendError(
            f"{type(self).__name__} takes no submitted pipelines.",
            hint='submit to "vertex" or "kubeflow".',
        )

    def problems(self, graph: Graph) -> Iterator[PipelineError]:
        """Yield why this graph cannot go there, as far as that is known before it is lowered."""
        yield from refused(self.GAPS, graph, self.NAME)
        there = self.there(graph)
        for node in graph.nodes:
            for problem in cloud.root_out_of_reach(there, node):
                yield about(node, problem.what, hint=problem.hint)

    def missing_here(self, graph: Graph) -> Iterator[PipelineError]:
        """Yield what this machine lacks to run this graph, if it is this machine that would."""
        yield from ()


def refused(gaps: Iterable[Gap], graph: Graph, whom: str) -> Iterator[PipelineError]:
    """Yield what of a graph somebody cannot do."""
    for gap in gaps:
        for node in graph.nodes:
            if gap.applies(graph, node):
                yield about(
                    node,
                    f"{of_whom(graph, node)}: {whom} does not take {gap.what}: {gap.reason}.",
                    hint=f"{gap.instead}.",
                )


def about(node: Node, what: str, *details: str, hint: str | None) -> PipelineError:
    """Return what is wrong with a node."""
    problem = PipelineError(what, *details, hint=hint)
    problem.node = node.id
    return problem


def needs(kind: type[Backend], option: str) -> BackendError:
    """Return that a backend cannot do without an option."""
    name = kind.__name__
    return BackendError(
        f"{name} needs {option}=.", hint=f"name it: {name}({option}=…), or -O {option}=…."
    )


def of_whom(graph: Graph, node: Node) -> str:
    """Return how messages name a node: its step, and that which brought it along."""
    if node.component.VERB:
        return node.component.verb
    readers = [one.component.verb for one in graph.nodes if node.id in one.upstream]
    return f"{node.id}, which {' and '.join(readers)} reads" if readers else node.id


def backend_names() -> list[str]:
    """Return the names of the backends that are part of fluentml."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in found if not name.startswith("_"))


def all_names() -> list[str]:
    """Return the names of all backends, also of those that other packages bring."""
    outside = (point.name for point in entry_points(group="fluentml.backends"))
    return sorted({*backend_names(), *outside})


def get_backend(backend: str | Backend, **options: Any) -> Backend:
    """Return the backend of that name with these options; or the given one with them changed.

    Raises:
        BackendError: There is none of that name, or it has no such option.
    """
    if isinstance(backend, Backend):
        kind, options = type(backend), {**dict(backend), **options}
    else:
        kind = get_backend_kind(backend)
    try:
        return kind(**options)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        if first["type"] == "missing":
            raise needs(kind, name) from error
        if name in kind.model_fields:
            raise BackendError(
                f"{kind.__name__} does not take {name}={first['input']!r}.",
                hint=f"{first['msg'].replace('Input', 'it', 1)}.",
            ) from error
        raise BackendError(
            f"{kind.__name__} does not take {name}={first['input']!r}.",
            f"Its options: {listing(kind.model_fields, 'none')}.",
            hint=did_you_mean(name, kind.model_fields),
        ) from error


def get_backend_kind(backend: str) -> type[Backend]:
    """Return the class of the backend of that name.

    Raises:
        BackendError: There is none.
    """
    kind: type[Backend]
    if not isinstance(backend, str):
        raise BackendError(
            f"A backend is a name or an object such as LocalBackend(), not {backend!r}.",
            hint='write run("local"), or run(LocalBackend(quiet=True)).',
        )
    own = backend_names()
    if backend in own:
        kind = importlib.import_module(f"{__name__}.{backend}").BACKEND
        return kind
    # This reads the metadata of every package that is installed.
    outside = {point.name: point for point in entry_points(group="fluentml.backends")}
    if backend in outside:
        kind = outside[backend].load()
        return kind
    names = all_names()
    raise BackendError(
        f"There is no backend {backend!r}.",
        f"The backends: {listing(names)}.",
        hint=did_you_mean(backend, names) or "take one of these.",
    )
