"""The fold: from the events of a log to the trials they made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from luthier.errors import CorruptStorage, InvalidSpace
from luthier.model.columns import Columns
from luthier.model.dynamic import extended
from luthier.model.earlier import Earlier
from luthier.model.events import (
    Asked,
    Defined,
    Enqueued,
    Event,
    Noted,
    Opened,
    Paused,
    Released,
    Reported,
    Resumed,
    Suggested,
    Told,
    Transferred,
)
from luthier.model.folding import Happening
from luthier.model.frozen import EMPTY, frozen
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import NO_REPORTS, FrozenTrial, Report, Reports, TrialState
from luthier.model.unended import Unended

_WAITING, _RUNNING, _PAUSED = TrialState.WAITING, TrialState.RUNNING, TrialState.PAUSED


class Ledger:
    """Folds events in order; `snapshot` gives what is true after them, at no cost.

    Applying the same events always gives the same trials. What comes too late
    (a second result, a report of an attempt that is over) changes nothing.
    """

    def __init__(self) -> None:
        self.version = 0
        self._snapshot: History | None = None
        self._problem: Problem | None = None
        self._columns: Columns | None = None
        self._open = Unended()
        self._waiting: dict[int, None] = {}  # in the order in which they began to wait
        self._running_of: dict[str, int] = {}  # running trials by owner
        self._count = 0
        self._asked_by: dict[str, int] = {}
        self._owners: dict[str, Opened] = {}
        self._last_opened: Opened | None = None
        self._user_attrs: Mapping[str, Any] = EMPTY
        self._transferred: dict[str, Earlier] = {}
        self._requests: dict[str, tuple[int, int]] = {}  # trial and attempt by request
        self._appliers = {
            Defined: self._defined,
            Opened: self._opened,
            Enqueued: self._enqueued,
            Asked: self._asked,
            Suggested: self._suggested,
            Reported: self._reported,
            Paused: self._paused,
            Resumed: self._resumed,
            Released: self._released,
            Told: self._told,
            Noted: self._noted,
            Transferred: self._taken_over,
        }

    def apply(self, events: Iterable[Event]) -> Ledger:
        """Fold events that follow those applied before, and return this ledger.

        Raises
        ------
        CorruptStorage
            If the events cannot have happened in this order.
        """
        self._snapshot = None
        for event in events:
            self.version += 1
            self._appliers[type(event)](event)  # type: ignore[operator]
        return self

    @property
    def problem(self) -> Problem:
        """The problem up to here; see `snapshot`."""
        return self.snapshot().problem if self._problem is None else self._problem

    def trial(self, number: int) -> FrozenTrial:
        """Return one trial as it is up to here.

        Raises
        ------
        TrialNotFound
            If there is none of that number.
        """
        found = self._open.get(number)  # most questions are about open trials
        return self.snapshot().trial(number) if found is None else found

    def snapshot(self) -> History:
        """Return the history up to here. It does not change when more events are applied.

        Raises
        ------
        CorruptStorage
            If the log has not defined a problem.
        """
        if self._snapshot is not None:
            return self._snapshot
        if self._problem is None or self._columns is None:
            raise CorruptStorage("the log does not begin with the definition of a problem")
        self._snapshot = History(
            problem=self._problem,
            version=self.version,
            count=self._count,
            columns=self._columns,
            ended=len(self._columns.trials),
            open_trials=self._open.snapshot(),
            happened=len(self._columns.happenings),
            reported=len(self._columns.reports),
            asked_by=dict(self._asked_by),
            owners=self._owners,
            user_attrs=self._user_attrs,
            transferred=tuple(self._transferred.values()),
            last_opened=self._last_opened,
            n_waiting=len(self._waiting),
            next_waiting=self._open[next(iter(self._waiting))] if self._waiting else None,
            running_of=dict(self._running_of),
            requests=self._requests,
        )
        return self._snapshot

    def _defined(self, event: Defined) -> None:
        self._problem = event.problem
        self._asked_by = {}  # samplers that walk through the space begin anew in another space
        if self._columns is None:
            self._columns = Columns(event.problem)

    def _opened(self, event: Opened) -> None:
        self._owners = {**self._owners, event.owner: event}
        self._last_opened = event

    def _enqueued(self, event: Enqueued) -> None:
        self._claim(event.number)
        self._answers(event.request, event.number, 0)
        self._waiting[event.number] = None
        self._open[event.number] = FrozenTrial(
            event.number,
            _WAITING,
            frozen(event.params),
            user_attrs=frozen(event.user_attrs),
            attempt=0,
            by="user",
            fixed=frozen(event.params),
            created=event.time,
        )

    def _asked(self, event: Asked) -> None:
        number = event.number
        queued = self._open.get(number)
        if queued is None:
            self._claim(number)
        elif queued.state is not _WAITING or queued.attempt:
            return
        self._happened(event)
        self._answers(event.request, number, 1)
        self._waiting.pop(number, None)
        self._runs(event.owner, 1)
        if queued is None:
            by = event.by if isinstance(event.by, str) else event.by["name"]
            self._asked_by[by] = self._asked_by.get(by, 0) + 1
        dynamic = self._problem is not None and self._problem.dynamic and event.owner is not None
        self._open[number] = FrozenTrial(
            number,
            _RUNNING,
            EMPTY if dynamic else frozen(event.params),
            user_attrs=queued.user_attrs if queued else EMPTY,
            owner=event.owner,
            by=event.by,
            at=event.at,
            why=frozen(event.why),
            fixed=queued.fixed if queued else None,
            proposed=frozen(event.params) if dynamic else None,
            created=queued.created if queued else event.time,
            started=event.time,
            parent=event.parent,
            parent_step=event.parent_step,
            restored_step=event.parent_step,
        )

    def _suggested(self, event: Suggested) -> None:
        values = dict(event.values)
        if self._problem is not None:
            space = self._problem.space
            for name, param in event.params.items():
                try:
                    space = extended(space, {name: param})
                except InvalidSpace:
                    # Two processes used one name for two kinds at the same moment: the first
                    # one defines it, and the other's value cannot be compared with any.
                    values.pop(name, None)
            if space is not self._problem.space:
                self._problem = self._problem.with_space(space)
        trial = self._open.get(event.number)
        if trial is not None:
            self._open[event.number] = replace(trial, params=frozen({**trial.params, **values}))

    def _reported(self, event: Reported) -> None:
        trial = self._open.get(event.number)
        if trial is None or trial.state is not _RUNNING or trial.attempt != event.attempt:
            return
        last = trial.reports.last
        if last is not None and event.step <= last.step:
            return
        self._happened(event)
        report = Report(event.step, frozen(event.metrics), event.time)
        self._open[event.number] = replace(trial, reports=trial.reports.followed_by(report))

    def _paused(self, event: Paused) -> None:
        trial = self._open.get(event.number)
        if trial is None or trial.state is not _RUNNING:
            return
        if event.attempt not in (None, trial.attempt):
            return
        self._happened(event)
        self._runs(trial.owner, -1)
        self._open[event.number] = replace(
            trial,
            state=_PAUSED,
            metrics=frozen(event.metrics),
            cost=_total(trial.cost, event.cost),
            pauses=trial.pauses + 1,
            futile=0,
        )

    def _resumed(self, event: Resumed) -> None:
        trial = self._open.get(event.number)
        if trial is None or event.attempt != trial.attempt + 1:
            return
        self._happened(event)
        self._answers(event.request, event.number, event.attempt)
        if trial.state is _RUNNING:
            self._runs(trial.owner, -1)
        self._runs(event.owner, 1)
        self._waiting.pop(event.number, None)
        kept = NO_REPORTS
        if event.step is not None:
            reports = [report for report in trial.reports if report.step <= event.step]
            kept = Reports(reports, len(reports))
        before = trial.restored_step
        farther = event.step is not None and (before is None or event.step > before)
        self._open[event.number] = replace(
            trial,
            state=_RUNNING,
            attempt=event.attempt,
            owner=event.owner,
            reports=kept,
            params=EMPTY if trial.proposed is not None else trial.params,
            error="",
            started=event.time,
            futile=0 if farther else trial.futile,
            restored_step=event.step,
        )

    def _released(self, event: Released) -> None:
        trial = self._open.get(event.number)
        if trial is not None and trial.state is _RUNNING and trial.attempt == event.attempt:
            self._happened(event)
            self._runs(trial.owner, -1)
            self._waiting[event.number] = None
            self._open[event.number] = replace(
                trial,
                state=_WAITING,
                error=event.reason,
                cost=_total(trial.cost, event.cost),
                futile=trial.futile + 1,
            )

    def _told(self, event: Told) -> None:
        trial = self._open.pop(event.number, None)
        if trial is None:
            if event.number >= self._count:
                raise CorruptStorage(f"trial {event.number} was told before it was asked")
            return
        assert self._columns is not None  # an open trial exists only in a defined study
        given = 0 if event.values is None else len(event.values)
        if given != (self._columns.objectives if event.state is TrialState.COMPLETE else 0):
            raise CorruptStorage(f"trial {event.number} ended {event.state} with {given} values")
        self._happened(event)
        if trial.state is _RUNNING:
            self._runs(trial.owner, -1)
        self._waiting.pop(event.number, None)
        self._columns.append(
            FrozenTrial(
                trial.number,
                event.state,
                trial.params,
                event.values,
                frozen(event.metrics),
                trial.reports,
                trial.user_attrs,
                event.error,
                event.traceback,
                event.output,
                trial.attempt,
                trial.owner,
                trial.by,
                trial.at,
                trial.why,
                trial.fixed,
                trial.proposed,
                _total(trial.cost, event.cost),
                trial.created,
                trial.started,
                event.time,
                trial.pauses,
                trial.futile,
                trial.parent,
                trial.parent_step,
                trial.restored_step,
            )
        )

    def _noted(self, event: Noted) -> None:
        if event.number is None:
            self._user_attrs = frozen({**self._user_attrs, event.key: event.value})
        elif (trial := self._open.get(event.number)) is not None:
            self._open[event.number] = _noted_on(trial, event)
        elif self._columns is not None and event.number in self._columns.by_number:
            # Snapshots share the columns: a note shows in all of them. Samplers do not read notes.
            index = self._columns.by_number[event.number]
            self._columns.trials[index] = _noted_on(self._columns.trials[index], event)

    def _taken_over(self, event: Transferred) -> None:
        params = tuple(frozen(row) for row in event.params)
        earlier = Earlier(event.source, event.identity, params, event.ranks)
        self._transferred[event.identity] = earlier

    def _happened(self, event: Happening) -> None:
        if self._columns is not None:
            self._columns.happenings.append(event)
            if type(event) is Reported:
                self._columns.reports.append(event)

    def _answers(self, request: str | None, number: int, attempt: int) -> None:
        if request is not None:
            self._requests.setdefault(request, (number, attempt))

    def _runs(self, owner: str | None, change: int) -> None:
        if owner is not None:
            left = self._running_of.get(owner, 0) + change
            self._running_of[owner] = left
            if not left:
                del self._running_of[owner]

    def _claim(self, number: int) -> None:
        if self._problem is None:
            raise CorruptStorage("the log does not begin with the definition of a problem")
        if number != self._count:
            raise CorruptStorage(f"trial {number} begins where trial {self._count} should")
        self._count += 1


def _total(before: float | None, more: float | None) -> float | None:
    return more if before is None else before if more is None else before + more


def _noted_on(trial: FrozenTrial, event: Noted) -> FrozenTrial:
    return replace(trial, user_attrs=frozen({**trial.user_attrs, event.key: event.value}))
