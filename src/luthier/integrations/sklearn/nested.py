"""Nested cross-validation: how good is a model together with its search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv, cross_validate
from sklearn.utils import check_random_state

from luthier.integrations.sklearn._bench import drawn_anew


@dataclass(frozen=True)
class Nested:
    """What a nested cross-validation found.

    Attributes
    ----------
    scores : ndarray, shape (n_splits,)
        Of the search's best candidate on data that its search never saw, for each outer split.
    inner_scores : ndarray, shape (n_splits,)
        What the searches themselves promised.
    best_params : list of dict
        What each of them found.
    searches : list of estimator
        The fitted searches.
    """

    scores: NDArray[np.float64]
    inner_scores: NDArray[np.float64]
    best_params: list[dict[str, Any]]
    searches: list[Any]

    @property
    def mean(self) -> float:
        """The mean of `scores`: what to expect of the model on new data."""
        return float(self.scores.mean())

    @property
    def std_error(self) -> float:
        """Standard error of the mean; rather too small, as the splits share training data."""
        return float(self.scores.std(ddof=1) / np.sqrt(len(self.scores)))

    @property
    def optimism(self) -> float:
        """How much better the searches promised to be than they were."""
        return float(self.inner_scores.mean() - self.scores.mean())


def nested_cross_validate(
    search: Any,
    X: Any,
    y: Any = None,
    *,
    cv: Any = 5,
    n_jobs: int | None = None,
    random_state: Any = None,
    **params: Any,
) -> Nested:
    """Search on each outer training set, and score what was found on the outer test set.

    The score of a search's best candidate is too good to be true, as it was chosen for it. The
    scores here are those of data that no search has seen.

    Parameters
    ----------
    search : estimator
        Any search of this module or of scikit-learn, with one score and `refit`. It is cloned.
    X, y : array-like
        The data.
    cv : int, splitter or iterable, default 5
        The outer splits; an int shuffles, stratified for classifiers.
    n_jobs : int, optional
        How many searches run at a time.
    random_state : int, RandomState instance or None, default None
        Seed of the outer splits where `cv` is an int.
    **params
        As for `sklearn.model_selection.cross_validate`: ``params={"groups": groups}`` or
        ``groups=groups``.

    Returns
    -------
    Nested
    """
    if isinstance(cv, int):
        checked = check_cv(cv, y, classifier=is_classifier(search))
        cv = drawn_anew(cv, checked, check_random_state(random_state).randint(2**31))
    found = cross_validate(
        clone(search), X, y, cv=cv, n_jobs=n_jobs, return_estimator=True, **params
    )
    searches = list(found["estimator"])
    return Nested(
        scores=np.asarray(found["test_score"], np.float64),
        inner_scores=np.array([one.best_score_ for one in searches], np.float64),
        best_params=[dict(one.best_params_) for one in searches],
        searches=searches,
    )
