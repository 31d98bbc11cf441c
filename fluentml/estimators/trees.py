"""Trees of any library as one `Forest`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fluentml.estimators.layers import Array, Forest


@dataclass(frozen=True, eq=False)
class Tree:
    """A tree by its nodes, the first of which is the root; what stands at leaves is not read.

    Attributes:
        feature: The feature that each node compares.
        threshold: What it compares the feature with.
        left: The node to go to where the feature is at most the threshold; negative for a leaf.
        right: The other one.
        missing_left: Whether a missing value goes to the left.
        value: What leaves add, [nodes, outputs] or [nodes].
    """

    feature: Any
    threshold: Any
    left: Any
    right: Any
    missing_left: Any
    value: Any


def forest(
    trees: Sequence[Tree],
    *,
    outputs: Sequence[int] | None = None,
    count: int = 1,
    scale: float = 1.0,
    strict: bool = False,
    single: bool = False,
) -> Forest:
    """Return the layer that adds up what trees say.

    Args:
        trees: At least one.
        outputs: Which of the outputs each tree adds to; None where its values are of them all.
        count: How many outputs there are, with `outputs`.
        scale: A factor for all values.
        strict: As in `Forest`.
        single: As in `Forest`.
    """
    sizes = [len(tree.left) for tree in trees]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
    columns: dict[str, list[Array]] = {}
    for root, size, tree in zip(roots, sizes, trees, strict=True):
        own = np.arange(size)
        is_leaf = np.asarray(tree.left) < 0
        value = np.asarray(tree.value, np.float64).reshape(size, -1)
        for name, column in {
            "feature": np.where(is_leaf, 0, tree.feature).astype(np.int32),
            "threshold": np.where(is_leaf, 0, tree.threshold).astype(np.float64),
            "left": (np.where(is_leaf, own, tree.left) + root).astype(np.int32),
            "right": (np.where(is_leaf, own, tree.right) + root).astype(np.int32),
            "missing_left": np.asarray(tree.missing_left, bool),
            "value": np.where(is_leaf[:, np.newaxis], value, 0) * scale,
        }.items():
            columns.setdefault(name, []).append(column)
    if outputs is None:
        shares = np.ones([len(trees), 1])
    else:
        shares = np.eye(count)[np.asarray(outputs)]
    return Forest(
        **{name: np.concatenate(parts) for name, parts in columns.items()},
        roots=roots,
        outputs=shares,
        depth=max(_depth(tree) for tree in trees),
        strict=strict,
        single=single,
    )


def _depth(tree: Tree) -> int:
    """Return the steps from the root to the farthest leaf."""
    left, right = np.asarray(tree.left), np.asarray(tree.right)
    nodes, steps = np.array([0]), 0
    while (nodes := nodes[left[nodes] >= 0]).size:
        nodes, steps = np.concatenate([left[nodes], right[nodes]]), steps + 1
    return steps
