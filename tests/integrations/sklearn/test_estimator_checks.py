"""scikit-learn's checks of estimators, for all five searches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from scipy.stats import loguniform
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.estimator_checks import estimator_checks_generator

from luthier import Float
from luthier.integrations.sklearn import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    SearchCV,
)


def searches() -> list[Any]:
    ridge, logistic = Ridge(), LogisticRegression()
    halving: dict[str, Any] = {"min_resources": "smallest", "random_state": 0, "cv": 2}
    found: list[Any] = []
    for estimator, name in ((ridge, "alpha"), (logistic, "C")):
        ours = {name: Float(0.1, 10.0, log=True)}
        theirs = {name: loguniform(0.1, 10.0)}
        values = {name: [0.1, 1.0]}
        found += [
            SearchCV(estimator, ours, n_iter=3, cv=2, random_state=0),
            GridSearchCV(estimator, values, cv=2),
            RandomizedSearchCV(estimator, theirs, n_iter=2, cv=2, random_state=0),
            HalvingGridSearchCV(estimator, values, **halving),
            HalvingRandomSearchCV(estimator, ours, n_candidates=2, **halving),
        ]
    return found


def cases() -> Iterator[Any]:
    for search in searches():
        for estimator, check in estimator_checks_generator(search):
            name = check.func.__name__
            # Those need a library for each kind of array, and are for the estimator inside.
            if not name.startswith("check_array_api"):
                kind = type(search.estimator).__name__
                yield pytest.param(estimator, check, id=f"{type(search).__name__}-{kind}-{name}")


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("estimator", "check"), list(cases()))
def test_estimator_check(estimator: Any, check: Any) -> None:
    check(estimator)
