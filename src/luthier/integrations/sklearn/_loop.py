"""From candidates to scores: asks a study, measures fold by fold, and tells what came of it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from luthier.analysis.confirmed import Confirmed
from luthier.errors import NoResult, SpaceExhausted
from luthier.integrations.sklearn._bench import Bench, Fit, drawn_anew
from luthier.integrations.sklearn._record import (
    fits_of,
    guide,
    mean,
    missing,
    report,
    score_of,
)
from luthier.integrations.sklearn.distributions import Candidates
from luthier.model.repeats import confirms
from luthier.model.trial import FrozenTrial, TrialState
from luthier.samplers.tpe import TPE
from luthier.schedulers.full import Full
from luthier.study.study import Study
from luthier.study.trial import Trial

LONG = 4.0
"""Seconds a candidate has to take for a Gaussian process to cost less than a fiftieth of them."""

FIRST = 5
"""After so many candidates it is decided."""

SHOWN = ("fit_time", "score_time", "test_scores", "train_scores")

ROUNDS = 2
"""How often candidates are measured again, before one is called the best."""

CONFIRMED = 3
"""So many candidates are measured again by default, but no more than one of `PER_CONFIRMED`."""

PER_CONFIRMED = 15
"""So that takes up to 13% of all fits."""


@dataclass(frozen=True)
class Budget:
    """When a search ends, by whatever comes first.

    Parameters
    ----------
    total : int, optional
        Candidates, those of earlier searches of the same study included.
    fits : int, optional
        Fits of this search, without the last one on all data.
    timeout : float, optional
        Seconds after which nothing more begins.
    """

    total: int | None = None
    fits: int | None = None
    timeout: float | None = None


@dataclass
class Loop:
    """One search.

    Parameters
    ----------
    study : Study
        Chooses the candidates, and keeps what came of them.
    bench : Bench
        Measures them.
    candidates : Candidates
        Says what a point of the study's space means.
    metric : str
        The study's objective.
    budget : Budget
        When to end.
    batch : int, optional
        How many candidates are measured at a time; None for all at once.
    adapt : bool, default False
        Whether a cheaper sampler may take over where fits are quick.
    confirm : int, optional
        How many of the best are measured again. None decides by the number of candidates.
    """

    study: Study
    bench: Bench
    candidates: Candidates
    metric: str
    budget: Budget
    batch: int | None = 1
    adapt: bool = False
    confirm: int | None = 0
    fits: dict[int, dict[int, Fit]] = field(default_factory=dict)
    chosen: int | None = None
    """The trial that proved to be the best, if that was looked at."""

    def run(self) -> None:
        """Measure candidates until the budget is used."""
        self.began = time.monotonic()
        for trial in self.study.history.ended:
            if not self._again(trial):
                self.fits[trial.number] = fits_of(trial)
        if not self.bench.n_splits:
            self.bench.measure([{}], [])  # scikit-learn says that there is nothing to do
        while trials := self._ask():
            try:
                self._measure(trials)
            except BaseException:
                self._hand_back(trials)
                raise
            if self.adapt and len(self.fits) >= FIRST:
                self._adapt()
        self._complete()
        self._see_one()

    def _complete(self) -> None:
        """Measure what is left of candidates when none may begin."""

    @staticmethod
    def _again(trial: FrozenTrial | Trial) -> bool:
        """Tell whether a trial is no candidate, but confirms one."""
        return confirms(trial.user_attrs) is not None

    def _ask(self, busy: int = 0) -> list[Trial]:
        """Return candidates to measure, as many as fit beside those that are being measured."""
        trials: list[Trial] = []
        while self.batch is None or len(trials) + busy < self.batch:
            if not self._affordable(len(trials)):
                break
            try:
                trial = self.study.ask()
            except SpaceExhausted:
                if not trials and not busy:  # else the scheduler may only wait for their results
                    self._exhausted()
                break
            if self._again(trial):  # left over by a search that was interrupted
                self.study.tell(trial, state=TrialState.PRUNED)
            else:
                trials.append(trial)
        return trials

    def _affordable(self, asked: int) -> bool:
        """Tell whether one more candidate may begin; the first one of a search always may."""
        total = self.budget.total
        if total is not None and len(self.fits) + asked >= total:
            return False
        if not asked and not self.bench.fits:
            return True
        return self._in_time() and self._room(asked)

    def _room(self, asked: int = 0) -> bool:
        """Tell whether there are fits left for a candidate beyond those that were asked for."""
        if self.budget.fits is None:
            return True
        reserved = self._confirmed() * ROUNDS
        to_come = self._committed() + (asked + 1 + reserved) * self.bench.n_splits
        return self.bench.fits + to_come <= self.budget.fits

    def _committed(self) -> float:
        """Return how many fits are to be made of candidates that were asked for before."""
        return 0.0

    def _confirmed(self) -> int:
        """Return how many of the best are measured again."""
        if self.confirm is not None:
            return self.confirm
        total, fits = self.budget.total, self.budget.fits
        if total is None:
            total = len(self.fits) if fits is None else fits // self.bench.n_splits
        top = min(CONFIRMED, total // PER_CONFIRMED)
        return top if top > 1 else 0  # a single one is the best already

    def _left(self) -> float | None:
        """Return the seconds that are left, None if nothing says so."""
        timeout = self.budget.timeout
        return None if timeout is None else timeout - (time.monotonic() - self.began)

    def _in_time(self) -> bool:
        left = self._left()
        return left is None or left > 0

    def _exhausted(self) -> None:
        total, there = self.budget.total, len(self.fits)
        if total is not None and there < total:
            warnings.warn(
                f"The total space of parameters {there} is smaller than n_iter={total}. Running "
                f"{there} iterations. For exhaustive searches, use GridSearchCV.",
                UserWarning,
                stacklevel=2,
            )
        self.budget = Budget(total=there)

    # ---------------------------------------------------------------- one batch

    def _measure(self, trials: Sequence[Trial]) -> None:
        live = {trial.number: trial for trial in trials}
        for trial in trials:
            self.fits.setdefault(trial.number, {})  # one that was set aside has some
        folds = self._folds(0, len(live))
        while live and folds:
            self._fit([number for number in live if folds[-1] not in self.fits[number]], folds)
            for number, trial in list(live.items()):
                for fold in folds:
                    report(trial, self.metric, self.fits[number], fold)
                if trial.should_prune() and folds[-1] < self.bench.n_splits - 1:
                    self._stop(live.pop(number), self.fits[number])
            folds = self._folds(folds[-1] + 1, len(live))
        for number, trial in live.items():
            self._tell(trial, self.fits[number])

    def _fit(self, numbers: Sequence[int], folds: Sequence[int]) -> None:
        if not numbers:
            return
        rows = [self._params(number) for number in numbers]
        fits = self.bench.measure(rows, folds, alone=self.batch is None)
        for number, row in zip(numbers, fits, strict=True):
            self.fits[number].update(zip(folds, row, strict=True))

    def _folds(self, start: int, live: int) -> list[int]:
        """Return which folds are measured before it is asked which candidates go on.

        Where fewer candidates are left than there are workers, these do not wait: they measure
        more folds of each.
        """
        n = self.bench.n_splits
        if _patient(self.study):
            return list(range(start, n))
        least = 1 if start else getattr(self.study.scheduler, "min_folds", 1)
        spare = (self.batch or 1) // max(1, live)
        return list(range(start, min(n, start + max(least, spare))))

    def _stop(self, trial: Trial, fits: dict[int, Fit]) -> None:
        """Give up a candidate; one that failed in all folds so far would do so in the others."""
        if not all(fit["fit_error"] for fit in fits.values()):
            self.study.tell(trial, state=TrialState.PRUNED)
            return
        for fold in range(self.bench.n_splits):
            fits.setdefault(fold, fits[0])
        self._tell(trial, fits)

    def _tell(self, trial: Trial, fits: Mapping[int, Fit]) -> None:
        score, error = score_of(fits, self.metric)
        if error is None:
            self.study.tell(trial, score)
        else:
            self.study.tell(trial, state=TrialState.FAILED, error=error)

    def _hand_back(self, trials: Sequence[Trial]) -> None:
        """Leave the candidates at hand to whoever goes on with the study."""
        for trial in trials:
            self.study.release(trial, "the search was interrupted")

    def _adapt(self) -> None:
        """Once it is known how long fits take, choose the sampler that is worth its time."""
        self.adapt = False
        known = [fit for fits in self.fits.values() for fit in fits.values()]
        each = mean([fit["fit_time"] + fit["score_time"] for fit in known])
        if each * self.bench.n_splits < LONG * (self.batch or 1):  # a batch runs side by side
            self.study.sampler = TPE()

    def _see_one(self) -> None:
        """Make one fit where all is known from before: scikit-learn looks at the first one."""
        if self.bench.seen:
            return
        known = [number for number, fits in self.fits.items() if fits]
        scores = {n: guide(self.fits[n][0], self.metric) for n in known}
        if self.bench.error is not None and not any(map(isfinite, scores.values())):
            raise self.bench.error
        best = max(known, key=lambda n: (isfinite(scores[n]), scores[n]))
        self.bench.measure([self._params(best)], [0], alone=True)

    def _params(self, number: int) -> dict[str, Any]:
        """Return what the estimator is given of a candidate."""
        return self.candidates.params(self.study.history.trial(number).params)

    def _whole(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return params with which a whole fit is made."""
        return params

    def columns(self) -> dict[str, list[int]]:
        """Return what the table says besides of each candidate, by the name of the column."""
        return {}

    # ---------------------------------------------------------------- after the last one

    def prove(self, given: Any) -> None:
        """Measure the best candidates again on other splits, and remember which one is best.

        Parameters
        ----------
        given : object
            The `cv` that the search was given.
        """
        checked, top = self.bench.cv.cv, self._confirmed()
        if not top or drawn_anew(given, checked, 0) is None:
            return

        known: dict[int, float] = {}

        def measured_again(trial: Trial) -> float:
            if trial.number not in known:  # its whole round at once, for workers to share
                cv, round = drawn_anew(given, checked, trial.seed), self._round(trial)
                params = [self._whole(self._params(number)) for number in round.values()]
                fits = self.bench.measure(params, range(self.bench.n_splits), cv=cv)
                for number, row in zip(round, fits, strict=True):
                    known[number] = mean([guide(fit, self.metric) for fit in row])
            return known.pop(trial.number)

        try:
            rows = self.study.confirm(measured_again, top, ROUNDS)
        except NoResult:
            return
        most = max(row.repeats for row in rows)
        self.chosen = max((row for row in rows if row.repeats == most), key=_overall).trial.number

    def _round(self, trial: Trial) -> dict[int, int]:
        """Return the trials of a round that are still to come, and what each measures again."""
        notes = {trial.number: confirms(trial.user_attrs)}
        notes |= {one.number: confirms(one.user_attrs) for one in self.study.history.waiting}
        now = notes[trial.number]
        assert now is not None  # `Study.confirm` runs no other trials
        return {number: c.trial for number, c in notes.items() if c and c.round == now.round}

    @property
    def numbers(self) -> list[int]:
        """The trials that are candidates, in the order in which they began."""
        return sorted(self.fits)

    @property
    def spared(self) -> bool:
        """Whether all that is missing or not finite are folds of candidates that were given up."""
        fits = [fit for fits in self.fits.values() for fit in fits.values()]
        scores = [fit.get(kind, 0.0) for fit in fits for kind in ("test_scores", "train_scores")]
        return all(_finite(score) for score in scores)

    def table(self) -> tuple[list[dict[str, Any]], list[Fit]]:
        """Return the params of all candidates, and their fits in one row."""
        rows = [self._params(number) for number in self.numbers]
        known = [fit for fits in self.fits.values() for fit in fits.values()]
        names = next((f["test_scores"] for f in known if isinstance(f["test_scores"], dict)), None)
        gap = missing(_row(known[0], names))
        out = [
            _row(self.fits[number][fold], names) if fold in self.fits[number] else gap
            for number in self.numbers
            for fold in range(self.bench.n_splits)
        ]
        return rows, out


def _overall(row: Confirmed) -> float:
    """Return the mean over all splits, those that a candidate was chosen for included.

    Of the best few that choice flatters all alike, and a few more splits alone say less.
    """
    assert row.trial.values is not None  # it is complete
    return (row.trial.values[0] + row.value * row.repeats) / (1 + row.repeats)


def _patient(study: Study) -> bool:
    """Tell whether no trial is ever stopped."""
    return isinstance(study.scheduler, Full)


def _finite(scores: Any) -> bool:
    return all(map(isfinite, scores.values() if isinstance(scores, dict) else [scores]))


def _row(fit: Fit, names: Mapping[str, Any] | None) -> Fit:
    """Return of a fit what is shown, with scores by name where other fits have them so."""
    row = {name: fit[name] for name in SHOWN if name in fit}
    if names is not None:
        for kind in ("test_scores", "train_scores"):
            if kind in row and not isinstance(row[kind], dict):
                row[kind] = dict.fromkeys(names, row[kind])
    return row
