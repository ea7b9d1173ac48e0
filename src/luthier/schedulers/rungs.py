"""Rungs: the steps at which trials are compared, and what a history says about each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeVar

from luthier.model.events import Paused, Reported, Resumed, Told
from luthier.model.folding import Happening
from luthier.model.history import History
from luthier.schedulers.reading import Reading
from luthier.schedulers.standings import Ordered, Sorted, Standings

T = TypeVar("T")

FARTHEST = 2**40
"""No trial makes so many steps."""

GOLDEN = 0.6180339887498949


class Ladder(Protocol):
    """At which steps which trials are compared. Hashable."""

    def bracket(self, number: int) -> int:
        """Return which trials a trial is compared with."""
        ...

    def rung(self, bracket: int, step: int, before: int) -> int | None:
        """Return the highest rung after the step `before` up to `step`, None if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Brackets:
    """Rungs that differ from bracket to bracket.

    Attributes
    ----------
    levels : tuple of tuple of int
        The steps of the rungs of each bracket, ascending.
    shares : tuple of float
        The share of the trials in each bracket, in sum 1.
    """

    levels: tuple[tuple[int, ...], ...]
    shares: tuple[float, ...] = (1.0,)

    def bracket(self, number: int) -> int:
        """Return the bracket of a trial: so that any stretch of trials has about the shares."""
        left = (0.5 + number * GOLDEN) % 1.0
        for index, share in enumerate(self.shares[:-1]):
            left -= share
            if left < 0:
                return index
        return len(self.shares) - 1

    def rung(self, bracket: int, step: int, before: int) -> int | None:
        """Return the highest rung after the step `before` up to `step`, None if there is none."""
        levels = self.levels[bracket]
        index = bisect_right(levels, step) - 1
        return index if index >= 0 and before < levels[index] else None


@dataclass(frozen=True, slots=True)
class Every:
    """A rung every so many steps, for all trials."""

    first: int
    interval: int

    def bracket(self, number: int) -> int:
        """Return the only bracket."""
        return 0

    def rung(self, bracket: int, step: int, before: int) -> int | None:
        """Return the highest rung after the step `before` up to `step`, None if there is none."""
        index = (step - self.first) // self.interval
        return index if index >= 0 and before < self.first + index * self.interval else None


class Rungs:
    """What has happened at the rungs.

    A trial is entered at the first report at or after a rung that has all that counts; one that
    jumps over several rungs is entered at the highest. If it is started again and comes by once
    more, the new entry replaces the old one.
    """

    def __init__(self, ladder: Ladder, reading: Reading) -> None:
        self._ladder = ladder
        self._reading = reading
        self._kind: type[Ordered | Sorted] = Ordered if len(reading.terms) == 1 else Sorted
        self._last: dict[int, int] = {}  # step of the last report of this attempt that counts
        self._here: dict[int, int] = {}  # the rung that the newest report of a trial came to
        self._top: dict[int, int] = {}  # the rung that a trial came to last
        self._paused: dict[int, int] = {}  # the rung that a paused trial waits at
        self._passed: dict[int, int] = {}  # below this rung a resumed trial is not asked again
        self._standings: dict[tuple[int, int], Standings] = {}
        self._heights = [-1]  # the highest rung of each bracket that has entries

    def advance(self, event: Happening) -> None:
        """Take in what has happened to a trial."""
        number = event.number
        if type(event) is Reported:
            self._reported(event)
        elif type(event) is Paused:
            rung = self._top.get(number)
            if rung is not None:
                self._paused[number] = rung
                self.at(self._ladder.bracket(number), rung).pause(number)
        elif type(event) is Resumed:
            step = -1 if event.step is None else event.step
            if step != self._last.get(number, -1):
                self._here.pop(number, None)  # it goes on from before its newest report
            self._last[number] = step
            rung = self._goes_on(number)
            if rung is not None:
                self._passed[number] = rung + 1
        elif type(event) is Told:
            self._goes_on(number)
            for table in (self._last, self._here, self._top, self._passed):
                table.pop(number, None)

    def _reported(self, event: Reported) -> None:
        number = event.number
        self._here.pop(number, None)
        key = self._reading.key(event.metrics)
        if key is None:
            return
        bracket = self._ladder.bracket(number)
        rung = self._ladder.rung(bracket, event.step, self._last.get(number, -1))
        self._last[number] = event.step
        if rung is not None:
            self._here[number] = self._top[number] = rung
            self.at(bracket, rung).put(number, key)

    def _goes_on(self, number: int) -> int | None:
        rung = self._paused.pop(number, None)
        if rung is not None:
            self.at(self._ladder.bracket(number), rung).resume(number)
        return rung

    def at(self, bracket: int, rung: int) -> Standings:
        """Return the standings at a rung."""
        standings = self._standings.get((bracket, rung))
        if standings is None:
            standings = self._standings[bracket, rung] = self._kind()
            self._heights += [-1] * (bracket + 1 - len(self._heights))
            self._heights[bracket] = max(self._heights[bracket], rung)
        return standings

    def of(self, number: int) -> tuple[int, Standings] | None:
        """Return the rung that a trial's newest report came to, and the standings there."""
        rung = self._here.get(number)
        return None if rung is None else (rung, self.at(self._ladder.bracket(number), rung))

    def passed(self, number: int, rung: int) -> bool:
        """Tell whether a trial was resumed to go beyond a rung."""
        return rung < self._passed.get(number, 0)

    def promotable(self, eta: int, below: int = FARTHEST) -> int | None:
        """Return the paused trial that should go on next.

        The best one of those at the highest rung where one waits in the best ``1 / eta``.

        Parameters
        ----------
        eta : int
        below : int, optional
            Only rungs below this one count.
        """
        for rung in range(min(max(self._heights), below - 1), -1, -1):
            for bracket in range(len(self._heights)):
                standings = self._standings.get((bracket, rung))
                first = None if standings is None else standings.first_paused()
                if standings is None or first is None:
                    continue
                if standings.place(first) < len(standings) // eta:
                    return first
        return None


def fold_rungs(
    history: History,
    owner: Hashable,
    ladder: Ladder,
    reading: Reading,
    read: Callable[[Rungs], T],
) -> T:
    """Return what `read` makes of the rungs as of a history."""
    return history.fold(
        (owner, ladder, reading), lambda: Rungs(ladder, reading), Rungs.advance, read
    )


@lru_cache(64)
def geometric(min_step: int, max_step: int | None, eta: int) -> tuple[int, ...]:
    """Return ``min_step * eta**k`` below `max_step`."""
    levels = []
    level = min_step
    while level < (max_step or FARTHEST):
        levels.append(level)
        level *= eta
    return tuple(levels)


@lru_cache(64)
def hedged(levels: tuple[int, ...], brackets: int, eta: int) -> Brackets:
    """Return Hyperband's brackets over the same rungs, each beginning one rung later.

    Bracket ``b`` of ``B`` gets trials in proportion to ``ceil(B * eta**s / (s + 1))`` with
    ``s = B - 1 - b`` (Li et al. 2018, Hyperband, Algorithm 1), so that all use up about the same.
    """
    counts = [-(-brackets * eta**s // (s + 1)) for s in reversed(range(brackets))]
    return Brackets(
        tuple(levels[first:] for first in range(brackets)),
        tuple(count / sum(counts) for count in counts),
    )
