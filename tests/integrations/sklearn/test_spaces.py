"""What `space_for` says of the common estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone, is_regressor
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import make_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC
from sklearn.utils import all_estimators

from luthier import Space
from luthier.errors import InvalidInput
from luthier.integrations.sklearn import space_for
from luthier.integrations.sklearn.spaces import known_estimators

FOREIGN = {"XGBClassifier", "XGBRegressor", "LGBMClassifier", "LGBMRegressor"}
CLASSES = dict(all_estimators())
X, y = make_classification(150, 5, n_informative=3, n_redundant=0, random_state=0)
_, target = make_regression(150, 5, random_state=0)


def test_every_name_is_an_estimator() -> None:
    assert set(known_estimators()) - FOREIGN <= CLASSES.keys()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", sorted(set(known_estimators()) - FOREIGN))
def test_every_point_can_be_fitted(name: str) -> None:
    estimator = CLASSES[name]()
    quick = {"max_iter": 5, "n_estimators": 3, "random_state": 0}
    allowed = estimator.get_params()
    estimator.set_params(**{k: v for k, v in quick.items() if k in allowed})
    space = Space(space_for(estimator))
    goal = target if is_regressor(estimator) else y
    for point in space.sample(np.random.default_rng(0), 5):
        drawn = clone(estimator).set_params(**point)
        drawn.set_params(**{k: v for k, v in quick.items() if k in allowed and k in point})
        drawn.fit(X, goal)


def test_pipelines_put_the_step_before_the_name() -> None:
    pipe = Pipeline([("reduce", PCA()), ("model", SVC())])
    assert set(space_for(pipe)) == {"reduce__n_components", "model__C", "model__gamma"}


def test_what_is_inside_of_others_is_found() -> None:
    columns = ColumnTransformer([("numbers", SimpleImputer(), [0]), ("rest", "drop", [1])])
    model = TransformedTargetRegressor(Ridge())
    found = space_for(make_pipeline(columns, model))
    names = {"columntransformer__numbers__strategy", "transformedtargetregressor__regressor__alpha"}
    assert set(found) == names
    assert names <= make_pipeline(columns, model).get_params().keys()


def test_the_result_is_one_s_own() -> None:
    forest = RandomForestClassifier()
    space_for(forest).clear()
    assert space_for(forest)


@pytest.mark.parametrize("estimator", [BaseEstimator(), Pipeline([("none", "passthrough")])])
def test_what_is_unknown_is_an_error(estimator: Any) -> None:
    with pytest.raises(InvalidInput, match="space_for"):
        space_for(estimator)


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_boosting_of_other_libraries_is_known_by_name(name: str) -> None:
    found = space_for(type(name, (BaseEstimator,), {})())
    assert {"learning_rate", "n_estimators"} <= found.keys()
