"""Sensible spaces for common estimators, so that a first search needs no knowledge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

from luthier.errors import InvalidInput
from luthier.space.base import Param
from luthier.space.params import Categorical, Float, Int

Params = dict[str, Param]
Name = Callable[[str], str]
"""Puts the name of a pipeline's step before a parameter's name."""


def space_for(estimator: Any) -> Params:
    """Return what is usually worth tuning of an estimator, by name.

    Pipelines, and estimators around others such as `TransformedTargetRegressor`, get the
    parameters of all parts that are known, with ``step__`` before their names. The result is a
    new dict, to be changed and passed on as `param_distributions`.

    Parameters
    ----------
    estimator : estimator
        Linear models, support vector machines, neighbours, trees, forests, boosting (that of
        scikit-learn, XGBoost and LightGBM), multilayer perceptrons, and some preprocessing.

    Returns
    -------
    dict of str to Param

    Raises
    ------
    InvalidInput
        If nothing is known of it.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> list(space_for(KNeighborsClassifier()))
    ['n_neighbors', 'weights', 'p']
    """
    params: Params = {}
    for prefix, part in _parts("", estimator):
        rule = _RULES.get(type(part).__name__)
        if rule is not None:
            params |= rule(part, prefix.__add__)
    if not params:
        known = ", ".join(sorted(_RULES))
        raise InvalidInput("space_for", estimator, f"one of {known}, or a pipeline with one")
    return params


def known_estimators() -> list[str]:
    """Return the names of the classes that `space_for` knows."""
    return sorted(_RULES)


def _parts(prefix: str, estimator: Any) -> Iterator[tuple[str, Any]]:
    """Yield an estimator and what is in it, each with the prefix of its parameters."""
    yield prefix, estimator
    if isinstance(estimator, Pipeline):
        inner = list(estimator.steps)
    elif type(estimator).__name__ in _RULES:
        return  # the base learner of boosting is not tuned by itself
    elif hasattr(estimator, "transformers"):
        inner = [(name, part) for name, part, _ in estimator.transformers]
    else:
        inner = [(n, getattr(estimator, n, None)) for n in ("estimator", "regressor")]
    for name, part in inner:
        if hasattr(part, "get_params"):
            yield from _parts(f"{prefix}{name}__", part)


# ------------------------------------------------------------------ linear models


def _logistic(estimator: Any, at: Name) -> Params:
    params: Params = {at("C"): Float(1e-4, 1e4, log=True)}
    return params | _balance(estimator, at)


def _ridge(estimator: Any, at: Name) -> Params:
    return {at("alpha"): Float(1e-4, 1e4, log=True)}


def _lasso(estimator: Any, at: Name) -> Params:
    return {at("alpha"): Float(1e-5, 1e1, log=True)}


def _elastic_net(estimator: Any, at: Name) -> Params:
    return {at("alpha"): Float(1e-5, 1e1, log=True), at("l1_ratio"): Float(0.0, 1.0)}


def _sgd(estimator: Any, at: Name) -> Params:
    return {
        at("alpha"): Float(1e-7, 1e-1, log=True),
        at("penalty"): Categorical(["l2", "l1", "elasticnet"]),
        at("l1_ratio"): Float(0.0, 1.0, when={at("penalty"): "elasticnet"}),
        at("average"): Categorical([False, True]),
    }


def _linear_svm(estimator: Any, at: Name) -> Params:
    return {at("C"): Float(1e-4, 1e4, log=True)}


# ------------------------------------------------------------------ kernels, neighbours, nets


def _svm(estimator: Any, at: Name) -> Params:
    params: Params = {
        at("C"): Float(1e-2, 1e4, log=True),
        at("gamma"): Float(1e-5, 1e1, log=True),
    }
    if type(estimator).__name__ == "SVR":
        params[at("epsilon")] = Float(1e-3, 1e0, log=True)
    return params


def _neighbours(estimator: Any, at: Name) -> Params:
    return {
        at("n_neighbors"): Int(1, 50, log=True),
        at("weights"): Categorical(["uniform", "distance"]),
        at("p"): Categorical([1, 2], ordered=True),
    }


def _perceptron(estimator: Any, at: Name) -> Params:
    sizes = [(32,), (64,), (128,), (256,), (64, 64), (128, 128), (256, 256)]
    return {
        at("hidden_layer_sizes"): Categorical(sizes),
        at("alpha"): Float(1e-6, 1e1, log=True),
        at("learning_rate_init"): Float(1e-4, 1e-1, log=True),
        at("activation"): Categorical(["relu", "tanh"]),
    }


# ------------------------------------------------------------------ trees


def _tree(estimator: Any, at: Name) -> Params:
    return {
        at("max_depth"): Int(1, 30, log=True),
        at("min_samples_leaf"): Int(1, 50, log=True),
        at("max_features"): Float(0.1, 1.0),
        at("ccp_alpha"): Float(1e-6, 1e-1, log=True),
    }


def _forest(estimator: Any, at: Name) -> Params:
    params: Params = {
        at("max_features"): Float(0.05, 1.0),
        at("min_samples_leaf"): Int(1, 20, log=True),
        at("max_depth"): Int(3, 40, log=True),
    }
    if is_classifier(estimator):
        params[at("criterion")] = Categorical(["gini", "entropy"])
    return params


def _gradient_boosting(estimator: Any, at: Name) -> Params:
    return {
        at("learning_rate"): Float(1e-2, 1.0, log=True),
        at("n_estimators"): Int(30, 500, log=True),
        at("max_depth"): Int(1, 8),
        at("min_samples_leaf"): Int(1, 50, log=True),
        at("subsample"): Float(0.5, 1.0),
        at("max_features"): Float(0.1, 1.0),
    }


def _histogram_boosting(estimator: Any, at: Name) -> Params:
    return {
        at("learning_rate"): Float(1e-2, 1.0, log=True),
        at("max_iter"): Int(30, 500, log=True),
        at("max_leaf_nodes"): Int(4, 128, log=True),
        at("min_samples_leaf"): Int(2, 100, log=True),
        at("l2_regularization"): Float(1e-6, 1e2, log=True),
        at("max_features"): Float(0.2, 1.0),
    }


def _ada_boost(estimator: Any, at: Name) -> Params:
    return {
        at("learning_rate"): Float(1e-2, 2.0, log=True),
        at("n_estimators"): Int(20, 400, log=True),
    }


def _bagging(estimator: Any, at: Name) -> Params:
    return {at("max_samples"): Float(0.1, 1.0), at("max_features"): Float(0.1, 1.0)}


def _xgboost(estimator: Any, at: Name) -> Params:
    return {
        at("learning_rate"): Float(1e-2, 1.0, log=True),
        at("n_estimators"): Int(30, 1000, log=True),
        at("max_depth"): Int(1, 12),
        at("min_child_weight"): Float(1e-1, 1e2, log=True),
        at("subsample"): Float(0.5, 1.0),
        at("colsample_bytree"): Float(0.3, 1.0),
        at("reg_lambda"): Float(1e-3, 1e2, log=True),
        at("reg_alpha"): Float(1e-6, 1e1, log=True),
    }


def _lightgbm(estimator: Any, at: Name) -> Params:
    return {
        at("learning_rate"): Float(1e-2, 1.0, log=True),
        at("n_estimators"): Int(30, 1000, log=True),
        at("num_leaves"): Int(4, 256, log=True),
        at("min_child_samples"): Int(2, 100, log=True),
        at("subsample"): Float(0.5, 1.0),
        at("subsample_freq"): Categorical([1]),
        at("colsample_bytree"): Float(0.3, 1.0),
        at("reg_lambda"): Float(1e-6, 1e2, log=True),
        at("reg_alpha"): Float(1e-6, 1e1, log=True),
    }


# ------------------------------------------------------------------ before the model


def _components(estimator: Any, at: Name) -> Params:
    return {at("n_components"): Float(0.5, 0.999)}


def _percentile(estimator: Any, at: Name) -> Params:
    return {at("percentile"): Int(5, 100)}


def _polynomial(estimator: Any, at: Name) -> Params:
    return {
        at("degree"): Int(1, 3),
        at("interaction_only"): Categorical([False, True]),
    }


def _spline(estimator: Any, at: Name) -> Params:
    return {at("n_knots"): Int(2, 20, log=True), at("degree"): Int(1, 4)}


def _imputer(estimator: Any, at: Name) -> Params:
    if estimator.strategy not in ("mean", "median"):
        return {}
    return {at("strategy"): Categorical(["mean", "median"])}


def _balance(estimator: Any, at: Name) -> Params:
    return {at("class_weight"): Categorical([None, "balanced"])}


_RULES: dict[str, Callable[[Any, Name], Params]] = {
    "LogisticRegression": _logistic,
    "Ridge": _ridge,
    "RidgeClassifier": _ridge,
    "KernelRidge": _ridge,
    "Lasso": _lasso,
    "ElasticNet": _elastic_net,
    "SGDClassifier": _sgd,
    "SGDRegressor": _sgd,
    "LinearSVC": _linear_svm,
    "LinearSVR": _linear_svm,
    "SVC": _svm,
    "SVR": _svm,
    "NuSVC": lambda estimator, at: {at("gamma"): Float(1e-5, 1e1, log=True)},
    "KNeighborsClassifier": _neighbours,
    "KNeighborsRegressor": _neighbours,
    "MLPClassifier": _perceptron,
    "MLPRegressor": _perceptron,
    "DecisionTreeClassifier": _tree,
    "DecisionTreeRegressor": _tree,
    "RandomForestClassifier": _forest,
    "RandomForestRegressor": _forest,
    "ExtraTreesClassifier": _forest,
    "ExtraTreesRegressor": _forest,
    "GradientBoostingClassifier": _gradient_boosting,
    "GradientBoostingRegressor": _gradient_boosting,
    "HistGradientBoostingClassifier": _histogram_boosting,
    "HistGradientBoostingRegressor": _histogram_boosting,
    "AdaBoostClassifier": _ada_boost,
    "AdaBoostRegressor": _ada_boost,
    "BaggingClassifier": _bagging,
    "BaggingRegressor": _bagging,
    "XGBClassifier": _xgboost,
    "XGBRegressor": _xgboost,
    "LGBMClassifier": _lightgbm,
    "LGBMRegressor": _lightgbm,
    "PCA": _components,
    "SelectPercentile": _percentile,
    "PolynomialFeatures": _polynomial,
    "SplineTransformer": _spline,
    "SimpleImputer": _imputer,
}
"""By the name of the class, so that no library is imported that is not used."""
