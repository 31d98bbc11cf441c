"""Kubeflow Pipelines v2, the open-source one: a pipeline spec as YAML."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from fluentml import components as kinds
from fluentml.backends import Gap
from fluentml.backends._clusters import GAPS, Cluster
from fluentml.backends._secrets import as_kubernetes
from fluentml.errors import BackendError
from fluentml.graph import Graph, Node
from fluentml.spec import import_needed

if TYPE_CHECKING:
    from fluentml.backends._service import Service

_TFX_ENTRY = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
_ENTRY = "fluentml.executors.kubeflow_task"


def _resolver(graph: Graph, node: Node) -> bool:
    return isinstance(node.component, kinds.LatestBlessedModel | kinds.Resolver)


class Kubeflow(Cluster):
    """Compile to a pipeline spec, and submit it.

    Attributes:
        pipeline_root: The root of a pipeline whose own is a folder of this machine: `"gs://bucket/root"`.
        host: The address of its pages, `"https://pipelines.example.com"`; needed to submit. None,
            what `KF_PIPELINES_ENDPOINT` says.
        namespace: The user's namespace, where several share an installation.
        service_account: The Kubernetes account that jobs run as; None, the default one.
    """

    NAME: ClassVar[str] = "Kubeflow"
    ON: ClassVar[Mapping[str, str]] = {**Cluster.ON, "secrets": "of Kubernetes"}
    STORAGE: ClassVar[str] = "gs://bucket/pipelines"
    GAPS = (
        *GAPS,
        Gap(
            "what finds artifacts of earlier runs: resolve(), and the baseline of evaluate_model()",
            "its open-source backend runs containers and importers only",
            "write evaluate_model(…, baseline=None), or name a baseline model by its path",
            _resolver,
        ),
    )

    pipeline_root: str | None = None
    host: str | None = None
    namespace: str | None = None
    service_account: str | None = None

    def service(self) -> Service:
        """Return Kubeflow's API.

        Raises:
            BackendError: No address is named, or it is none.
            MissingDependencyError: A library that it needs is not installed.
        """
        host = self.host or os.environ.get("KF_PIPELINES_ENDPOINT") or self.needed("host")
        if not re.match("https?://", host):
            raise BackendError(
                f"Kubeflow got host={host!r}, which is no address.",
                hint=f'write "https://{host}" or "http://{host}".',
            )
        import_needed("requests")
        from fluentml.backends._kubeflow_service import KubeflowService

        return KubeflowService(host, self.namespace, self.service_account)

    def compile(self, params: Mapping[str, Any], bind: Callable[[Mapping[str, Any]], Graph]) -> str:
        """Return the pipeline spec."""
        spec = self.spec(params, bind)
        import yaml

        spec["defaultPipelineRoot"] = self.there(bind({})).settings.pipeline_root
        for part in _dicts(spec):
            if "instanceSchema" in part:
                # Its backend keeps only titles of types.
                title = yaml.safe_load(part.pop("instanceSchema"))["title"]
                part.update(schemaTitle=title, schemaVersion="0.0.1")
        for executor in spec["deploymentSpec"]["executors"].values():
            _start_by_our_entry(executor.get("container", {}))
        documents = [spec, *filter(None, [as_kubernetes(spec, bind({}))])]
        text: str = yaml.safe_dump_all(documents, sort_keys=True, width=100)
        return text

    def root(self, graph: Graph) -> str:
        """Return the pipeline's own root where that is remote, else the one for Kubeflow."""
        settings = graph.settings
        return settings.root if settings.is_remote else self.pipeline_root or settings.root


BACKEND = Kubeflow


def _start_by_our_entry(container: dict[str, Any]) -> None:
    """Start TFX's entry point by ours, which makes up for what Kubeflow leaves out."""
    command = container.get("command", [])
    if _TFX_ENTRY in command:
        command[command.index(_TFX_ENTRY)] = _ENTRY
    if container.pop("lifecycle", None):
        container["args"].append("--run_driver")


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in list(value.values()):
            yield from _dicts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _dicts(item)
