"""What two sides tell each other, counted, so that it does not matter how it travels.

Each side numbers what it says, and keeps it until the other says that it has it. A packet begins
with the first item of which that is not known, or at any later one that follows what has been
sent; so packets may be doubled, be late, overtake each other or take different ways, and one may
be lost if everything kept is sent again: each item arrives once, and in order.
"""

from __future__ import annotations

import threading
from collections import deque
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

Out = TypeVar("Out")
In = TypeVar("In")


class Packet(NamedTuple):
    """Some of what one side has said.

    Attributes
    ----------
    got : int
        How many items of the other side it had by then.
    first : int
        The number of the first item, from 0.
    items : tuple
        The items.
    """

    got: int
    first: int
    items: tuple[Any, ...]


class Ledger(Generic[Out, In]):
    """One side's account: what it has said and is not known to have arrived, and what it has read.

    Any thread may use it. Those that read see to it themselves that what one of them gets is not
    overtaken by what the next one gets.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[Out] = deque()
        self._first = 0
        self._got = 0

    @property
    def got(self) -> int:
        """How many items of the other side were read."""
        return self._got

    @property
    def unread(self) -> bool:
        """Whether something is not known to have arrived."""
        return bool(self._kept)

    def write(self, item: Out) -> None:
        """Say something."""
        with self._lock:
            self._kept.append(item)

    def packet(self, since: int = 0) -> Packet:
        """Return all items from a number on that are not known to have arrived."""
        with self._lock:
            first = max(since, self._first)
            return Packet(self._got, first, tuple(islice(self._kept, first - self._first, None)))

    def read(self, packet: Packet) -> list[In]:
        """Return the items of a packet that were not read before."""
        with self._lock:
            assert packet.first <= self._got, "a packet follows one that has not come"
            while self._first < packet.got:
                self._kept.popleft()
                self._first += 1
            new = list(packet.items[self._got - packet.first :])
            self._got += len(new)
            return new
