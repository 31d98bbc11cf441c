"""Secrets on clusters: a compiled file names them, and the cluster hands them to a step."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fluentml import components as kinds
from fluentml.backends import about, of_whom
from fluentml.errors import PipelineError
from fluentml.graph import Graph, Node

_URLS = {kinds.Notifier: ("slack", "webhook", "smtp"), kinds.SqlExampleGen: ("url",)}
"""The fields in which `${NAME}` stands for an environment variable where the step runs."""


def unknown_variables(graph: Graph, where: str) -> Iterator[PipelineError]:
    """Yield the steps that read environment variables which no container would have."""
    for node in graph.nodes:
        asked = graph.settings.on.get(node.id)
        there = {*asked.env, *asked.secrets} if asked else set()
        missing = sorted({*_variables(node)} - there)
        if missing:
            secrets = ", ".join(f'"{name}": "…"' for name in missing)
            yield about(
                node,
                f"{of_whom(graph, node)} reads {' and '.join(missing)} from the environment, and "
                f"no container on {where} has it.",
                hint=f"name a secret of its own: .on({node.id!r}, secrets={{{secrets}}}).",
            )


def _variables(node: Node) -> Iterator[str]:
    for field in _URLS.get(type(node.component), ()):
        yield from re.findall(r"\$\{(\w+)\}", getattr(node.component, field) or "")


def of_secret_manager(secret: str, project: str | None) -> str | None:
    """Return the version of a secret by its whole name; None where that can't be told."""
    if re.fullmatch(r"projects/[^/]+/secrets/[^/]+/versions/[^/]+", secret):
        return secret
    if re.fullmatch(r"projects/[^/]+/secrets/[^/]+", secret):
        return f"{secret}/versions/latest"
    if "/" in secret or not project:
        return None
    return f"projects/{project}/secrets/{secret}/versions/latest"


def as_kubernetes(spec: Mapping[str, Any], graph: Graph) -> dict[str, Any]:
    """Return Kubeflow's platform spec, by which containers get Kubernetes' secrets; or nothing."""
    executors = {}
    for id, asked in graph.settings.on.items():
        if asked.secrets:
            label = spec["components"][id]["executorLabel"]
            executors[label] = {
                "secretAsEnv": [_as_env(name, one) for name, one in sorted(asked.secrets.items())]
            }
    deployment = {"deploymentSpec": {"executors": executors}}
    return {"platforms": {"kubernetes": deployment}} if executors else {}


def kubernetes_key(variable: str, secret: str) -> tuple[str, str]:
    """Return one of Kubernetes' secrets, and the key in it for an environment variable."""
    of, _, key = secret.partition("/")
    return of, key or variable


def _as_env(name: str, secret: str) -> dict[str, Any]:
    of, key = kubernetes_key(name, secret)
    return {"secretName": of, "keyToEnv": [{"secretKey": key, "envVar": name}]}
