"""Statistics as TFX's StatisticsGen writes them."""

from __future__ import annotations

import os
from typing import Any

import tensorflow_data_validation as tfdv
from tfx import types
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

TEXT, NUMBERS = "string_stats", "num_stats"


def splits_of(statistics: types.Artifact) -> list[str]:
    """Return the splits; an imported artifact knows them only by its folders."""
    names: list[str] = artifact_utils.decode_split_names(statistics.split_names)
    return names or sorted(
        name.rstrip("/").removeprefix("Split-")
        for name in fileio.listdir(statistics.uri)
        if name.startswith("Split-")
    )


def load(statistics: types.Artifact) -> dict[str, Any]:
    """Return the statistics by split."""
    return {
        split: tfdv.load_stats_binary(
            os.path.join(statistics.uri, f"Split-{split}", "FeatureStats.pb")  # noqa: PTH118 (URI)
        )
        for split in splits_of(statistics)
    }


def features_of(statistics: Any) -> dict[str, str | None]:
    """Return which statistics there are of each feature: categorical numbers count as text."""
    whole = next(
        (dataset for dataset in statistics.datasets if dataset.name == "All Examples"),
        statistics.datasets[0],
    )
    return {
        feature.name or ".".join(feature.path.step): feature.WhichOneof("stats")
        for feature in whole.features
    }


def kind_of(statistics: Any, name: str) -> str | None:
    """Return which statistics there are of a feature, None for none."""
    return features_of(statistics).get(name)
