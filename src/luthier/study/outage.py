"""Waiting for a storage that is away: its server restarts, its disk is full, the network is cut."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from luthier.errors import StorageFull, StorageUnavailable

T = TypeVar("T")

log = logging.getLogger("luthier")

BY_HAND = 60.0
"""Seconds for which a storage is waited for, where no `optimize` says otherwise."""

MAX_OUTAGE = 3600.0
"""Seconds for which `optimize` waits, unless told otherwise."""

PAUSES = (0.1, 5.0)
"""The first and the longest pause between two tries, in seconds; each is twice the one before."""

LOOK_UP = 0.2
"""Seconds after which a waiting process looks whether it should give up."""


class Outages:
    """Does work on a storage again and again until the storage is back.

    Attributes
    ----------
    patience : float
        Seconds after which an outage is an error.
    gives_up : callable
        Asked while waiting; returns whether to stop at once.
    """

    def __init__(self) -> None:
        self.patience = BY_HAND
        self.gives_up: Callable[[], bool] = lambda: False

    def outlast(self, work: Callable[[bool], T]) -> T:
        """Return what the work returns, as soon as the storage lets it.

        Parameters
        ----------
        work : callable
            Told whether it may have been done already, by a try whose answer got lost.

        Raises
        ------
        StorageUnavailable, StorageFull
            If the storage was away for longer than `patience`, or the wait was given up.
        """
        try:
            return work(False)
        except (StorageUnavailable, StorageFull) as error:
            began = time.monotonic()
            if self._is_over(began):
                raise
            # Whether the text holds no password is up to the storage, which made the message.
            log.warning("%s; waiting for up to %g s until it is back", error, self.patience)
        pause = PAUSES[0]
        while True:
            self._sleep(pause)
            pause = min(2 * pause, PAUSES[1])
            try:
                result = work(True)
            except (StorageUnavailable, StorageFull):
                if self._is_over(began):
                    raise
                continue
            log.warning("the storage is back after %.1f s", time.monotonic() - began)
            return result

    def _is_over(self, began: float) -> bool:
        return time.monotonic() - began >= self.patience or self.gives_up()

    def _sleep(self, seconds: float) -> None:
        """Sleep in small pieces: a signal's handler does not end a sleep."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self.gives_up():
            time.sleep(min(left, LOOK_UP))
