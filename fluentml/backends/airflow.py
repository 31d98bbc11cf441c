"""Apache Airflow: a DAG file with a task per node, each of which calls `fluentml run-node`.

The file imports Airflow alone, and the tasks run in an environment of the pipeline's own: what TFX
needs and what Airflow needs never meet.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from fluentml.backends import Backend, about
from fluentml.backends._carried import GAPS
from fluentml.backends._clusters import unreachable_places
from fluentml.backends._secrets import unknown_variables
from fluentml.backends._timing import Timing
from fluentml.errors import BackendError, DefinitionError, PipelineError, did_you_mean, listing
from fluentml.graph import Graph
from fluentml.spec import PathText
from fluentml.urls import is_from_environment
from fluentml.words import in_words_of

if TYPE_CHECKING:
    from fluentml.wiring import Definition

_PRESETS = (
    *("@once", "@continuous", "@hourly", "@daily"),
    *("@weekly", "@monthly", "@quarterly", "@yearly"),
)
_STORAGE = "gs://bucket/pipelines"
MOST = 120_000
"""Characters of an environment variable, of which Linux takes 128 KiB at most."""


class Airflow(Backend):
    """Compile to a DAG file for Airflow 2.11 or 3.

    Attributes:
        folder: The project's folder on the workers: relative paths of the chain are taken from
            there; the working directory of the compilation unless given.
        python: The Python on the workers that has `fluentml[tfx]`; that of the compilation unless
            given.
        image: A container image in place of the two; `fluentml image` writes its Dockerfile.
        operator: What runs the image: `"docker"` or `"kubernetes"`.
        schedule: When it runs: a cron expression, or one of Airflow's presets, `"@daily"`; None,
            when somebody says so.
        start_date: The first day of the schedule, `"2026-01-31"`.
        timezone: The schedule's, `"Europe/Berlin"`.
        catchup: Whether the runs are made up for that the schedule had before the file was there.
        max_active_runs: How many runs go on at a time.
        tags: By which Airflow's pages find it.
    """

    NAME: ClassVar[str] = "Airflow"
    GAPS = GAPS
    ON: ClassVar[Mapping[str, str]] = {
        "cpu": "limit, with `image`",
        "memory": "limit, with `image`",
        "gpu": "by `gpus`, with `image`",
        "gpus": "with `image`",
        "retries": "yes",
        "timeout": "execution timeout",
        "env": "yes, also Airflow's templates",
        "secrets": "of Kubernetes with `image`, else its environment has them",
        "beam": "yes",
        "pool": "yes",
        "queue": "yes",
    }

    folder: PathText = Field(default_factory=lambda: str(Path.cwd()))
    python: PathText = sys.executable
    image: str | None = None
    operator: Literal["docker", "kubernetes"] = "docker"
    schedule: str | None = None
    start_date: date = date(2024, 1, 1)
    timezone: str = "UTC"
    catchup: bool = False
    max_active_runs: int = Field(default=1, ge=1)
    tags: tuple[str, ...] = ("fluentml",)

    @model_validator(mode="after")
    def _timed(self) -> Self:
        preset = (self.schedule or "@once").startswith("@")
        if preset and self.schedule and self.schedule not in _PRESETS:
            raise BackendError(
                f"Airflow has no schedule {self.schedule!r}.",
                f"It has {listing(_PRESETS)}, and cron expressions.",
                hint=did_you_mean(self.schedule, _PRESETS) or 'write "@daily", or "0 5 * * 1".',
            )
        try:
            with in_words_of("schedule"):
                Timing(cron="0 0 * * *" if preset else str(self.schedule), timezone=self.timezone)
        except DefinitionError as error:
            # As pydantic would hide what one of its own says.
            raise BackendError(error.what, *error.details, hint=error.hint) from error
        return self

    def compile(self, params: Mapping[str, Any], bind: Definition) -> str:
        """Return the DAG file."""
        from fluentml.backends._airflow_file import dag_file
        from fluentml.packed import Packed

        packed = Packed.of(bind)
        size = len(packed.to_environment())
        if self.image and size > MOST:
            raise BackendError(
                f"The pipeline and its modules are {size} characters, and a container is told "
                f"{MOST} at most.",
                hint='put the code into the image, and name it by import path: "package.run_fn".',
            )
        return dag_file(self, bind({}), params, packed)

    def problems(self, graph: Graph) -> Iterator[PipelineError]:
        """Yield why this graph cannot go there."""
        yield from super().problems(graph)
        settings = graph.settings
        if self.image:
            yield from unreachable_places(graph, settings.root, "a container", _STORAGE)
            yield from self._secrets(graph)
        server = isinstance(settings.metadata, str) and (
            "://" in settings.metadata or is_from_environment(settings.metadata)
        )
        own = settings.metadata and not isinstance(settings.metadata, str)
        if not (server or own) and (self.image or (settings.is_remote and not settings.metadata)):
            yield PipelineError(
                "Each task opens the metadata store, and a container has no file of this machine."
                if self.image
                else f"The root {settings.root!r} cannot hold the metadata's file.",
                hint='name a server: with_metadata("postgresql://user:${DB_PASSWORD}@host/db").',
            )

    def _secrets(self, graph: Graph) -> Iterator[PipelineError]:
        if self.operator == "kubernetes":
            yield from unknown_variables(graph, "Kubernetes")
            return
        for id, asked in graph.settings.on.items():
            if not asked.secrets:
                continue
            name = next(iter(asked.secrets))
            yield about(
                graph[id],
                f"on({id!r}) asks for secrets=, and the containers of operator='docker' get none: "
                "what is passed to them, Airflow shows on its pages.",
                hint="take operator='kubernetes'; or a variable of Airflow's that it masks, such "
                f"as env={{{name!r}: '{{{{ var.value.{name.lower()} }}}}'}}.",
            )


BACKEND = Airflow
