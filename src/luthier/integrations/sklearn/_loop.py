"""From candidates to scores: asks a study, measures fold by fold, and tells what came of it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from luthier.errors import NoResult, SpaceExhausted
from luthier.integrations.sklearn._bench import Bench, Fit, drawn_anew
from luthier.integrations.sklearn._record import fits_of, guide, mean, missing, report
from luthier.integrations.sklearn.distributions import Candidates
from luthier.model.repeats import confirms
from luthier.model.trial import TrialState
from luthier.samplers.tpe import TPE
from luthier.schedulers.full import Full
from luthier.study.study import Study
from luthier.study.trial import Trial

LONG = 2.0
"""Seconds a candidate has to take for a Gaussian process to cost less than a fiftieth of them."""

FIRST = 5
"""After so many candidates it is decided."""

SHOWN = ("fit_time", "score_time", "test_scores", "train_scores")

ROUNDS = 3
"""How often candidates are measured again at most, before one is called the best."""


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
    confirm : int, default 0
        How many of the best are measured again.
    """

    study: Study
    bench: Bench
    candidates: Candidates
    metric: str
    budget: Budget
    batch: int | None = 1
    adapt: bool = False
    confirm: int = 0
    fits: dict[int, dict[int, Fit]] = field(default_factory=dict)
    chosen: int | None = None
    """The trial that proved to be the best, if that was looked at."""

    def run(self) -> None:
        """Measure candidates until the budget is used."""
        self.began = time.monotonic()
        for trial in self.study.history.ended:
            if not confirms(trial.user_attrs):
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
        self._see_one()

    def _ask(self) -> list[Trial]:
        trials: list[Trial] = []
        while self.batch is None or len(trials) < self.batch:
            if not self._affordable(len(trials)):
                break
            try:
                trial = self.study.ask()
            except SpaceExhausted:
                if not trials:  # else the scheduler may only wait for their results
                    self._exhausted()
                break
            if confirms(trial.user_attrs):  # left over by a search that was interrupted
                self.study.tell(trial, state=TrialState.PRUNED)
            else:
                trials.append(trial)
        return trials

    def _affordable(self, asked: int) -> bool:
        """Tell whether one more candidate may begin; the first one of a search always may."""
        budget, splits = self.budget, self.bench.n_splits
        if budget.total is not None and len(self.fits) + asked >= budget.total:
            return False
        if not asked and not self.bench.fits:
            return True
        if budget.timeout is not None and self._spent() >= budget.timeout:
            return False
        if budget.fits is None:
            return True
        reserved = self.confirm * ROUNDS
        return self.bench.fits + (asked + 1 + reserved) * splits <= budget.fits

    def _spent(self) -> float:
        return time.monotonic() - self.began

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
        for folds in self._rounds():
            if not live:
                break
            self._fit([number for number in live if folds[-1] not in self.fits[number]], folds)
            for number, trial in list(live.items()):
                for fold in folds:
                    report(trial, self.metric, self.fits[number], fold)
                if trial.should_prune() and folds[-1] < self.bench.n_splits - 1:
                    self._stop(live.pop(number), self.fits[number])
        for number, trial in live.items():
            self._tell(trial, self.fits[number])

    def _fit(self, numbers: Sequence[int], folds: Sequence[int]) -> None:
        if not numbers:
            return
        history = self.study.history
        rows = [self.candidates.params(history.trial(number).params) for number in numbers]
        fits = self.bench.measure(rows, folds, alone=self.batch is None)
        for number, row in zip(numbers, fits, strict=True):
            self.fits[number].update(zip(folds, row, strict=True))

    def _rounds(self) -> Iterator[list[int]]:
        """Yield which folds are measured before it is asked which candidates go on."""
        n = self.bench.n_splits
        scheduler: Any = self.study.scheduler
        first = n if _patient(self.study) else min(n, getattr(scheduler, "min_folds", 1))
        yield list(range(first))
        for fold in range(first, n):
            yield [fold]

    def _stop(self, trial: Trial, fits: dict[int, Fit]) -> None:
        """Give up a candidate; one that failed in all folds so far would do so in the others."""
        if not all(fit["fit_error"] for fit in fits.values()):
            self.study.tell(trial, state=TrialState.PRUNED)
            return
        for fold in range(self.bench.n_splits):
            fits.setdefault(fold, fits[0])
        self._tell(trial, fits)

    def _tell(self, trial: Trial, fits: Mapping[int, Fit]) -> None:
        score = mean([guide(fit, self.metric) for fit in fits.values()])
        errors = [fit["fit_error"] for fit in fits.values() if fit["fit_error"]]
        if isfinite(score) and not errors:
            self.study.tell(trial, score)
        else:
            last = errors[-1].strip().splitlines()[-1] if errors else f"the score is {score}"
            self.study.tell(trial, state=TrialState.FAILED, error=last)

    def _hand_back(self, trials: Sequence[Trial]) -> None:
        """Leave the candidates at hand to whoever goes on with the study."""
        for trial in trials:
            if self.study.history.trial(trial.number).state is TrialState.RUNNING:
                self.study._engine.release(trial.number, "the search was interrupted")

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
        params = self.candidates.params(self.study.history.trial(best).params)
        self.bench.measure([params], [0], alone=True)

    # ---------------------------------------------------------------- after the last one

    def prove(self, given: Any) -> None:
        """Measure the best candidates again on other splits, and remember which one is best.

        Parameters
        ----------
        given : object
            The `cv` that the search was given.
        """
        checked = self.bench.cv.cv
        if drawn_anew(given, checked, 0) is None:
            return

        def measured_again(trial: Trial) -> float:
            cv = drawn_anew(given, checked, trial.seed)
            folds = range(self.bench.n_splits)
            (fits,) = self.bench.measure([self.candidates.params(trial.params)], folds, cv=cv)
            return mean([guide(fit, self.metric) for fit in fits])

        try:
            rows = self.study.confirm(measured_again, self.confirm, ROUNDS)
        except NoResult:
            return
        self.chosen = rows[0].trial.number

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
        history = self.study.history
        rows = [self.candidates.params(history.trial(n).params) for n in self.numbers]
        known = [fit for fits in self.fits.values() for fit in fits.values()]
        names = next((f["test_scores"] for f in known if isinstance(f["test_scores"], dict)), None)
        gap = missing(_row(known[0], names))
        out = [
            _row(self.fits[number][fold], names) if fold in self.fits[number] else gap
            for number in self.numbers
            for fold in range(self.bench.n_splits)
        ]
        return rows, out


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
