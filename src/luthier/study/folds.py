"""Objectives that are measured several times: by folds, on data sets, with seeds."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import fsum, isfinite, sqrt
from time import monotonic
from typing import Any, Generic, TypeVar

import numpy as np

from luthier.errors import InvalidInput, InvalidResult, TrialPruned
from luthier.model.repeats import single, std_error
from luthier.study.live import LiveTrial
from luthier.study.telling import interpret, number

WORTH = 1.0
"""Seconds after which what a fold took is worth a checkpoint."""

SAVED = "scores of folds"

Part = TypeVar("Part")


class Folds(Generic[Part]):
    """The parts that a trial is measured on, and the scores so far; see `Trial.folds`.

    The number of folds that are done is the step of the trial's reports, and the mean so far
    their value: schedulers rank by it. The score of each fold is kept beside it for `Race`.

    Parameters
    ----------
    trial : LiveTrial
        The trial; it reports nothing else, and writes no other checkpoints.
    parts : iterable
        What is measured one by one.
    """

    def __init__(self, trial: LiveTrial, parts: Iterable[Part]) -> None:
        self._trial = trial
        self._parts = parts
        self._scores: dict[str, list[float]] = {}
        self._plain = True  # whether scores are numbers, not mappings
        self._done = 0
        self._due = False  # whether the part at hand is still to be reported

    def __len__(self) -> int:
        """Return how many folds are done."""
        return self._done

    def __iter__(self) -> Iterator[Part]:
        """Yield the parts that are to be measured; report each before the next one.

        Raises
        ------
        TrialPruned
            If the trial should stop.
        InvalidResult
            If a part was not reported.
        InvalidInput
            If the trial goes on from a checkpoint that is not of its folds.
        """
        self._trial._folded = True
        self._restore()
        began = None
        try:
            for index, part in enumerate(self._parts):
                if index < self._done:
                    continue
                if began is not None:
                    self._between(monotonic() - began)
                began = monotonic()
                self._trial._repeat = index
                self._due = True
                yield part
                if self._due:
                    raise InvalidResult("folds", f"no score of fold {index}", "one of each fold")
        finally:
            self._trial._repeat = 0

    def report(self, score: float | Mapping[str, float]) -> None:
        """Report the score of the fold at hand.

        Parameters
        ----------
        score : float or mapping of str to float
            The objective's value, or metrics by name, the same ones in each fold. May be NaN or
            infinite: such a trial can be stopped, but not completed.

        Raises
        ------
        InvalidResult
            If a metric is no number, or its name is not among those of the folds before; or if
            the fold was reported already.
        """
        if not self._due:
            raise InvalidResult("folds", score, "one report of each fold, in the loop over them")
        objectives = [objective.name for objective in self._trial._problem.objectives]
        plain = not isinstance(score, Mapping)
        given = {objectives[0]: score} if not isinstance(score, Mapping) else score
        found = {
            str(name): number(value, f"fold {self._done}: {name}", finite=False)
            for name, value in given.items()
        }
        if self._done and found.keys() != self._scores.keys():
            raise InvalidResult("folds", list(found), f"the metrics {', '.join(self._scores)}")
        self._plain = plain
        for name, value in found.items():
            self._scores.setdefault(name, []).append(value)
        self._done += 1
        self._due = False
        metrics = {name: _mean(values) for name, values in self._scores.items()}
        metrics |= {single(name): found[name] for name in objectives if name in found}
        for name in objectives:
            error = self.std_error(name)
            if error is not None:
                self._trial.measure(std_error(name), error)
        self._trial._report(metrics, self._done)

    def mean(self) -> Any:
        """Return the mean of the scores, for the objective to return.

        Returns
        -------
        float or dict of str to float
            A number if numbers were reported, else a mean by name.

        Raises
        ------
        InvalidResult
            If nothing was reported.
        """
        if not self._done:
            raise InvalidResult("folds", "no score", "at least one report")
        means = {name: _mean(values) for name, values in self._scores.items()}
        return next(iter(means.values())) if self._plain else means

    def std_error(self, metric: str | None = None) -> float | None:
        """Return the standard error of the mean, None before the second fold.

        The scores of the folds of a cross-validation share training data, so that theirs is
        rather too small.

        Parameters
        ----------
        metric : str, optional
            Default: the first objective.
        """
        name = self._trial._problem.objectives[0].name if metric is None else metric
        values = self._scores.get(name, [])
        if len(values) < 2 or not all(map(isfinite, values)):
            return None
        return float(np.std(values, ddof=1)) / sqrt(len(values))

    def _between(self, seconds: float) -> None:
        """Stop between two folds if that is wanted, and lose nothing that took long."""
        stops = self._trial.should_prune()
        if self._trial._ticket.folder is not None and (stops or seconds > WORTH):
            self._trial.save({SAVED: self._scores, "plain": self._plain})
        if stops:
            raise TrialPruned

    def _restore(self) -> None:
        step = self._trial.restored_step
        if step is None or self._done or self._trial.restore_dir is None:
            return
        if self._trial.parent is not None and self._trial.attempt == 1:
            raise InvalidInput("folds", "a trial forked from another one", "folds of its own")
        state = self._trial.load() or {}
        found = state.get(SAVED, {})
        if not found or any(len(values) != step for values in found.values()):
            raise InvalidInput(
                "folds", f"a checkpoint of step {step}", "no other checkpoints beside the folds'"
            )
        self._scores, self._plain, self._done = found, state["plain"], step


@dataclass(frozen=True, slots=True)
class Repeated:
    """An objective that is called several times, and whose value is the mean.

    `Trial.repeat` and `Trial.seed` say which time it is. What the objective measures is averaged,
    and what it costs is summed up. It reports nothing itself: each repeat is a step.

    Parameters
    ----------
    objective : callable
        Gets a `Trial`, as always.
    repeats : int
        How often it is called.
    """

    objective: Any
    repeats: int

    def __call__(self, trial: LiveTrial) -> Any:
        """Measure the trial again and again, unless it is stopped."""
        folds = Folds(trial, range(self.repeats))
        for _ in folds:
            with _afresh(trial):
                folds.report(_metrics(trial, self.objective(trial)))
        return folds.mean()


@dataclass(frozen=True, slots=True)
class RepeatedYielding(Repeated):
    """The same for a generator function, which yields how many seconds pass."""

    def __call__(self, trial: LiveTrial) -> Generator[float, None, Any]:
        """Measure the trial again and again, unless it is stopped."""
        folds = Folds(trial, range(self.repeats))
        for _ in folds:
            with _afresh(trial):
                returned = yield from self.objective(trial)
                folds.report(_metrics(trial, returned))
        return folds.mean()


@contextmanager
def _afresh(trial: LiveTrial) -> Iterator[None]:
    """Let an objective find nothing measured; what it costs is added to the costs before."""
    before, trial._cost, trial._measured = trial._cost, None, {}
    try:
        yield
    finally:
        if before is not None:
            trial._cost = before + (trial._cost or 0.0)


def _metrics(trial: LiveTrial, returned: Any) -> dict[str, float]:
    """Return all that an objective has returned and measured, by name."""
    objectives = trial._problem.objectives
    result = interpret(returned, objectives, (), trial.measured)
    values = {o.name: value for o, value in zip(objectives, result.values, strict=True)}
    return {**values, **result.metrics}


def _mean(values: list[float]) -> float:
    return fsum(values) / len(values) if all(map(isfinite, values)) else sum(values) / len(values)
