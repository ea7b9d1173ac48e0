"""Fits, one or many at a time, all of them made by scikit-learn's own search."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import KFold, StratifiedKFold

Fit = dict[str, Any]
"""What scikit-learn says of one fit: ``test_scores``, ``train_scores``, ``fit_time``, ..."""


class Bench:
    """Measures candidates on folds, by the function that scikit-learn gives to a search.

    That function measures every candidate on every split of a splitter, in parallel, and all
    that matters to scikit-learn is done in it: cloning, routed metadata, errors, scorers. To
    measure some of the folds only it is given a splitter of just these, and `Expected` says so as
    long as it works.

    Parameters
    ----------
    search : BaseSearchCV
        The search that is being fitted; it passes `collect` what its `_format_results` gets.
    evaluate : callable
        The function.
    context : mapping
        What the function is given besides, such as the context of callbacks.
    """

    def __init__(
        self, search: Any, evaluate: Callable[..., Any], context: Callable[[int], Mapping[str, Any]]
    ) -> None:
        self._search = search
        self._evaluate = evaluate
        self._context = context
        self._expected = Expected(search, evaluate)
        self.n_splits = self._expected.n_splits
        self.cv = Memory(self._expected.cv)
        self.results: dict[str, Any] = {}
        """Becomes `cv_results_`; to be filled when all is done."""
        self.fits = 0.0
        """How many fits were made, parts of them included."""
        self.seen: list[Fit] = []
        self.error: ValueError | None = None
        self._taken = 0

    def wrap(self, wrapper: Callable[[Any], Any]) -> None:
        """Put something around the estimator that is fitted, be it to a fold or to all data."""
        self._expected.wrap(wrapper)

    def collect(self, out: list[Fit]) -> dict[str, Any]:
        """Take what was measured since the start of the search."""
        self.seen = out
        return self.results

    def measure(
        self,
        candidates: Sequence[Mapping[str, Any]],
        folds: Sequence[int],
        *,
        cv: Any = None,
        alone: bool = False,
        share: float = 1.0,
    ) -> list[list[Fit]]:
        """Return the fits of each candidate on these folds.

        Parameters
        ----------
        candidates : sequence of mapping
            Params of the estimator.
        folds : sequence of int
            Which splits.
        cv : splitter, optional
            Default: that of the search.
        alone : bool, default False
            Whether nothing else is measured, so that it is an error if all the fits fail.
        share : float, default 1
            What part of a fit each of these is, on average.
        """
        splitter = Some(self.cv if cv is None else Memory(cv), folds, self.n_splits)
        n = len(candidates) * len(folds)
        began = time.perf_counter()
        self._expected.n_splits = len(folds)
        try:
            self._evaluate([dict(c) for c in candidates], splitter, **self._context(n))
        except ValueError as error:
            # scikit-learn ends the search where all fits of a call fail, be it a single one.
            if alone or "fits failed" not in str(error):
                raise
            self.error = error
            warnings.warn(str(error), FitFailedWarning, stacklevel=2)
            fits = [self._failed((time.perf_counter() - began) / n, str(error)) for _ in range(n)]
        else:
            fits = self.seen[self._taken :]
            self._taken = len(self.seen)
        finally:
            self._expected.n_splits = self.n_splits
        self.fits += n * share
        return [fits[i : i + len(folds)] for i in range(0, n, len(folds))]

    def _failed(self, seconds: float, error: str) -> Fit:
        score = self._search.error_score
        scorers = getattr(self._search._get_scorers()[0], "_scorers", None)
        scores = score if scorers is None else dict.fromkeys(scorers, score)
        fit = {"fit_error": error, "test_scores": scores, "fit_time": seconds, "score_time": 0.0}
        return fit | ({"train_scores": scores} if self._search.return_train_score else {})


class Expected:
    """How many splits of each candidate scikit-learn expects its function to measure.

    scikit-learn 1.9 keeps the number, and the splitter, in attributes of the search; those before
    it in variables of `fit` that the function has in its closure.

    Parameters
    ----------
    search : BaseSearchCV
        The search that is being fitted.
    evaluate : callable
        The function.
    """

    def __init__(self, search: Any, evaluate: Any) -> None:
        self._search = search
        names, cells = evaluate.__code__.co_freevars, evaluate.__closure__
        self._variables = dict(zip(names, cells, strict=True))
        self._before_1_9 = "n_splits" in self._variables
        self.cv: Any
        if self._before_1_9:
            self.cv = self._variables["cv_orig"].cell_contents
        else:
            self.cv = search._checked_cv_orig

    def wrap(self, wrapper: Callable[[Any], Any]) -> None:
        """Put something around the estimator of which the function fits clones."""
        cell = self._variables["base_estimator"]
        cell.cell_contents = wrapper(cell.cell_contents)

    @property
    def n_splits(self) -> int:
        """The number."""
        if self._before_1_9:
            return int(self._variables["n_splits"].cell_contents)
        return int(self._search.n_splits_)

    @n_splits.setter
    def n_splits(self, number: int) -> None:
        if self._before_1_9:
            self._variables["n_splits"].cell_contents = number
        else:
            self._search.n_splits_ = number


class Memory:
    """A splitter whose splits are made once, so that all candidates have the same ones."""

    def __init__(self, cv: Any) -> None:
        self.cv = cv
        self.splits: list[tuple[Any, Any]] | None = None
        self.look: Callable[[list[tuple[Any, Any]]], None] = lambda splits: None
        """Is shown the splits when they are made."""

    def split(self, X: Any, y: Any = None, **params: Any) -> list[tuple[Any, Any]]:
        """Return all splits."""
        if self.splits is None:
            self.splits = list(self.cv.split(X, y, **params))
            self.look(self.splits)
        return self.splits


class Some:
    """Some of the splits of a splitter, which should make `n_splits` of them."""

    def __init__(self, cv: Memory, folds: Sequence[int], n_splits: int) -> None:
        self._cv = cv
        self._folds = folds
        self._n_splits = n_splits

    def split(self, X: Any, y: Any = None, **params: Any) -> list[tuple[Any, Any]]:
        """Return the splits; all of them if they are more or fewer than they should be."""
        splits = self._cv.split(X, y, **params)
        if len(splits) != self._n_splits:
            return splits  # scikit-learn sees that it is not what it asked for
        return [splits[fold] for fold in self._folds]


def drawn_anew(given: Any, checked: Any, seed: int) -> Any:
    """Return a splitter like that of a search, with other splits; None if there is none.

    Parameters
    ----------
    given : object
        The search's `cv`.
    checked : splitter
        What scikit-learn made of it.
    seed : int
        Says which splits.
    """
    if given is None or isinstance(given, int):
        kind = StratifiedKFold if isinstance(checked, StratifiedKFold) else KFold
        return kind(checked.n_splits, shuffle=True, random_state=seed)
    if not hasattr(checked, "random_state") or not getattr(checked, "shuffle", True):
        return None
    other = copy.copy(checked)
    other.random_state = seed
    return other
