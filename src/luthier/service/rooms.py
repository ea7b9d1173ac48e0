"""The studies that the service works on: at most so many in memory, one call at a time each."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import TypeVar

from luthier.errors import StudyNotFound
from luthier.service.lane import Lane
from luthier.storage.base import Storage
from luthier.study.checkpoints import usual_home
from luthier.study.create import load_study
from luthier.study.desk import Desk

T = TypeVar("T")

LOOK = 1.0
"""Seconds between looks for what other processes wrote, while somebody waits."""


class Room:
    """One study: its desk, the queue before it, and those who wait for something to happen."""

    def __init__(self, study: str, threads: Executor) -> None:
        self.study = study
        self.lane = Lane(threads)
        self.desk: Desk | None = None
        self.visitors = 0
        self._turns: deque[asyncio.Future[None]] = deque()
        self._watchers: set[asyncio.Future[None]] = set()

    async def turn(self, seconds: float) -> None:
        """Wait until it makes sense to ask again: those who wait are let in one by one."""
        future = asyncio.get_running_loop().create_future()
        self._turns.append(future)
        if len(self._turns) == 1:
            self._look_again()
        await _done(future, seconds)
        if future in self._turns:
            self._turns.remove(future)

    async def change(self, seconds: float) -> None:
        """Wait until the log may have grown."""
        future = asyncio.get_running_loop().create_future()
        self._watchers.add(future)
        await _done(future, min(seconds, LOOK))
        self._watchers.discard(future)

    def changed(self) -> None:
        """Let those know who wait."""
        self.next_turn()
        for future in self._watchers:
            if not future.done():
                future.set_result(None)

    def next_turn(self) -> None:
        """Let in who has waited longest for a trial."""
        while self._turns:
            future = self._turns.popleft()
            if not future.done():
                future.set_result(None)
                return

    def send_away(self) -> None:
        """End all waiting."""
        while self._turns:
            self.next_turn()
        self.changed()

    def _look_again(self) -> None:
        def look() -> None:
            if self._turns:
                self.next_turn()
                self._look_again()

        asyncio.get_running_loop().call_later(LOOK, look)


class Rooms:
    """Rooms by study. The one that was not used for longest makes place for another.

    Parameters
    ----------
    storage : Storage
        Where the studies are.
    threads : Executor
        Where the work is done.
    most : int
        Studies whose history is kept in memory, at most, beside those that are in use.
    checkpoints : str, optional
        The folder of checkpoints, where the storage suggests none.
    """

    def __init__(
        self, storage: Storage, threads: Executor, most: int, checkpoints: str | None = None
    ) -> None:
        self._storage = storage
        self._threads = threads
        self._most = most
        self._checkpoints = checkpoints if usual_home(storage) is None else None
        self._rooms: OrderedDict[str, Room] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rooms)

    async def at_desk(self, study: str, work: Callable[[Desk], T]) -> T:
        """Do something with a study when its turn comes.

        Raises
        ------
        StudyNotFound
            If there is none of that name.
        """
        while True:
            with self.visit(study) as room:
                known = room.desk is not None
                try:
                    result: T = await room.lane.do(lambda: work(self._desk(room)))
                    return result
                except StudyNotFound:
                    self.forget(study)
                    if not known:
                        raise
            # It was deleted, and may have been created again since.

    @contextmanager
    def visit(self, study: str) -> Iterator[Room]:
        """Give the room of a study, which stays as long as somebody is in it."""
        room = self._rooms.get(study)
        if room is None:
            room = self._rooms[study] = Room(study, self._threads)
        self._rooms.move_to_end(study)
        room.visitors += 1
        self._make_place()
        try:
            yield room
        finally:
            room.visitors -= 1

    def find(self, study: str) -> Room | None:
        """Return the room of a study, if it has one."""
        return self._rooms.get(study)

    def forget(self, study: str) -> None:
        """Give up the room of a study that is not there any more."""
        room = self._rooms.pop(study, None)
        if room is not None:
            room.send_away()

    def send_away(self) -> None:
        """End all waiting everywhere."""
        for room in list(self._rooms.values()):
            room.send_away()

    def _desk(self, room: Room) -> Desk:
        if room.desk is None:
            study = load_study(room.study, storage=self._storage, checkpoints=self._checkpoints)
            room.desk = Desk(study)
        return room.desk

    def _make_place(self) -> None:
        if len(self._rooms) <= self._most:
            return
        for study, room in list(self._rooms.items()):
            if room.lane.idle and not room.visitors:
                del self._rooms[study]
                if len(self._rooms) <= self._most:
                    return


async def _done(future: asyncio.Future[None], seconds: float) -> None:
    await asyncio.wait([future], timeout=seconds)
