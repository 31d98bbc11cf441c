"""The whole training around an estimator of scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from fluentml.errors import DataError, DefinitionError, defined_at
from fluentml.estimators import check, is_estimator, layers_of
from fluentml.estimators.layers import Array
from fluentml.training import labels
from fluentml.training.batches import Batches
from fluentml.training.building import hyperparameters
from fluentml.training.data import names_of
from fluentml.training.estimator_model import EstimatorModel, by_class_number
from fluentml.training.estimator_rows import BATCH, Rows, check_features, read, spec_of
from fluentml.training.saving import save

BuildEstimator = Callable[..., Any]

VERB = "train()"
COMPARED = 1000
"""So many examples of each split are predicted by the estimator and by what is saved."""
RELATIVE, ABSOLUTE = 1e-4, 1e-5
"""How far a prediction may lie from the estimator's own; the latter of the greatest one."""


def fit_estimator(
    fn_args: FnArgs,
    build_estimator: BuildEstimator,
    *,
    label: str,
    class_weight: Literal["balanced"] | Mapping[int | str, float] | None = None,
    example_weight: str | None = None,
    seed: int | None = None,
) -> Any:
    """Train the estimator that `build_estimator` makes, and save it for serving and evaluation.

    It learns from all training examples at once: the features side by side in the order of their
    names, float64, NaN where one is missing. Then it is written as TensorFlow, so that the
    SavedModel has the signatures that `save` tells of, and needs no Python to serve. What it
    predicts is held to the estimator's own predictions before it is saved.

    Args:
        fn_args: What TFX passes to `run_fn`.
        build_estimator: `build_estimator(hp)`, which returns an estimator of scikit-learn, XGBoost
            or LightGBM. `hp` are keras-tuner's HyperParameters: tuned ones, or the defaults.
            With `early_stopping_rounds` (in LightGBM `early_stopping_round`) the evaluation's
            examples tell when to stop.
        label: The feature to predict: for a classifier numbers of classes, from 0 on.
        class_weight: Weights by class number or word, or `"balanced"`.
        example_weight: A feature that weighs the examples; no feature of the estimator.
        seed: Is the `random_state` where the estimator has none.

    Returns:
        The fitted estimator. Of a classifier the model predicts probabilities: [batch, 1] of the
        second of two classes, or [batch, classes]. Where the estimator has none they are margins
        behind a sigmoid or softmax, of which the greatest is the same.

    Raises:
        DefinitionError: The function or a parameter does not fit the examples, or TensorFlow cannot
            hold the estimator; known before any example is read, but for what training decides.
        DataError: The estimator cannot learn from the examples, or TensorFlow predicts otherwise.
    """
    batches = Batches(
        fn_args,
        label,
        BATCH,
        shuffle=False,
        class_weight=class_weight,
        example_weight=example_weight,
    )
    estimator = build(build_estimator, hyperparameters(fn_args), seed)
    check_fit(batches, estimator)
    train, evaluation = read(batches)
    fit(estimator, train, evaluation)
    model = translated(batches, estimator)
    for split, rows in (("training", train), ("evaluation", evaluation)):
        _compare(estimator, model, rows, split)
    save(model, fn_args, label)
    return estimator


def build(build_estimator: BuildEstimator, hp: Any, seed: int | None) -> Any:
    """Return the user's estimator, as far as can be known one that can be saved."""
    estimator = build_estimator(hp)
    if not is_estimator(estimator):
        what = "None" if estimator is None else f"a {type(estimator).__name__}"
        if isinstance(estimator, type):
            what = f"the class {estimator.__name__}"
        raise DefinitionError(
            f"build_estimator(hp) returns {what}, not an estimator.",
            *defined_at(build_estimator),
            hint="end it with, for example: return RandomForestClassifier(n_estimators=50)",
        )
    check(estimator, VERB)
    if seed is not None:
        unset = {
            name: seed
            for name, value in estimator.get_params().items()
            if name.rpartition("__")[2] == "random_state" and value is None
        }
        estimator.set_params(**unset)
    return estimator


def check_fit(batches: Batches, estimator: Any) -> None:
    """Raise a DefinitionError if the estimator cannot learn what the parameters say."""
    name, label = type(estimator).__name__, names_of(batches.label)
    if len(label) > 1 or tuple(batches.spec[label[0]].shape) not in ((), (1,)):
        raise DefinitionError(
            f"An estimator predicts one number or class, and label={batches.label!r} is more.",
            hint="train one for each, or a Keras model of several outputs.",
        )
    if batches.fn_args.train_steps or batches.fn_args.eval_steps:
        raise DefinitionError(
            f"train_steps= and eval_steps= count batches, and {name} learns from all examples.",
            hint="leave them out.",
        )
    if batches.fn_args.base_model:
        raise DefinitionError(
            f"There is a base model to start from, and {name} learns anew.",
            hint="leave with_base_model() and warm_start= out.",
        )
    if _last(estimator) is not estimator and _stops_early(estimator):
        raise DefinitionError(
            f"{type(_last(estimator)).__name__} stops early by the evaluation's examples, which do "
            "not pass through the steps before it.",
            hint="leave the Pipeline out, and scale in preprocessing_fn; or do not stop early.",
        )
    _check_weights(batches, estimator)
    check_features(spec_of(batches))


