"""What a study's log says about its trials, read event by event."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from luthier.model.events import Asked, Event, Told
from luthier.model.serde import from_texts
from luthier.storage.registry import open_storage


@dataclass(frozen=True, slots=True)
class Count:
    """How far a log is from one start and one result for each number from 0 to `trials` - 1.

    Attributes
    ----------
    holes : int
        Numbers that were never asked for.
    doubles : int
        Numbers asked for once more than once, counted each time.
    beyond : int
        Numbers from `trials` on.
    without_result : int
        Numbers that have no result.
    second_results : int
        Results of numbers that had one already.
    """

    holes: int
    doubles: int
    beyond: int
    without_result: int
    second_results: int


def read_log(url: str, study: str) -> list[Event]:
    """Return all events of a study."""
    storage = open_storage(url)
    try:
        return from_texts(storage.read(study))
    finally:
        storage.close()


def count_trials(events: list[Event], trials: int) -> Count:
    """Compare a log with what it should be for a study of so many trials."""
    asked = Counter(event.number for event in events if isinstance(event, Asked))
    told = Counter(event.number for event in events if isinstance(event, Told))
    wanted = range(trials)
    return Count(
        holes=sum(number not in asked for number in wanted),
        doubles=asked.total() - len(asked),
        beyond=sum(number not in wanted for number in asked),
        without_result=sum(number not in told for number in wanted),
        second_results=told.total() - len(told),
    )
