"""Early stopping that asks for no settings, and does not cost the best trial."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf, log2

import numpy as np
from numpy.typing import NDArray

from luthier.errors import InvalidInput
from luthier.model.events import Reported, Resumed, Told
from luthier.model.folding import Happening
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial, TrialState
from luthier.schedulers.base import Decision
from luthier.schedulers.compose import Rule
from luthier.schedulers.reading import Reading, reading_of
from luthier.schedulers.rungs import geometric

LEVELS = geometric(1, None, 2)

SPARED = 3
"""The best one of so many at a rung is not stopped there, and the best one of so many complete
trials is a good one."""

STARTUP = 3
"""So many complete trials are needed at the last rung before the end, and `MORE` for each other."""

MORE = 1

GOOD = 30
"""At most so many of the best trials say how a good trial may begin."""

RECENT = 60
"""So many of the newest complete trials say whether a rung can be trusted."""

TRUSTED = 0.3
"""The rank correlation of a rung with the end, under which nothing is stopped there."""

Stood = dict[int, float]
"""The best loss of a trial up to each rung that it came to."""


@dataclass(frozen=True, slots=True)
class Auto(Rule):
    """Stop a trial only where no good trial has begun as badly.

    Trials are looked at when they have made 1, 2, 4, 8, ... steps. One stops if all of this
    holds:

    1. Enough trials are complete: three for the last rung before the end, one more for each rung
       earlier. They also say how long a trial is.
    2. It is not among the best third of those that came to this rung.
    3. At this rung it is worse than each of the best complete trials was (the best third of
       them, three at least, 30 at most), by more than these differed among themselves there
       times `slack`.
    4. It would not reach the best complete trial even if it gained as much at each rung to come
       as it did from the rung before to this one. So slow starters are not stopped.
    5. The rung can be trusted: among the newest complete trials its rank correlation with the
       final result is at least 0.3.

    If it stops too much for condition 5 to hold among the survivors, more trials run to their
    end until it is known better. Where nothing is reported, all trials run through. With several
    objectives nothing is stopped.

    Parameters
    ----------
    slack : float, default 0.5
        The caution of the third condition, from 0 on.

    Raises
    ------
    InvalidInput
        If a setting is not allowed.
    """

    slack: float = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.slack, bool) or not 0 <= self.slack < inf:
            raise InvalidInput("Auto: slack", self.slack, "a number from 0 on")

    def decide(self, problem: Problem, history: History, trial: FrozenTrial) -> Decision:
        """Stop the trial if it stands where no good one has been."""
        if len(problem.objectives) > 1:
            return Decision.CONTINUE
        reading = reading_of(problem)

        def advance(record: Record, event: Happening) -> None:
            record.advance(event, problem)

        def read(record: Record) -> bool:
            return record.hopeless(trial.number, self.slack)

        key = ("auto", reading)
        hopeless = history.fold(key, lambda: Record(reading), advance, read)
        return Decision.STOP if hopeless else Decision.CONTINUE


class Record:
    """How trials stood at the rungs, and how those ended that were not stopped."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._length = 0  # the last step of the longest complete trial
        self._last: dict[int, int] = {}  # of trials that have not ended, as are the next three
        self._best: dict[int, float] = {}
        self._here: dict[int, int] = {}
        self._stood: dict[int, dict[int, float]] = {}
        self._rungs: list[list[float]] = [[] for _ in LEVELS]  # of all trials, sorted
        self._good: list[tuple[float, int, Stood]] = []  # the best complete trials
        self._recent: deque[tuple[float, Stood]] = deque(maxlen=RECENT)
        self._complete = 0

    def advance(self, event: Happening, problem: Problem) -> None:
        """Take in what has happened to a trial."""
        number = event.number
        if type(event) is Reported:
            self._reported(event)
        elif type(event) is Resumed:
            step = -1 if event.step is None else event.step
            if step != self._last.get(number, -1):
                self._here.pop(number, None)  # it goes on from before its newest report
            self._last[number] = step
            if event.step is None:
                self._best.pop(number, None)
        elif type(event) is Told:
            stood = self._stood.pop(number, {})
            last = self._last.pop(number, 0)
            for table in (self._best, self._here):
                table.pop(number, None)
            if event.state is TrialState.COMPLETE and event.values is not None and stood:
                self._length = max(self._length, last)
                final = problem.signs[0] * event.values[0]
                within = problem.within_limits(event.metrics)
                self._ended(number, final if within else inf, stood)

    def _reported(self, event: Reported) -> None:
        number, loss = event.number, self._reading.loss(event.metrics)
        self._here.pop(number, None)
        if loss is None:
            return
        best = self._best[number] = min(loss, self._best.get(number, inf))
        before, self._last[number] = self._last.get(number, -1), event.step
        rung = bisect_right(LEVELS, event.step) - 1
        if rung < 0 or before >= LEVELS[rung]:
            return
        self._here[number] = rung
        stood = self._stood.setdefault(number, {})
        entries = self._rungs[rung]
        if rung in stood:
            del entries[bisect_left(entries, stood[rung])]
        stood[rung] = best
        insort(entries, best)

    def _ended(self, number: int, final: float, stood: Stood) -> None:
        self._complete += 1
        self._recent.append((final, stood))
        insort(self._good, (final, number, stood))
        del self._good[GOOD:]

    def hopeless(self, number: int, slack: float) -> bool:
        """Tell whether a trial stands where no good one has been."""
        rung = self._here.get(number)
        if rung is None or LEVELS[rung] >= self._length:
            return False
        stood, entries = self._stood[number], self._rungs[rung]
        loss = stood[rung]
        if bisect_left(entries, loss) < len(entries) / SPARED:
            return False
        end = log2(self._length)  # where it would be a rung
        if self._complete < STARTUP + MORE * (ceil(end) - rung - 1):
            return False
        count = max(STARTUP, self._complete // SPARED)
        good = [other[rung] for _, _, other in self._good[:count] if rung in other]
        if len(good) < STARTUP or loss <= max(good) + slack * (max(good) - min(good)):
            return False
        before = max((other for other in stood if other < rung), default=None)
        if before is None:
            return False
        gain = (stood[before] - loss) / (rung - before)
        if not loss - gain * (end - rung) > self._good[0][0]:
            return False
        return self._trusted(rung)

    def _trusted(self, rung: int) -> bool:
        pairs = [(stood[rung], final) for final, stood in self._recent if rung in stood]
        return rank_correlation(*zip(*pairs, strict=True)) >= TRUSTED


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Spearman's correlation of the ranks of two columns; 1 where one is constant."""
    ranks = [_ranks(np.array(column)) for column in (first, second)]
    spread = [float(column.std()) for column in ranks]
    if not all(spread):
        return 1.0
    a, b = (column - column.mean() for column in ranks)
    return float((a * b).mean() / (spread[0] * spread[1]))


def _ranks(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of each number, in the middle of those that it equals."""
    _, where, counts = np.unique(column, return_inverse=True, return_counts=True)
    middles = np.cumsum(counts) - (counts - 1) / 2
    middle: NDArray[np.float64] = middles[where]
    return middle
