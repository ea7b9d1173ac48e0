"""What all searches share that keep their candidates in a study."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from typing import Any

import joblib
import numpy as np
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.metaestimators import available_if

from luthier.errors import InvalidInput
from luthier.integrations.sklearn._bench import Bench
from luthier.integrations.sklearn._growth import Growing, Growth
from luthier.integrations.sklearn._loop import Budget, Loop
from luthier.integrations.sklearn._record import ALONE
from luthier.integrations.sklearn._rungs import RungLoop
from luthier.integrations.sklearn.distributions import Candidates
from luthier.schedulers.base import Scheduler
from luthier.schedulers.full import Full
from luthier.schedulers.registry import make as make_scheduler
from luthier.space.space import Space
from luthier.storage.memory import Memory
from luthier.study.checkpoints import Checkpoints
from luthier.study.create import create_study
from luthier.study.study import Study

DATA = "scikit-learn"
"""The note on a study that says what it was measured on."""


def _has_output(search: Any) -> bool:
    return hasattr(search.estimator, "set_output")


class Delegating:
    """What our searches hand on to their estimator beyond what scikit-learn's do."""

    estimator: Any

    def __sklearn_tags__(self) -> Any:
        tags: Any = super().__sklearn_tags__()  # type: ignore[misc]
        inner = get_tags(self.estimator).target_tags
        tags.target_tags.multi_output = inner.multi_output
        tags.target_tags.single_output = inner.single_output
        return tags

    @available_if(_has_output)  # type: ignore[untyped-decorator]
    def set_output(self, *, transform: str | None = None) -> Any:
        """Say what `transform` returns, as `set_output` of the estimator does.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, optional
            The kind of data; None changes nothing.

        Returns
        -------
        self
        """
        for estimator in (self.estimator, getattr(self, "best_estimator_", None)):
            if estimator is not None:
                estimator.set_output(transform=transform)
        return self


