"""The whole training, and the whole search, around a function that builds the model."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import keras
import keras_tuner
import tensorflow as tf
import tf_keras
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from fluentml.errors import DefinitionError, did_you_mean, listing
from fluentml.training import backup, labels
from fluentml.training.batches import Batches
from fluentml.training.building import (
    BuildModel,
    build,
    check_parameters,
    feature_names,
    hyperparameters,
    keras_of,
)
from fluentml.training.data import inputs
from fluentml.training.saving import save, warm_start

# Passes over the data where neither epochs= nor train_steps= tells: early stopping ends them.
EPOCHS, EPOCHS_AT_MOST = 10, 100


def fit(
    fn_args: FnArgs,
    build_model: BuildModel,
    *,
    label: str | Sequence[str],
    batch_size: int = 64,
    epochs: int | None = None,
    shuffle: bool | int = True,
    in_memory: bool = False,
    early_stopping: int | None = None,
    class_weight: Literal["balanced"] | Mapping[int | str, float] | None = None,
    example_weight: str | None = None,
    callbacks: Sequence[Any] = (),
    strategy: tf.distribute.Strategy | None = None,
    seed: int | None = None,
    verbose: int = 2,
) -> keras.Model:
    """Train the model that `build_model` makes, and save it for serving and evaluation.

    With `train_steps` an epoch is that many batches, else one pass over the training examples;
    with `eval_steps` it is evaluated on that many, else on all. TensorBoard's logs go to
    `fn_args.model_run_dir`. After an error or a kill the same training goes on from its last
    complete epoch: the same examples, parameters and code. Where there is a base model, training
    starts from its weights. `save` tells of the signatures.

    Args:
        fn_args: What TFX passes to `run_fn`.
        build_model: `build_model(hp, features)`, which returns a compiled model of Keras 3 or, in a
            module that imports it, tf_keras. `hp` are keras-tuner's HyperParameters: tuned ones, or
            the defaults. `features` is a dict of Keras inputs, by feature as training reads it.
        label: The feature to predict; or several, for a model whose outputs are a dict by these
            names.
        batch_size: Examples in one batch, over all devices.
        epochs: Passes or rounds of steps; 1 unless given with `train_steps`, else 10, or with
            `early_stopping` at most 100.
        shuffle: Whether every epoch has another order; a number is that of the examples, 10,000
            unless given, among which the next one is drawn.
        in_memory: Whether examples stay there once they are read: quick, if there is room.
        early_stopping: Stop after that many epochs in which the evaluation's loss got no better,
            and take the best epoch's weights.
        class_weight: Weights by class number or word, or `"balanced"` for weights by which every
            class has the same total.
        example_weight: A feature that weighs the examples in the loss; no input of the model.
        callbacks: Further callbacks of Keras.
        strategy: How to distribute; over all GPUs if there are any, unless given.
        seed: Makes initial weights and order repeatable.
        verbose: What Keras prints: 0 nothing, 1 a bar, 2 a line for each epoch.

    Returns:
        The trained model.

    Raises:
        DefinitionError: The function or a parameter does not fit the examples. All but a class
            that does not exist is known before any example is read.
    """
    check_parameters(build_model)
    batches = Batches(
        fn_args, label, batch_size, shuffle, in_memory, class_weight, example_weight, seed
    )
    if seed is not None:
        keras.utils.set_random_seed(seed)
    with (strategy or default_strategy()).scope():
        model = _build(batches, build_model, hyperparameters(fn_args))
        warm_start(model, fn_args)
    kit = tf_keras if isinstance(model, tf_keras.Model) else keras
    options = {
        "label": label,
        "batch_size": batch_size,
        "epochs": epochs,
        "weights": [class_weight, example_weight],
        "seed": seed,
    }
    model.fit(
        **batches.for_fit(feature_names(model) or tuple(_inputs(batches, kit))),
        epochs=_epochs(fn_args, epochs, early_stopping),
        callbacks=[
            *_stopping(kit, early_stopping),
            *_logs(kit, fn_args),
            *_backup(kit, backup.folder(fn_args, build_model, options)),
            *callbacks,
        ],
        verbose=verbose,
    )
    save(model, fn_args, label)
    return model


def tuner(
    fn_args: FnArgs,
    build_model: BuildModel,
    *,
    label: str | Sequence[str],
    strategy: Literal["random", "hyperband", "bayesian", "grid"] = "random",
    max_trials: int | None = None,
    objective: str | tuple[str, Literal["min", "max"]] = "val_loss",
    executions_per_trial: int = 1,
    batch_size: int = 64,
    epochs: int | None = None,
    shuffle: bool | int = True,
    in_memory: bool = False,
    early_stopping: int | None = None,
    class_weight: Literal["balanced"] | Mapping[int | str, float] | None = None,
    example_weight: str | None = None,
    seed: int | None = None,
    verbose: int = 2,
) -> TunerFnResult:
    """Set up a search for the hyperparameters that `build_model` reads from `hp`.

    Args:
        fn_args: What TFX passes to `tuner_fn`.
        build_model: As in `fit`; of Keras 3.
        label: As in `fit`.
        strategy: How keras-tuner chooses: at random, by Hyperband (many short trials, of which
            the best go on), by Bayesian optimization, or all combinations.
        max_trials: Combinations to try: 10 unless given, and all for `"grid"`; Hyperband, which
            counts by itself, takes none.
        objective: What to improve, as Keras's history calls it; with `"min"` or `"max"` for a
            metric that keras-tuner does not know.
        executions_per_trial: Models to train for each combination; their mean counts.
        batch_size: As in `fit`.
        epochs: As in `fit`, for each trial; for Hyperband the most that a trial gets.
        shuffle: As in `fit`.
        in_memory: As in `fit`.
        early_stopping: As in `fit`, for each trial.
        class_weight: As in `fit`.
        example_weight: As in `fit`.
        seed: Makes the choice, the weights and the order repeatable.
        verbose: What Keras prints: 0 nothing, 1 a bar, 2 a line for each epoch.

    Returns:
        What TFX's Tuner takes from `tuner_fn`.

    Raises:
        DefinitionError: The function or a parameter does not fit the examples, or there is nothing
            to tune.
    """
    check_parameters(build_model)
    if keras_of(build_model) is tf_keras:
        raise DefinitionError(
            "tune() searches with keras-tuner, which takes models of Keras 3 alone; "
            "this function's module imports tf_keras.",
            hint="import keras instead, or leave tune() out.",
        )
    batches = Batches(
        fn_args, label, batch_size, shuffle, in_memory, class_weight, example_weight, seed
    )
    hp = hyperparameters(fn_args)
    model = _build(batches, build_model, hp)
    if not hp.space:
        raise DefinitionError(
            "tune() finds nothing to tune: build_model(hp, features) asks hp for no value.",
            hint='write, for example, hp.Int("width", 8, 64, default=16) where a number stands.',
        )
    epochs = _epochs(fn_args, epochs, early_stopping)
    with _known(objective):
        search = _search(strategy, max_trials, epochs)(
            lambda hp: _build(batches, build_model, hp),
            objective=keras_tuner.Objective(*objective)
            if isinstance(objective, tuple)
            else objective,
            executions_per_trial=executions_per_trial,
            seed=seed,
            distribution_strategy=default_strategy() if _gpus() else None,
            directory=fn_args.working_dir,
            project_name="search",
        )
    names = feature_names(model) or tuple(_inputs(batches, keras))
    return TunerFnResult(
        search,
        {
            **batches.for_fit(names),
            "epochs": epochs,
            "callbacks": [_Computed(objective), *_stopping(keras, early_stopping)],
            "verbose": verbose,
        },
    )


def _search(strategy: str, max_trials: int | None, epochs: int) -> Any:
    """Return what makes the search of a strategy."""
    from functools import partial

    if strategy == "hyperband":
        if max_trials is not None:
            raise DefinitionError(
                'tune(strategy="hyperband") counts its trials by itself, and has max_trials=.',
                hint="leave max_trials= out; epochs= is the most that one trial gets.",
            )
        return partial(keras_tuner.Hyperband, max_epochs=epochs)
    if strategy == "grid":
        return partial(keras_tuner.GridSearch, max_trials=max_trials)
    kinds = {"random": keras_tuner.RandomSearch, "bayesian": keras_tuner.BayesianOptimization}
    if strategy not in kinds:
        raise DefinitionError(
            f"tune() knows no strategy {strategy!r}.",
            hint='take "random", "hyperband", "bayesian" or "grid".',
        )
    return partial(kinds[strategy], max_trials=max_trials or 10)


class NotComputedError(DefinitionError, keras_tuner.errors.FatalError):
    """The objective is none of the model's metrics; keras-tuner tries no further combination."""


