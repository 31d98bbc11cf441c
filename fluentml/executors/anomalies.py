"""TFDV's anomalies as a person reads them: feature, split, problem, and how far it drifted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fluentml.errors import DataError

MEASURES = {
    "L_INFTY": "L-infinity",
    "JENSEN_SHANNON_DIVERGENCE": "Jensen-Shannon",
    "NORMALIZED_ABSOLUTE_DIFFERENCE": "normalized difference",
}


DRIFT = "between current and previous"
COMPARISON = "between the two"
"""What a distance lies between, in sentences: TFDV knows only data of now and of then."""


class Anomaly(NamedTuple):
    """Something wrong with a feature.

    Attributes:
        feature: Its name; empty where the data set as a whole is meant.
        problem: What is wrong, a sentence.
        splits: The splits that show it.
        is_drift: Whether a comparison with other data found it, rather than the schema.
    """

    feature: str
    problem: str
    splits: tuple[str, ...]
    is_drift: bool = False

    def __str__(self) -> str:
        return f"{self.feature or 'the data'} ({', '.join(self.splits)}): {self.problem}"


class Distance(NamedTuple):
    """How far the distribution of a feature lies from that in other data.

    Attributes:
        feature: Its name.
        split: The split that was measured.
        kind: "drift" (from earlier data), "skew" (from the data that stand for serving), or
            "comparison" (of `compare_statistics`).
        measure: "L-infinity" for text and categories, "Jensen-Shannon" for numbers.
        value: The distance, from 0 (alike) to 1.
        threshold: The greatest that is no anomaly.
    """

    feature: str
    split: str
    kind: str
    measure: str
    value: float
    threshold: float


def found(by_split: Mapping[str, Any], between: str = DRIFT) -> tuple[Anomaly, ...]:
    """Return the anomalies of all splits by feature; those that several splits share, once.

    Args:
        by_split: TFDV's `Anomalies` messages.
        between: What TFDV's distances lie between.
    """
    splits: dict[tuple[str, str, bool], list[str]] = {}
    for split, anomalies in by_split.items():
        for feature, problem, is_drift in _problems(anomalies, between):
            splits.setdefault((feature, problem, is_drift), []).append(split)
    return tuple(
        Anomaly(feature, problem, tuple(where), is_drift)
        for (feature, problem, is_drift), where in sorted(
            splits.items(), key=lambda item: item[0][0]
        )
    )


def distances(by_split: Mapping[str, Any], *, drift: str = "drift") -> tuple[Distance, ...]:
    """Return every distance that was measured, whether or not it is too great.

    Args:
        by_split: TFDV's `Anomalies` messages.
        drift: The kind of what TFDV measured as drift.
    """
    return tuple(
        Distance(
            feature=".".join(info.path.step),
            split=split,
            kind=drift if kind == "drift" else kind,
            measure=MEASURES.get(_name(measured, "type"), _name(measured, "type")),
            value=measured.value,
            threshold=measured.threshold,
        )
        for split, anomalies in by_split.items()
        for info in anomalies.drift_skew_info
        for kind in ("drift", "skew")
        for measured in getattr(info, f"{kind}_measurements")
    )


def judge(by_split: Mapping[str, Any], fail_on: str, between: str = DRIFT) -> None:
    """Raise the anomalies that are to stop the run.

    Args:
        by_split: TFDV's `Anomalies` messages.
        fail_on: "anomalies", or "drift" for those of comparisons only; empty: none.
        between: What TFDV's distances lie between.

    Raises:
        DataError: There are such anomalies.
    """
    counted = [one for one in found(by_split, between) if one.is_drift or fail_on == "anomalies"]
    if fail_on and counted:
        count = len(counted)
        raise DataError(
            f"the data have {count} anomal{'y' if count == 1 else 'ies'}.",
            *(f"  {anomaly}" for anomaly in counted),
            hint="mend the data, the schema or the thresholds; to take these data as they are, "
            f"run once without fail_on={fail_on!r}.",
        )


def _problems(anomalies: Any, between: str) -> Iterator[tuple[str, str, bool]]:
    infos = [*anomalies.anomaly_info.items()]
    if anomalies.HasField("dataset_anomaly_info"):
        infos.append(("", anomalies.dataset_anomaly_info))
    for key, info in infos:
        feature = ".".join(info.path.step) or key
        for reason in info.reason or [info]:
            text = reason.description.replace(" (up to six significant digits)", "")
            text = text.replace("Linfty", "L-infinity").strip()
            text = text.replace("between current and previous is", f"{between} is")
            # TFX's DistributionValidator calls a missing comparison so.
            kinds = ("COMPARATOR_", "STATS_NOT_AVAILABLE")
            is_drift = info.reason and _name(reason, "type").startswith(kinds)
            yield feature, text or reason.short_description, bool(is_drift)
    if anomalies.data_missing:
        yield "", "There are no examples.", False


def _name(message: Any, field: str) -> str:
    """Return the name of an enum field's value."""
    names: Mapping[int, Any] = message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number
    return str(names[getattr(message, field)].name)
