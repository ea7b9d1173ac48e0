"""scikit-learn's four searches with its words and its meaning, kept in a study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn import model_selection
from sklearn.model_selection._search_successive_halving import (
    HalvingGridSearchCV as SklearnHalvingGridSearchCV,
)
from sklearn.model_selection._search_successive_halving import (
    HalvingRandomSearchCV as SklearnHalvingRandomSearchCV,
)
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import _num_samples

from luthier.integrations.sklearn._studied import Delegating, Studied
from luthier.integrations.sklearn.distributions import Candidates, candidates
from luthier.integrations.sklearn.search import STUDY_WORDS
from luthier.samplers.grid import Grid
from luthier.samplers.random import Random
from luthier.samplers.registry import make as make_sampler
from luthier.space.base import Param
from luthier.space.space import Space

FEW = 20
"""With so few samples, their number is the most likely reason why there are too few for halving."""


class GridSearchCV(Studied, model_selection.GridSearchCV):  # type: ignore[misc]
    """scikit-learn's grid search: the same candidates in the same order, the same scores.

    Parameters
    ----------
    estimator, scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        As in scikit-learn.
    param_grid : dict, list of dicts, or Space
        As in scikit-learn; Luthier parameters of finitely many values are allowed, too.
    scheduler : Scheduler, str or mapping, optional
        "race" gives up candidates after a few folds that cannot be the best. Default: none.
    timeout : float, optional
        Seconds after which no candidate begins.
    storage, study_name
        Where the search is kept, and goes on; as for `SearchCV`.

    Attributes
    ----------
    study_ : Study
        The candidates and their scores. The others are scikit-learn's.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **model_selection.GridSearchCV._parameter_constraints,
        **STUDY_WORDS,
        "param_grid": [Space, dict, list],
    }
    _blind = True

    def __init__(
        self,
        estimator: Any,
        param_grid: Any,
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        error_score: Any = np.nan,
        return_train_score: bool = False,
        scheduler: Any = None,
        timeout: float | None = None,
        storage: Any = None,
        study_name: str | None = None,
    ) -> None:
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.scheduler = scheduler
        self.timeout = timeout
        self.storage = storage
        self.study_name = study_name

    def _candidates(self) -> Candidates:
        return candidates(self.param_grid, grid=True)

    def _sampler(self, space: Space) -> Any:
        return Grid()


class RandomizedSearchCV(Studied, model_selection.RandomizedSearchCV):  # type: ignore[misc]
    """scikit-learn's randomized search, with draws of our own from the same distributions.

    Parameters
    ----------
    estimator, scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        As in scikit-learn.
    param_distributions : dict, list of dicts, or Space
        As in scikit-learn; Luthier parameters are allowed, too.
    n_iter : int, default 10
        How many candidates.
    random_state : int, RandomState instance or None, default None
        Seed of the candidates.
    sampler : Sampler, str or mapping, default "random"
        What chooses candidates: "gp" or "tpe" learn from the scores so far.
    scheduler : Scheduler, str or mapping, optional
        "race" gives up candidates after a few folds that cannot be the best. Default: none.
    timeout : float, optional
        Seconds after which no candidate begins.
    storage, study_name
        Where the search is kept, and goes on; as for `SearchCV`.

    Attributes
    ----------
    study_ : Study
        The candidates and their scores. The others are scikit-learn's.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **model_selection.RandomizedSearchCV._parameter_constraints,
        **STUDY_WORDS,
        "param_distributions": [Space, dict, list],
        "sampler": [str, dict, HasMethods("suggest")],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        n_iter: int = 10,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        sampler: Any = "random",
        scheduler: Any = None,
        timeout: float | None = None,
        storage: Any = None,
        study_name: str | None = None,
    ) -> None:
        super().__init__(
            estimator,
            param_distributions,
            n_iter=n_iter,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            random_state=random_state,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.sampler = sampler
        self.scheduler = scheduler
        self.timeout = timeout
        self.storage = storage
        self.study_name = study_name

    def _candidates(self) -> Candidates:
        return candidates(self.param_distributions)

    def _sampler(self, space: Space) -> Any:
        size = space.size if space.finite else None
        if self._blind and size is not None and self.n_iter is not None and size <= self.n_iter:
            return Grid()  # where all is tried, scikit-learn goes through it in order
        return self.sampler

    @property
    def _blind(self) -> bool:
        return isinstance(make_sampler(self.sampler), Random)


class Halving(Delegating):
    """What both halving searches have beyond scikit-learn's."""

    resource: str

    def _check_input_parameters(self, X: Any, y: Any, split_params: Any) -> None:
        try:
            super()._check_input_parameters(X, y, split_params)  # type: ignore[misc]
        except ValueError as error:
            n_samples = _num_samples(X)
            if self.resource != "n_samples" or n_samples > FEW:
                raise
            raise ValueError(f"{error} There is too little to learn from: {n_samples=}") from None


class HalvingGridSearchCV(Halving, SklearnHalvingGridSearchCV):  # type: ignore[misc]
    """scikit-learn's halving grid search, whose grid may also be one of Luthier's spaces.

    Parameters and attributes are those of scikit-learn, and so are the rounds: all candidates are
    there from the beginning, and each waits for the others. A study has nothing to choose there,
    so there is no `storage` and no `timeout`; `SearchCV` with `resource` has both.

    Parameters
    ----------
    param_grid : dict, list of dicts, or Space
        Luthier parameters of finitely many values are allowed, too.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SklearnHalvingGridSearchCV._parameter_constraints,
        "param_grid": [Space, dict, list],
    }

    def _generate_candidate_params(self) -> Any:
        if not _ours(self.param_grid):
            return super()._generate_candidate_params()
        found = candidates(self.param_grid, grid=True)
        return [found.params(point) for point in found.space.grid()]


class HalvingRandomSearchCV(Halving, SklearnHalvingRandomSearchCV):  # type: ignore[misc]
    """scikit-learn's halving randomized search, which may also draw from Luthier's spaces.

    Parameters and attributes are those of scikit-learn, and so are the rounds: all candidates are
    there from the beginning, and each waits for the others. A study has nothing to choose there,
    so there is no `storage` and no `timeout`; `SearchCV` with `resource` has both.

    Parameters
    ----------
    param_distributions : dict, list of dicts, or Space
        Luthier parameters are allowed, too.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SklearnHalvingRandomSearchCV._parameter_constraints,
        "param_distributions": [Space, dict, list],
    }

    def _generate_candidate_params(self) -> Any:
        if not _ours(self.param_distributions):
            return super()._generate_candidate_params()
        n = self.n_candidates
        if n == "exhaust":
            n = self.max_resources_ // self.min_resources_
        found = candidates(self.param_distributions)
        seed = check_random_state(self.random_state).randint(2**31)
        return [found.params(p) for p in found.space.sample(np.random.default_rng(seed), n)]


def _ours(given: Any) -> bool:
    """Tell whether a person wrote anything that only Luthier knows."""
    dicts: Sequence[Any] = given if isinstance(given, list) else [given]
    return any(
        isinstance(one, Space)
        or (isinstance(one, dict) and any(isinstance(item, Param) for item in one.values()))
        for one in dicts
    )
