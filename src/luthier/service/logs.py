"""Routes: the raw log of a study, for programs that run the study themselves."""

from __future__ import annotations

import asyncio

from luthier.service import wire
from luthier.service.routes import Call, Serving, route
from luthier.storage.base import Record


@route(
    "GET", "/studies/{study}/log", "read", query=wire.LogPage, answer=wire.Records, refusals=(404,)
)
async def read_log(service: Serving, call: Call) -> wire.Records:
    """Return lines of a study's log, each an event as JSON; wait for new ones if asked to."""
    page: wire.LogPage = call.query
    clock = asyncio.get_running_loop().time
    end = clock() + min(page.wait, service.settings.max_wait)
    while True:
        records = await service.in_thread(
            lambda: service.storage.read(call.study, page.after, page.limit, identity=page.identity)
        )
        left = end - clock()
        if records or left <= 0 or service.draining:
            return wire.Records(records)
        with service.rooms.visit(call.study) as room:
            await room.change(left)


@route(
    "POST",
    "/studies/{study}/log",
    "work",
    body=wire.Append,
    answer=wire.Version,
    refusals=(404, 409, 507),
)
async def append(service: Serving, call: Call) -> wire.Version:
    """Append lines to a study's log, all or none; a claim that is taken is a conflict."""
    body: wire.Append = call.body
    records = [Record(record.body, record.claim) for record in body.records]
    version = await service.in_thread(
        lambda: service.storage.append(
            call.study, records, create=body.create, identity=body.identity
        )
    )
    service.changed(call.study)
    return wire.Version(version)


@route("GET", "/studies/{study}/identity", "read", answer=wire.Identity, refusals=(404,))
async def identity(service: Serving, call: Call) -> wire.Identity:
    """Return the mark of a study that no other one has, whatever its name."""
    return wire.Identity(await service.in_thread(lambda: service.storage.identity(call.study)))


@route("GET", "/studies/{study}/beats", "read", answer=wire.Beats, refusals=(404,))
async def beats(service: Serving, call: Call) -> wire.Beats:
    """Return for each owner the seconds since its last sign of life."""
    ages = await service.in_thread(lambda: service.storage.beats(call.study))
    return wire.Beats(dict(ages))


@route("POST", "/studies/{study}/beats", "work", body=wire.Beat, refusals=(404,))
async def beat(service: Serving, call: Call) -> None:
    """Note that an owner lives."""
    body: wire.Beat = call.body
    await service.in_thread(
        lambda: service.storage.beat(call.study, body.owner, identity=body.identity)
    )
