"""SearchCV: a search that learns where to look, and stops what is hopeless."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from luthier.errors import InvalidInput
from luthier.integrations.sklearn._growth import Growth, growth
from luthier.integrations.sklearn._studied import Studied
from luthier.integrations.sklearn.distributions import Candidates, candidates
from luthier.integrations.sklearn.spaces import space_for
from luthier.schedulers.base import Forking, Scheduler
from luthier.schedulers.race import Race
from luthier.schedulers.registry import make as make_scheduler
from luthier.schedulers.wilcoxon import Wilcoxon
from luthier.space.space import Space

STUDY_WORDS: dict[str, Any] = {
    "timeout": [Interval(Real, 0, None, closed="neither"), None],
    "scheduler": [str, dict, HasMethods("decide"), None],
    "storage": [str, HasMethods("append"), None],
    "study_name": [str, None],
}
"""What our words may be, as scikit-learn says it."""


class SearchCV(Studied, BaseSearchCV):  # type: ignore[misc]
    """Search that learns from each candidate where to look next.

    It is used like scikit-learn's `RandomizedSearchCV`, and has its fitted attributes. Beyond
    that, candidates are chosen by a model of the scores so far, those that cannot win are given
    up after a few folds, and before one is called the best, the first few are measured again on
    other splits.

    Parameters
    ----------
    estimator : estimator
        Anything that scikit-learn can search.
    param_distributions : Space, dict, list of dicts, or "auto"
        What may vary. In a dict, of each parameter a Luthier parameter such as
        ``Float(1e-3, 1e3, log=True)``, a distribution of SciPy, or a list of values. Several
        dicts are alternatives. Default "auto": what `space_for` says.
    n_iter : int, optional
        How many candidates. Default 50; None where `max_fits` or `timeout` says it.
    max_fits : int, optional
        How many fits, those that confirm the best included. With `resource` a part of a fit counts
        as such.
    timeout : float, optional
        Seconds after which no candidate begins; those that have begun are measured, and the best
        are confirmed.
    sampler : Sampler, str or mapping, optional
        What chooses candidates. Default: a Gaussian process where a candidate takes four seconds
        or more, and else a Parzen estimator, which costs next to nothing. As a clock decides this,
        name one for a search that has to be repeatable on other machines.
    scheduler : Scheduler, str or mapping, optional
        What gives candidates up. Default "race", after each fold: those that a paired test on
        the same folds finds worse than the best one. With `resource` the default is "asha", after
        each amount: those that are not among the best ``1 / factor`` so far. "full" gives up none.
    confirm : int or "auto", default "auto"
        So many of the best candidates are measured twice more, on splits drawn anew, and the one
        with the best mean over all splits is called the best. "auto": one of 15 candidates, up to
        three, so that it takes no more than 13% of the fits. 0 takes the one with the best score.
        Where `cv` cannot be drawn anew, such as for time series, nothing is confirmed.
    resource : str, optional
        How a fit is made cheaper: a parameter of the estimator such as "n_estimators", "max_iter"
        or "model__n_estimators", or "partial_fit" for passes over the training data. Candidates
        are compared at growing amounts of it, and only the good ones get more. With `partial_fit`
        and where the estimator has `warm_start`, a fit goes on where it stood; else it begins anew.
    max_resources : int or "auto", default "auto"
        The amount of a whole fit, such as that of the best estimator on all data. "auto" takes
        the estimator's own value; with "partial_fit" it has to be given.
    min_resources : int or "auto", default "auto"
        The first amount. "auto" takes ``max_resources // factor**2``, but at least 1.
    factor : int, default 3
        Each amount is so many times the one before.
    scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        As for `RandomizedSearchCV`. With several scores, the one that `refit` names leads the
        search, else the first one.
    random_state : int, RandomState instance or None, default None
        Seed of the candidates.
    storage : str or Storage, optional
        Where the study is kept: "memory" (default), a path ending in .db, a URL.
    study_name : str, optional
        With `storage`: the search goes on with what is there. The same data are needed, and
        splits that are the same each time.

    Attributes
    ----------
    cv_results_ : dict of str to ndarray
        As in scikit-learn. Of a candidate that was given up, the scores of folds that were
        spared and all means are NaN, and its rank is the last one. With `resource` there are the
        columns `n_resources` and `iter` of halving: to which amount a candidate came, and how many
        it had before. Its scores are those of that amount, its times the sums up to there.
    best_index_, best_params_, best_score_, best_estimator_
        Of the candidate that was confirmed, which need not be that of rank 1. `best_score_` is
        its score in `cv_results_`. With `resource` only those that came farthest are in question.
    study_ : Study
        Of each candidate how it was chosen, and its scores fold by fold. Not pickled if it is in
        memory.
    n_splits_, multimetric_, scorer_, refit_time_, classes_, n_features_in_, feature_names_in_
        As in scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> X, y = load_iris(return_X_y=True)
    >>> search = SearchCV(SVC(), n_iter=20, random_state=0).fit(X, y)
    >>> bool(search.best_score_ > 0.95)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseSearchCV._parameter_constraints,
        **STUDY_WORDS,
        "param_distributions": [Space, dict, list, StrOptions({"auto"})],
        "n_iter": [Interval(Integral, 1, None, closed="left"), None],
        "max_fits": [Interval(Integral, 1, None, closed="left"), None],
        "sampler": [str, dict, HasMethods("suggest"), None],
        "confirm": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "resource": [str, None],
        "max_resources": [Interval(Integral, 2, None, closed="left"), StrOptions({"auto"})],
        "min_resources": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "factor": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any = "auto",
        *,
        n_iter: int | None = 50,
        max_fits: int | None = None,
        timeout: float | None = None,
        sampler: Any = None,
        scheduler: Any = None,
        confirm: int | str = "auto",
        resource: str | None = None,
        max_resources: int | str = "auto",
        min_resources: int | str = "auto",
        factor: int = 3,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        storage: Any = None,
        study_name: str | None = None,
    ) -> None:
        super().__init__(
            estimator=estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.max_fits = max_fits
        self.timeout = timeout
        self.sampler = sampler
        self.scheduler = scheduler
        self.confirm = confirm
        self.resource = resource
        self.max_resources = max_resources
        self.min_resources = min_resources
        self.factor = factor
        self.random_state = random_state
        self.storage = storage
        self.study_name = study_name

    def _candidates(self) -> Candidates:
        given = self.param_distributions
        if isinstance(given, str):
            found = space_for(self.estimator)
            given = {name: param for name, param in found.items() if name != self.resource}
        return candidates(given)

    def _growth(self, found: Candidates) -> Growth | None:
        if self.resource is None:
            return None
        amounts = self.min_resources, self.max_resources, self.factor
        return growth(self.estimator, self.resource, *amounts, found.names)

    def _scheduler(self, growth: Growth | None) -> Scheduler:
        given = self.scheduler
        if growth is None:
            return make_scheduler("race" if given is None else given)
        made = make_scheduler("asha" if given is None else given)
        if isinstance(made, Race | Wilcoxon | Forking):
            allowed = "one that compares candidates at each amount, such as 'asha' or 'auto'"
            raise InvalidInput("scheduler", given, allowed)
        if given is None or isinstance(given, str):
            rungs = {"min_step": growth.amounts[0], "max_step": growth.whole, "eta": self.factor}
            known: list[str] = [item.name for item in fields(made)] if is_dataclass(made) else []
            made = replace(made, **{k: v for k, v in rungs.items() if k in known})  # type: ignore[type-var]
        return made

    @property
    def _blind(self) -> bool:
        return False
