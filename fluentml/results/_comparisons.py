"""What comparisons of examples found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from fluentml.results._shown import Shown
from fluentml.results._tables import table
from fluentml.spec import import_needed

SAMPLES_SHOWN = 3
"""As many of the pairs of examples that differ stand in a summary."""


@dataclass(frozen=True)
class FeatureDifference:
    """In how many pairs of examples a feature differs.

    Attributes:
        feature: Its name.
        equal: Pairs that have the same values, or none.
        changed: Pairs that have different values.
        only_here: Pairs of which only the chain's example has a value.
        only_there: Pairs of which only the other data's example has one.
    """

    feature: str
    equal: int
    changed: int
    only_here: int
    only_there: int

    @property
    def different(self) -> int:
        """Pairs that differ, in any of these ways."""
        return self.changed + self.only_here + self.only_there


@dataclass(frozen=True)
class PairDifference:
    """Two examples of the same identifiers that differ; it prints as a sentence.

    Attributes:
        identifiers: The values that the two share.
        values: By feature that differs, the value here and the one there; None for none.
    """

    identifiers: Mapping[str, Any]
    values: Mapping[str, tuple[Any, Any]]

    def __str__(self) -> str:
        who = ", ".join(f"{name} {value}" for name, value in self.identifiers.items())
        what = "; ".join(
            f"{name} is {_shown(here)} here and {_shown(there)} there"
            for name, (here, there) in self.values.items()
        )
        return f"{who}: {what}" if who else what


@dataclass(frozen=True)
class Comparison(Shown):
    """What `compare_examples` found for a pair of splits.

    Attributes:
        node: The id of the node that compared.
        splits: The split of the chain's examples and that of the other data: "train against all".
        pairs: Pairs of examples with the same identifiers; not all are compared where several
            examples share theirs.
        only_here: Identifiers that only the chain's examples have.
        only_there: Identifiers that only the other data have.
        duplicates: Identifiers that several examples share; left out unless `duplicates=True`.
        unidentified_here: The chain's examples that lack an identifier.
        unidentified_there: The other data's examples that lack one.
        features: What differs, feature by feature, that with the most differences first.
        confusion: By text feature named in `confusion=`, (value here, value there) to the count.
        samples: Some of the pairs that differ.
    """

    node: str
    splits: str
    pairs: int
    only_here: int = 0
    only_there: int = 0
    duplicates: int = 0
    unidentified_here: int = 0
    unidentified_there: int = 0
    features: tuple[FeatureDifference, ...] = ()
    confusion: Mapping[str, Mapping[tuple[str, str], int]] = field(default_factory=dict)
    samples: tuple[PairDifference, ...] = ()

    @property
    def differing(self) -> tuple[FeatureDifference, ...]:
        """The features that differ in some pair."""
        return tuple(feature for feature in self.features if feature.different)

    @property
    def compared(self) -> int:
        """How many pairs of examples were compared."""
        return max((f.equal + f.different for f in self.features), default=0)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame: a row per feature, with the pairs in which it differs.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        rows = [asdict(feature) for feature in self.features]
        return import_needed("pandas").DataFrame(rows)

    def in_words(self) -> str:
        """Return what a person wants to know, over several lines."""
        lines = [
            f"{self.node}, {self.splits}: {_count(self.compared, 'pair')} of examples compared; "
            f"{_count(self.only_here, 'identifier')} only here, {self.only_there} only there"
        ]
        if self.duplicates:
            lines.append(f"  several examples share {_count(self.duplicates, 'identifier')}")
        unidentified = {"here": self.unidentified_here, "there": self.unidentified_there}
        for where, count in unidentified.items():
            if count:
                lines.append(f"  {_count(count, 'example')} {where} without identifier")
        if self.compared and not self.differing:
            lines.append("  no feature differs")
        samples = [f"  e.g. {pair}" for pair in self.samples[:SAMPLES_SHOWN]]
        return "\n".join([*lines, *self._table(), *samples])

    def _table(self) -> list[str]:
        rows: list[tuple[str, ...]] = [("feature", "equal", "changed", "only here", "only there")]
        for f in self.differing:
            counts = (f.equal, f.changed, f.only_here, f.only_there)
            rows.append((f.feature, *(str(count) for count in counts)))
        return table(rows) if self.differing else []

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain values; the keys of JSON are text."""
        confusion = {
            feature: [
                {"here": here, "there": there, "count": count}
                for (here, there), count in pairs.items()
            ]
            for feature, pairs in self.confusion.items()
        }
        return {**asdict(self), "confusion": confusion}


def _shown(value: Any) -> str:
    return "missing" if value is None else repr(value)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
