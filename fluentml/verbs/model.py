"""From examples to a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from typing_extensions import Self, Unpack

from fluentml import components as kinds
from fluentml import hyperparameters
from fluentml.estimators import Estimator
from fluentml.sources import PathLike
from fluentml.verbs._base import Chain, Step
from fluentml.verbs._ready_made import Fitting, Searching


class Model(Chain):
    """Verbs that make the model."""

    def preprocess(
        self,
        module: PathLike | Callable[..., Any] | None = None,
        *,
        numeric: Sequence[str] = (),
        log: Sequence[str] = (),
        categorical: Sequence[str] | Mapping[str, int | None] = (),
        bucketize: Mapping[str, int] = MappingProxyType({}),
        text: Mapping[str, int] = MappingProxyType({}),
        dates: Sequence[str] = (),
        passthrough: Sequence[str] = (),
        label: str | None = None,
        splits_to_analyze: Sequence[str] = ("train",),
        splits_to_transform: Sequence[str] | None = None,
        analyzer_cache: bool | None = None,
        disable_statistics: bool = False,
        stats_options_updater_fn: str | Callable[..., Any] | None = None,
        custom_config: Mapping[str, Any] | None = None,
        splits_config: Any = None,
        **step: Unpack[Step],
    ) -> Self:
        """Transform the examples by `preprocessing_fn(inputs)`, and keep it as a graph for serving.

        A function is taken along by its source, with what it refers to in its file or in the cells
        of its notebook: the call writes it as a module file to `{root}/{name}/_modules`.

        Without a function, the features are declared, and the call writes the function there:
        `fluentml show FILE Transform` prints it, to read or to go on by hand. Each raw feature has
        one role and at most one value in an example; `fare` becomes `fare_xf`, a dense tensor of
        shape [batch, 1] unless said otherwise.

        Args:
            module: The function, a Python file that defines `preprocessing_fn`, or its import path.
                The function gets a dict of batches: a tf.Tensor of shape [batch] or [batch, n], or
                a tf.SparseTensor, by raw feature; it returns such a dict by transformed feature.
            numeric: Numbers to scale to mean 0 and variance 1; a missing one counts as the mean.
            log: Amounts whose logarithms, of 1 + amount, are scaled so; one below 0 counts as 0.
            categorical: Words, or numbers that are codes: each becomes its number in a vocabulary,
                the most frequent first. `{"company": 40}` knows 40 of them, 0 to 39; all others
                and missing ones share the number after the last, so there are at most 41. A list
                knows every word of the data.
            bucketize: Numbers that become the number of their quantile: `{"latitude": 10}` makes 0
                to 9 of it, and 10 where one is missing.
            text: Texts that become a bag of words: `{"review": 1000}` hashes the words, in lower
                case, to 1000 numbers and counts each: float32, of shape [batch, 1000].
            dates: ISO dates, `2024-05-31` or `2024-05-31T23:59:00`: `day` becomes `day_weekday_xf`
                (1, Monday, to 7), `day_month_xf` (1 to 12) and `day_hour_xf` (0 to 23); all are 0
                where it is missing or no such date.
            passthrough: Features that stay as they are; a missing one is 0, or the empty text.
            label: What is predicted: a number stays as it is, words become the numbers of their
                classes, from 0 on, the most frequent first.
            splits_to_analyze: Splits over which means, vocabularies and the like are computed.
            splits_to_transform: Splits to transform; None transforms every one.
            analyzer_cache: True takes over from the last run what was computed over the same
                examples: only what a changed `preprocessing_fn` has new is computed. None keeps
                what was computed and reads nothing, False does neither.
            disable_statistics: Whether to leave out the statistics of the examples before and after
                the transformation; it is quicker then.
            stats_options_updater_fn: `stats_options_updater_fn(stats_type, stats_options)`, which
                returns the changed `tfdv.StatsOptions` of these statistics: a function beside a
                function, an import path beside one. In a module file it is the one of that name.
            custom_config: Plain values for a second parameter, `preprocessing_fn(inputs,
                custom_config)`.
            splits_config: TFX's `transform_pb2.SplitsConfig`, instead of the two kinds of splits.
            **step: See `Step`.

        Raises:
            DefinitionError: The function refers to what source cannot bring back, such as an open
                model; or a feature is named twice or cannot be made so.
        """
        updater = stats_options_updater_fn
        written, features = self._preprocessing(
            module,
            {
                "numeric": numeric,
                "log": log,
                "categorical": categorical,
                "bucketize": bucketize,
                "text": text,
                "dates": dates,
                "passthrough": passthrough,
                "label": label,
            },
            stats_options_updater_fn=updater,
            custom_config=custom_config,
        )
        return self._add(
            kinds.Transform,
            module=written,
            features=features,
            splits_to_analyze=splits_to_analyze,
            splits_to_transform=splits_to_transform,
            analyzer_cache=analyzer_cache,
            disable_statistics=disable_statistics,
            stats_options_updater_fn=None if callable(updater) else updater,
            custom_config=custom_config,
            splits_config=splits_config,
            **step,
        )

    def tune(
        self,
        module: PathLike | Callable[..., Any],
        *,
        label: str | Sequence[str] | None = None,
        strategy: Literal["random", "hyperband", "bayesian", "grid"] | None = None,
        max_trials: int | None = None,
        objective: str | tuple[str, Literal["min", "max"]] | None = None,
        executions_per_trial: int | None = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        early_stopping: int | None = None,
        class_weight: Literal["balanced"] | Mapping[int | str, float] | None = None,
        example_weight: str | None = None,
        shuffle: bool | int | None = None,
        in_memory: bool | None = None,
        seed: int | None = None,
        train_steps: int | None = None,
        eval_steps: int | None = None,
        train_splits: Sequence[str] = ("train",),
        eval_splits: Sequence[str] = ("eval",),
        custom_config: Mapping[str, Any] | None = None,
        parallel_trials: int = 1,
        vertex: Mapping[str, Any] | None = None,
        train_args: Any = None,
        eval_args: Any = None,
        tune_args: Any = None,
        **step: Unpack[Step],
    ) -> Self:
        """Search for hyperparameters with the keras-tuner that `tuner_fn(fn_args)` sets up.

        With `directory=fn_args.working_dir` in it, a search that an error or a kill interrupted
        goes on when the pipeline runs here again, with what it read before, the same
        parameters and the same code (the module, and the files beside it that it imports):
        completed trials do not run again.

        `build_model(hp, features)` does as well: what it asks `hp` for is searched, as in
        `fluentml.training.tuner`. So does `build_estimator(hp)`, as in
        `fluentml.training.estimator_tuner`.

        Args:
            module: `build_model(hp, features)` or `build_estimator(hp)`, around which the search is
                ready-made; or the function `tuner_fn(fn_args)`, a Python file that defines it, or
                its import path.
            label: As in `train`; this and all up to `seed` are for `build_model`. For
                `build_estimator` are this, `strategy` (no `"hyperband"`), `max_trials`,
                `objective`, the weights and `seed`.
            strategy: How keras-tuner chooses: `"random"` unless given, `"hyperband"` (many short
                trials, of which the best go on), `"bayesian"`, or `"grid"` for all combinations.
            max_trials: Combinations to try: 10 unless given, and all for `"grid"`; not for
                `"hyperband"`, which counts by itself.
            objective: What to improve, `"val_loss"` unless given; `("val_f1", "max")` for a metric
                that keras-tuner does not know. Of an estimator its `"score"`, unless one of
                scikit-learn's scores is named, such as `"neg_log_loss"`.
            executions_per_trial: Models to train for each combination; their mean counts.
            batch_size: As in `train`.
            epochs: As in `train`, for each trial; for `"hyperband"` the most that a trial gets.
            early_stopping: As in `train`, for each trial.
            class_weight: As in `train`.
            example_weight: As in `train`.
            shuffle: As in `train`.
            in_memory: As in `train`.
            seed: Makes the choice, the weights and the order repeatable.
            train_steps: Batches per trial to train on; None leaves it to the function.
            eval_steps: Batches per trial to evaluate on; None leaves it to the function.
            train_splits: Splits to train on.
            eval_splits: Splits to evaluate on.
            custom_config: Plain values that arrive as `fn_args.custom_config`.
            parallel_trials: How many trials run at a time. More than one run in as many processes,
                each of which loads TensorFlow, calls `tuner_fn`, and holds a model and its data.
            vertex: As in `train`; `parallel_trials` is then the number of its machines.
            train_args: TFX's `trainer_pb2.TrainArgs`, instead of the plain values.
            eval_args: TFX's `trainer_pb2.EvalArgs`, instead of the plain values.
            tune_args: TFX's `tuner_pb2.TuneArgs`, instead of `parallel_trials`.
            **step: See `Step`.
        """
        return self._add(
            kinds.Tuner,
            **self._trainer(
                kinds.Tuner,
                module,
                Searching,
                {"train_steps": train_steps, "eval_steps": eval_steps},
                custom_config,
                label=label,
                strategy=strategy,
                max_trials=max_trials,
                objective=objective,
                executions_per_trial=executions_per_trial,
                batch_size=batch_size,
                epochs=epochs,
                early_stopping=early_stopping,
                class_weight=class_weight,
                example_weight=example_weight,
                shuffle=shuffle,
                in_memory=in_memory,
                seed=seed,
            ),
            train_steps=train_steps,
            eval_steps=eval_steps,
            train_splits=train_splits,
            eval_splits=eval_splits,
            train_args=train_args,
            eval_args=eval_args,
            parallel_trials=parallel_trials,
            vertex=vertex,
            tune_args=tune_args,
            **step,
        )

    def with_hyperparameters(
        self, path: PathLike | Mapping[str, str | int | float | bool], **step: Unpack[Step]
    ) -> Self:
        """Take hyperparameters that are known; training prefers them to tuned ones.

        Args:
            path: A folder whose one file is `best_hyperparameters.txt`, as a Tuner writes it; or
                the values by name, `{"learning_rate": 0.01, "width": 64}`, which the call writes
                to such a folder in `{root}/{name}/_hyperparameters`, named by their content.
            **step: See `Step`.

        Raises:
            DefinitionError: The dict is empty or holds other values, or the root is remote.
        """
        if isinstance(path, Mapping):
            folder = f"{self.settings.root.rstrip('/')}/{self.settings.name}/_hyperparameters"
            path = hyperparameters.keep(path, folder)
        return self._add(kinds.ImportedHyperparameters, uri=path, **step)

    def with_base_model(self, path: PathLike, **step: Unpack[Step]) -> Self:
        """Take a model trained earlier; training and tuning receive it as `fn_args.base_model`.

        Args:
            path: The folder of a Model artifact, with `Format-Serving/` in it.
            **step: See `Step`.
        """
        return self._add(kinds.ImportedModel, uri=path, **step)

    def train(
        self,
        module: PathLike | Callable[..., Any] | Estimator,
        *,
        label: str | Sequence[str] | None = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        early_stopping: int | None = None,
        class_weight: Literal["balanced"] | Mapping[int | str, float] | None = None,
        example_weight: str | None = None,
        shuffle: bool | int | None = None,
        in_memory: bool | None = None,
        seed: int | None = None,
        train_steps: int | None = None,
        eval_steps: int | None = None,
        train_splits: Sequence[str] = ("train",),
        eval_splits: Sequence[str] = ("eval",),
        warm_start: bool = False,
        custom_config: Mapping[str, Any] | None = None,
        vertex: Mapping[str, Any] | None = None,
        train_args: Any = None,
        eval_args: Any = None,
        **step: Unpack[Step],
    ) -> Self:
        """Train a model by `run_fn(fn_args)`, which saves it to `fn_args.serving_model_dir`.

        Training reads the transformed examples where the chain has a `preprocess` step, else the
        raw ones. What else the chain has arrives in `fn_args`:

        - `hyperparameters`: those of `with_hyperparameters`, else those of `tune`, else None; a
          dict, of which `fluentml.training.hyperparameters(fn_args)` makes keras-tuner's object.
        - `base_model`: the SavedModel's folder of `with_base_model`, else with `warm_start` that of
          the last model, else None; `fluentml.training.warm_start(model, fn_args)` takes over its
          weights.
        - `custom_config`, `train_steps`, `eval_steps`: as given here.

        `build_model(hp, features)` does as well: it returns a compiled Keras model of the inputs
        `features`, a dict by feature; `hp` has the hyperparameters. Reading, training, saving,
        logs and going on after a crash are ready-made, as in `fluentml.training.fit`.

        So does an estimator of scikit-learn, XGBoost or LightGBM, such as
        `RandomForestClassifier(n_estimators=50)`, of which the module gets the call that makes it;
        or `build_estimator(hp)`, which returns one. It learns from all training examples at once,
        and is saved as TensorFlow, as in `fluentml.training.fit_estimator`.

        Args:
            module: `build_model(hp, features)`, `build_estimator(hp)` or an estimator, around which
                the training is ready-made; or the function `run_fn(fn_args)`, a Python file that
                defines it, or its import path.
            label: The feature to predict, as training reads it, or several for a model whose
                outputs are a dict by these names; this and all up to `seed` are for `build_model`.
                An estimator takes this, the weights and `seed`.
            batch_size: Examples in one batch, 64 unless given.
            epochs: Passes over the training examples, or rounds of `train_steps`: 1 unless given
                with `train_steps`, else 10, or with `early_stopping` at most 100.
            early_stopping: Stop after that many epochs in which the evaluation's loss got no
                better, and take the weights of the best.
            class_weight: Weights by the class's number or word, or `"balanced"`.
            example_weight: A feature that weighs the examples in the loss; no input of the model.
            shuffle: Whether every epoch has another order, as it has unless given; a number is that
                of the examples, 10,000 unless given, among which the next one is drawn.
            in_memory: Whether examples stay there once they are read; not so unless given.
            seed: Makes initial weights and order repeatable.
            train_steps: Batches to train on; None leaves it to the function or to `epochs`.
            eval_steps: Batches to evaluate on; None leaves it to the function, or takes all.
            train_splits: Splits to train on.
            eval_splits: Splits to evaluate on.
            warm_start: Start from the last model that this step made in an earlier run; there is
                none in a first run. `with_base_model` beats it. Each run has another model to start
                from, so each run trains.
            custom_config: Plain values that arrive as `fn_args.custom_config`.
            vertex: A custom job of Vertex AI to train in, wherever the pipeline runs: `project`,
                `region`, and `image`, that of `fluentml image`; if wanted `machine_type`,
                `"n1-standard-4"` unless given, `accelerator_type`, `accelerator_count`,
                `service_account`, `timeout` such as `"6h"`, `env`, `labels`, `display_name`. The
                step starts the job and waits for it; interrupted here or under Airflow, it cancels
                it, but not where it is killed. The root is on Google Cloud Storage.
            train_args: TFX's `trainer_pb2.TrainArgs`, instead of the plain values.
            eval_args: TFX's `trainer_pb2.EvalArgs`, instead of the plain values.
            **step: See `Step`.
        """
        return self._add(
            kinds.Trainer,
            **self._trainer(
                kinds.Trainer,
                module,
                Fitting,
                {
                    "train_steps": train_steps,
                    "eval_steps": eval_steps,
                    "warm_start": warm_start or None,
                },
                custom_config,
                label=label,
                batch_size=batch_size,
                epochs=epochs,
                early_stopping=early_stopping,
                class_weight=class_weight,
                example_weight=example_weight,
                shuffle=shuffle,
                in_memory=in_memory,
                seed=seed,
            ),
            train_steps=train_steps,
            eval_steps=eval_steps,
            train_splits=train_splits,
            eval_splits=eval_splits,
            warm_start=warm_start,
            vertex=vertex,
            train_args=train_args,
            eval_args=eval_args,
            **step,
        )
