"""What fitted estimators are made of: arrays, and what TensorFlow computes with them.

A translation is a tuple of layers, each of which takes what the one before it returns; the first
takes the features, float64 of shape [batch, features], in which NaN is a missing value. Only to
call a layer loads TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


@dataclass(frozen=True, eq=False)
class Layer:
    """A step of a prediction; an array of it becomes a variable of the SavedModel."""

    def __call__(self, x: Any) -> Any:
        """Return a tf.Tensor for another, both float64 of shape [batch, …]."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Add(Layer):
    """x + value."""

    value: Array

    def __call__(self, x: Any) -> Any:
        """Add."""
        return x + self.value


@dataclass(frozen=True, eq=False)
class Multiply(Layer):
    """x · value."""

    value: Array

    def __call__(self, x: Any) -> Any:
        """Multiply."""
        return x * self.value


@dataclass(frozen=True, eq=False)
class Divide(Layer):
    """x / value, which rounds otherwise than x · (1 / value): trees behind it see that."""

    value: Array

    def __call__(self, x: Any) -> Any:
        """Divide."""
        return x / self.value


@dataclass(frozen=True, eq=False)
class Clip(Layer):
    """x between two bounds."""

    low: float
    high: float

    def __call__(self, x: Any) -> Any:
        """Clip; NaN stays NaN."""
        import tensorflow as tf

        return tf.clip_by_value(x, tf.cast(self.low, x.dtype), tf.cast(self.high, x.dtype))


@dataclass(frozen=True, eq=False)
class Fill(Layer):
    """value where x is missing."""

    value: Array

    def __call__(self, x: Any) -> Any:
        """Fill."""
        import tensorflow as tf

        return tf.where(tf.math.is_nan(x), self.value, x)


@dataclass(frozen=True, eq=False)
class Affine(Layer):
    """x · weights + bias, of shapes [features, outputs] and [outputs]."""

    weights: Array
    bias: Array

    def __call__(self, x: Any) -> Any:
        """Multiply and add."""
        import tensorflow as tf

        return tf.matmul(x, self.weights) + self.bias


def affine(weights: Any, bias: Any) -> Affine:
    """Return the layer of `coef_` and `intercept_`, which has the outputs first or is flat."""
    matrix = np.atleast_2d(np.asarray(weights, np.float64)).T
    return Affine(matrix, np.zeros(matrix.shape[1]) + np.asarray(bias, np.float64))


@dataclass(frozen=True, eq=False)
class Function(Layer):
    """A function by its name.

    Attributes:
        name: TensorFlow's own `sigmoid`, `softmax`, `exp`, `relu` or `tanh`; or `shares`, by which
            rows add up to 1, or `last`, which takes the last column.
    """

    name: str

    def __call__(self, x: Any) -> Any:
        """Apply the function."""
        import tensorflow as tf

        if self.name == "last":
            return x[:, -1:]
        if self.name == "shares":
            total = tf.reduce_sum(x, axis=1, keepdims=True)
            # Where no class has any share, all have the same.
            even = tf.ones_like(x) / tf.cast(tf.shape(x)[1], x.dtype)
            return tf.where(total == 0, even, x / total)
        functions = {
            "sigmoid": tf.sigmoid,
            "softmax": tf.nn.softmax,
            "exp": tf.exp,
            "relu": tf.nn.relu,
            "tanh": tf.tanh,
        }
        return functions[self.name](x)


@dataclass(frozen=True, eq=False)
class Gaussian(Layer):
    """Logarithms of independent normal densities, up to a constant: [batch, classes]."""

    means: Array
    variances: Array

    def __call__(self, x: Any) -> Any:
        """Add up over the features."""
        import tensorflow as tf

        distances = (x[:, tf.newaxis, :] - self.means) ** 2 / self.variances
        return -0.5 * tf.reduce_sum(distances + tf.math.log(self.variances), axis=2)


@dataclass(frozen=True, eq=False)
class Kernel(Layer):
    """How near x is to each support vector: [batch, vectors]."""

    vectors: Array
    kind: str
    gamma: float
    coef0: float
    degree: int

    def __call__(self, x: Any) -> Any:
        """Compute the kernel."""
        import tensorflow as tf

        products = tf.matmul(x, self.vectors, transpose_b=True)
        if self.kind == "linear":
            return products
        if self.kind == "rbf":
            squares = tf.reduce_sum(x**2, axis=1, keepdims=True)
            return tf.exp(
                -self.gamma * (squares - 2 * products + tf.reduce_sum(self.vectors**2, axis=1))
            )
        inner = self.gamma * products + self.coef0
        return tf.tanh(inner) if self.kind == "sigmoid" else inner**self.degree


@dataclass(frozen=True, eq=False)
class Duel(Layer):
    """One score for each class, of what each pair of classes says: more for the first one if > 0.

    Attributes:
        signs: [pairs, classes]: 1 for the first class of the pair, −1 for the second.
    """

    signs: Array

    def __call__(self, x: Any) -> Any:
        """Count the pairs won; how clearly they were won breaks the ties."""
        import tensorflow as tf

        won = tf.matmul(tf.where(x < 0, tf.cast(-1, x.dtype), tf.cast(1, x.dtype)), self.signs)
        clearly = tf.matmul(x, self.signs)
        return won / 2 + clearly / (3 * (tf.abs(clearly) + 1))


@dataclass(frozen=True, eq=False)
class Forest(Layer):
    """The sum over all trees of the values at their leaves: [batch, outputs].

    The nodes of all trees stand one behind the other. A leaf is its own child, so that a walk of
    `depth` steps ends at a leaf in each of the trees.

    Attributes:
        feature: int32, [nodes]: the feature that is compared.
        threshold: float64, [nodes]: what it is compared with.
        left: int32, [nodes]: the node to go to where the feature is at most the threshold.
        right: int32, [nodes]: the other one.
        missing_left: bool, [nodes]: whether a missing value goes to the left.
        value: float64, [nodes, outputs], or [nodes, 1] with `outputs`.
        roots: int32, [trees].
        outputs: float64, [trees, outputs]: how much a tree adds to which output.
        depth: The steps of the longest walk.
        strict: Whether it is less that goes to the left, not at most.
        single: Whether features count as float32.
    """

    feature: Array
    threshold: Array
    left: Array
    right: Array
    missing_left: Array
    value: Array
    roots: Array
    outputs: Array
    depth: int
    strict: bool = False
    single: bool = False

    def __call__(self, x: Any) -> Any:
        """Walk all trees at once."""
        import tensorflow as tf

        if self.single:
            x = tf.cast(tf.cast(x, tf.float32), tf.float64)
        compare = tf.less if self.strict else tf.less_equal

        def step(node: Any) -> tuple[Any]:
            seen = tf.gather(x, tf.gather(self.feature, node), axis=1, batch_dims=1)
            goes_left = tf.where(
                tf.math.is_nan(seen),
                tf.gather(self.missing_left, node),
                compare(seen, tf.gather(self.threshold, node)),
            )
            return (tf.where(goes_left, tf.gather(self.left, node), tf.gather(self.right, node)),)

        start = tf.tile(self.roots[tf.newaxis, :], [tf.shape(x)[0], 1])
        (leaves,) = tf.while_loop(
            lambda _: True,
            step,
            (start,),
            shape_invariants=(start.shape,),
            maximum_iterations=self.depth,
        )
        values = tf.gather(self.value, leaves)
        return tf.reduce_sum(values * self.outputs, axis=1)
