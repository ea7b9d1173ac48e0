"""What `space_for` says of XGBoost and LightGBM, with the libraries themselves."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.datasets import make_classification, make_regression

from luthier import Space
from luthier.integrations.sklearn import SearchCV, space_for

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore:X does not have valid feature names"),
]

QUIET = {
    "xgboost": {"n_estimators": 3, "n_jobs": 1, "random_state": 0},
    "lightgbm": {"n_estimators": 3, "n_jobs": 1, "random_state": 0, "verbose": -1},
}
CLASSES = [
    ("xgboost", "XGBClassifier"),
    ("xgboost", "XGBRegressor"),
    ("lightgbm", "LGBMClassifier"),
    ("lightgbm", "LGBMRegressor"),
]


def data(name: str) -> tuple[Any, Any]:
    if name.endswith("Classifier"):
        return make_classification(150, 5, n_informative=3, n_redundant=0, random_state=0)
    found: tuple[Any, Any] = make_regression(150, 5, random_state=0)
    return found


@pytest.fixture(params=CLASSES, ids=lambda pair: pair[1])
def estimator(request: Any) -> Any:
    library, name = request.param
    return getattr(import_module(library), name)(**QUIET[library])


def test_every_point_can_be_fitted(estimator: Any) -> None:
    space = Space(space_for(estimator))
    known = estimator.get_params()
    X, y = data(type(estimator).__name__)
    for point in space.sample(np.random.default_rng(0), 5):
        assert point.keys() <= known.keys() | {"subsample_freq"}
        drawn = clone(estimator).set_params(**{**point, "n_estimators": 3})
        assert np.isfinite(drawn.fit(X, y).score(X, y))


def test_every_value_is_one_that_the_library_uses(estimator: Any) -> None:
    """A name with a typing error would be passed on and ignored."""
    X, y = data(type(estimator).__name__)
    bagged = {"subsample": 0.9, "subsample_freq": 1, "n_estimators": 20}
    known = space_for(estimator)
    plain = clone(estimator).set_params(**{k: v for k, v in bagged.items() if k in known})
    ends = {
        "learning_rate": 0.01,
        "n_estimators": 5,
        "max_depth": 1,
        "min_child_weight": 50.0,
        "subsample": 0.5,
        "colsample_bytree": 0.3,
        "reg_lambda": 100.0,
        "reg_alpha": 10.0,
        "num_leaves": 4,
        "min_child_samples": 60,
    }
    answer = "predict_proba" if is_classifier(plain) else "predict"
    before = getattr(plain.fit(X, y), answer)(X)
    for name in space_for(estimator).keys() - {"subsample_freq"}:
        changed = clone(plain).set_params(**{name: ends[name]}).fit(X, y)
        assert not np.allclose(getattr(changed, answer)(X), before), name


def test_a_search_fits_fewer_trees_of_hopeless_candidates(estimator: Any) -> None:
    X, y = data(type(estimator).__name__)
    words: dict[str, Any] = {"resource": "n_estimators", "max_resources": 27, "cv": 3}
    search = SearchCV(estimator, n_iter=8, random_state=0, confirm=0, **words).fit(X, y)
    reached = search.cv_results_["n_resources"]
    assert set(reached) <= {3, 9, 27}
    assert min(reached) < 27
    assert search.best_params_["n_estimators"] == 27
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