class Studied(Delegating):
    """Lets a study choose the candidates of a search, and scikit-learn's search do the rest.

    To be put before a class derived from scikit-learn's `BaseSearchCV`.
    """

    estimator: Any
    scoring: Any
    refit: Any
    cv: Any
    n_jobs: int | None
    return_train_score: bool
    random_state: Any = None
    timeout: float | None = None
    max_fits: int | None = None
    n_iter: int | None = None
    confirm: int | str = 0
    sampler: Any = None
    scheduler: Any = None
    storage: Any = None
    study_name: str | None = None

    _bench: Bench | None = None
    _best: int | None = None
    _identity: str = ""

    # What a class says of itself.

    def _candidates(self) -> Candidates:
        raise NotImplementedError

    def _sampler(self, space: Space) -> Any:
        return self.sampler

    def _scheduler(self, growth: Growth | None) -> Scheduler:
        return make_scheduler("full" if self.scheduler is None else self.scheduler)

    def _growth(self, found: Candidates) -> Growth | None:
        """Return how far candidates are fitted before they are compared, None for all the way."""
        return None

    @property
    def _blind(self) -> bool:
        """Whether no candidate depends on the scores of others."""
        raise NotImplementedError

    # ---------------------------------------------------------------- scikit-learn's hooks

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Search, and fit the best candidate to all data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            What to learn from: anything that the estimator takes.
        y : array-like, optional
            What to predict.
        **params
            For `fit` of the estimator, the scorer and the splitter, as in scikit-learn.

        Returns
        -------
        self
        """
        self._best = None
        self._identity = "" if self.storage is None else _hash((X, y))
        try:
            super().fit(X, y, **params)  # type: ignore[misc]
        finally:
            self._bench = None
        best = getattr(self, "best_estimator_", None)
        if isinstance(best, Growing):
            self.best_estimator_ = best.estimator
        return self

    def _run_search(self, evaluate_candidates: Any, callback_ctx: Any = None) -> None:
        """Let the study choose what to evaluate."""
        candidates = self._candidates()
        growth = self._growth(candidates)
        scheduler = self._scheduler(growth)
        metric = self._metric()
        study = create_study(
            candidates.space,
            direction="maximize",
            metric=metric,
            study_name=self.study_name,
            storage=self.storage,
            sampler=self._sampler(candidates.space),
            scheduler=scheduler,
            checkpoints=Checkpoints(keep_last=1, keep_ended="none"),
            seed=self._seed(),
            # On the same splits a second trial of a candidate says nothing new.
            duplicates=None if self._blind else "avoid",
            load_if_exists=self.study_name is not None,
        )
        at_once = (
            self._blind
            and isinstance(scheduler, Full)
            and isinstance(study.storage, Memory)
            and self.timeout is None
        )
        contexts = _Contexts(self, callback_ctx, many=not at_once)
        self._bench = bench = Bench(self, evaluate_candidates, contexts)
        if self.study_name is not None and self.storage is not None:
            self._check_same(study, self._measured_on(bench.n_splits, growth))
            bench.cv.look = lambda splits: self._check_same(study, {"splits": _hash(splits)})
        budget = Budget(self.n_iter, self.max_fits, self.timeout)
        words: dict[str, Any] = {
            "batch": None if at_once else joblib.effective_n_jobs(self.n_jobs),
            "adapt": not self._blind and self.sampler is None,
            "confirm": None if self.confirm == "auto" else self.confirm,
        }
        loop = Loop(study, bench, candidates, metric, budget, **words)
        if growth is not None:
            bench.wrap(lambda estimator: Growing(estimator, growth))
            loop = RungLoop(study, bench, candidates, metric, budget, **words, growth=growth)
        loop.run()
        if self.confirm and self._one_is_best:
            loop.prove(self.cv)
        rows, out = loop.table()
        self._bench = None
        with warnings.catch_warnings():
            if loop.spared:  # the means of these are not a number, as they have to be
                warnings.filterwarnings("ignore", "One or more of the", UserWarning)
            bench.results.update(self._format_results(rows, bench.n_splits, out, loop.columns()))
        self.study_ = study
        if loop.chosen is not None:
            self._best = loop.numbers.index(loop.chosen)
        contexts.end()

    def _format_results(
        self, candidate_params: Any, n_splits: int, out: Any, more_results: Any = None
    ) -> dict[str, Any]:
        if self._bench is not None:
            return self._bench.collect(out)
        found: dict[str, Any] = super()._format_results(  # type: ignore[misc]
            candidate_params, n_splits, out, more_results
        )
        return found

    def _select_best_index(self, refit: Any, refit_metric: str, results: Any) -> Any:
        """Return the candidate that was confirmed, or that has the best mean."""
        if self._best is not None:
            return self._best
        if "n_resources" in results and not callable(refit):
            reached = results["n_resources"]
            mean = results[f"mean_test_{refit_metric}"]
            whole = np.flatnonzero(reached == reached.max())
            return whole[np.argmax(np.nan_to_num(mean[whole], nan=-np.inf))]
        return super()._select_best_index(refit, refit_metric, results)  # type: ignore[misc]

    def __getstate__(self) -> Any:
        state: dict[str, Any] = super().__getstate__()  # type: ignore[assignment]
        study = state.get("study_")
        left = {"_bench"}  # scikit-learn sends the search to its workers while it is fitted
        if study is not None and isinstance(study.storage, Memory):
            left.add("study_")
        return {name: value for name, value in state.items() if name not in left}

    # ---------------------------------------------------------------- parts

    def _metric(self) -> str:
        """Return the name of the score that leads the search."""
        if isinstance(self.scoring, str) or self.scoring is None:
            return ALONE
        if isinstance(self.refit, str):
            return self.refit
        if callable(self.scoring):
            return ALONE
        names = list(self.scoring)
        return str(names[0])

    @property
    def _one_is_best(self) -> bool:
        """Whether the study's objective says which candidate is the best."""
        if callable(self.refit):
            return False
        return bool(self.refit) or self.scoring is None or isinstance(self.scoring, str)

    def _seed(self) -> int | None:
        state = self.random_state
        if state is None:
            return None
        if isinstance(state, int | np.integer):
            return int(state)
        return int(check_random_state(state).randint(2**31))

    def _check_same(self, study: Study, here: Mapping[str, Any]) -> None:
        """Note what a kept study is measured on, or see that it is the same as before."""
        before = study.user_attrs.get(DATA, {})
        other = [name for name in here if before.get(name, here[name]) != here[name]]
        if other:
            allowed = f"another name: this study was measured with other {', '.join(other)}"
            raise InvalidInput("study_name", self.study_name, allowed)
        if not here.keys() <= before.keys():
            study.set_user_attr(DATA, {**before, **here})

    def _measured_on(self, n_splits: int, growth: Growth | None) -> dict[str, Any]:
        scoring = self.scoring if not callable(self.scoring) else "a function"
        resource = {} if growth is None else {"resource": [growth.resource, *growth.amounts]}
        return resource | {
            "data": self._identity,
            "estimator": _hash(self.estimator),
            "n_splits": n_splits,
            "scoring": repr(scoring),
            "train_scores": self.return_train_score,
        }


def _hash(value: Any) -> str:
    """Return what tells a value from others in any process, as far as it can be pickled."""
    try:
        return str(joblib.hash(value))
    except (pickle.PicklingError, AttributeError, TypeError):
        return type(value).__name__


class _Contexts:
    """The contexts of scikit-learn's callbacks: the search, and below it each call if many."""

    def __init__(self, search: Any, root: Any, *, many: bool) -> None:
        self._search = search
        self._root = root
        self._many = many
        self._open: list[Any] = []

    def __call__(self, n: int) -> Mapping[str, Any]:
        """Return what a call that makes `n` fits is given."""
        if self._root is None:  # scikit-learn before 1.9
            return {}
        if self._many:
            if not self._open:
                self._begin(self._root, "search", max_subtasks=None)
            self._close(1)
            self._begin(self._open[0], "batch", max_subtasks=n, sequential_subtasks=False)
        else:
            self._begin(self._root, "search", max_subtasks=n, sequential_subtasks=False)
        return {"callback_ctx": self._open[-1]}

    def end(self) -> None:
        """Say that the search is over."""
        self._close(0)

    def _begin(self, parent: Any, name: str, **words: Any) -> None:
        context = parent.subcontext(task_name=name, **words)
        self._open.append(context.call_on_fit_task_begin(estimator=self._search))

    def _close(self, depth: int) -> None:
        while len(self._open) > depth:
            self._open.pop().call_on_fit_task_end(estimator=self._search)
