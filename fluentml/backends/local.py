"""This machine: nodes in processes of their own, ML Metadata in SQLite, TFX's artifact layout.

TensorFlow is loaded where a node has to run, and only then.
"""

from __future__ import annotations

import contextlib
import importlib.util
import shlex
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import Self

from fluentml.backends import Backend, about
from fluentml.checks import engine
from fluentml.errors import BackendError, PipelineError, listing
from fluentml.graph import Graph, Settings
from fluentml.results import RunResult
from fluentml.run_request import RunRequest
from fluentml.spec import import_needed

if TYPE_CHECKING:
    from fluentml.local.cache import Cache
    from fluentml.local.launching import Launcher
    from fluentml.local.progress import Progress
    from fluentml.local.run import Run
    from fluentml.local.store import Store

KEPT = ("cache", "fast", "on_failure", "refresh", "workers")
"""What a run that resumes another one keeps of its options."""


class LocalBackend(Backend):
    """Run here, now, with progress.

    Attributes:
        quiet: Print nothing.
        verbose: Show TensorFlow's, absl's and Beam's log instead of keeping it in the log file.
        fast: Run our executors in place of TFX's where they make the same artifacts sooner.
        cache: Whether nodes of which nothing has changed take over what they made before.
        refresh: Ids of nodes that run even so, and with them all that reads what they make.
        workers: How many nodes run at a time, each in a process of its own; None: by the cores and
            the memory that there are. 0: one at a time, in this process, as for a debugger.
        on_failure: What a failure does: `"stop"` ends at once whatever runs beside; `"finish"`
            goes on with all that is independent of it.
        target: What the command line calls the pipeline, to say how a failed run goes on.
    """

    NAME: ClassVar[str] = "this machine"
    ON: ClassVar[Mapping[str, str]] = {
        "retries": "after 1, 2, 4, … s",
        "timeout": "its process is killed",
        "env": "yes",
        "secrets": "its environment has them",
        "beam": "yes",
    }

    quiet: bool = False
    verbose: bool = False
    fast: bool = True
    cache: bool = True
    refresh: tuple[str, ...] = ()
    workers: Annotated[int, Field(ge=0)] | None = None
    on_failure: Literal["stop", "finish"] = "stop"
    target: str | None = None

    def run(self, graph: Graph, request: RunRequest | None = None) -> RunResult:
        """Run the graph's nodes in order; each sees the outputs of those before it.

        Args:
            graph: The nodes that run, and all before them.
            request: Which of them run; None: all, and if that fails, no run can resume it.

        Raises:
            BackendError: This machine lacks something that a node needs, or the pipeline's folder
                or metadata cannot be used.
            MissingDependencyError: TFX is not installed.
            RunError: A node failed; its outputs are removed, those before it stay.
        """
        for name in self.refresh:
            graph[name]
        self.look_around(graph)
        import_needed("tfx")
        from fluentml.local.capture import captured
        from fluentml.local.progress import Progress
        from fluentml.report.cell import Cell, CellProgress
        from fluentml.stores.files import id_of_run
        from fluentml.stores.fitness import refuse_unfit
        from fluentml.stores.ownership import running

        refuse_unfit(graph.settings)
        run_id = id_of_run(datetime.now())
        log = _make_log(graph, run_id)
        cell = None if self.quiet else Cell.here()
        names = ["TensorFlow Extended", *(node.id for node in graph.nodes)]
        with captured(log, echo=self.verbose) as stream, running(graph.settings, run_id):
            progress = (
                CellProgress(stream, cell, graph)
                if cell
                else Progress(stream, names, quiet=self.quiet)
            )
            resumes = f", which resumes {request.resumes}" if request and request.resumes else ""
            progress.say(f"{graph.settings.name}  run {run_id}{resumes}")
            result = self._run(graph, run_id, log, progress, request)
            if result.summary():
                progress.say(f"\n{result.summary()}")
            progress.say(f"log: {log}")
        return result

    def run_as_asked(self, graph: Graph, request: RunRequest) -> RunResult:
        """Run what was asked for; where it fails, `unfinished` knows of it."""
        return self.run(graph, request)

    def unfinished(self, settings: Settings) -> tuple[Self, RunRequest]:
        """Return what resumes the last run of a pipeline.

        Raises:
            BackendError: No run is known here, it succeeded, or it is going on.
            MissingDependencyError: TFX is not installed.
        """
        import_needed("tfx")
        from fluentml.local.journal import last_unfinished

        past = last_unfinished(settings)
        options = {**past.options, **self.model_dump(include=self.model_fields_set)}
        return type(self)(**options), past.request.resumed(past.run_id)

    @property
    def _go_on(self) -> str:
        """The command, or the call, that resumes a run."""
        if self.target is None:
            name = type(self).__module__.rpartition(".")[2]
            return "pipeline.resume()" if name == "local" else f"pipeline.resume({name!r})"
        return f"fluentml resume {shlex.quote(self.target)}"

    def _run(
        self, graph: Graph, run_id: str, log: Path, progress: Progress, request: RunRequest | None
    ) -> RunResult:
        from fluentml.local.cache import HIT
        from fluentml.local.earlier import Earlier
        from fluentml.local.record import Recorder
        from fluentml.local.store import Store

        store = Store(graph.settings)
        cache = self.cache_in(graph, store, request.forced if request else ())
        earlier = Earlier(graph, run_id, store, cache, request, fast=self.fast) if request else None
        with (
            Recorder(graph, run_id, log).kept() as record,
            contextlib.closing(self.launcher(graph, run_id, log)) as launcher,
            self._written_down(graph, run_id, request, progress),
        ):
            timed = [id for id, asked in graph.settings.on.items() if asked.timeout]
            if timed and not launcher.CAN_END:
                progress.say(f"no timeout of {listing(timed)}: the nodes run in this process")
            if any(told != HIT for told in cache.forecast().values()):
                launcher.warm_up()
            run = self.kind_of_run()(
                *(graph, run_id, log),
                cache=cache,
                store=store,
                launcher=launcher,
                progress=progress,
                finish=self.on_failure == "finish",
                earlier=earlier,
                go_on=self._go_on if request else "",
            )
            return record.ends(run.result())

    def kind_of_run(self) -> type[Run]:
        """Return what goes from node to node."""
        from fluentml.local.run import Run

        return Run

    @contextlib.contextmanager
    def _written_down(
        self, graph: Graph, run_id: str, request: RunRequest | None, progress: Progress
    ) -> Iterator[None]:
        """Write down how a run begins and ends; where it is interrupted, say how to go on."""
        if request is None:
            yield
            return
        from fluentml.local.journal import Journal

        options = self.model_dump(mode="json", include={*KEPT})
        try:
            with Journal(graph.settings, run_id).kept(request, options, self.target):
                yield
        except KeyboardInterrupt:
            progress.say(f"Interrupted. To go on: {self._go_on}")
            raise

    def look_around(self, graph: Graph) -> None:
        """Raise a BackendError where this machine lacks something that a node needs."""
        for one in chain(self.problems(graph), self.missing_here(graph)):
            raise BackendError(one.what, *one.details, hint=one.hint) from one.__cause__

    def problems(self, graph: Graph) -> Iterator[PipelineError]:
        """Yield why this graph cannot run here."""
        yield from super().problems(graph)
        if graph.settings.is_remote and not graph.settings.metadata:
            yield PipelineError(
                f"Running here with the root {graph.settings.root!r} needs a place for the "
                "metadata.",
                hint='name a local file: .with_metadata("metadata.db").',
            )
        yield from engine.of_settings(graph.settings, here=True)

    def missing_here(self, graph: Graph) -> Iterator[PipelineError]:
        """Yield what its steps need and this machine lacks."""
        for node in graph.nodes:
            for lack in node.component.missing_here():
                problem = about(node, lack.what, *lack.details, hint=lack.hint)
                problem.__cause__ = lack.__cause__
                yield problem

    def launcher(self, graph: Graph, run_id: str, log: Path) -> Launcher:
        """Return where the nodes run."""
        from fluentml.local.launching import Desk, Here
        from fluentml.local.workers import Workers, packed, workers_here

        size = workers_here() if self.workers is None else self.workers
        payload = packed(graph, run_id, str(log), self.verbose, self.fast) if size else None
        if payload is None:
            return Here(lambda: Desk(graph, run_id, fast=self.fast))
        return Workers(graph, payload, size)

    def forecast(self, graph: Graph) -> Mapping[str, str]:
        """Return HIT for the nodes that a run would take over, and MISS for others, with why.

        Nothing where the pipeline never ran here, or a server has the metadata.
        """
        from fluentml.stores.files import metadata_file

        file = metadata_file(graph.settings)
        if file is None or not file.exists() or not importlib.util.find_spec("ml_metadata"):
            return {}
        from fluentml.local.store import Store

        return self.cache_in(graph, Store(graph.settings)).forecast()

    def cache_in(self, graph: Graph, store: Store, forced: Collection[str] = ()) -> Cache:
        """Return what earlier runs left.

        Args:
            graph: The pipeline.
            store: Its metadata.
            forced: Ids of nodes that run anyway, beside those in `refresh`.
        """
        from fluentml.local.cache import Cache

        refresh = {*(graph[name].id for name in self.refresh), *forced}
        return Cache(graph, store, enabled=self.cache, refresh=refresh, fast=self.fast)


BACKEND = LocalBackend


def _make_log(graph: Graph, run_id: str) -> Path:
    from fluentml.stores.files import runs_folder

    log = runs_folder(graph.settings) / f"{run_id}.log"
    log.touch()
    return log
