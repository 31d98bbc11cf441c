"""XGBoost's boosted trees, by the JSON that its boosters save."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from fluentml.errors import DefinitionError
from fluentml.estimators import Layers, translates
from fluentml.estimators.layers import Add, Array, Function, Layer
from fluentml.estimators.trees import Tree, forest

IDENTITY = (
    "reg:absoluteerror",
    "reg:pseudohubererror",
    "reg:quantileerror",
    "reg:squarederror",
    "reg:squaredlogerror",
)
EXPONENTIAL = ("count:poisson", "reg:gamma", "reg:tweedie")
SIGMOID = ("binary:logistic", "reg:logistic")
SOFTMAX = ("multi:softprob",)

TREES: dict[str, tuple[Any, ...]] = {
    "booster": (None, "gbtree"),
    "missing": (np.nan,),
    "multi_strategy": (None, "one_output_per_tree"),
}


@translates(
    "XGBRegressor",
    "XGBRFRegressor",
    only={**TREES, "objective": (*IDENTITY, *EXPONENTIAL, "reg:logistic")},
)
@translates(
    "XGBClassifier", "XGBRFClassifier", only={**TREES, "objective": ("binary:logistic", *SOFTMAX)}
)
def boosted_trees(model: Any) -> Layers:
    """Where it starts, and what the trees add, of float32; then what the objective makes of it."""
    learner = json.loads(model.get_booster().save_raw("json"))["learner"]
    objective = learner["objective"]["name"]
    booster = learner["gradient_booster"]["model"]
    used = _used_trees(model, booster)
    outputs = booster["tree_info"][:used]
    trees = forest(
        [_tree(tree) for tree in booster["trees"][:used]],
        outputs=outputs,
        count=max(outputs) + 1,
        strict=True,
        single=True,
    )
    # A number up to XGBoost 3.0, a list of them since.
    start = np.atleast_1d(np.asarray(json.loads(learner["learner_model_param"]["base_score"])))
    return (trees, Add(_margin(start.astype(np.float64), objective)), *_link(objective))


def _used_trees(model: Any, booster: Any) -> int:
    """Return how many trees predict: those up to the best round, where training stopped early."""
    best = model.best_iteration if model.get_params().get("early_stopping_rounds") else None
    return len(booster["trees"]) if best is None else int(booster["iteration_indptr"][best + 1])


def _tree(tree: Any) -> Tree:
    if any(tree["split_type"]):
        raise DefinitionError(
            "XGBoost split by categories, which fluentml does not translate.",
            hint="leave feature_types= out: numbers of a vocabulary split as numbers.",
        )
    conditions = np.asarray(tree["split_conditions"], np.float32).astype(np.float64)
    return Tree(
        np.asarray(tree["split_indices"]),
        conditions,
        np.asarray(tree["left_children"]),
        np.asarray(tree["right_children"]),
        np.asarray(tree["default_left"]),
        conditions,  # those of a leaf are its value
    )


def _margin(start: Array, objective: str) -> Array:
    """Return the base score as the trees add to it: XGBoost keeps what it predicts."""
    if objective in SIGMOID:
        return np.asarray(np.log(start / (1 - start)))
    return np.asarray(np.log(start)) if objective in EXPONENTIAL else start


def _link(objective: str) -> tuple[Layer, ...]:
    if objective in SIGMOID:
        return (Function("sigmoid"),)
    if objective in EXPONENTIAL:
        return (Function("exp"),)
    return (Function("softmax"),) if objective in SOFTMAX else ()
