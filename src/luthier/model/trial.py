"""The immutable record of one trial: its params, how it goes, how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from luthier.model.frozen import EMPTY

Params = Mapping[str, Any]
Metrics = Mapping[str, float]


class TrialState(Enum):
    """Where a trial stands. The first three are open, the others final."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    INFEASIBLE = "INFEASIBLE"
    FAILED = "FAILED"

    @property
    def final(self) -> bool:
        """Whether the trial has ended."""
        return self in FINAL

    def __str__(self) -> str:
        return self.value

    # Members are compared by identity; the hash of `Enum` is that of the name, in Python.
    __hash__ = object.__hash__


FINAL = frozenset(
    {TrialState.COMPLETE, TrialState.PRUNED, TrialState.INFEASIBLE, TrialState.FAILED}
)


@dataclass(frozen=True, slots=True)
class Report:
    """Metrics that a trial reported on its way.

    Attributes
    ----------
    step : int
        How far the trial was, in its own unit (epochs, folds, ...), from 0.
    metrics : mapping of str to float
        The objectives' metrics and any others.
    time : float
        Seconds since the epoch (UTC).
    """

    step: int
    metrics: Metrics
    time: float


class Reports(Sequence[Report]):
    """The reports of a trial up to one moment: a view of a list that only grows."""

    __slots__ = ("_items", "_length")

    def __init__(self, items: list[Report], length: int) -> None:
        self._items = items
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        return self._items[: self._length][index]

    def __iter__(self) -> Iterator[Report]:
        return iter(self._items[: self._length])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(report.step for report in self))

    def __repr__(self) -> str:
        return repr(list(self))

    @property
    def last(self) -> Report | None:
        """The newest report, or None."""
        return self._items[self._length - 1] if self._length else None

    def followed_by(self, report: Report) -> Reports:
        """Return these reports and one more, without copying when this is the newest view."""
        items = self._items if len(self._items) == self._length else self._items[: self._length]
        items.append(report)
        return Reports(items, self._length + 1)


NO_REPORTS = Reports([], 0)


@dataclass(frozen=True, slots=True)
class FrozenTrial:
    """One configuration and what came of it, as of one version of the history.

    Attributes
    ----------
    number : int
        From 0, without holes.
    state : TrialState
        Where it stands.
    params : mapping of str to object
        The active parameters, derived ones included.
    values : tuple of float, optional
        One per objective; None without a result.
    metrics : mapping of str to float
        What the trial measured beside its objectives (for limits, cost tables, ...).
    reports : sequence of Report
        What it reported on the way.
    user_attrs : mapping of str to object
        What users noted.
    error : str
        One line that says what went wrong, or why it was infeasible or pruned.
    traceback, output : str
        The traceback of a failure, and the end of what the trial printed.
    attempt : int
        How often it was started, from 1; 0 while it waits to be started first.
    pauses : int
        How often it was set aside.
    futile : int
        How often in a row it was handed back without having come to a newer checkpoint.
    owner : str, optional
        Identity of the process that started it last.
    by : str or mapping, optional
        The sampler or scheduler that proposed the params; ``"user"`` for params that a person
        gave.
    at : int
        Version of the log that the sampler saw.
    why : mapping of str to object
        How the sampler chose the params, in plain JSON types; empty where its name says it all.
    fixed : mapping, optional
        The values that a person fixed when queueing it.
    proposed : mapping, optional
        What the sampler proposed to a define-by-run trial, whether or not it asked for it.
    cost : float, optional
        What the trial cost, in the user's unit: all attempts whose cost is known.
    parent, parent_step : int, optional
        The trial whose checkpoint it began from, and the step of that checkpoint.
    restored_step : int, optional
        The step of the checkpoint from which the last attempt went on; None if it began anew.
    created, started, ended : float, optional
        Seconds since the epoch (UTC). `started` is that of the last attempt.
    """

    number: int
    state: TrialState
    params: Params
    values: tuple[float, ...] | None = None
    metrics: Metrics = EMPTY
    reports: Reports = NO_REPORTS
    user_attrs: Mapping[str, Any] = EMPTY
    error: str = ""
    traceback: str = ""
    output: str = ""
    attempt: int = 1
    owner: str | None = None
    by: str | Mapping[str, Any] | None = None
    at: int = 0
    why: Mapping[str, Any] = EMPTY
    fixed: Params | None = None
    proposed: Params | None = None
    cost: float | None = None
    created: float | None = None
    started: float | None = None
    ended: float | None = None
    pauses: int = 0
    futile: int = 0
    parent: int | None = None
    parent_step: int | None = None
    restored_step: int | None = None

    def __hash__(self) -> int:
        return hash((self.number, self.state, self.attempt, self.ended))

    @property
    def value(self) -> float | None:
        """The single objective's value, None without a result.

        Raises
        ------
        AttributeError
            If the study has several objectives.
        """
        if self.values is None:
            return None
        if len(self.values) > 1:
            raise AttributeError("the study has several objectives: use trial.values")
        return self.values[0]

    @property
    def duration(self) -> float | None:
        """Seconds from the start of the last attempt to the end, None before the end."""
        if self.started is None or self.ended is None:
            return None
        return self.ended - self.started

    @property
    def intermediate_values(self) -> dict[int, float]:
        """The first metric of each report by its step."""
        return {report.step: next(iter(report.metrics.values())) for report in self.reports}
