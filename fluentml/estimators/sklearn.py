"""scikit-learn's estimators: linear ones, trees and what is made of them, networks, kernels."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from fluentml.errors import DefinitionError
from fluentml.estimators import Layers, layers_of, translates
from fluentml.estimators.layers import (
    Add,
    Affine,
    Array,
    Clip,
    Divide,
    Duel,
    Fill,
    Function,
    Gaussian,
    Kernel,
    Layer,
    Multiply,
    affine,
)
from fluentml.estimators.trees import Tree, forest

# -- put together ---------------------------------------------------------------------------------


def _steps(pipeline: Any) -> list[Any]:
    return [step for _, step in pipeline.steps if step not in (None, "passthrough")]


@translates("Pipeline", within=_steps)
def pipeline(model: Any) -> Layers:
    """One after the other."""
    return tuple(itertools.chain.from_iterable(map(layers_of, _steps(model))))


@translates("GridSearchCV", "RandomizedSearchCV", within=lambda model: [model.estimator])
def search(model: Any) -> Layers:
    """The best, fitted on all rows."""
    return layers_of(model.best_estimator_)


# -- preparation ----------------------------------------------------------------------------------


@translates("StandardScaler")
def standard_scaler(model: Any) -> Layers:
    """(x − mean) / deviation, either of which may be off."""
    return _scaled(model.mean_ if model.with_mean else None, model.scale_)


@translates("RobustScaler")
def robust_scaler(model: Any) -> Layers:
    """(x − median) / range between quantiles, either of which may be off."""
    return _scaled(model.center_, model.scale_)


@translates("MaxAbsScaler")
def max_abs_scaler(model: Any) -> Layers:
    """X / the greatest |x|."""
    return _scaled(None, model.scale_)


def _scaled(center: Any, scale: Any) -> Layers:
    return (
        *(() if center is None else (Add(-center),)),
        *(() if scale is None else (Divide(scale),)),
    )


@translates("MinMaxScaler")
def min_max_scaler(model: Any) -> Layers:
    """X · scale + minimum, within the range if the scaler clips."""
    clipped = (Clip(*map(float, model.feature_range)),) if model.clip else ()
    return (Multiply(model.scale_), Add(model.min_), *clipped)


@translates("SimpleImputer", only={"add_indicator": (False,), "missing_values": (np.nan,)})
def simple_imputer(model: Any) -> Layers:
    """What stands for a missing value, by feature."""
    values = np.asarray(model.statistics_, np.float64)
    if np.isnan(values).any():
        raise DefinitionError(
            "SimpleImputer drops features that have no value in the training examples.",
            hint="leave them out, or keep them: SimpleImputer(keep_empty_features=True).",
        )
    return (Fill(values),)


# -- linear models --------------------------------------------------------------------------------


@translates(
    "ARDRegression",
    "BayesianRidge",
    "ElasticNet",
    "ElasticNetCV",
    "HuberRegressor",
    "Lars",
    "Lasso",
    "LassoCV",
    "LassoLars",
    "LinearRegression",
    "LinearSVR",
    "PassiveAggressiveRegressor",
    "QuantileRegressor",
    "Ridge",
    "RidgeCV",
    "SGDRegressor",
    "TheilSenRegressor",
)
def linear_regression(model: Any) -> Layers:
    """Weights and intercept."""
    return (affine(model.coef_, model.intercept_),)


@translates("GammaRegressor", "PoissonRegressor")
def log_linear_regression(model: Any) -> Layers:
    """A linear model of the logarithm."""
    return (affine(model.coef_, model.intercept_), Function("exp"))


@translates("LogisticRegression", "LogisticRegressionCV")
def logistic_regression(model: Any) -> Layers:
    """Multinomial, or one class against the rest."""
    scheme, two = model.get_params().get("multi_class", "auto"), len(model.classes_) == 2
    one_by_one = scheme == "ovr" or (
        scheme != "multinomial" and (two or model.solver in ("liblinear", "newton-cholesky"))
    )
    if one_by_one:
        return _against_the_rest(model)
    if two:  # the softmax of −x and x is the sigmoid of 2 x
        return (affine(2 * model.coef_, 2 * model.intercept_), Function("sigmoid"))
    return (affine(model.coef_, model.intercept_), Function("softmax"))


@translates("LinearDiscriminantAnalysis")
def linear_discriminant_analysis(model: Any) -> Layers:
    """A linear model whose margins are logits."""
    return _margins(model)


@translates(
    "LinearSVC", "PassiveAggressiveClassifier", "Perceptron", "RidgeClassifier", "RidgeClassifierCV"
)
def linear_classifier(model: Any) -> Layers:
    """A linear model without probabilities."""
    return _margins(model)


@translates("SGDClassifier")
def sgd_classifier(model: Any) -> Layers:
    """Probabilities as the loss has them."""
    if model.loss == "log_loss":
        return _against_the_rest(model)
    if model.loss != "modified_huber":
        return _margins(model)
    halved = (affine(model.coef_, model.intercept_), Clip(-1, 1), Add(_of(1)), Divide(_of(2)))
    return halved if len(model.classes_) == 2 else (*halved, Function("shares"))


def _of(number: float) -> Array:
    return np.array([number], np.float64)


def _margins(model: Any) -> Layers:
    last = "sigmoid" if len(model.classes_) == 2 else "softmax"
    return (affine(model.coef_, model.intercept_), Function(last))


def _against_the_rest(model: Any) -> Layers:
    layers: Layers = (affine(model.coef_, model.intercept_), Function("sigmoid"))
    return layers if len(model.classes_) == 2 else (*layers, Function("shares"))


# -- trees ----------------------------------------------------------------------------------------


def _tree(tree: Any, value: Any = None) -> Tree:
    """Return a tree of scikit-learn's; `value` takes the place of its own, [nodes, outputs]."""
    nodes = tree.__getstate__()["nodes"]
    return Tree(
        nodes["feature"],
        nodes["threshold"],
        nodes["left_child"],
        nodes["right_child"],
        nodes["missing_go_to_left"],
        tree.value[:, 0, :] if value is None else value,
    )


