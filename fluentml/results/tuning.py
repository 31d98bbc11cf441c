"""Reading a tuner's artifact."""

from __future__ import annotations

import json

from tfx.dsl.io import fileio

from fluentml.results import Trial, Trials, Tuning


def read_tuning(node: str, uri: str) -> Tuning:
    """Return what stands in a TunerResults artifact.

    Args:
        node: The tuner's id.
        uri: The artifact's folder: TFX writes a list of rows there, the best first.
    """
    with fileio.open(f"{uri}/tuner_results.json") as file:
        rows = json.load(file)
    return Tuning(node, Trials(Trial(row.pop("trial_id"), row.pop("score"), row) for row in rows))
