"""What an evaluation says beside its numbers: what was asked of the model, and its curves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """What a threshold asked of a metric in one slice, and what came of it.

    Attributes:
        metric: The metric, named as in the chain.
        slice: The slice, such as "trip_start_hour:3"; empty for the whole data.
        bound: What was asked, in words: "at least 0.8", "+0.01 against the baseline".
        value: The metric's value there; None where it was not computed.
        baseline: The baseline's value there; None without one.
        passed: Whether the threshold was met.
    """

    metric: str
    slice: str
    bound: str
    value: float | None
    baseline: float | None
    passed: bool


@dataclass(frozen=True)
class Cut:
    """What a classifier gets right and wrong if it says yes from a threshold on.

    Attributes:
        threshold: From which score on it says yes.
        true_positives: Examples rightly called positive, weighted as the others.
        false_positives: Examples wrongly called so.
        false_negatives: Positive examples that were missed.
        true_negatives: Examples rightly called negative.
    """

    threshold: float
    true_positives: float
    false_positives: float
    false_negatives: float
    true_negatives: float


@dataclass(frozen=True)
class Plots:
    """The curves that TFMA's plot metrics computed over the whole data.

    Attributes:
        output: The model's output; empty where it has one.
        cuts: By rising threshold, of ConfusionMatrixPlot and of CalibrationPlot's kin.
        calibration: By bin of CalibrationPlot the mean prediction, the mean label and the weight.
        classes: Of MultiClassConfusionMatrixPlot the actual class, the predicted one, how many.
    """

    output: str
    cuts: tuple[Cut, ...] = ()
    calibration: tuple[tuple[float, float, float], ...] = ()
    classes: tuple[tuple[int, int, float], ...] = ()

    @property
    def is_any(self) -> bool:
        """Whether there is anything to draw."""
        return bool(self.cuts or self.calibration or self.classes)

    @property
    def roc(self) -> tuple[tuple[float, float], ...]:
        """Points of false positive rate and true positive rate, from (0, 0) to (1, 1)."""
        points = {
            (cut.false_positives / negatives, cut.true_positives / positives)
            for cut in self.cuts
            if (negatives := cut.false_positives + cut.true_negatives)
            and (positives := cut.true_positives + cut.false_negatives)
        }
        return tuple(sorted(points))