class _Computed(keras.callbacks.Callback):
    """Looks, after the first epoch, whether the model computes what the search is to improve."""

    def __init__(self, objective: str | tuple[str, str]) -> None:
        super().__init__()
        self._name = objective if isinstance(objective, str) else objective[0]

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if logs is not None and self._name not in logs:
            raise NotComputedError(
                f"tune() is to improve objective={self._name!r}, which the model does not compute.",
                f"It computes: {listing(sorted(logs))}.",
                hint=did_you_mean(self._name, logs)
                or "name one of these, or compile the model with metrics=[…].",
            )


@contextlib.contextmanager
def _known(objective: Any) -> Iterator[None]:
    """Say in the chain's words what keras-tuner says of an objective that it does not know."""
    try:
        yield
    except ValueError as error:
        if "optimization direction" not in str(error):
            raise
        raise DefinitionError(
            f"tune() cannot tell whether objective={objective!r} is better high or low.",
            "It knows val_loss, and Keras's own metrics by name with val_ before.",
            hint=f'mend its name, or say which: objective=("{objective}", "max").',
        ) from None


def _build(
    batches: Batches, build_model: BuildModel, hp: keras_tuner.HyperParameters
) -> keras.Model:
    features = _inputs(batches, keras_of(build_model))
    label = batches.label
    words = labels.words(batches.fn_args, label) if isinstance(label, str) else ()
    return build(build_model, hp, features, label, batches.spec, len(words))


