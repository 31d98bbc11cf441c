"""Reading an infra validator's artifact."""

from __future__ import annotations

import json

from tfx.dsl.io import fileio

from fluentml.executors.infra_validator import REPORT
from fluentml.results import InfraValidation


def read_infra_validation(node: str, uri: str, blessed: bool) -> InfraValidation:
    """Return what stands in an InfraBlessing artifact.

    Args:
        node: The infra validator's id.
        uri: The artifact's folder.
        blessed: What the artifact says; TFX's own InfraValidator says no more.
    """
    path = f"{uri}/{REPORT}"
    if not fileio.exists(path):
        reasons = () if blessed else ("TensorFlow Serving did not load it or did not answer",)
        return InfraValidation(node, blessed, reasons)
    with fileio.open(path) as file:
        report = json.load(file)
    latencies = {name: facts["latency_ms"] for name, facts in report["signatures"].items()}
    return InfraValidation(
        node=node,
        blessed=blessed,
        reasons=tuple(report["reasons"]),
        startup_s=report.get("startup_s"),
        memory_mb=report.get("memory_mb"),
        latency_ms={name: latency for name, latency in latencies.items() if latency is not None},
        percentile=report["percentile"],
        latencies_ms={
            name: tuple(facts["latencies_ms"])
            for name, facts in report["signatures"].items()
            if facts["latencies_ms"]
        },
    )
