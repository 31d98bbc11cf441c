"""Reading the artifact of an example validator or a distribution validator."""

from __future__ import annotations

import json

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.components.distribution_validator.executor import NO_BASELINE_STATS
from tfx.dsl.io import fileio

from fluentml.executors.anomalies import COMPARISON, DRIFT, distances, found
from fluentml.results import Artifact, Validation
from fluentml.results.comparison import pair_in_words


def read_validation(node: str, artifact: Artifact) -> Validation:
    """Return what stands in an ExampleAnomalies artifact.

    Args:
        node: The validator's id.
        artifact: TFX's or ours: the layout is the same.
    """
    splits = json.loads(artifact.properties.get("split_names") or "[]")
    compared = [split for split in splits if fileio.isdir(f"{artifact.uri}/SplitPair-{split}")]
    if compared:
        by_split = {
            pair_in_words(pair): _read(f"{artifact.uri}/SplitPair-{pair}") for pair in compared
        }
    else:
        by_split = {split: _read(f"{artifact.uri}/Split-{split}") for split in splits}
    return Validation(
        node=node,
        anomalies=found(by_split, COMPARISON if compared else DRIFT),
        distances=distances(by_split, drift="comparison" if compared else "drift"),
        is_first=_is_first(artifact),
    )


def _is_first(artifact: Artifact) -> bool:
    """Return whether there was nothing to compare with; ours says so, and TFX's by its blessing."""
    blessed = dict(artifact.properties.get("blessed") or {})
    stamped = bool(blessed) and all(value == NO_BASELINE_STATS for value in blessed.values())
    return stamped or artifact.properties.get("previous") == ""


def _read(folder: str) -> anomalies_pb2.Anomalies:
    with fileio.open(f"{folder}/SchemaDiff.pb", "rb") as opened:
        return anomalies_pb2.Anomalies.FromString(opened.read())
