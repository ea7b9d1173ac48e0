"""Records the tables that the benchmark's problems look up: real models on real, small data.

Every configuration of a grid is trained and judged by cross-validation, on one core, so that a
run of 50 trials takes milliseconds afterwards and measures nothing but the sampler. All models of
the digits see the same rows and folds: their tables can be put together. Needs scikit-learn.
extract_tables.py makes the tables that others have published.

    python benchmarks/record_tables.py                    record what is missing (8 minutes for all)
    python benchmarks/record_tables.py knn_digits         record one again
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

# ruff: noqa: E402 - threads have to be limited before NumPy is imported
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np
from _tables import TABLES, WORST, Array, Axis, choice, floats, ordered, save
from sklearn import datasets
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import ElasticNet, LogisticRegression, SGDClassifier
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

DIGITS = 600
"""So many rows of the digits are enough to tell configurations apart, and train in milliseconds."""
Config = dict[str, Any]


@dataclass(frozen=True)
class Recording:
    """A grid, and the losses of some configurations at once.

    ``losses(config)`` gets the levels of all axes but the last and returns one loss per level of
    the last: what a model can do along it in one go (stages of boosting, neighbours) it does.
    """

    axes: Sequence[Axis]
    losses: Callable[[Config], Sequence[float] | Array]


# ------------------------------------------------------------------------------ data and judging


@dataclass(frozen=True)
class Data:
    X: Array
    y: Array
    folds: list[tuple[Array, Array]]

    def scaled(self, scaler: Any) -> Data:
        return Data(scaler.fit_transform(self.X), self.y, self.folds)


def load(name: str, n_folds: int = 3) -> Data:
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    if name == "digits":
        keep = np.random.default_rng(0).permutation(len(y))[:DIGITS]
        X, y = X[keep] / 16.0, y[keep]
    splitter = KFold if name == "diabetes" else StratifiedKFold
    split = splitter(n_folds, shuffle=True, random_state=0)
    return Data(X, y, list(split.split(X, y)))


def error(model: Any, X: Array, y: Array) -> float:
    return float(np.mean(model.predict(X) != y))


def log_loss(model: Any, X: Array, y: Array) -> float:
    return cross_entropy(model.predict_proba(X), model.classes_, y)


def cross_entropy(shares: Array, classes: Array, y: Array) -> float:
    right = shares[np.arange(len(y)), np.searchsorted(classes, y)]
    return float(-np.log(np.clip(right, 1e-15, 1.0)).mean())


def squared(predicted: Array, y: Array) -> float:
    """Squared error as a share of the variance."""
    return float(np.mean((predicted - y) ** 2) / y.var())


def r_squared(model: Any, X: Array, y: Array) -> float:
    return squared(model.predict(X), y)


def judged(make: Callable[[], Any], data: Data, judge: Callable[..., float]) -> float:
    """Return the mean loss over the folds."""
    losses = []
    for train, test in data.folds:
        model = make().fit(data.X[train], data.y[train])
        losses.append(judge(model, data.X[test], data.y[test]))
    return float(np.mean(losses))


def staged(make: Callable[[], Any], data: Data, stages: Sequence[int]) -> Array:
    """Return the mean loss of a boosted model after each of some numbers of trees."""
    total = np.zeros(len(stages))
    for train, test in data.folds:
        model = make().fit(data.X[train], data.y[train])
        y = data.y[test]
        if hasattr(model, "classes_"):
            every = model.staged_predict_proba(data.X[test])
            losses = [cross_entropy(shares, model.classes_, y) for shares in every]
        else:
            losses = [squared(p, y) for p in model.staged_predict(data.X[test])]
        total += [losses[min(stage, len(losses)) - 1] for stage in stages]
    return total / len(data.folds)


# ----------------------------------------------------------------------------------- what is tried


def one_by_one(axes: Sequence[Axis], loss: Callable[[Config], float]) -> Recording:
    last = axes[-1]
    return Recording(axes, lambda c: [loss({**c, last.name: level}) for level in last.levels])


def svm_digits() -> Recording:
    data = load("digits")
    axes = [floats("C", 1e-3, 1e4, 22), floats("gamma", 1e-6, 10.0, 22)]
    return one_by_one(axes, lambda c: judged(lambda: SVC(**c), data, error))


def svm_cancer() -> Recording:
    data = load("breast_cancer").scaled(StandardScaler())
    axes = [
        choice("kernel", "rbf", "poly", "sigmoid"),
        floats("C", 1e-4, 1e4, 17),
        floats("gamma", 1e-5, 1e1, 17),
    ]
    return one_by_one(axes, lambda c: judged(lambda: SVC(max_iter=20_000, **c), data, error))


def elastic_net_diabetes() -> Recording:
    data = load("diabetes", 5).scaled(PolynomialFeatures(2, include_bias=False))
    data = data.scaled(StandardScaler())
    axes = [floats("alpha", 1e-3, 1e2, 31), floats("l1_ratio", 0.0, 1.0, 21, log=False)]
    return one_by_one(
        axes, lambda c: judged(lambda: ElasticNet(max_iter=500, **c), data, r_squared)
    )


def kernel_ridge_diabetes() -> Recording:
    data = load("diabetes", 5).scaled(StandardScaler())
    axes = [
        choice("kernel", "rbf", "laplacian", "sigmoid"),
        floats("alpha", 1e-4, 1e3, 18),
        floats("gamma", 1e-5, 1e1, 18),
    ]

    def loss(c: Config) -> float:
        mean = data.y.mean()
        centred = Data(data.X, data.y - mean, data.folds)
        return judged(lambda: KernelRidge(**c), centred, r_squared)

    return one_by_one(axes, loss)


def logistic_wine() -> Recording:
    data = load("wine", 5).scaled(StandardScaler())
    axes = [floats("C", 1e-4, 1e3, 26), floats("l1_ratio", 0.0, 1.0, 11, log=False)]
    fixed = {"solver": "saga", "max_iter": 300, "tol": 1e-3, "random_state": 0}
    return one_by_one(
        axes, lambda c: judged(lambda: LogisticRegression(**fixed, **c), data, log_loss)
    )


def sgd_digits() -> Recording:
    data = load("digits")
    axes = [
        choice("loss", "hinge", "log_loss", "modified_huber", "perceptron"),
        choice("penalty", "l2", "l1", "elasticnet"),
        choice("average", False, True),
        floats("eta0", 1e-4, 1e2, 13),
        floats("alpha", 1e-7, 1.0, 8),
    ]
    fixed = {"learning_rate": "constant", "max_iter": 8, "tol": None, "random_state": 0}
    return one_by_one(axes, lambda c: judged(lambda: SGDClassifier(**fixed, **c), data, error))


def knn_digits() -> Recording:
    data = load("digits")
    scaled = {
        "none": data,
        "standard": data.scaled(StandardScaler()),
        "minmax": data.scaled(MinMaxScaler()),
    }
    powers = [0.5, 1.0, 1.5, 2.0, 3.0, 5.0]
    distances: dict[tuple[str, float], Array] = {}
    axes = [
        choice("scaling", *scaled),
        choice("weights", "uniform", "distance"),
        ordered("p", *powers),
        ordered("neighbours", *range(1, 31)),
    ]

    def losses(c: Config) -> list[float]:
        key = (c["scaling"], c["p"])
        if key not in distances:
            X = scaled[c["scaling"]].X
            distances[key] = pairwise_distances(X, metric="minkowski", p=c["p"])
        D = distances[key]
        total = np.zeros(len(axes[-1].levels))
        for train, test in data.folds:
            for place, k in enumerate(axes[-1].levels):
                model = KNeighborsClassifier(k, weights=c["weights"], metric="precomputed")
                model.fit(D[np.ix_(train, train)], data.y[train])
                total[place] += error(model, D[np.ix_(test, train)], data.y[test])
        return list(total / len(data.folds))

    return Recording(axes, losses)


def tree_digits() -> Recording:
    data = load("digits")
    axes = [
        choice("criterion", "gini", "entropy"),
        ordered("max_features", 0.1, 0.25, 0.5, 1.0),
        ordered("max_depth", 2, 4, 6, 8, 10, 13, 16, 20),
        ordered("min_samples_leaf", 1, 2, 3, 5, 8, 13, 21, 34),
        ordered("min_samples_split", 2, 4, 8, 16, 32),
    ]
    return one_by_one(
        axes, lambda c: judged(lambda: DecisionTreeClassifier(random_state=0, **c), data, error)
    )


def forest_digits() -> Recording:
    data = load("digits")
    axes = [
        choice("criterion", "gini", "entropy"),
        choice("bootstrap", True, False),
        ordered("n_estimators", 5, 15, 40),
        ordered("max_features", 0.02, 0.05, 0.1, 0.2, 0.4, 0.8),
        ordered("max_depth", 2, 4, 6, 9, 14),
        ordered("min_samples_leaf", 1, 2, 4, 8, 16),
    ]
    return one_by_one(
        axes, lambda c: judged(lambda: RandomForestClassifier(random_state=0, **c), data, log_loss)
    )


def boosting_diabetes() -> Recording:
    data = load("diabetes")
    stages = [5, 10, 20, 35, 60, 90, 120]
    axes = [
        ordered("learning_rate", 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 1.8),
        ordered("max_depth", 1, 2, 3, 5, 8),
        ordered("subsample", 0.2, 0.5, 0.8, 1.0),
        ordered("min_samples_leaf", 1, 5, 20, 60),
        ordered("n_estimators", *stages),
    ]
    fixed = {"n_estimators": max(stages), "random_state": 0, "max_features": 0.5}
    return Recording(
        axes, lambda c: staged(lambda: GradientBoostingRegressor(**fixed, **c), data, stages)
    )


def hist_boosting_cancer() -> Recording:
    data = load("breast_cancer")
    stages = [3, 6, 12, 20, 30, 45, 60]
    axes = [
        ordered("learning_rate", 0.01, 0.03, 0.07, 0.15, 0.3, 0.6, 1.0, 2.0),
        ordered("max_leaf_nodes", 2, 4, 8, 16),
        ordered("min_samples_leaf", 2, 8, 25, 70),
        ordered("l2_regularization", 0.0, 0.1, 1.0, 10.0),
        ordered("max_iter", *stages),
    ]
    fixed = {"max_iter": max(stages), "early_stopping": False, "random_state": 0, "max_bins": 63}
    return Recording(
        axes, lambda c: staged(lambda: HistGradientBoostingClassifier(**fixed, **c), data, stages)
    )


def mlp_cancer() -> Recording:
    data = load("breast_cancer", 2).scaled(StandardScaler())
    axes = [
        choice("activation", "relu", "tanh", "logistic"),
        choice("solver", "adam", "sgd"),
        ordered("layers", 1, 2),
        ordered("width", 4, 12, 36, 100),
        ordered("alpha", 1e-5, 1e-3, 1e-1, 10.0),
        ordered("learning_rate", 3e-5, 2e-4, 1e-3, 5e-3, 2e-2, 0.1, 0.5),
    ]

    def loss(c: Config) -> float:
        model = MLPClassifier(
            hidden_layer_sizes=(c["width"],) * c["layers"],
            activation=c["activation"],
            solver=c["solver"],
            alpha=c["alpha"],
            learning_rate_init=c["learning_rate"],
            max_iter=12,
            batch_size=32,
            random_state=0,
        )
        try:
            return judged(lambda: model, data, log_loss)
        except ValueError:  # the weights have overflowed
            return WORST

    return one_by_one(axes, loss)


RECORDINGS: dict[str, Callable[[], Recording]] = {
    made.__name__: made
    for made in (
        svm_digits, svm_cancer, elastic_net_diabetes, kernel_ridge_diabetes, logistic_wine,
        sgd_digits, knn_digits, tree_digits, forest_digits, boosting_diabetes,
        hist_boosting_cancer, mlp_cancer,
    )
}  # fmt: skip


# ------------------------------------------------------------------------------------- recording


def record(name: str) -> None:
    recording = RECORDINGS[name]()
    axes = recording.axes
    shape = [len(axis.levels) for axis in axes]
    losses = np.empty(shape)
    for place in itertools.product(*map(range, shape[:-1])):
        config = {axis.name: axis.levels[i] for axis, i in zip(axes, place, strict=False)}
        losses[place] = recording.losses(config)
    save(name, axes, {"loss": losses})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(RECORDINGS)}")
    options = parser.parse_args()
    TABLES.mkdir(exist_ok=True)
    warnings.simplefilter("ignore")  # models that do not converge are part of the table
    missing = [name for name in RECORDINGS if not (TABLES / f"{name}.npz").exists()]
    for name in options.names or missing:
        began = time.perf_counter()
        record(name)
        print(f"    {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