def _shares(tree: Any) -> Array:
    """Return the shares of the classes at each node, which were counts in older versions."""
    value = tree.value[:, 0, :]
    return np.asarray(value / value.sum(axis=1, keepdims=True))


def _second(classes: int) -> Layers:
    return (Function("last"),) if classes == 2 else ()


@translates("DecisionTreeRegressor", "ExtraTreeRegressor")
def tree_regressor(model: Any) -> Layers:
    """A tree."""
    return (forest([_tree(model.tree_)], single=True),)


@translates("DecisionTreeClassifier", "ExtraTreeClassifier")
def tree_classifier(model: Any) -> Layers:
    """A tree of shares."""
    trees = [_tree(model.tree_, _shares(model.tree_))]
    return (forest(trees, single=True), *_second(model.n_classes_))


@translates("ExtraTreesRegressor", "RandomForestRegressor")
def forest_regressor(model: Any) -> Layers:
    """The mean of the trees."""
    trees = [_tree(one.tree_) for one in model.estimators_]
    return (forest(trees, single=True), Divide(_of(len(trees))))


@translates("ExtraTreesClassifier", "RandomForestClassifier")
def forest_classifier(model: Any) -> Layers:
    """The mean of the trees' shares."""
    trees = [_tree(one.tree_, _shares(one.tree_)) for one in model.estimators_]
    mean = (forest(trees, single=True), Divide(_of(len(trees))))
    return (*mean, *_second(model.n_classes_))


@translates("GradientBoostingRegressor", only={"init": (None, "zero")})
def gradient_boosting_regressor(model: Any) -> Layers:
    """Where it starts, and what the trees add."""
    return _boosted(model)


@translates("GradientBoostingClassifier", only={"init": (None, "zero")})
def gradient_boosting_classifier(model: Any) -> Layers:
    """The same of logits, which the exponential loss halves."""
    halved = (Multiply(_of(2)),) if model.loss == "exponential" else ()
    return (*_boosted(model), *halved, _link(len(model.classes_)))


def _boosted(model: Any) -> Layers:
    rounds, outputs = model.estimators_.shape
    start = model._raw_predict_init(np.zeros([1, model.n_features_in_], np.float32))
    trees = forest(
        [_tree(one.tree_) for one in model.estimators_.ravel()],
        outputs=[*range(outputs)] * rounds,
        count=outputs,
        scale=model.learning_rate,
        single=True,
    )
    return (trees, Add(np.asarray(start[0], np.float64)))


def _link(classes: int) -> Layer:
    return Function("sigmoid" if classes == 2 else "softmax")


@translates("HistGradientBoostingRegressor")
def histogram_regressor(model: Any) -> Layers:
    """Trees of float64, of logarithms where the loss is about those."""
    last = (Function("exp"),) if model.loss in ("gamma", "poisson") else ()
    return (*_histograms(model), *last)


@translates("HistGradientBoostingClassifier")
def histogram_classifier(model: Any) -> Layers:
    """The same of logits."""
    return (*_histograms(model), _link(len(model.classes_)))


def _histograms(model: Any) -> Layers:
    predictors, trees = model._predictors, []
    for one in itertools.chain.from_iterable(predictors):
        nodes = one.nodes
        if nodes["is_categorical"].any():
            raise DefinitionError(
                f"{type(model).__name__} splits by categories, which fluentml does not translate.",
                hint="leave categorical_features= out: numbers of a vocabulary split as numbers.",
            )
        left, right = (
            np.where(nodes["is_leaf"], -1, nodes[side].astype(int)) for side in ("left", "right")
        )
        trees.append(
            Tree(
                nodes["feature_idx"],
                nodes["num_threshold"],
                left,
                right,
                nodes["missing_go_to_left"],
                nodes["value"],
            )
        )
    outputs = len(predictors[0])
    layer = forest(trees, outputs=[*range(outputs)] * len(predictors), count=outputs)
    return (layer, Add(np.asarray(model._baseline_prediction, np.float64).ravel()))


