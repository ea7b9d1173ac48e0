"""Work on the course of all trials that grows with each event instead of beginning anew."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from luthier.model.events import Asked, Paused, Released, Reported, Resumed, Told

Happening = Asked | Reported | Paused | Resumed | Released | Told
"""What moves a trial on."""

State = TypeVar("State")
Result = TypeVar("Result")

KEPT = 16
"""How many states are kept; a study rarely needs more than two or three."""


class Folds:
    """States that were folded from a list of events that only grows.

    Threads may share it: who reads a state takes it out meanwhile, and another thread that
    does not find it folds one of its own.

    Parameters
    ----------
    happenings : list
        The events.
    """

    def __init__(self, happenings: list[Happening]) -> None:
        self._happenings = happenings
        self._kept: dict[Hashable, tuple[int, Any]] = {}  # what was used last comes last

    def read(
        self,
        key: Hashable,
        length: int,
        start: Callable[[], State],
        advance: Callable[[State, Happening], None],
        read: Callable[[State], Result],
    ) -> Result:
        """Return what `read` makes of the state after the first `length` events."""
        fed, state = self._kept.pop(key, (0, None))
        if fed > length:  # somebody looks back: the newer state is kept for the others
            self._kept[key] = fed, state
            return read(_fed(start(), self._happenings[:length], advance))
        if not fed:
            state = start()
        if fed < length:
            _fed(state, self._happenings[fed:length], advance)
        result = read(state)
        self._kept[key] = length, state
        for stale in list(self._kept)[:-KEPT]:
            self._kept.pop(stale, None)
        return result


def _fed(
    state: State, happenings: Sequence[Happening], advance: Callable[[State, Happening], None]
) -> State:
    for happening in happenings:
        advance(state, happening)
    return state
