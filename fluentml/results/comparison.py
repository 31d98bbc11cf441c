"""Reading an example diff's artifact."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_data_validation.skew import feature_skew_detector as detector
from tfx.components.example_diff import executor
from tfx.dsl.io import fileio

from fluentml.results._comparisons import Comparison, FeatureDifference, PairDifference

SAMPLE_FILE_NAME = "sample_pairs"


def read_comparisons(node: str, uri: str, identifiers: tuple[str, ...]) -> tuple[Comparison, ...]:
    """Return what stands in an ExamplesDiff artifact, one comparison for each pair of splits.

    TFX's executor reads the examples as what TFDV calls the base, and the baseline as TFDV's test:
    the other way round than either names them. So "base" in the files means the chain's own data.

    Args:
        node: The id of the component that compared.
        uri: The artifact's folder.
        identifiers: The features that tell which two examples are the same one.
    """
    folders = sorted(
        name.rstrip("/") for name in fileio.listdir(uri) if name.startswith("SplitPair-")
    )
    return tuple(_comparison(node, f"{uri}/{folder}", identifiers) for folder in folders)


def pair_in_words(name: str) -> str:
    """Return TFX's name of a pair of splits in words: "train_eval" gives "train against eval".

    A name with more underscores is ambiguous, and stays.
    """
    here, _, there = name.partition("_")
    return f"{here} against {there}" if there and "_" not in there else name


def _comparison(node: str, folder: str, identifiers: tuple[str, ...]) -> Comparison:
    (counts,) = detector.match_stats_iterator(f"{folder}/{executor.MATCH_STATS_FILE_NAME}")
    features = detector.skew_results_iterator(f"{folder}/{executor.STATS_FILE_NAME}")
    pairs = detector.skew_pair_iterator(f"{folder}/{SAMPLE_FILE_NAME}")
    return Comparison(
        node=node,
        splits=pair_in_words(folder.rpartition("SplitPair-")[2]),
        pairs=counts.matching_pairs_count,
        only_here=counts.ids_missing_in_test_count,
        only_there=counts.ids_missing_in_base_count,
        duplicates=counts.duplicate_id_count,
        unidentified_here=counts.base_missing_id_count,
        unidentified_there=counts.test_missing_id_count,
        features=tuple(sorted(_features(features), key=lambda f: (-f.different, f.feature))),
        confusion=_confusion(folder),
        samples=tuple(_pair(pair, identifiers) for pair in pairs),
    )


def _features(results: Any) -> Iterator[FeatureDifference]:
    for result in results:
        yield FeatureDifference(
            feature=result.feature_name,
            equal=result.match_count,
            changed=result.mismatch_count,
            only_here=result.base_only,
            only_there=result.test_only,
        )


def _confusion(folder: str) -> dict[str, dict[tuple[str, str], int]]:
    pattern = f"{folder}/{executor.CONFUSION_FILE_NAME}"
    confusion: dict[str, dict[tuple[str, str], int]] = {}
    if not fileio.glob(f"{pattern}*"):
        return confusion
    for count in detector.confusion_count_iterator(pattern):
        here, there = (
            value.bytes_value.decode(errors="replace") for value in (count.base, count.test)
        )
        confusion.setdefault(count.feature_name, {})[here, there] = count.count
    return confusion


def _pair(pair: Any, identifiers: tuple[str, ...]) -> PairDifference:
    here, there = (_values(example) for example in (pair.base, pair.test))
    differing = (*pair.mismatched_features, *pair.base_only_features, *pair.test_only_features)
    return PairDifference(
        identifiers={name: here.get(name) for name in identifiers},
        values={name: (here.get(name), there.get(name)) for name in sorted(differing)},
    )


def _values(serialized: bytes) -> dict[str, Any]:
    """Return the features of a tf.Example: a lone value as it is, several as a tuple."""
    values = {}
    for name, feature in tf.train.Example.FromString(serialized).features.feature.items():
        kind = feature.WhichOneof("kind")
        items = [_plain(item) for item in (getattr(feature, kind).value if kind else ())]
        values[name] = items[0] if len(items) == 1 else (tuple(items) or None)
    return values


def _plain(item: Any) -> Any:
    """Return a value as it was written: floats of 32 bits have about seven digits."""
    if isinstance(item, bytes):
        return item.decode(errors="replace")
    return float(str(np.float32(item))) if isinstance(item, float) else item
