"""Routes: trials and the workers that run them."""

from __future__ import annotations

import asyncio
from typing import Any

from luthier.model.plain import read_params, read_value, to_plain
from luthier.model.trial import FrozenTrial
from luthier.service import wire
from luthier.service.routes import Call, Serving, route
from luthier.study.desk import Answer, Desk


@route(
    "POST",
    "/studies/{study}/ask",
    "work",
    body=wire.Ask,
    answer=wire.Asked,
    keyed=True,
    refusals=(404, 409),
)
async def ask(service: Serving, call: Call) -> wire.Asked:
    """Get a trial to run.

    It belongs to the owner that asked, as long as that one asks, reports or sends heartbeats:
    after a minute of silence it is handed to somebody else. Repeated with the same idempotency
    key, the request gets the same trial.

    Where there is no trial now, the request waits for one if it says `wait`.
    """
    body: wire.Ask = call.body
    clock = asyncio.get_running_loop().time
    end = clock() + min(body.wait, service.settings.max_wait)

    def at_desk(desk: Desk) -> wire.Asked:
        answer = desk.ask(body.owner, body.about, request=call.key, total_trials=body.total_trials)
        return _asked(desk, answer)

    while True:
        asked = await service.at_desk(call.study, at_desk)
        if asked.trial is not None:
            service.changed(call.study)
            return asked
        left = end - clock()
        may_change = asked.reason in ("wait", "budget") and asked.running
        if left <= 0 or service.draining or not may_change:
            return asked
        with service.rooms.visit(call.study) as room:
            await room.turn(left)


@route(
    "GET",
    "/studies/{study}/trials",
    "read",
    query=wire.TrialPage,
    answer=wire.Trials,
    refusals=(404, 409),
)
async def list_trials(service: Serving, call: Call) -> wire.Trials:
    """List trials by number."""
    page: wire.TrialPage = call.query

    def at_desk(desk: Desk) -> wire.Trials:
        history = desk.study.history
        end = min(page.start + page.limit, history.count)
        found = [_trial(history.trial(number)) for number in range(page.start, end)]
        return wire.Trials(found, end if end < history.count else None)

    return await service.at_desk(call.study, at_desk)


@route(
    "GET", "/studies/{study}/trials/{number}", "read", answer=wire.FullTrial, refusals=(404, 409)
)
async def show_trial(service: Serving, call: Call) -> wire.FullTrial:
    """Return a trial with its reports and output."""
    return await service.at_desk(
        call.study, lambda desk: _full(desk.study.history.trial(call.number))
    )


@route(
    "POST",
    "/studies/{study}/trials/{number}/report",
    "work",
    body=wire.SayReport,
    answer=wire.Stop,
    keyed=True,
    refusals=(404, 409),
)
async def report(service: Serving, call: Call) -> wire.Stop:
    """Say how a running trial goes, and hear whether it should stop.

    The same report again changes nothing.
    """
    body: wire.SayReport = call.body
    metrics = {name: _real(value) for name, value in body.metrics.items()}
    stop = await service.at_desk(
        call.study, lambda desk: desk.report(call.number, body.attempt, body.step, metrics)
    )
    service.changed(call.study)
    return wire.Stop(stop)


@route(
    "GET",
    "/studies/{study}/trials/{number}/should-stop",
    "work",
    query=wire.OfAttempt,
    answer=wire.Stop,
    refusals=(404, 409),
)
async def should_stop(service: Serving, call: Call) -> wire.Stop:
    """Say whether a trial should stop now, or is not this attempt's any more."""
    attempt: int = call.query.attempt
    return wire.Stop(
        await service.at_desk(call.study, lambda desk: desk.should_stop(call.number, attempt))
    )


@route(
    "POST",
    "/studies/{study}/trials/{number}/tell",
    "work",
    body=wire.Tell,
    answer=wire.Told,
    keyed=True,
    refusals=(404, 409),
)
async def tell(service: Serving, call: Call) -> wire.Told:
    """Say how a trial ended, or that it is set aside.

    The first word counts, and the same word again changes nothing. A trial that the scheduler
    asked to stop is told PRUNED; if it shall go on later, it is set aside.
    """
    body: wire.Tell = call.body

    def at_desk(desk: Desk) -> wire.Told:
        trial, counts = desk.tell(
            call.number,
            body.attempt,
            body.values,
            body.state,
            metrics=body.metrics,
            error=body.error,
            traceback=body.traceback,
            output=body.output,
            cost=body.cost,
        )
        return wire.Told(_trial(trial), counts)

    told = await service.at_desk(call.study, at_desk)
    service.changed(call.study)
    return told


