"""Examples as Keras trains on them: batches of what the model reads, weighted, for each epoch."""

from __future__ import annotations

import collections
import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx_bsl.tfxio.dataset_options import TensorFlowDatasetOptions

from fluentml.errors import DefinitionError, did_you_mean, listing
from fluentml.training import labels
from fluentml.training.data import check_label, feature_spec, first, names_of, schema_of

Row = dict[str, Any]

SHUFFLE_BUFFER = 10_000


@dataclass(frozen=True)
class Batches:
    """The examples of a step, and what of them a model trains on.

    Attributes:
        fn_args: What TFX passes to the user's function.
        label: The label's feature name, or several.
        batch_size: Examples in a batch.
        shuffle: Whether each epoch has the training examples in another order; a number is that
            of the examples among which the next one is drawn.
        in_memory: Whether the examples stay there once they are read.
        class_weight: `"balanced"`, or weights by class.
        example_weight: The feature that weighs examples.
        seed: Makes the order repeatable.
    """

    fn_args: FnArgs
    label: str | Sequence[str]
    batch_size: int
    shuffle: bool | int = True
    in_memory: bool = False
    class_weight: str | Mapping[Any, float] | None = None
    example_weight: str | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        for name in names_of(self.label):
            check_label(name, self.spec)
            self._check_numbers(name)
        if self.example_weight:
            check_label(self.example_weight, self.spec, "Example weight")
        if self.class_weight is not None:
            self._check_classes()

    @functools.cached_property
    def spec(self) -> dict[str, Any]:
        """The parsing spec by feature."""
        return feature_spec(schema_of(self.fn_args))

    @property
    def _first_label(self) -> str:
        return names_of(self.label)[0]

    @property
    def no_features(self) -> tuple[str, ...]:
        """The names that the model does not get: labels and weights."""
        weight = (self.example_weight,) if self.example_weight else ()
        return (*names_of(self.label), *weight)

    def for_fit(self, features: Sequence[str]) -> dict[str, Any]:
        """Return the arguments of `model.fit` that bring the examples, for these features."""
        # Keras counts the batches in the first pass, and warns of the end that it finds.
        warnings.filterwarnings("ignore", "Your input ran out of data", module="keras")
        train_steps, eval_steps = self.fn_args.train_steps, self.fn_args.eval_steps
        split = self._split(features)
        train = self._train().map(split, tf.data.AUTOTUNE)
        evaluation = self._rows(self.fn_args.eval_files, forever=bool(eval_steps))
        if self.in_memory and not eval_steps:
            evaluation = evaluation.cache()
        evaluation = evaluation.map(split, tf.data.AUTOTUNE)
        return {
            "x": train.prefetch(tf.data.AUTOTUNE),
            "validation_data": first(evaluation, eval_steps) if eval_steps else evaluation,
            **({"steps_per_epoch": train_steps} if train_steps else {}),
        }

    def once(self, files: list[str], features: Sequence[str]) -> tf.data.Dataset:
        """Return all examples of files, one time, as `model.fit` takes them."""
        rows = self._rows(files, forever=False)
        return rows.map(self._split(features), tf.data.AUTOTUNE)

    def _train(self) -> tf.data.Dataset:
        """Return the training examples: endless where steps are given, else one pass."""
        forever = bool(self.fn_args.train_steps)
        if not self.in_memory:
            return self._rows(self.fn_args.train_files, forever=forever, shuffle=self.shuffle)
        rows = self._rows(self.fn_args.train_files, forever=False).cache()
        if self.shuffle:
            rows = rows.unbatch().shuffle(self._buffer, self.seed)
        rows = rows.repeat() if forever else rows
        return rows.batch(self.batch_size) if self.shuffle else rows

    @property
    def _buffer(self) -> int:
        return SHUFFLE_BUFFER if isinstance(self.shuffle, bool) else self.shuffle

    def _rows(
        self, files: list[str], *, forever: bool, shuffle: bool | int = False
    ) -> tf.data.Dataset:
        options = TensorFlowDatasetOptions(
            batch_size=self.batch_size,
            num_epochs=None if forever else 1,
            shuffle=bool(shuffle),
            shuffle_buffer_size=self._buffer,
            shuffle_seed=self.seed,
        )
        schema = schema_of(self.fn_args)
        dataset = self.fn_args.data_accessor.tf_dataset_factory(files, options, schema)
        sharding = tf.data.Options()
        sharding.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.DATA
        )
        return dataset.with_options(sharding)

    def _split(self, features: Sequence[str]) -> Callable[[Row], Any]:
        """Return the function from a batch of rows to (features, label) or (…, weight)."""
        by_class = self._table()

        def split(row: Row) -> Any:
            target = {name: row[name] for name in names_of(self.label)}
            weight = None
            if self.example_weight:
                weight = tf.reshape(tf.cast(row[self.example_weight], tf.float32), [-1])
            if by_class is not None:
                of_class = tf.gather(by_class, tf.reshape(target[self._first_label], [-1]))
                weight = of_class if weight is None else weight * of_class
            of_model = {name: row[name] for name in features}
            labelled = (of_model, target[self.label] if isinstance(self.label, str) else target)
            return labelled if weight is None else (*labelled, weight)

        return split

    def _table(self) -> tf.Tensor | None:
        """Return the weight by class number."""
        if self.class_weight is None:
            return None
        counts: Mapping[int, int] = {}
        if isinstance(self.class_weight, str):
            counts = self.count_classes()
        words = labels.words(self.fn_args, self._first_label)
        weights = labels.class_weights(self.class_weight, counts, words)
        strange = [str(name) for name in weights if not isinstance(name, int)]
        if strange:
            known = [word.decode(errors="replace") for word in words]
            raise DefinitionError(
                f"class_weight= has {listing(strange)}, and the label has no such class.",
                f"Its classes: {listing(known, 'numbers from 0 on')}.",
                hint=did_you_mean(strange[0], known) or "name a class, or give its number.",
            )
        numbers = [number for number in weights if isinstance(number, int)]
        size = max([*numbers, *counts, len(words) - 1, 1]) + 1
        return tf.constant([weights.get(number, 1.0) for number in range(size)], tf.float32)

    def count_classes(self) -> dict[int, int]:
        """Return the training examples by class, of one pass."""
        counts: collections.Counter[int] = collections.Counter()
        for row in self._rows(self.fn_args.train_files, forever=False):
            numbers, how_many = np.unique(row[self._first_label].numpy(), return_counts=True)
            counts.update(dict(zip(numbers.tolist(), how_many.tolist(), strict=True)))
        return dict(counts)

    def _check_numbers(self, label: str) -> None:
        column = self.spec[label]
        if column.dtype == tf.string:
            raise DefinitionError(
                f"Label {label!r} is text, and models train on numbers.",
                hint="number it in preprocessing_fn: tft.compute_and_apply_vocabulary(…); "
                "predictions come back in its words.",
            )
        if not isinstance(column, tf.io.FixedLenFeature):
            raise DefinitionError(
                f"Label {label!r} can miss values.",
                hint="fill_missing(…) in preprocessing_fn puts a value where there is none.",
            )

    def _check_classes(self) -> None:
        if isinstance(self.class_weight, str) and self.class_weight != "balanced":
            raise DefinitionError(
                f"class_weight= takes 'balanced' or a dict, not {self.class_weight!r}.",
                hint='write class_weight="balanced", or {0: 1.0, 1: 5.0}.',
            )
        name = self._first_label
        spec = self.spec[name]
        if (
            not isinstance(self.label, str)
            or not spec.dtype.is_integer
            or tuple(spec.shape) not in ((), (1,))
        ):
            raise DefinitionError(
                f"class_weight= weighs one label of whole numbers, and {name!r} is "
                f"{spec.dtype.name} of shape {list(spec.shape)}"
                f"{'' if isinstance(self.label, str) else ', one of several'}.",
                hint="weigh examples by a feature: example_weight=…",
            )
