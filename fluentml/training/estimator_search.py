"""The whole search around a function that builds an estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from fluentml.errors import DataError, DefinitionError, did_you_mean
from fluentml.training.batches import Batches
from fluentml.training.building import hyperparameters
from fluentml.training.estimating import BuildEstimator, build, check_fit, fit
from fluentml.training.estimator_rows import BATCH, Rows, read

Score = Callable[[Any, Rows], float]


class EstimatorSearch(BaseTuner):
    """keras-tuner's loop over trials, each of which fits an estimator and scores it."""

    def run_trial(self, trial: Any, train: Rows, evaluation: Rows, score: Score) -> Any:
        """Return the score of an estimator with a trial's hyperparameters."""
        estimator = self.hypermodel.build(trial.hyperparameters)
        fit(estimator, train, evaluation)
        return {"score": score(estimator, evaluation)}


def estimator_tuner(
    fn_args: FnArgs,
    build_estimator: BuildEstimator,
    *,
    label: str,
    strategy: Literal["random", "bayesian", "grid"] = "random",
    max_trials: int | None = None,
    objective: str = "score",
    class_weight: Literal["balanced"] | Mapping[int | str, float] | None = None,
    example_weight: str | None = None,
    seed: int | None = None,
) -> TunerFnResult:
    """Set up a search for the hyperparameters that `build_estimator` reads from `hp`.

    Each trial learns from the training examples and is scored on the evaluation's.

    Args:
        fn_args: What TFX passes to `tuner_fn`.
        build_estimator: As in `fit_estimator`.
        label: As in `fit_estimator`.
        strategy: How keras-tuner chooses: at random, by Bayesian optimization, or all combinations.
        max_trials: Combinations to try: 10 unless given, and all for `"grid"`.
        objective: What to improve: the estimator's own `score` (accuracy, or R² of a regressor), or
            a name of scikit-learn's such as `"neg_log_loss"`. More is better.
        class_weight: As in `fit_estimator`.
        example_weight: As in `fit_estimator`.
        seed: Makes the choice and the estimators repeatable.

    Returns:
        What TFX's Tuner takes from `tuner_fn`.

    Raises:
        DefinitionError: The function or a parameter does not fit the examples, or there is nothing
            to tune.
    """
    batches = Batches(
        fn_args,
        label,
        BATCH,
        shuffle=False,
        class_weight=class_weight,
        example_weight=example_weight,
    )
    hp = hyperparameters(fn_args)
    check_fit(batches, build(build_estimator, hp, seed))
    if not hp.space:
        raise DefinitionError(
            "tune() finds nothing to tune: build_estimator(hp) asks hp for no value.",
            hint='write, for example, max_depth=hp.Int("max_depth", 2, 8).',
        )
    score, oracle = _score(objective), _oracle(strategy, max_trials, seed)
    train, evaluation = read(batches)
    if not len(evaluation.y):
        raise DataError(
            "There is no example to score a trial on.",
            hint="give the split rows, or name others by eval_splits=.",
        )
    search = EstimatorSearch(
        oracle,
        lambda hp: build(build_estimator, hp, seed),
        directory=fn_args.working_dir,
        project_name="search",
    )
    return TunerFnResult(search, {"train": train, "evaluation": evaluation, "score": score})


def _oracle(strategy: str, max_trials: int | None, seed: int | None) -> Any:
    objective = keras_tuner.Objective("score", "max")
    if strategy == "grid":
        return keras_tuner.oracles.GridSearchOracle(objective, max_trials=max_trials, seed=seed)
    kinds = {
        "random": keras_tuner.oracles.RandomSearchOracle,
        "bayesian": keras_tuner.oracles.BayesianOptimizationOracle,
    }
    if strategy not in kinds:
        raise DefinitionError(
            f"tune() knows no strategy {strategy!r} for an estimator.",
            hint='take "random", "bayesian" or "grid"; an estimator has no epochs to save.',
        )
    return kinds[strategy](objective, max_trials=max_trials or 10, seed=seed)


def _score(objective: Any) -> Score:
    """Return the function that scores a fitted estimator on rows."""
    from sklearn.metrics import get_scorer, get_scorer_names

    if objective == "score":
        return lambda estimator, rows: float(estimator.score(rows.x, rows.y))
    if objective not in get_scorer_names():
        raise DefinitionError(
            f"tune() knows no objective {objective!r} for an estimator.",
            hint=did_you_mean(str(objective), get_scorer_names())
            or 'take one of sklearn.metrics.get_scorer_names(), such as "neg_log_loss".',
        )
    scorer = get_scorer(objective)
    return lambda estimator, rows: float(scorer(estimator, rows.x, rows.y))
