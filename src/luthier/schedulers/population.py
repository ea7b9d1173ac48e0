"""A population: which trials belong to it, and how good each was at the end of each interval."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import isfinite
from typing import NamedTuple, TypeVar

from luthier.model.events import Asked, Paused, Reported, Resumed, Told
from luthier.model.folding import Happening
from luthier.model.history import History
from luthier.model.trial import TrialState
from luthier.schedulers.reading import Key, Reading
from luthier.schedulers.standings import Sorted

T = TypeVar("T")

KEPT = 2
"""So many of a member's last checkpoints may be forked: while it writes one, others fork the one
before."""

RETURNS = 2
"""How often the population may go back to the same checkpoint, so that it comes to an end."""


class Point(NamedTuple):
    """What a member had reached at the end of an interval.

    Attributes
    ----------
    number : int
        The trial.
    step : int
        The step of the report, and of the checkpoint that goes with it.
    round : int
        How many intervals the step is from the beginning of training.
    key : tuple of float
        What trials are ranked by; smaller is better.
    """

    number: int
    step: int
    round: int
    key: Key

    @property
    def sound(self) -> bool:
        """Whether all that counts is finite."""
        return all(map(isfinite, self.key))


@dataclass(slots=True)
class Member:
    """A trial of the population.

    Attributes
    ----------
    number : int
        The trial.
    origin : Point, optional
        Where it was forked from.
    base : int
        The step that it began after, 0 for the beginning of training.
    last : int
        The step of its last report that counts.
    points : list of Point
        Of itself, without those of the trial that it was forked from.
    state : TrialState
        RUNNING until it ends, whether or not it is paused.
    returns : dict of int to int
        How many trials were forked from it, by the step of the point.
    """

    number: int
    origin: Point | None = None
    base: int = 0
    last: int = 0
    points: list[Point] = field(default_factory=list)
    state: TrialState = TrialState.RUNNING
    returns: dict[int, int] = field(default_factory=dict)

    @property
    def newest(self) -> Point | None:
        """The point that it has come to, perhaps that of the trial that it was forked from."""
        return self.points[-1] if self.points else self.origin

    @property
    def step(self) -> int:
        """The step of the end of the interval that it has come to."""
        return self.points[-1].step if self.points else self.base

    @property
    def alive(self) -> bool:
        """Whether it has not ended, or has with a result."""
        return self.state in (TrialState.RUNNING, TrialState.COMPLETE)

    def at_most(self, round_: int | None) -> Point | None:
        """Return the last point up to a round, None if there is none."""
        for point in reversed(self.points):
            if round_ is None or point.round <= round_:
                return point
        origin = self.origin
        return origin if origin and (round_ is None or origin.round <= round_) else None


class Population:
    """What has happened to a population.

    Parameters
    ----------
    size : int
        How many members there are at a time.
    interval : int
        How many steps a member makes before it is compared.
    reading : Reading
        What counts of a report.
    """

    def __init__(self, size: int, interval: int, reading: Reading) -> None:
        self.size = size
        self.members: dict[int, Member] = {}
        self.vacancies: list[int] = []  # who has ended without a result, and is not replaced yet
        self.alive = 0
        self._interval = interval
        self._reading = reading
        self._arrived: set[int] = set()  # whose newest report ended an interval; till it pauses

    def advance(self, event: Happening) -> None:
        """Take in what has happened to a trial."""
        if type(event) is Asked:
            self._asked(event)
        elif (member := self.members.get(event.number)) is None:
            return  # it was added with its result
        elif type(event) is Reported:
            self._reported(member, event)
        elif type(event) is Paused:
            self._arrived.discard(member.number)
        elif type(event) is Resumed:
            self._resumed(member, event.step)
        elif type(event) is Told:
            self._told(member, event)

    def _asked(self, event: Asked) -> None:
        if event.owner is None:
            return
        if self.full and self.vacancies:
            self.vacancies.pop(0)
        member = self.members[event.number] = Member(event.number)
        self.alive += 1
        parent = None if event.parent is None else self.members.get(event.parent)
        if parent is not None:
            self._forked(member, parent, event.parent_step)

    @staticmethod
    def _forked(member: Member, parent: Member, step: int | None) -> None:
        # The checkpoint may be an older one than the scheduler wanted, or there was none.
        later = [p for p in parent.points if step is None or p.step >= step]
        if later:
            place = later[0].step if step is not None else later[-1].step
            parent.returns[place] = parent.returns.get(place, 0) + 1
        if step is None:
            return
        member.base = member.last = step
        own = [point for point in parent.points if point.step <= step]
        member.origin = own[-1] if own else parent.origin

    def _reported(self, member: Member, event: Reported) -> None:
        self._arrived.discard(member.number)
        key = self._reading.key(event.metrics)
        if key is None:
            return
        round_ = event.step // self._interval
        if round_ > member.last // self._interval:
            member.points.append(Point(member.number, event.step, round_, key))
            self._arrived.add(member.number)
        member.last = event.step

    def _resumed(self, member: Member, step: int | None) -> None:
        member.last = 0 if step is None else step
        if step is None:
            member.base, member.origin = 0, None
        if not member.points or member.points[-1].step != step:
            self._arrived.discard(member.number)
        member.points = [point for point in member.points if point.step <= member.last]

    def _told(self, member: Member, event: Told) -> None:
        self._arrived.discard(member.number)
        member.state = event.state
        if not member.alive:
            self.alive -= 1
            self.vacancies.append(member.number)

    @property
    def full(self) -> bool:
        """Whether as many trials as the population has members have begun."""
        return len(self.members) >= self.size

    def arrived(self, number: int) -> bool:
        """Tell whether a trial's newest report was the first one after the end of an interval."""
        return number in self._arrived

    def field(self, round_: int | None) -> list[Point]:
        """Return what a member at the end of a round is compared with, the best first.

        That is every trial that came there, and of every other member the last point before.
        Without a round it is the newest point of each member.
        """
        there = []
        for member in self.members.values():
            point = member.at_most(round_)
            if point is None:
                continue
            own = point.number == member.number
            came = own and point.round == round_
            if came or (member.alive and not self._beyond(member, round_)):
                there.append(point._replace(number=member.number))
        return ranked(there)

    @staticmethod
    def _beyond(member: Member, round_: int | None) -> bool:
        """Tell whether a member began at the end of a round, or later: it never came there."""
        origin = member.origin
        return round_ is not None and origin is not None and origin.round >= round_

    def exits(self, number: int, end: int | None) -> list[Point]:
        """Return from where a member may be copied, the newest point first.

        One that has only just been forked is copied from where it was forked itself.
        """
        member = self.members[number]
        own = [] if member.origin is None else [member.origin]
        own += (point for point in member.points if end is None or point.step < end)
        return own[: -KEPT - 1 : -1]

    def elites(self, count: int, end: int | None) -> list[Point]:
        """Return the best points there ever were, ended trials included, the best first."""
        if not count:
            return []
        points = (point for member in self.members.values() for point in member.points)
        return ranked(p for p in points if p.sound and (end is None or p.step < end))[:count]

    def returnable(self, point: Point) -> bool:
        """Tell whether the population may go back to a point once more."""
        return self.members[point.number].returns.get(point.step, 0) < RETURNS

    @property
    def running(self) -> list[Member]:
        """The members that have not ended."""
        return [m for m in self.members.values() if m.state is TrialState.RUNNING]


def ranked(points: Iterable[Point]) -> list[Point]:
    """Return points in order, the best first; of equal ones the older trial comes first."""
    found = sorted(points, key=lambda point: (point.number, point.step))
    if not found or len(found[0].key) == 2:
        return sorted(found, key=lambda point: point.key)
    standings = Sorted()
    for index, point in enumerate(found):
        standings.put(index, point.key)
    places = {index: standings.place(index) for index in range(len(found))}
    return [found[index] for index in sorted(places, key=lambda index: (places[index], index))]


def fold_population(
    history: History, size: int, interval: int, reading: Reading, read: Callable[[Population], T]
) -> T:
    """Return what `read` makes of the population as of a history."""
    return history.fold(
        ("population", size, interval, reading),
        lambda: Population(size, interval, reading),
        Population.advance,
        read,
    )


def better(one: Point, other: Point) -> bool:
    """Tell whether a point beats another one: by the only objective, or by all of them."""
    if len(one.key) == 2:
        return one.key < other.key
    if one.key[0] != other.key[0]:
        return one.key[0] < other.key[0]
    return one.key != other.key and all(a <= b for a, b in zip(one.key, other.key, strict=True))
