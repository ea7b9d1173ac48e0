"""A search whose candidates are fitted a little at first, and only the good ones further."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from math import isfinite
from pathlib import Path
from secrets import token_bytes
from typing import Any

from luthier.errors import InvalidInput, TrialPruned
from luthier.integrations.sklearn._bench import Fit
from luthier.integrations.sklearn._growth import PART, Growth, Part
from luthier.integrations.sklearn._loop import Loop
from luthier.integrations.sklearn._record import fits_of, report_rung, score_of
from luthier.model.trial import TrialState
from luthier.schedulers.base import Decision, Resume
from luthier.study.trial import Trial


@dataclass
class RungLoop(Loop):
    """One search in which candidates are compared at each amount of a resource.

    At an amount all folds are fitted, and the mean of their scores is reported at a step that is
    the amount. What was fitted is kept in files: those of candidates at hand in a temporary folder,
    those of paused ones in the checkpoints of their trials. A search that goes on with the study of
    an earlier one makes their fits anew: what it did not write itself, it does not unpickle.

    Parameters
    ----------
    growth : Growth
        The resource; has to be given.
    """

    growth: Growth = field(kw_only=True)
    done: dict[int, int] = field(default_factory=dict, init=False)
    """The amount to which the fits of each candidate were made."""

    _secret: bytes = field(default_factory=partial(token_bytes, 32), init=False, repr=False)
    _from: dict[int, Path] = field(default_factory=dict, init=False)
    _live: dict[int, Trial] = field(default_factory=dict, init=False)

    def run(self) -> None:
        """Measure candidates until the budget is used, then those that are worth finishing."""
        history = self.study.history
        for trial in (*history.ended, *history.paused):
            if trial.reports.last is not None and not self._again(trial):
                self.done[trial.number] = trial.reports.last.step
                self.fits[trial.number] = fits_of(trial)
        with tempfile.TemporaryDirectory(prefix="luthier-fits-") as home:
            self._home = Path(home)
            super().run()

    def _complete(self) -> None:
        """Let paused candidates go on that may be the best, now that none may begin."""
        history = self.study.history
        if history.paused and self._in_time() and (self._room() or not history.complete):
            self.study.optimize(self._alone, total_trials=0, timeout=self._left())

    def _ask(self, busy: int = 0) -> list[Trial]:
        trials = super()._ask(busy)
        study = self.study
        room = (self.batch or 1) - busy
        while len(trials) < room and self._in_time() and self._room(len(trials)):
            step = study.scheduler.next(study.history.problem, study.history)
            if not isinstance(step, Resume):
                break
            trials.append(study.ask())
        return trials

    def _committed(self) -> float:
        """Return what the candidates at hand will still cost, in whole fits."""
        shares = (1 - self.done[number] / self.growth.whole for number in self._live)
        return sum(shares) * self.bench.n_splits

    def _hand_back(self, trials: Sequence[Trial]) -> None:
        super()._hand_back(list(self._live.values()))

    # ---------------------------------------------------------------- one batch

    def _measure(self, trials: Sequence[Trial]) -> None:
        self._begin(trials)
        while self._live:
            self._climb(list(self._live.values()))
            for number, trial in list(self._live.items()):
                if self._over(trial):
                    self._live.pop(number)
                    self._leave(trial)
            # A place that has become free is not kept waiting for the others.
            if self._live:
                self._begin(self._ask(len(self._live)))

    def _begin(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            number = trial.number
            self._live[number] = trial
            self.fits.setdefault(number, {})
            folder = trial.restore_dir
            self.done[number] = 0 if folder is None else trial.restored_step or 0
            (self._home / str(number)).mkdir(exist_ok=True)
            self._from[number] = self._home / str(number) if folder is None else folder

    def _climb(self, trials: Sequence[Trial]) -> None:
        """Fit candidates up to their next amounts, and report how good they are there."""
        numbers = [trial.number for trial in trials]
        goals = {number: self.growth.next(self.done[number]) for number in numbers}
        shares = [(goals[n] - self.done[n]) / self.growth.whole for n in numbers]
        found: dict[int, dict[int, Fit]] = {number: {} for number in numbers}
        for fold in range(self.bench.n_splits):
            rows = [self._row(trial, goals[trial.number], fold) for trial in trials]
            fits = self.bench.measure(rows, [fold], share=sum(shares) / len(shares))
            for number, (fit,) in zip(numbers, fits, strict=True):
                if self.done[number]:
                    fit["fit_time"] += self.fits[number][fold]["fit_time"]
                found[number][fold] = fit
        for trial in trials:
            number = trial.number
            self.fits[number], self.done[number] = found[number], goals[number]
            self._from[number] = self._home / str(number)
            report_rung(trial, self.metric, found[number], goals[number])

    def _row(self, trial: Trial, goal: int, fold: int) -> dict[str, Any]:
        number, done = trial.number, self.done[trial.number]
        before = self._from[number] / str(fold) if done else None
        part = Part(goal, done, before, self._home / str(number) / str(fold), self._secret)
        return {**self._params(number), PART: part}

    def _over(self, trial: Trial) -> bool:
        """Tell a candidate's end to the study, if it has come."""
        fits = self.fits[trial.number]
        failed = all(fit["fit_error"] for fit in fits.values())
        if failed or self.done[trial.number] == self.growth.whole:
            self._tell(trial, fits)
            return True
        if trial.should_prune():
            self._keep(trial)
            self.study.tell(trial, state=TrialState.PRUNED)  # or paused, if that was decided
            return True
        return False

    def _keep(self, trial: Trial) -> None:
        """Make a checkpoint of what was fitted, if the candidate may go on."""
        history = self.study.history
        known = history.trial(trial.number)
        if self.study.scheduler.decide(history.problem, history, known) is not Decision.PAUSE:
            return
        # Without a folder for checkpoints, or with nothing to put there, it begins anew.
        with suppress(InvalidInput), trial.checkpoint() as folder:
            for file in self._from[trial.number].iterdir():
                shutil.move(file, folder / file.name)

    def _leave(self, trial: Trial) -> None:
        self._from.pop(trial.number)
        shutil.rmtree(self._home / str(trial.number))

    def _alone(self, trial: Trial) -> float:
        """Fit one candidate as far as it goes: what `Study.optimize` runs."""
        self._begin([trial])
        del self._live[trial.number]
        try:
            while True:
                self._climb([trial])
                fits = self.fits[trial.number]
                score, error = score_of(fits, self.metric)
                if not isfinite(score) or all(fit["fit_error"] for fit in fits.values()):
                    raise RuntimeError(error)
                if self.done[trial.number] == self.growth.whole:
                    return score
                if trial.should_prune():
                    self._keep(trial)
                    raise TrialPruned
        finally:
            self._leave(trial)
            if not self._room():
                self.study.stop()

    # ---------------------------------------------------------------- after the last one

    def _params(self, number: int) -> dict[str, Any]:
        params = super()._params(number)
        return {**params, **self.growth.params(self.done.get(number, 0) or self.growth.whole)}

    def _whole(self, params: dict[str, Any]) -> dict[str, Any]:
        return {**params, **self.growth.params(self.growth.whole)}

    def columns(self) -> dict[str, list[int]]:
        """Return scikit-learn's columns of halving: how far each candidate came."""
        reached = [self.done.get(number, 0) for number in self.numbers]
        rungs = [sum(amount < done for amount in self.growth.amounts) for done in reached]
        return {"iter": rungs, "n_resources": reached}