@route(
    "POST",
    "/studies/{study}/trials/{number}/release",
    "work",
    body=wire.Release,
    keyed=True,
    refusals=(404, 409),
)
async def release(service: Serving, call: Call) -> None:
    """Hand a trial back without a result: somebody else goes on with it."""
    body: wire.Release = call.body
    await service.at_desk(
        call.study, lambda desk: desk.release(call.number, body.attempt, body.reason)
    )
    service.changed(call.study)


@route("PUT", "/studies/{study}/trials/{number}/notes", "work", body=wire.Note, refusals=(404, 409))
async def note_on_trial(service: Serving, call: Call) -> None:
    """Note something on a trial; the last value of a key counts."""
    note: wire.Note = call.body
    await service.at_desk(
        call.study, lambda desk: desk.note(note.key, read_value(note.value), call.number)
    )
    service.changed(call.study)


@route(
    "POST",
    "/studies/{study}/enqueue",
    "work",
    body=wire.Enqueue,
    answer=wire.Enqueued,
    keyed=True,
    refusals=(404, 409),
)
async def enqueue(service: Serving, call: Call) -> wire.Enqueued:
    """Queue a point to be tried next; the sampler chooses the params that are left out."""
    body: wire.Enqueue = call.body
    number = await service.at_desk(
        call.study,
        lambda desk: desk.enqueue(read_params(body.params), read_value(body.user_attrs), call.key),
    )
    service.changed(call.study)
    return wire.Enqueued(number)


@route(
    "POST",
    "/studies/{study}/heartbeat",
    "work",
    body=wire.Heartbeat,
    answer=wire.Beaten,
    refusals=(404, 409),
)
async def heartbeat(service: Serving, call: Call) -> wire.Beaten:
    """Say that a worker lives, every ten seconds or so; hear which of its trials should stop."""
    body: wire.Heartbeat = call.body
    runs = {trial.number: trial.attempt for trial in body.trials}

    def at_desk(desk: Desk) -> wire.Beaten:
        desk.beat(body.owner, now=True)
        return wire.Beaten(desk.stopping(runs))

    return await service.at_desk(call.study, at_desk)


@route(
    "DELETE",
    "/studies/{study}/workers/{owner}",
    "work",
    answer=wire.Left,
    refusals=(404, 409),
)
async def leave(service: Serving, call: Call) -> wire.Left:
    """Hand back all trials of a worker that ends."""
    owner: str = call.path["owner"]
    released = await service.at_desk(call.study, lambda desk: desk.leave(owner, "its worker left"))
    service.changed(call.study)
    return wire.Left(released)


def _asked(desk: Desk, answer: Answer) -> wire.Asked:
    trial = answer.trial
    return wire.Asked(
        trial=None if trial is None else _trial(trial),
        reason=answer.reason,  # type: ignore[arg-type]  # the words are the same
        detail=answer.detail,
        running=answer.running,
        checkpoint=trial is not None and trial.restored_step is not None,
    )


def _real(value: float | wire.Infinite) -> float:
    return value if isinstance(value, float | int) else float(value.float)


def _trial(trial: FrozenTrial) -> wire.Trial:
    return wire.Trial(**_fields(trial))


def _full(trial: FrozenTrial) -> wire.FullTrial:
    reports = [wire.Report(r.step, to_plain(r.metrics), r.time) for r in trial.reports]
    return wire.FullTrial(
        **_fields(trial), reports=reports, traceback=trial.traceback, output=trial.output
    )


def _fields(trial: FrozenTrial) -> dict[str, Any]:
    return {
        "number": trial.number,
        "state": trial.state.value,
        "attempt": trial.attempt,
        "params": to_plain(trial.params),
        "values": None if trial.values is None else list(trial.values),
        "metrics": to_plain(trial.metrics) if trial.metrics else {},
        "user_attrs": to_plain(trial.user_attrs) if trial.user_attrs else {},
        "owner": trial.owner,
        "by": to_plain(trial.by),
        "why": to_plain(trial.why) if trial.why else {},
        "error": trial.error,
        "cost": trial.cost,
        "parent": trial.parent,
        "restored_step": trial.restored_step,
        "created": trial.created,
        "started": trial.started,
        "ended": trial.ended,
    }
