"""LightGBM's boosted trees, by the JSON that its boosters dump."""

from __future__ import annotations

from typing import Any

import numpy as np

from fluentml.errors import DefinitionError
from fluentml.estimators import Layers, translates
from fluentml.estimators.layers import Divide, Function, Layer, Multiply
from fluentml.estimators.trees import Tree, forest

IDENTITY = ("fair", "huber", "mape", "quantile", "regression", "regression_l1")
EXPONENTIAL = ("gamma", "poisson", "tweedie")

TREES: dict[str, tuple[Any, ...]] = {
    "categorical_feature": (None,),
    "linear_tree": (None, False),
    "zero_as_missing": (None, False),
}


@translates("LGBMRegressor", only={**TREES, "objective": (None, *IDENTITY, *EXPONENTIAL)})
@translates(
    "LGBMClassifier", only={**TREES, "objective": (None, "binary", "multiclass", "multiclassova")}
)
def boosted_trees(model: Any) -> Layers:
    """What the trees add up to, of float64; then what the objective makes of it."""
    # As many rounds as predict: those up to the best one, where training stopped early.
    booster = model.booster_.dump_model(num_iteration=model.best_iteration_ or -1)
    outputs = booster["num_tree_per_iteration"]
    trees = [_tree(tree["tree_structure"]) for tree in booster["tree_info"]]
    rounds = len(trees) // outputs
    added = forest(trees, outputs=[*range(outputs)] * rounds, count=outputs)
    mean = (Divide(np.array([float(rounds)])),) if booster.get("average_output") else ()
    return (added, *mean, *_link(booster["objective"]))


def _link(objective: str) -> tuple[Layer, ...]:
    name, *rest = objective.split()
    options = dict(option.partition(":")[::2] for option in rest)
    if name in ("binary", "multiclassova"):
        return (Multiply(np.array([float(options["sigmoid"])])), Function("sigmoid"))
    if name == "multiclass":
        return (Function("softmax"),)
    if name in EXPONENTIAL:
        return (Function("exp"),)
    if name in IDENTITY and "sqrt" not in options:
        return ()
    raise DefinitionError(
        f"LightGBM trained for {objective!r}, which fluentml does not translate.",
        hint=f"take one of {', '.join((*IDENTITY, *EXPONENTIAL))}, binary or multiclass.",
    )


def _tree(root: Any) -> Tree:
    """Return a tree whose nodes stand in the order in which they are reached."""
    nodes = [root]
    left, right = [], []
    for node in nodes:  # which grows as children are found
        is_leaf = "left_child" not in node
        left.append(-1 if is_leaf else len(nodes))
        right.append(-1 if is_leaf else len(nodes) + 1)
        nodes += [] if is_leaf else [node["left_child"], node["right_child"]]
        if node.get("decision_type", "<=") != "<=":
            raise DefinitionError(
                "LightGBM split by categories, which fluentml does not translate.",
                hint="leave categorical_feature= out: numbers of a vocabulary split as numbers.",
            )
    threshold = np.array([node.get("threshold", 0.0) for node in nodes], np.float64)
    # Where training saw no missing value, one counts as 0.
    missing_left = [
        node["default_left"] if node.get("missing_type") == "NaN" else split >= 0
        for node, split in zip(nodes, threshold, strict=True)
    ]
    return Tree(
        np.array([node.get("split_feature", 0) for node in nodes]),
        threshold,
        np.array(left),
        np.array(right),
        np.array(missing_left),
        np.array([node.get("leaf_value", 0.0) for node in nodes]),
    )
