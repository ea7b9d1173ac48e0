"""Results of earlier work that may be forgotten at any time."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")

_NOTHING = object()


class Memo:
    """Keeps the results that were used last.

    Threads may share it: each step on the dict is whole by itself, and the worst that two can do
    to each other is that both do the same work.

    Parameters
    ----------
    size : int
        How many results are kept.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: dict[Hashable, Any] = {}  # what was used last comes last

    def remember(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the result kept under a key, or that of `make`, which is then kept."""
        kept = self._kept.pop(key, _NOTHING)
        result: T = make() if kept is _NOTHING else kept
        self._kept[key] = result
        for stale in list(self._kept)[: -self._size]:
            self._kept.pop(stale, None)
        return result