@translates("AdaBoostClassifier", only={"estimator": (None, "DecisionTreeClassifier")})
def ada_boost_classifier(model: Any) -> Layers:
    """Trees that vote by their weights, for a class and against the others."""
    count = model.n_classes_
    weights = model.estimator_weights_[: len(model.estimators_)]
    real = getattr(model, "algorithm", "") == "SAMME.R"
    votes = [
        _log_votes(one.tree_) if real else weight * _votes(one.tree_)
        for one, weight in zip(model.estimators_, weights, strict=True)
    ]
    # The probabilities divide the mean vote by the number of other classes; of two, it is halved
    # and the difference of both votes taken, which comes to the same.
    scale = 1 / model.estimator_weights_.sum() / (count - 1)
    trees = [_tree(one.tree_, vote) for one, vote in zip(model.estimators_, votes, strict=True)]
    return (forest(trees, scale=scale, single=True), Function("softmax"), *_second(count))


def _votes(tree: Any) -> Array:
    shares = _shares(tree)
    chosen = np.eye(shares.shape[1])[shares.argmax(axis=1)]
    return np.asarray(np.where(chosen == 1, 1.0, -1 / (shares.shape[1] - 1)))


def _log_votes(tree: Any) -> Array:
    logs = np.log(np.clip(_shares(tree), np.finfo(np.float64).eps, None))
    return np.asarray((logs.shape[1] - 1) * (logs - logs.mean(axis=1, keepdims=True)))


# -- networks, densities, kernels -----------------------------------------------------------------


@translates("MLPClassifier", "MLPRegressor")
def network(model: Any) -> Layers:
    """Dense layers."""
    inner = _activation(model.activation)
    layers: list[Layer] = []
    for weights, bias in zip(model.coefs_, model.intercepts_, strict=True):
        layers += [Affine(np.asarray(weights, np.float64), np.asarray(bias, np.float64)), *inner]
    body = layers[: len(layers) - len(inner)]
    return (*body, *_activation(model.out_activation_))


def _activation(name: str) -> Layers:
    if name == "identity":
        return ()
    return (Function({"logistic": "sigmoid"}.get(name, name)),)


@translates("GaussianNB")
def gaussian_nb(model: Any) -> Layers:
    """Normal densities and how frequent the classes are."""
    frequent = Add(np.log(model.class_prior_))
    density = Gaussian(model.theta_, model.var_)
    return (density, frequent, Function("softmax"), *_second(len(model.classes_)))


@translates("MultinomialNB")
def multinomial_nb(model: Any) -> Layers:
    """Counts of words, say."""
    table = affine(model.feature_log_prob_, model.class_log_prior_)
    return (table, Function("softmax"), *_second(len(model.classes_)))


KERNELS = ("linear", "poly", "rbf", "sigmoid")


@translates("NuSVR", "SVR", only={"kernel": KERNELS})
def support_vector_regressor(model: Any) -> Layers:
    """Support vectors and their weights."""
    return (_kernel(model), affine(model.dual_coef_, model.intercept_))


@translates("NuSVC", "SVC", only={"kernel": KERNELS, "probability": (False,)})
def support_vector_classifier(model: Any) -> Layers:
    """Margins; of more than two classes those of each pair, which come to a score for each class.

    The score is that of `decision_function`. It tells ties of won pairs apart, for which `predict`
    takes the first class unless it is told `break_ties=True`.
    """
    count = len(model.classes_)
    if count == 2:
        return (_kernel(model), affine(model.dual_coef_, model.intercept_), Function("sigmoid"))
    pairs = [*itertools.combinations(range(count), 2)]
    of = np.repeat(np.arange(count), model.n_support_)
    weights = np.zeros([len(of), len(pairs)])
    signs = np.zeros([len(pairs), count])
    for pair, (one, other) in enumerate(pairs):
        # A vector has a weight for each other class, in the order of the classes.
        weights[of == one, pair] = model.dual_coef_[other - 1, of == one]
        weights[of == other, pair] = model.dual_coef_[one, of == other]
        signs[pair, one], signs[pair, other] = 1, -1
    margins = Affine(weights, np.asarray(model.intercept_, np.float64))
    return (_kernel(model), margins, Duel(signs), Function("softmax"))


def _kernel(model: Any) -> Kernel:
    vectors = np.asarray(model.support_vectors_, np.float64)
    return Kernel(vectors, model.kernel, float(model._gamma), float(model.coef0), model.degree)
