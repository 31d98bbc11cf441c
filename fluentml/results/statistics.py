"""Statistics of examples: what TensorFlow Data Validation counted, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from fluentml.results._files import read, splits_in
from fluentml.results._shown import Shown
from fluentml.spec import import_needed

ALL_EXAMPLES = ("", "All Examples")
"""What TFDV calls statistics that are not of a slice."""


class Bins(NamedTuple):
    """A histogram: `edges` are one more than `counts`."""

    edges: tuple[float, ...]
    counts: tuple[float, ...]


@dataclass(frozen=True)
class FeatureStatistics:
    """What is known of a feature in one split.

    Attributes:
        name: The feature's name.
        type: "int", "float", "string", "bytes" or "struct".
        count: Examples that have a value.
        missing: Examples that have none.
        mean: Of numbers; None for text, as the following ones.
        deviation: The standard deviation.
        least: The least value.
        median: The middle one.
        greatest: The greatest one.
        zeros: How many values are 0.
        quantiles: Ends of the tenths, eleven of them, from the least to the greatest value.
        bins: The histogram, in bins of equal width.
        unique: How many different values text has.
        length: The average length of text.
        top: The most frequent texts, each with its count.
    """

    name: str
    type: str
    count: int
    missing: int
    mean: float | None = None
    deviation: float | None = None
    least: float | None = None
    median: float | None = None
    greatest: float | None = None
    zeros: int | None = None
    quantiles: tuple[float, ...] = ()
    bins: Bins | None = None
    unique: int | None = None
    length: float | None = None
    top: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class SplitStatistics:
    """What is known of a split.

    Attributes:
        examples: How many there are.
        features: Their statistics, by name.
    """

    examples: int
    features: Mapping[str, FeatureStatistics]


@dataclass(frozen=True)
class Statistics(Shown):
    """What stands in an ExampleStatistics artifact.

    Attributes:
        node: The id of the node that made it.
        splits: By name, "train" first.
    """

    node: str
    splits: Mapping[str, SplitStatistics] = field(default_factory=dict)

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features of all splits."""
        return tuple(dict.fromkeys(name for one in self.splits.values() for name in one.features))

    def to_frame(self) -> Any:
        """Return a pandas DataFrame: a row per feature and split.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        rows = [
            {"split": split, **{k: v for k, v in asdict(one).items() if k not in ("bins", "top")}}
            for split, all_ in self.splits.items()
            for one in all_.features.values()
        ]
        return import_needed("pandas").DataFrame(rows)


def read_statistics(node: str, uri: str) -> Statistics:
    """Return what stands in an ExampleStatistics artifact; slices are left out.

    Args:
        node: The id of the node that made it.
        uri: The artifact's folder.

    Raises:
        OSError: There is no such file.
        MissingDependencyError: TFX is not installed.
    """
    return Statistics(node, {name: _split(folder) for name, folder in splits_in(uri).items()})


def _split(folder: str) -> SplitStatistics:
    messages = import_needed("tensorflow_metadata.proto.v0.statistics_pb2")
    datasets = messages.DatasetFeatureStatisticsList.FromString(read(f"{folder}/FeatureStats.pb"))
    for one in datasets.datasets:
        if one.name in ALL_EXAMPLES:
            features = [_feature(feature) for feature in one.features]
            return SplitStatistics(int(one.num_examples), {f.name: f for f in features})
    return SplitStatistics(0, {})


def _feature(message: Any) -> FeatureStatistics:
    kind = message.WhichOneof("stats")
    stats: Any = getattr(message, kind) if kind else None
    common: Any = getattr(stats, "common_stats", None)
    names: Mapping[int, Any] = message.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number
    found: dict[str, Any] = {}
    if kind == "num_stats" and common.num_non_missing:
        found = _of_numbers(stats)
    elif kind == "string_stats":
        found = {
            "unique": int(stats.unique),
            "length": stats.avg_length,
            "top": tuple((value.value, round(value.frequency)) for value in stats.top_values),
        }
    return FeatureStatistics(
        name=message.name or ".".join(message.path.step),
        type=names[message.type].name.lower(),
        count=_count(common) if common else 0,
        missing=_missing(common) if common else 0,
        **found,
    )


def _count(common: Any) -> int:
    return int(common.num_non_missing) - _empty(common)


def _missing(common: Any) -> int:
    return int(common.num_missing) + _empty(common)


def _empty(common: Any) -> int:
    """Return how many examples have a list without values, which is how CSV files lack one.

    With at most one value each, the values are as many as the examples that have one.
    """
    if common.max_num_values > 1 or common.min_num_values:
        return 0
    return max(int(common.num_non_missing) - int(common.tot_num_values), 0)


def _of_numbers(stats: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "mean": stats.mean,
        "deviation": stats.std_dev,
        "least": stats.min,
        "median": stats.median,
        "greatest": stats.max,
        "zeros": int(stats.num_zeros),
    }
    for histogram in stats.histograms:
        edges = [bucket.low_value for bucket in histogram.buckets[:1]]
        edges += [bucket.high_value for bucket in histogram.buckets]
        if histogram.type == histogram.STANDARD:
            counts = tuple(bucket.sample_count for bucket in histogram.buckets)
            found["bins"] = Bins(tuple(edges), counts)
        else:
            found["quantiles"] = tuple(edges)
    return found
