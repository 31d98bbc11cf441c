"""Google's Vertex AI Pipelines: a PipelineJob as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from fluentml.backends import about
from fluentml.backends._clusters import GAPS, Cluster
from fluentml.backends._secrets import of_secret_manager
from fluentml.errors import BackendError, PipelineError
from fluentml.graph import Graph
from fluentml.spec import FrozenDict, import_needed

if TYPE_CHECKING:
    from fluentml.backends._service import Service

_DATAFLOW = "DataflowRunner"
_WITH_SECRETS = ("python", "-m", "fluentml.executors.with_secrets")


class Vertex(Cluster):
    """Compile to a PipelineJob, and submit it.

    Attributes:
        project: The Google Cloud project; None, that of the credentials.
        region: Its region: `"europe-west4"`; needed to submit.
        staging_bucket: The root of a pipeline that has none in Cloud Storage: `"gs://bucket/root"`.
        service_account: The account that jobs run as, and steps on Dataflow; None, the default one.
        labels: Labels of the job.
        endpoint: Where Vertex AI answers, if not at the region's public address.
    """

    NAME: ClassVar[str] = "Vertex AI"
    ON: ClassVar[Mapping[str, str]] = {**Cluster.ON, "secrets": "of Secret Manager"}
    STORAGE: ClassVar[str] = "gs://bucket/pipelines"
    GAPS = GAPS

    project: str | None = None
    region: str | None = None
    staging_bucket: str | None = None
    service_account: str | None = None
    labels: FrozenDict[str, str] = FrozenDict()
    endpoint: str | None = None

    def service(self) -> Service:
        """Return Vertex AI's service, asked with the default credentials of this machine."""
        region = self.needed("region")
        import_needed("google.cloud.aiplatform_v1")
        from fluentml.backends._vertex_service import VertexService

        return VertexService(self.project, region, self.service_account, self.endpoint)

    def compile(self, params: Mapping[str, Any], bind: Callable[[Mapping[str, Any]], Graph]) -> str:
        """Return the PipelineJob."""
        graph = self.there(bind({}))
        settings = graph.settings
        spec = self.spec(params, bind)
        self._give_secrets(spec, graph)
        job = {
            "displayName": settings.name,
            "labels": dict(self.labels),
            "pipelineSpec": spec,
            "runtimeConfig": {"gcsOutputDirectory": settings.pipeline_root},
        }
        return json.dumps(job, indent=2, sort_keys=True) + "\n"

    def _give_secrets(self, spec: dict[str, Any], graph: Graph) -> None:
        """Let containers fetch their secrets before they start, in place."""
        from fluentml.backends._ir import container_of, executors_of

        for id, asked in graph.settings.on.items():
            container = container_of(spec, id) if asked.secrets else None
            if container:
                if not [*executors_of(container)]:
                    raise BackendError(
                        f"on({id!r}) has secrets=, and that step brings an image of its own.",
                        hint="let its command fetch them from Secret Manager.",
                    )
                known = {
                    name: of_secret_manager(one, self.project)
                    for name, one in sorted(asked.secrets.items())
                }
                given = [f"{name}={secret}" for name, secret in known.items()]
                container["command"] = [*_WITH_SECRETS, *given, "--", *container["command"]]

    def root(self, graph: Graph) -> str:
        """Return the pipeline's own root where that is in Cloud Storage, else the bucket."""
        settings = graph.settings
        return settings.root if settings.is_remote else self.staging_bucket or settings.root

    def there(self, graph: Graph) -> Graph:
        """Return the graph with its root there, and what Dataflow has to know."""
        moved = super().there(graph)
        settings = moved.settings
        ours = self._flowing(settings.beam_pipeline_args, settings.pipeline_root)
        on = {
            id: asked.model_copy(update={"beam": self._flowing(asked.beam, settings.pipeline_root)})
            for id, asked in settings.on.items()
        }
        changes = {"beam_pipeline_args": ours, "on": FrozenDict(on)}
        return moved.model_copy(update={"settings": settings.model_copy(update=changes)})

    def _flowing(self, given: tuple[str, ...], root: str) -> tuple[str, ...]:
        """Return Beam's arguments, with what Dataflow has to know where they name it."""
        if not any(_DATAFLOW in argument for argument in given):
            return given
        known = {
            "project": self.project,
            "region": self.region,
            "temp_location": f"{root}/beam",
            "service_account_email": self.service_account,
            "sdk_container_image": self.image,
        }
        more = [
            f"--{name}={value}"
            for name, value in known.items()
            if value and not any(argument.startswith(f"--{name}") for argument in given)
        ]
        return (*given, *more)

    def problems(self, graph: Graph) -> Iterator[PipelineError]:
        """Yield why this graph cannot go there."""
        yield from super().problems(graph)
        for name, value in self.labels.items():
            if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}=[a-z0-9_-]{0,63}", f"{name}={value}"):
                yield PipelineError(
                    f"Vertex AI takes no label {name!r} with the value {value!r}.",
                    hint="take small letters, digits, '_' and '-', at most 63 each.",
                )
        yield from self._unknown_secrets(graph)

    def _unknown_secrets(self, graph: Graph) -> Iterator[PipelineError]:
        for id, asked in graph.settings.on.items():
            for name, secret in asked.secrets.items():
                if not of_secret_manager(secret, self.project):
                    yield about(
                        graph[id],
                        f"on({id!r}) gives {name} the secret {secret!r}, and Secret Manager needs "
                        "its project.",
                        hint="name it: Vertex(project=…); or the whole: "
                        '"projects/PROJECT/secrets/NAME".',
                    )
            if asked.secrets and self.is_stock_image:
                yield about(
                    graph[id],
                    f"on({id!r}) has secrets=, which fluentml fetches, and the image "
                    f"{self.image!r} is TFX's own.",
                    hint="make an image with it: `fluentml image`.",
                )


BACKEND = Vertex
