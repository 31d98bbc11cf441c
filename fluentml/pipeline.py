"""The pipeline: an immutable chain of steps, and what can be done with it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from fluentml.backends import Backend, get_backend
from fluentml.backends._matrix import Matrix, chosen
from fluentml.checks import check
from fluentml.component import Component
from fluentml.errors import CheckError, DefinitionError, PipelineError
from fluentml.graph import Graph, Settings
from fluentml.params import Param, checked
from fluentml.run_request import RunRequest
from fluentml.sources import PathLike
from fluentml.user_code import code_of
from fluentml.verbs import Verbs
from fluentml.wiring import Definition, wire
from fluentml.words import in_words_of

if TYPE_CHECKING:
    from fluentml.backends._service import Schedule, Service, Submission
    from fluentml.report.showing import View
    from fluentml.results import RunResult


class PipelineDef(Verbs):
    """An immutable chain of steps: every verb returns a new chain with one step more.

    The order of the calls tells the story and has no other meaning: what reads what is decided over
    the whole chain (`graph` shows it, and `plan()` says why).

    Args:
        name: Name of the pipeline: letters, digits, `_` and `-`.
        root: Folder or URI (`gs://…`); everything of the pipeline lies under `{root}/{name}`.
            A relative folder is taken from the working directory, as every path here.

    Raises:
        DefinitionError: The name is empty or has other characters.
    """

    def __init__(self, name: str, root: PathLike = "artifacts") -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            raise DefinitionError(
                f"PipelineDef() got the name {name!r}.",
                hint="it starts with a letter or digit and goes on with letters, digits, '_', '-': "
                "it becomes a folder.",
            )
        self.settings = Settings(name=name, root=os.fspath(root))
        self.components: tuple[Component, ...] = ()

    @classmethod
    def of(cls, definition: Definition) -> Self:
        """Return the chain that was kept as a value."""
        return cls._made(definition.settings, definition.components)

    # -- what to do with it -----------------------------------------------------------------------

    @cached_property
    def graph(self) -> Graph:
        """The wired pipeline.

        Raises:
            WiringError: An input has no channel, or several would do.
        """
        return wire(self.settings, self.components)

    def plan(self) -> str:
        """Return every node with its inputs, and why each was wired so; then the parameters.

        Where the pipeline ran here before, each node is a HIT, which a run takes over, or a MISS,
        with what has changed since.
        """
        graph = self.with_params({}).graph
        params = [f"  {name} = {default!r}" for name, default in self.params.items()]
        return "\n".join(
            [
                graph.to_plan(get_backend("local").forecast(graph)),
                *(["", "runtime parameters", *params] if params else []),
            ]
        )

    def code(self, node: str) -> str:
        """Return the Python source that a step calls, also where it was written by fluentml.

        Args:
            node: Id of the step.

        Raises:
            WiringError: There is no such step, or an input has no channel.
            DefinitionError: It calls no code of yours, or that cannot be read here.
        """
        return code_of(self.graph, node)

    def check(self, target: str | Backend | None = None, **options: Any) -> Self:
        """Look for everything that can be known wrong before anything runs; return the chain.

        User code is parsed, never imported; of data only the first rows are read.

        Args:
            target: Look too at what this target refuses: a name, `"all"`, or a backend that is
                made. `matrix()` tells step by step.
            **options: The target's own, such as `staging_bucket=`.

        Raises:
            BackendError: There is no such target or option.
            CheckError: There are problems; it holds them all.
            WiringError: An input has no channel, or several would do.
        """
        targets = chosen(target, options) if target else {}
        problems = check(self.graph)
        for made in targets.values():
            problems += (*made.problems(self.graph), *made.missing_here(self.graph))
        if problems:
            raise CheckError(self.settings.name, problems)
        return self

    def matrix(self, target: str | Backend = "all", **options: Any) -> Matrix:
        """Return what targets make of each step: ok, degraded or refused; it prints as a table.

        Args:
            target: A name, `"all"`, or a backend that is made.
            **options: The target's own; of `"all"`, each takes those that it knows.

        Raises:
            BackendError: There is no such target or option.
            WiringError: An input has no channel, or several would do.
        """
        return Matrix(self.graph, chosen(target, options))

    def show(self, what: str = "graph", run: str | None = None) -> View:
        """Return a part of the last run to look at: a picture in a notebook, text in a terminal.

        Args:
            what: A part of the report: `"statistics"`, `"schema"`, `"anomalies"`, `"transform"`,
                `"tuning"`, `"training"`, `"evaluation"`, `"gate"`, `"infra"`, `"predictions"`,
                `"graph"`, `"plan"`, `"lineage"`, `"code"`, `"versions"`; or the id of a node, of
                which all that it made is shown. Tables have `to_frame()`.
            run: The run's id, of which the beginning will do; default: the last run.

        Raises:
            BackendError: The pipeline has not run here, or there is no such run.
            LoadError: The run has nothing of that name.
            MissingDependencyError: TFX is not installed, and ML Metadata has to be read.
        """
        from fluentml.report.finding import find
        from fluentml.report.showing import show

        return show(find(self, run), what)

    def to_tfx(self) -> Any:
        """Return the plain `tfx.orchestration.pipeline.Pipeline`, for any of TFX's runners.

        Runtime parameters have their defaults; `with_params(…)` before it gives them others. Exit
        steps are left out: TFX's pipelines have none, and only its Kubeflow runner takes some.
        Variables in `with_metadata(…)` are put in now, and TFX's runners log the connection.
        """
        from fluentml.lowering import for_runners

        return for_runners(self.graph)

    @property
    def params(self) -> dict[str, Any]:
        """The runtime parameters of the chain, with their defaults."""
        return {name: one.default for name, one in self._declared.items()}

    def with_params(self, values: Mapping[str, Any]) -> Self:
        """Return the chain with these values in place of its runtime parameters.

        Those that are not named get their defaults.

        Args:
            values: By name; text is read as the parameter's type, as a command line gives it.

        Raises:
            DefinitionError: There is no such parameter, the value is of another type, or a step
                cannot use it.
        """
        bound = self._definition.bound(checked(self._declared, values)).components
        # Unchanged, it keeps the graph that it may have wired already.
        return self if bound == self.components else self._made(self.settings, bound)

    @property
    def _declared(self) -> dict[str, Param]:
        return self._definition.params

    @property
    def _definition(self) -> Definition:
        return Definition.model_construct(settings=self.settings, components=self.components)

    def run(
        self,
        backend: str | Backend = "local",
        *,
        from_: str | Iterable[str] = (),
        to: str | None = None,
        only: str | Iterable[str] = (),
        params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> RunResult:
        """Check the pipeline and run it, here and now, with progress.

        Where it fails or is interrupted, it tells by which call or command to resume it.

        Args:
            backend: Name of a backend, or one that is made.
            from_: Ids of nodes that run whether anything has changed or not, and with them all that
                reads from them. What these read of other nodes is what those made when they last
                finished, changed since or not, cached or not; the run says what has changed.
            to: Id of the last node to run, or its verb, `"infer_schema"`; default: all. Exit steps
                run with what goes to the end of the pipeline.
            only: Ids of nodes that run, and no others; what they read is found as for `from_`.
            params: Values of runtime parameters: `{"train_steps": 50}`; others keep their defaults.
            **options: The backend's own. `local` has `quiet=True`, which prints nothing,
                `verbose=True`, which shows TensorFlow's and Beam's log, `fast=False`, which takes
                TFX's executors also where ours make the same artifacts sooner, `cache=False`, which
                runs every node, `refresh=["Trainer"]`, which runs these, and `workers=2`, the most
                nodes at a time; `workers=0` runs them one by one in this process.
                `on_failure="finish"` goes on with what is independent of a node that failed.

        Raises:
            BackendError: There is no such backend or option, or it cannot run this pipeline here;
                or a node that is not to run never finished, or what it made is gone.
            CheckError: Something is wrong that can be known before anything runs.
            DefinitionError: A runtime parameter that the chain does not have, or a wrong value; or
                `from_`, `to` and `only` contradict each other.
            RunError: A node failed; its `result` holds what ran before.
            WiringError: There is no such node.
        """
        made, asked = get_backend(backend, **options), RunRequest.of(from_, to, only, params)
        return self._run(made, asked)

    def resume(
        self,
        backend: str | Backend = "local",
        *,
        params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> RunResult:
        """Go on with the last run of this pipeline, which failed, was interrupted or killed.

        What that run finished is not repeated, also what no cache takes over: a model that was
        pushed, steps with `cache=False`, answers of databases, what resolvers found. It asks for
        the same nodes, with the values of runtime parameters and the options `cache`, `fast` and
        `refresh` that it was given; defaults are those of the chain as it is now.

        A finished node runs again where its parameters, code, data or inputs have changed since, or
        what it made is gone; the run says what it was. Exit steps run at the end of every run.

        The run has an id of its own, and is linked to the one that it resumes: by `result.resumes`,
        and by the property `resumes` of its context in ML Metadata. One id for both would not do:
        TFX finds by the run what a node reads, and would find the outputs before a change too.

        Args:
            backend: The backend that ran it.
            params: Values in place of those that the run was given.
            **options: As for `run()`; those that the run had hold where none is given.

        Raises:
            BackendError: No run of this pipeline is known here, the last one succeeded, or it is
                going on.
            CheckError: Something is wrong that can be known before anything runs.
            DefinitionError: A runtime parameter that the chain does not have, or a wrong value.
            RunError: A node failed; its `result` holds what ran before.
        """
        made, asked = get_backend(backend, **options).unfinished(self.settings)
        return self._run(made, asked.given_also(params or {}))

    def _run(self, backend: Backend, asked: RunRequest) -> RunResult:
        graph = self.with_params(asked.params).check().graph
        asked = asked.in_ids(graph)
        return backend.run_as_asked(asked.cut(graph), asked)

    def compile(
        self,
        target: str | Backend,
        path: PathLike,
        *,
        params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Path:
        """Check the pipeline and write the file by which it runs elsewhere; return its path.

        Nothing is written where something is wrong.

        Args:
            target: `"vertex"`, which gets a PipelineJob as JSON; `"kubeflow"`, a pipeline spec as
                YAML; `"airflow"`, a DAG file; `"beam"`, a script; or a backend that is made.
            path: The file to write.
            params: Values to fix; the other runtime parameters are left to the launch of a job.
            **options: The target's own, such as `image=`, which `fluentml image` writes a
                Dockerfile for.

        Raises:
            BackendError: There is no such target or option, or it cannot express this pipeline.
            CheckError: Something is wrong, or the target cannot do something of it.
            DefinitionError: A runtime parameter that the chain does not have, or a wrong value.
        """
        made = get_backend(target, **options)
        fixed = checked(self._declared, params or {})
        self._refuse(made, fixed)
        text = self._compiled(made, fixed)
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def submit(
        self,
        target: str | Backend,
        *,
        params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Submission:
        """Check the pipeline, compile it, and let it run now on a cluster; return what was taken.

        It does not wait for the run's end. Nothing is sent where something is wrong.

        Args:
            target: `"vertex"`, `"kubeflow"`, or a backend that is made.
            params: Values of runtime parameters: `{"train_steps": 50}`; others keep their defaults.
            **options: The target's own: `project=`, `region=`, … of `fml.Vertex`, `host=`, … of
                `fml.Kubeflow`.

        Raises:
            BackendError: There is no such target or option, no credentials, or the target cannot be
                reached or refuses.
            CheckError: Something is wrong, or the target cannot do something of it.
            DefinitionError: A runtime parameter that the chain does not have, or a wrong value.
        """
        made = get_backend(target, **options)
        text, values, service = self._ready(made, params or {})
        return service.submit(self.settings.name, text, values)

    def schedule(
        self,
        target: str | Backend,
        *,
        cron: str,
        timezone: str | None = None,
        catch_up: bool = False,
        concurrency: int = 1,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Schedule:
        """Check the pipeline, compile it, and let a cluster run it by a schedule.

        What it compiles to now is what runs: a changed chain is scheduled anew.

        Args:
            target: `"vertex"`, `"kubeflow"`, or a backend that is made.
            cron: Minute, hour, day of the month, month, day of the week: `"0 5 * * 1"` is every
                Monday at five.
            timezone: The zone of `cron`, and of `start` and `end` that name none:
                `"America/Los_Angeles"`; None, UTC.
            catch_up: Whether runs that could not start in time, because others were under way or,
                on Kubeflow, because it was paused, start later; else they are left out.
            concurrency: How many runs there may be at a time.
            start: No run before this, text in ISO 8601: `"2027-01-31T05:00"`; None, from now on.
            end: No run after this; None, for ever.
            params: Values of runtime parameters; others keep their defaults.
            **options: The target's own.

        Raises:
            BackendError: As `submit` raises it.
            CheckError: Something is wrong, or the target cannot do something of it.
            DefinitionError: It is no cron, no such time zone, or an end before the start.
        """
        from fluentml.backends._timing import Timing

        when: dict[str, Any] = {"cron": cron, "timezone": timezone, "start": start, "end": end}
        when |= {"catch_up": catch_up, "concurrency": concurrency}
        with in_words_of("schedule", when):
            timing = Timing.model_validate(when)
        made = get_backend(target, **options)
        text, values, service = self._ready(made, params or {})
        return service.schedule(self.settings.name, text, values, timing)

    # -- the machinery ----------------------------------------------------------------------------

    def add(self, component: Component) -> Self:
        """Return the chain with this step added.

        Raises:
            DefinitionError: The chain has a step of that id, or another value for a runtime
                parameter of the same name.
        """
        if any(component.id == other.id for other in self.components):
            kind = type(component).__name__
            raise DefinitionError(
                f"{component.verb} is in the chain already, as {component.id!r}.",
                hint=f'name the second one: id="{kind}_2".',
            )
        for one in component.runtime_params():
            before = self._declared.get(one.name, one)
            if before != one:
                raise DefinitionError(
                    f"{component.verb} has {one!r}, and the chain has {before!r} already.",
                    hint="one name stands for one value: give both the same default, or two names.",
                )
        return self._made(self.settings, (*self.components, component))

    def _refuse(self, made: Backend, values: Mapping[str, Any]) -> None:
        """Raise what is wrong with the chain for a target, with these runtime parameters."""
        graph = self.with_params(values).graph
        problems = [*check(graph), *made.problems(graph)]
        if problems:
            raise CheckError(self.settings.name, problems)

    def _compiled(self, made: Backend, fixed: Mapping[str, Any]) -> str:
        """Return the chain as a target takes it, with some runtime parameters fixed."""
        open_ones = {name: one for name, one in self._declared.items() if name not in fixed}
        defaults = {name: one.default for name, one in open_ones.items()}
        return made.compile(defaults, self._definition.bound({**open_ones, **fixed}))

    def _ready(
        self, made: Backend, params: Mapping[str, Any]
    ) -> tuple[str, Mapping[str, Any], Service]:
        """Return what to send: the compiled chain, the values for the launch, and to whom."""
        given = checked(self._declared, params)
        self._refuse(made, given)
        service = made.service()
        try:
            return self._compiled(made, {}), given, service
        except CheckError:
            if not given:
                raise
            # One that a launch cannot change has its value in what is compiled.
            return self._compiled(made, given), {}, service

    def _with(self, verb: str, **changes: Any) -> Self:
        with in_words_of(verb, changes):
            settings = Settings.model_validate({**dict(self.settings), **changes})
        return self._made(settings, self.components)

    @classmethod
    def _made(cls, settings: Settings, components: tuple[Component, ...]) -> Self:
        new = object.__new__(cls)
        new.settings, new.components = settings, components
        return new

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PipelineDef) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[Settings, tuple[Component, ...]]:
        return self.settings, self.components

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show the graph in a notebook; a chain that cannot be wired yet shows its steps."""
        try:
            graph = self.graph
        except PipelineError:
            return {"text/plain": repr(self)}
        from fluentml.report.display import of_pipeline

        return of_pipeline(graph, repr(self))

    def __repr__(self) -> str:
        steps = "".join(f".{component.verb}" for component in self.components)
        return f"PipelineDef({self.settings.name!r}){steps}"
