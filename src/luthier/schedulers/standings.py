"""Who stands where among the trials that came to the same rung."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Protocol

import numpy as np

from luthier.numerics.nds import crowding, fronts
from luthier.schedulers.reading import Key

WINDOW = 256
"""With several objectives so many of the last entries of a rung are compared: all pairs are."""


class Standings(Protocol):
    """Entries of a rung in order. The last one of a trial counts."""

    def __len__(self) -> int:
        """Return how many entries are compared."""
        ...

    def put(self, number: int, key: Key) -> None:
        """Enter a trial, or enter it anew."""
        ...

    def better(self, number: int) -> int:
        """Return how many entries are better than that of a trial; equal ones are not."""
        ...

    def place(self, number: int) -> int:
        """Return the place of a trial, from 0; of equal entries the older trial is ahead."""
        ...

    def pause(self, number: int) -> None:
        """Note that a trial waits here."""
        ...

    def resume(self, number: int) -> None:
        """Note that a trial waits no more."""
        ...

    def first_paused(self) -> int | None:
        """Return the best trial that waits here."""
        ...


class Ordered:
    """Standings by one objective: a sorted list."""

    __slots__ = ("_entries", "_keys", "_paused")

    def __init__(self) -> None:
        self._keys: dict[int, Key] = {}
        self._entries: list[Key] = []
        self._paused: list[Key] = []

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, number: int, key: Key) -> None:
        """Enter a trial, or enter it anew."""
        before = self._keys.get(number)
        if before is not None:
            _discard(self._entries, (*before, number))
        self._keys[number] = key
        insort(self._entries, (*key, number))

    def better(self, number: int) -> int:
        """Return how many entries are better than that of a trial; equal ones are not."""
        return bisect_left(self._entries, self._keys[number])

    def place(self, number: int) -> int:
        """Return the place of a trial, from 0; of equal entries the older trial is ahead."""
        return bisect_left(self._entries, (*self._keys[number], number))

    def pause(self, number: int) -> None:
        """Note that a trial waits here."""
        insort(self._paused, (*self._keys[number], number))

    def resume(self, number: int) -> None:
        """Note that a trial waits no more."""
        _discard(self._paused, (*self._keys[number], number))

    def first_paused(self) -> int | None:
        """Return the best trial that waits here."""
        return int(self._paused[0][-1]) if self._paused else None


class Sorted:
    """Standings by several objectives: by front, and in a front by how alone an entry is.

    Non-dominated sorting with crowding distance, as NSGA-II has it, is what works for
    asynchronous successive halving as well (Schmucker et al. 2021, Multi-objective asynchronous
    successive halving).
    """

    __slots__ = ("_keys", "_paused", "_ranks")

    def __init__(self) -> None:
        self._keys: dict[int, Key] = {}
        self._paused: set[int] = set()
        self._ranks: dict[int, tuple[int, float]] | None = None

    def __len__(self) -> int:
        return min(len(self._keys), WINDOW)

    def put(self, number: int, key: Key) -> None:
        """Enter a trial, or enter it anew."""
        self._keys.pop(number, None)  # so that it comes last
        self._keys[number] = key
        self._ranks = None

    def better(self, number: int) -> int:
        """Return how many entries are better than that of a trial; equal ones are not."""
        ranks = self._ranked()
        own = ranks.get(number)
        return len(self) if own is None else sum(rank < own for rank in ranks.values())

    def place(self, number: int) -> int:
        """Return the place of a trial, from 0; of equal entries the older trial is ahead."""
        ranks = self._ranked()
        if number not in ranks:
            return len(self)
        own = (ranks[number], number)
        return sum((rank, other) < own for other, rank in ranks.items())

    def pause(self, number: int) -> None:
        """Note that a trial waits here."""
        self._paused.add(number)

    def resume(self, number: int) -> None:
        """Note that a trial waits no more."""
        self._paused.discard(number)

    def first_paused(self) -> int | None:
        """Return the best trial that waits here; one that has left the window waits for good."""
        ranks = self._ranked()
        waiting = [(ranks[number], number) for number in self._paused if number in ranks]
        return min(waiting)[1] if waiting else None

    def _ranked(self) -> dict[int, tuple[int, float]]:
        if self._ranks is None:
            numbers = list(self._keys)[-WINDOW:]
            keys = np.array([self._keys[number] for number in numbers])
            losses = keys[:, 1:]
            front = fronts(losses, keys[:, 0])
            alone = np.zeros(len(numbers))
            finite = np.isfinite(losses).all(axis=1)
            for index in range(int(front.max()) + 1):
                members = np.flatnonzero((front == index) & finite)
                alone[members] = crowding(losses[members])
            ranks = zip(front.tolist(), (-alone).tolist(), strict=True)
            self._ranks = dict(zip(numbers, ranks, strict=True))
        return self._ranks


def _discard(entries: list[Key], entry: Key) -> None:
    index = bisect_left(entries, entry)
    if index < len(entries) and entries[index] == entry:
        del entries[index]