def _inputs(batches: Batches, kit: Any) -> dict[str, Any]:
    return inputs(batches.fn_args, batches.no_features, make=kit.Input)


def _gpus() -> list[Any]:
    return list(tf.config.list_physical_devices("GPU"))


def default_strategy() -> tf.distribute.Strategy:
    """Return the strategy for this machine: all its GPUs, or the one device that it has."""
    return tf.distribute.MirroredStrategy() if _gpus() else tf.distribute.get_strategy()


def _epochs(fn_args: FnArgs, epochs: int | None, early_stopping: int | None) -> int:
    if epochs is not None:
        if epochs < 1:
            raise DefinitionError(f"epochs={epochs} trains nothing.", hint="it takes 1 or more.")
        return epochs
    if fn_args.train_steps:
        return 1
    return EPOCHS if early_stopping is None else EPOCHS_AT_MOST


def _stopping(kit: Any, patience: int | None) -> list[Any]:
    if patience is None:
        return []
    return [kit.callbacks.EarlyStopping(patience=patience, restore_best_weights=True)]


def _logs(kit: Any, fn_args: FnArgs) -> list[Any]:
    if not fn_args.model_run_dir:
        return []
    return [kit.callbacks.TensorBoard(fn_args.model_run_dir, write_graph=False)]


def _backup(kit: Any, folder: str | None) -> list[Any]:
    if not folder:
        return []
    # A kill may leave half a file; Keras 3 then takes the copy of the one before.
    twice = {"double_checkpoint": True} if kit is keras else {}
    return [kit.callbacks.BackupAndRestore(folder, **twice)]
