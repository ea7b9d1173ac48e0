"""Trials for workers elsewhere: handed out, answered and taken back over any kind of wire."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from luthier.errors import AttemptOver, InvalidInput, InvalidResult, SpaceExhausted
from luthier.model.events import Noted, Released, Told
from luthier.model.plain import plain
from luthier.model.trial import FrozenTrial, TrialState
from luthier.schedulers.base import Done, Wait
from luthier.study.by_hand import enqueue
from luthier.study.checkpoints import study_folder
from luthier.study.owner import HEARTBEAT
from luthier.study.snapshots import Restored, kept_in
from luthier.study.study import MAX_REUSED, Study
from luthier.study.telling import checked_cost, checked_metrics, checked_step, state_of, verdict
from luthier.study.telling import number as checked_number
from luthier.study.ticket import Ticket

FOREIGN = "http:"
"""Begins the host of owners elsewhere, so that nobody takes them for processes of this machine."""


class Answer(NamedTuple):
    """What there is to do: a trial to run, or the reason why there is none.

    Attributes
    ----------
    trial : FrozenTrial, optional
        It belongs to who asked, until it is told.
    reason : str
        ``""`` with a trial; else ``"wait"``: the scheduler waits for results; ``"budget"``: all
        trials have begun, and others may still be handed back; ``"done"``: the schedule is
        complete; ``"exhausted"``: nothing is left to try.
    detail : str
        The reason in words.
    running : int
        How many trials of the study run now. While some do, there may be work again.
    """

    trial: FrozenTrial | None
    reason: str = ""
    detail: str = ""
    running: int = 0


class Desk:
    """Serves the workers of one study that do not reach its storage.

    A worker chooses an identity, the *owner*, and gives it with each request. It lives as long
    as it asks, reports or beats; after that its trials are handed to others, as everywhere.
    Whatever a worker repeats because it got no answer has no further effect, even if this
    process died in between.

    Not safe for threads: one call at a time.

    Parameters
    ----------
    study : Study
        The study.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self._engine = study._engine
        self._journal = study._journal
        self._beats: dict[str, float] = {}
        # Who gets no answer asks again, which does no harm; meanwhile others have their turn.
        self._journal.outages.patience = 0.0

    def settle(self) -> None:
        """Write down which sampler and scheduler a new study has, so that it keeps them."""
        if self._journal.sync().last_opened is None:
            self._engine.admit(uuid.uuid4().hex[:16], {"host": f"{FOREIGN}service"})

    @property
    def mark(self) -> str:
        """A name for folders of the study, which no other study has."""
        return study_folder(self._journal)

    # ---------------------------------------------------------------- trials

    def ask(
        self,
        owner: str,
        about: Mapping[str, Any],
        *,
        request: str | None = None,
        total_trials: int | None = None,
    ) -> Answer:
        """Return a trial to run.

        Parameters
        ----------
        owner : str
            Who runs it.
        about : mapping
            What people may want to know of it, such as its host.
        request : str, optional
            A word of which this request is the only one in the study. Repeated, it gets the same
            trial, also from another process on the same storage.
        total_trials : int, optional
            No trial of a higher number begins.

        Raises
        ------
        AttemptOver
            If the trial of a repeated request is not its any more.
        InvalidInput
            If the study is define-by-run, or the request is somebody else's.
        """
        answer = self._ask(owner, about, request, total_trials)
        running = sum(self._journal.history.running_of.values())
        return answer._replace(running=running)

    def _ask(
        self, owner: str, about: Mapping[str, Any], request: str | None, total_trials: int | None
    ) -> Answer:
        history = self._journal.sync()
        if history.problem.dynamic:
            raise InvalidInput("study", self.study.name, "a study with a declared space")
        if owner not in history.owners:
            self._engine.admit(owner, {**about, "host": f"{FOREIGN}{about.get('host', '')}"})
        self.beat(owner)
        turn = 0
        for _ in range(MAX_REUSED):
            named = request if request is None or not turn else f"{request}/{turn}"
            repeated = named is not None and named in self._journal.history.requests
            try:
                claimed = self._engine.claim(total_trials, synced=True, owner=owner, request=named)
            except SpaceExhausted as error:
                return Answer(None, "exhausted", str(error))
            if claimed is None and not self._journal.history.running_of:
                claimed = self._engine.finish(owner=owner, request=named)
            if isinstance(claimed, Ticket):
                return Answer(self._first(claimed, named))
            if claimed is None:
                return Answer(None, "budget", f"all {total_trials} trials have begun")
            if isinstance(claimed, Wait):
                return Answer(None, "wait", "the scheduler waits for results of running trials")
            if isinstance(claimed, Done):
                return Answer(None, "done", "the schedule is complete")
            if named is None or named not in self._journal.history.requests:
                if not claimed.pauses and self._engine.all_known():
                    break
                continue  # its result was known: the request is still open
            if self._is_answer(claimed, named):
                if claimed.owner != owner:
                    allowed = "a key of your own: another worker has used this one"
                    raise InvalidInput("request", request, allowed)
                return Answer(claimed)
            # This very request may have gone on to another trial then.
            turn += 1
            if repeated and f"{request}/{turn}" not in self._journal.history.requests:
                raise AttemptOver(
                    f"this request got trial {claimed.number}, which is not its any more "
                    f"({claimed.state}, attempt {claimed.attempt}): ask anew"
                )
        detail = "the results of all points that were proposed are known already"
        return Answer(None, "exhausted", detail)

    def _first(self, ticket: Ticket, request: str | None) -> FrozenTrial:
        """Return the trial, or the one that another process has just handed out instead."""
        history = self._journal.history
        if request is not None:
            first = history.requests[request]
            if first != (ticket.number, ticket.attempt):
                self._engine.release(ticket.number, "asked for twice")
                return self._journal.history.trial(first[0])
        return history.trial(ticket.number)

    def _is_answer(self, trial: FrozenTrial, request: str) -> bool:
        found = self._journal.history.requests[request]
        return trial.state is TrialState.RUNNING and found == (trial.number, trial.attempt)

    def report(self, number: int, attempt: int, step: int, metrics: Mapping[str, Any]) -> bool:
        """Write down how a trial goes, and tell whether it should stop.

        Raises
        ------
        AttemptOver
            If this attempt does not run any more.
        InvalidResult
            If the step does not grow, or a metric is no number.
        """
        trial = self._running(number, attempt)
        step = checked_step("step", step)
        measured = {
            str(name): checked_number(value, f"metrics: {name}", finite=False)
            for name, value in metrics.items()
        }
        if not measured:
            raise InvalidResult("metrics", metrics, "at least one metric")
        last = trial.reports.last
        before = trial.restored_step if last is None else last.step
        if last is not None and last.step == step and _same(last.metrics, measured):
            self._engine.adopt(number, attempt, again=True)  # the answer to the first one was lost
            return self._engine.stops(number)
        if before is not None and step <= before:
            raise InvalidResult("step", step, f"a step after {before}")
        stop: bool = self._engine.serve(number, ("report", step, measured))
        return stop

    def should_stop(self, number: int, attempt: int) -> bool:
        """Tell whether a trial should stop now; it should if it is not the worker's any more."""
        try:
            self._running(number, attempt)
        except AttemptOver:
            return True
        return self._engine.stops(number)

    def tell(
        self,
        number: int,
        attempt: int,
        values: Any = None,
        state: str | None = None,
        *,
        metrics: Mapping[str, Any] | None = None,
        error: str = "",
        traceback: str = "",
        output: str = "",
        cost: float | None = None,
    ) -> tuple[FrozenTrial, bool]:
        """Say how a trial ended; arguments as for `luthier.Study.tell`.

        Returns
        -------
        FrozenTrial
            The trial's record.
        bool
            Whether this was the word that counts. The first one counts; others stand in the log.

        Raises
        ------
        AttemptOver
            If the worker gives up an attempt that is over.
        InvalidResult, InvalidInput
            If a value is not allowed. The trial stays open.
        """
        trial = self._attempted(number, attempt)
        final = None if state is None else state_of(state)
        pauses = final is TrialState.PAUSED
        problem = self._journal.history.problem
        told = verdict(
            problem,
            number,
            values,
            TrialState.PRUNED if pauses else final,
            metrics,
            error,
            cost,
            self._engine.clock(),
        )
        told = _with_texts(told, traceback, output)
        if trial.state.final:
            counts = _same_ending(trial, told)
            if not counts:
                self._journal.append(told)  # too late: the log shows it
            return trial, counts
        gives_up = told.state in (TrialState.PRUNED, TrialState.FAILED)
        if gives_up and attempt != trial.attempt:
            raise _over(trial, attempt)
        if trial.state is TrialState.PAUSED and told.state is TrialState.PRUNED:
            return trial, True  # the answer to the first word was lost
        self._engine.adopt(number, attempt)
        if pauses:
            self._running(number, attempt)
            spent = None if cost is None else checked_cost(cost)
            return self._engine.pause(number, checked_metrics(metrics), spent), True
        return self._engine.end(told), True

    def release(self, number: int, attempt: int, reason: str) -> None:
        """Hand back a trial that did not come to its end; one that is not running stays as it is.

        Another worker goes on with it.
        """
        trial = self._attempted(number, attempt)
        if trial.state is not TrialState.RUNNING or trial.attempt != attempt:
            return
        self._engine.adopt(number, attempt)
        self._engine.release(number, reason)

    def leave(self, owner: str, reason: str) -> list[int]:
        """Hand back all trials of a worker that ends, and return their numbers."""
        left = [trial for trial in self._journal.sync().running if trial.owner == owner]
        for trial in left:
            self._journal.append(
                Released(trial.number, reason, trial.attempt, self._engine.clock())
            )
        self._beats.pop(owner, None)
        return [trial.number for trial in left]

    def saved(self, number: int, attempt: int) -> None:
        """Delete what is superseded by the checkpoint that a trial has just written."""
        self._running(number, attempt)
        self._engine.serve(number, ("saved",))

    def folder_of(self, number: int, attempt: int) -> str | None:
        """Return where a running trial keeps its checkpoints; None if nowhere."""
        self._running(number, attempt)
        return self._engine.keeper.folder(number)

    def restored(self, number: int, attempt: int) -> Restored | None:
        """Return the checkpoint that a running trial went on from; None if it began anew."""
        trial = self._running(number, attempt)
        own = self._engine.keeper.folder(number)
        if trial.restored_step is None or own is None:
            return None
        folders = [own]
        if trial.parent is not None and trial.parent_step == trial.restored_step:
            folders.append(self._engine.keeper.folder(trial.parent) or own)
        for folder in folders:
            for snapshot in kept_in(folder):
                earlier = folder != own or snapshot.attempt < attempt
                if earlier and snapshot.step == trial.restored_step and snapshot.damage() is None:
                    return Restored(snapshot.step, str(snapshot.data))
        return None

    # ---------------------------------------------------------------- workers

    def beat(self, owner: str, *, now: bool = False) -> None:
        """Note that a worker lives; written down at half the time that a heartbeat takes."""
        moment = time.monotonic()
        if not now and moment - self._beats.get(owner, -HEARTBEAT) < HEARTBEAT / 2:
            return
        self._journal.storage.beat(self.study.name, owner, identity=self._journal.identity)
        self._beats.pop(owner, None)
        self._beats[owner] = moment
        while self._beats and moment - next(iter(self._beats.values())) > HEARTBEAT:
            del self._beats[next(iter(self._beats))]

    def stopping(self, trials: Mapping[int, int]) -> list[int]:
        """Return which of a worker's trials should stop, or are not its any more.

        Parameters
        ----------
        trials : mapping of int to int
            What it runs: attempts by number.
        """
        return [number for number, attempt in trials.items() if self.should_stop(number, attempt)]

    # ---------------------------------------------------------------- by hand

    def enqueue(
        self,
        params: Mapping[str, Any],
        user_attrs: Mapping[str, Any] | None = None,
        request: str | None = None,
    ) -> int:
        """Queue a point, once for each request, and return its trial's number."""
        number = enqueue(
            self._journal, params, user_attrs, False, self._engine.clock, request=request
        )
        assert number is not None  # nothing is skipped
        return number

    def note(self, key: str, value: Any, number: int | None = None) -> None:
        """Note something on the study or on a trial; the last word counts."""
        if number is not None:
            self._engine.known(number)
        self._journal.append(Noted(number, key, plain(value, f"user attribute {key!r}")))

    # ----------------------------------------------------------------

    def _attempted(self, number: int, attempt: int) -> FrozenTrial:
        """Return a trial of which there is, or was, this attempt."""
        # A look at the log each time: this may repeat what another process wrote, or this one
        # did when it heard no answer.
        trial = self._journal.sync().trial(number)
        if not 1 <= attempt <= trial.attempt:
            raise InvalidInput(
                "attempt", attempt, f"an attempt that was begun, 1 to {trial.attempt}"
            )
        return trial

    def _running(self, number: int, attempt: int) -> FrozenTrial:
        """Return a trial of which this attempt runs."""
        trial = self._attempted(number, attempt)
        if trial.state is not TrialState.RUNNING or trial.attempt != attempt:
            raise _over(trial, attempt)
        self._engine.adopt(number, attempt)
        if trial.owner is not None:
            self.beat(trial.owner)
        return trial


def _over(trial: FrozenTrial, attempt: int) -> AttemptOver:
    return AttemptOver(
        f"attempt {attempt} of trial {trial.number} is over: the trial is {trial.state}, "
        f"attempt {trial.attempt}"
    )


def _with_texts(told: Told, traceback: str, output: str) -> Told:
    return replace(told, traceback=traceback, output=output) if traceback or output else told


def _same_ending(trial: FrozenTrial, told: Told) -> bool:
    """Tell whether a trial has ended in just this way already."""
    return (
        trial.state is told.state
        and trial.values == told.values
        and _same(trial.metrics, told.metrics)
        and trial.error == told.error
    )


def _same(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Tell whether metrics are equal, NaN being equal to NaN."""
    return repr(sorted(one.items())) == repr(sorted(other.items()))