def _check_weights(batches: Batches, estimator: Any) -> None:
    from sklearn.utils.validation import has_fit_parameter

    weighted = batches.example_weight or batches.class_weight is not None
    if weighted and not has_fit_parameter(_last(estimator), "sample_weight"):
        which = "example_weight" if batches.example_weight else "class_weight"
        raise DefinitionError(
            f"{type(_last(estimator)).__name__} takes no weights, and {VERB} has {which}=.",
            hint="leave it out, or take an estimator whose fit() has sample_weight.",
        )


def fit(estimator: Any, train: Rows, evaluation: Rows) -> None:
    """Let the estimator learn."""
    last = _last(estimator)
    options: dict[str, Any] = {}
    if train.weight is not None:
        steps = getattr(estimator, "steps", None)
        options[f"{steps[-1][0]}__sample_weight" if steps else "sample_weight"] = train.weight
    if _stops_early(estimator):
        options["eval_set"] = [(evaluation.x, _labels(estimator, evaluation))]
    try:
        estimator.fit(train.x, _labels(estimator, train), **options)
    except ValueError as error:
        gaps = int(np.isnan(train.x).any(axis=1).sum())
        if "NaN" not in str(error) or not gaps:
            raise
        raise DataError(
            f"{type(last).__name__} takes no missing values, and {gaps} of {len(train.y)} training "
            "examples have some.",
            hint="fill_missing(…) in preprocessing_fn, preprocess(numeric=[…]), or a SimpleImputer "
            "before it in a Pipeline.",
        ) from error


def _last(estimator: Any) -> Any:
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator


def _stops_early(estimator: Any) -> bool:
    """Return whether it stops by examples of its own, as XGBoost and LightGBM call that."""
    parameters = _last(estimator).get_params(deep=False)
    return any(parameters.get(f"early_stopping_{name}") for name in ("round", "rounds"))


def _labels(estimator: Any, rows: Rows) -> Array:
    from sklearn.base import is_classifier

    if not is_classifier(estimator):
        return rows.y
    numbers = rows.y.astype(np.int64)
    if (numbers != rows.y).any() or (numbers < 0).any():
        raise DataError(
            f"{type(estimator).__name__} classifies, and the label has values such as "
            f"{rows.y[(numbers != rows.y) | (numbers < 0)][0]:g}, which is no number of a class.",
            hint="take a regressor, or number the classes from 0 on.",
        )
    if len(numbers) and numbers.min() == numbers.max():
        raise DataError(
            f"All examples have the label {numbers[0]}: there is nothing to tell apart.",
            hint="look at the split and at what preprocessing_fn makes of the label.",
        )
    return numbers


def translated(batches: Batches, estimator: Any) -> EstimatorModel:
    """Return the fitted estimator as a model of TensorFlow."""
    layers = layers_of(estimator)
    classes = getattr(estimator, "classes_", None)
    if classes is not None:
        words = labels.words(batches.fn_args, names_of(batches.label)[0])
        layers += by_class_number(classes, max(len(words), int(classes[-1]) + 1))
    return EstimatorModel(layers, spec_of(batches))


def _compare(estimator: Any, model: EstimatorModel, rows: Rows, split: str) -> None:
    """Raise a DataError if the model predicts otherwise than the estimator."""
    x = rows.x[:COMPARED]
    if not len(x):
        return
    got = model.predict(tf.constant(x)).numpy()
    wanted = predicted(estimator, x, got.shape[1])
    near = np.isclose(got, wanted, RELATIVE, ABSOLUTE * max(1.0, np.abs(wanted).max()))
    if near.all():
        return
    row, column = np.argwhere(~near)[0]
    raise DataError(
        f"Written as TensorFlow, {type(_last(estimator)).__name__} would predict "
        f"{got[row, column]:g} instead of {wanted[row, column]:g}; "
        f"{(~near).any(axis=1).sum()} of {len(x)} {split} examples differ. Nothing was saved.",
        hint="take another estimator or other parameters; this one fluentml translates wrongly.",
    )


def predicted(estimator: Any, x: Array, outputs: int) -> Array:
    """Return what an estimator itself predicts, by the number of the class where it has classes."""
    if not hasattr(estimator, "classes_"):
        return np.asarray(estimator.predict(x)).reshape(-1, 1)
    if hasattr(estimator, "predict_proba"):
        shares = np.asarray(estimator.predict_proba(x))
    else:
        margins = np.asarray(estimator.decision_function(x))
        logits = np.stack([-margins / 2, margins / 2], axis=1) if margins.ndim == 1 else margins
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
    if outputs == 1:
        return shares[:, 1:]
    by_number = np.zeros([len(x), outputs])
    by_number[:, estimator.classes_] = shares
    return by_number
