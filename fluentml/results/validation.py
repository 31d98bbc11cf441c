"""Reading an example validator's artifact."""

from __future__ import annotations

import json

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.dsl.io import fileio

from fluentml.executors.anomalies import distances, found
from fluentml.results import Artifact, Validation


def read_validation(node: str, artifact: Artifact) -> Validation:
    """Return what stands in an ExampleAnomalies artifact.

    Args:
        node: The validator's id.
        artifact: TFX's or ours: the layout is the same.
    """
    by_split = {
        split: _read(f"{artifact.uri}/Split-{split}/SchemaDiff.pb")
        for split in json.loads(artifact.properties.get("split_names") or "[]")
    }
    return Validation(
        node=node,
        anomalies=found(by_split),
        distances=distances(by_split),
        # Ours says what it compared with: nothing, in a first run.
        is_first=artifact.properties.get("previous") == "",
    )


def _read(file: str) -> anomalies_pb2.Anomalies:
    with fileio.open(file, "rb") as opened:
        return anomalies_pb2.Anomalies.FromString(opened.read())
