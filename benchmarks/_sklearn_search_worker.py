"""Runs one search of one library on one task, and prints what came of it as JSON.

python benchmarks/_sklearn_search_worker.py TOOL TASK SEED FITS
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from sklearn import datasets
from sklearn.base import BaseEstimator
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import ElasticNet, SGDClassifier
from sklearn.model_selection import (
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

FOLDS = 5


@dataclass(frozen=True)
class Real:
    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Whole:
    low: int
    high: int
    log: bool = False


@dataclass(frozen=True)
class Task:
    """Data, a model, and what is tuned of it, the same for all libraries."""

    data: Callable[[int], tuple[Any, Any]]
    model: Callable[[], Any]
    space: dict[str, Any]
    train: int
    classifies: bool = True


def of(loader: Callable[..., Any]) -> Callable[[int], tuple[Any, Any]]:
    return lambda seed: loader(return_X_y=True)


def friedman1(seed: int) -> tuple[Any, Any]:
    return datasets.make_friedman1(3000, noise=1.0, random_state=seed)


def friedman2(seed: int) -> tuple[Any, Any]:
    return datasets.make_friedman2(3000, noise=100.0, random_state=seed)


def noisy(seed: int) -> tuple[Any, Any]:
    return datasets.make_classification(
        4000, 20, n_informative=6, n_redundant=4, n_clusters_per_class=3,
        class_sep=0.8, flip_y=0.05, random_state=seed,
    )  # fmt: skip


def moons(seed: int) -> tuple[Any, Any]:
    return datasets.make_moons(4000, noise=0.3, random_state=seed)


def scaled(model: Any) -> Any:
    return make_pipeline(StandardScaler(), model)


SVM = {"svc__C": Real(1e-3, 1e4, True), "svc__gamma": Real(1e-6, 1e1, True)}
FOREST = {
    "max_features": Real(0.05, 1.0),
    "min_samples_leaf": Whole(1, 30, True),
    "max_depth": Whole(2, 30, True),
    "criterion": ["gini", "entropy"],
}
TASKS = {
    "cancer-svc": Task(of(datasets.load_breast_cancer), lambda: scaled(SVC()), SVM, 284),
    "digits-svc": Task(of(datasets.load_digits), lambda: scaled(SVC()), SVM, 400),
    "digits-trees": Task(
        of(datasets.load_digits),
        lambda: ExtraTreesClassifier(20, random_state=0),
        FOREST,
        400,
    ),
    "noisy-forest": Task(noisy, lambda: RandomForestClassifier(20, random_state=0), FOREST, 400),
    "noisy-sgd": Task(
        noisy,
        lambda: make_pipeline(
            StandardScaler(), PolynomialFeatures(2), SGDClassifier(random_state=0, max_iter=50)
        ),
        {
            "sgdclassifier__alpha": Real(1e-7, 1e1, True),
            "sgdclassifier__penalty": ["l2", "l1", "elasticnet"],
            "sgdclassifier__l1_ratio": Real(0.0, 1.0),
            "sgdclassifier__average": [False, True],
            "polynomialfeatures__interaction_only": [False, True],
        },
        400,
    ),
    "moons-tree": Task(
        moons,
        lambda: DecisionTreeClassifier(random_state=0),
        {
            "max_depth": Whole(1, 30, True),
            "min_samples_leaf": Whole(1, 50, True),
            "ccp_alpha": Real(1e-6, 1e-1, True),
            "criterion": ["gini", "entropy"],
        },
        400,
    ),
    "diabetes-elasticnet": Task(
        of(datasets.load_diabetes),
        lambda: make_pipeline(PolynomialFeatures(2), StandardScaler(), ElasticNet(max_iter=500)),
        {"elasticnet__alpha": Real(1e-3, 1e2, True), "elasticnet__l1_ratio": Real(0.0, 1.0)},
        221,
        False,
    ),
    "diabetes-boosting": Task(
        of(datasets.load_diabetes),
        lambda: GradientBoostingRegressor(random_state=0),
        {
            "learning_rate": Real(1e-3, 1.0, True),
            "n_estimators": Whole(10, 150, True),
            "max_depth": Whole(1, 6),
            "min_samples_leaf": Whole(1, 50, True),
            "subsample": Real(0.3, 1.0),
            "max_features": Real(0.1, 1.0),
        },
        221,
        False,
    ),
    "friedman1-svr": Task(
        friedman1,
        lambda: scaled(SVR()),
        {
            "svr__C": Real(1e-3, 1e4, True),
            "svr__gamma": Real(1e-5, 1e1, True),
            "svr__epsilon": Real(1e-3, 1e1, True),
        },
        300,
        False,
    ),
    "friedman2-kernel": Task(
        friedman2,
        lambda: scaled(KernelRidge(kernel="rbf")),
        {"kernelridge__alpha": Real(1e-6, 1e2, True), "kernelridge__gamma": Real(1e-5, 1e1, True)},
        300,
        False,
    ),
}


class Waiting(BaseEstimator):
    """Takes a fixed time to fit, and is better the nearer its two numbers are to one third."""

    def __init__(self, a: float = 0.0, b: float = 0.0, seconds: float = 0.05) -> None:
        self.a = a
        self.b = b
        self.seconds = seconds

    def fit(self, X: Any, y: Any = None) -> Waiting:
        time.sleep(self.seconds)
        return self

    def score(self, X: Any, y: Any = None) -> float:
        return -((self.a - 1 / 3) ** 2) - (self.b - 1 / 3) ** 2


def scipy_space(space: dict[str, Any]) -> dict[str, Any]:
    def one(given: Any) -> Any:
        match given:
            case Real(low, high, True):
                return stats.loguniform(low, high)
            case Real(low, high):
                return stats.uniform(low, high - low)
            case Whole(low, high, True):  # SciPy has no such thing: the values it would draw
                found = np.exp(np.linspace(np.log(low - 0.5), np.log(high + 0.5), 401))
                return [int(v) for v in np.clip(np.rint(found), low, high)]
            case Whole(low, high):
                return stats.randint(low, high + 1)
        return given

    return {name: one(given) for name, given in space.items()}


def luthier_space(space: dict[str, Any]) -> dict[str, Any]:
    from luthier import Float, Int

    def one(given: Any) -> Any:
        match given:
            case Real(low, high, log):
                return Float(low, high, log=log)
            case Whole(low, high, log):
                return Int(low, high, log=log)
        return given

    return {name: one(given) for name, given in space.items()}


def optuna_space(space: dict[str, Any]) -> dict[str, Any]:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    def one(given: Any) -> Any:
        match given:
            case Real(low, high, log):
                return FloatDistribution(low, high, log=log)
            case Whole(low, high, log):
                return IntDistribution(low, high, log=log)
        return CategoricalDistribution(given)

    return {name: one(given) for name, given in space.items()}


def skopt_space(space: dict[str, Any]) -> dict[str, Any]:
    from skopt.space import Categorical, Integer
    from skopt.space import Real as SkoptReal

    def one(given: Any) -> Any:
        match given:
            case Real(low, high, log):
                return SkoptReal(low, high, prior="log-uniform" if log else "uniform")
            case Whole(low, high, log):
                return Integer(low, high, prior="log-uniform" if log else "uniform")
        return Categorical(given)

    return {name: one(given) for name, given in space.items()}


def search(tool: str, model: Any, space: dict[str, Any], fits: int, seed: int, cv: Any) -> Any:
    """Return a search that may make so many fits."""
    n = fits // FOLDS
    words: dict[str, Any] = {"cv": cv, "random_state": seed}
    name, _, variant = tool.partition(":")
    match name:
        case "luthier":
            from luthier.integrations.sklearn import SearchCV

            more = dict(part.split("=") for part in variant.split(",") if part)
            extra = {k: int(v) if v.isdigit() else v for k, v in more.items()}
            budget = {"n_iter": None, "max_fits": fits}
            return SearchCV(model, luthier_space(space), **budget, **words, **extra)
        case "random":
            return RandomizedSearchCV(model, scipy_space(space), n_iter=n, **words)
        case "halving":
            # A third goes on, twice: 1 + 1/3 + 1/9.
            return HalvingRandomSearchCV(
                model, scipy_space(space), n_candidates=max(3, round(n / 1.5)),
                min_resources="exhaust", **words,
            )  # fmt: skip
        case "optuna":
            from optuna_integration.sklearn import OptunaSearchCV

            return OptunaSearchCV(model, optuna_space(space), n_trials=n, **words)
        case "skopt":
            from skopt import BayesSearchCV

            return BayesSearchCV(model, skopt_space(space), n_iter=n, **words)
    raise SystemExit(f"no tool {tool!r}")


def fits_of(found: Any) -> int:
    results = getattr(found, "cv_results_", None)
    if results is None:
        return len(found.study_.trials) * FOLDS
    scores = np.array([results[f"split{k}_test_score"] for k in range(FOLDS)], float)
    made = int(np.isfinite(scores).sum())
    study = getattr(found, "study_", None)
    if study is not None and hasattr(study, "history"):
        made += FOLDS * (len(study.trials) - scores.shape[1])  # those that confirm others
    return made


def run(tool: str, task: str, seed: int, fits: int) -> dict[str, Any]:
    if task.startswith("wait"):
        model = Waiting(seconds=float(task.removeprefix("wait")))
        space: dict[str, Any] = {"a": Real(0.0, 1.0), "b": Real(0.0, 1.0)}
        X = Xt = np.zeros((50, 2))
        y = yt = np.zeros(50)
        cv: Any = KFold(FOLDS)
    else:
        chosen = TASKS[task]
        X, y = chosen.data(seed)
        stratify = y if chosen.classifies else None
        split = {"train_size": chosen.train, "random_state": seed, "stratify": stratify}
        X, Xt, y, yt = train_test_split(X, y, **split)
        kind = StratifiedKFold if chosen.classifies else KFold
        cv = kind(FOLDS, shuffle=True, random_state=seed)
        model, space = chosen.model(), chosen.space
    found = search(tool, model, space, fits, seed, cv)
    began, before = time.perf_counter(), time.process_time()
    found.fit(X, y)
    seconds, cpu = time.perf_counter() - began, time.process_time() - before
    return {
        "tool": tool,
        "task": task,
        "seed": seed,
        "fits": fits_of(found),
        "seconds": seconds,
        "cpu": cpu,
        "cv_score": float(found.best_score_),
        "score": float(found.score(Xt, yt)),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    import os

    os.environ["PYTHONWARNINGS"] = "ignore"
    tool, task, seed, fits = sys.argv[1:]
    print(json.dumps(run(tool, task, int(seed), int(fits))))
