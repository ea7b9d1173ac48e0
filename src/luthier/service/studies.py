"""Routes: studies."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from luthier.analysis.best import best_trials
from luthier.errors import StudyExists
from luthier.formats.check import check
from luthier.formats.document import Document
from luthier.formats.schema import SCHEMA
from luthier.model.plain import read_value, to_plain
from luthier.model.trial import TrialState
from luthier.samplers.registry import describe
from luthier.schedulers.registry import describe as describe_scheduler
from luthier.service import wire
from luthier.service.files import artifact_root
from luthier.service.routes import Call, Serving, route
from luthier.space.space import Space
from luthier.study.create import create_study, delete_study
from luthier.study.desk import Desk

_FIELDS = ("space", "constraints", "metric", "direction", "sampler", "scheduler")
_SCHEMA = {"type": "object", "properties": {name: SCHEMA["properties"][name] for name in _FIELDS}}


@route("GET", "/studies", "read", answer=wire.StudyNames)
async def list_studies(service: Serving, call: Call) -> wire.StudyNames:
    """List the studies."""
    return wire.StudyNames(await service.in_thread(service.storage.studies))


@route(
    "POST",
    "/studies",
    "work",
    body=wire.NewStudy,
    answer=wire.StudyInfo,
    status=201,
    keyed=True,
    refusals=(409,),
)
async def create(service: Serving, call: Call) -> wire.StudyInfo:
    """Create a study.

    With an idempotency key, name and seed follow from the key where they are not given, and a
    study that is there with the very same name, problem and seed is taken for the one that this
    request created.
    """
    body: wire.NewStudy = call.body
    name = await service.in_thread(lambda: _create(service, body, call.key))
    return await service.at_desk(name, _info)


@route("GET", "/studies/{study}", "read", answer=wire.StudyInfo, refusals=(404, 409))
async def show_study(service: Serving, call: Call) -> wire.StudyInfo:
    """Say what a study is, and how far it has come."""
    return await service.at_desk(call.study, _info)


@route("DELETE", "/studies/{study}", "admin", refusals=(404,))
async def delete(service: Serving, call: Call) -> None:
    """Delete a study, everything that was recorded of it, its checkpoints and artifacts."""
    await service.in_thread(lambda: _delete(service, call.study))
    service.rooms.forget(call.study)


@route("PUT", "/studies/{study}/notes", "work", body=wire.Note, refusals=(404, 409))
async def note_on_study(service: Serving, call: Call) -> None:
    """Note something on the study; the last value of a key counts."""
    note: wire.Note = call.body
    await service.at_desk(call.study, lambda desk: desk.note(note.key, read_value(note.value)))
    service.changed(call.study)


def _create(service: Serving, body: wire.NewStudy, key: str | None) -> str:
    given = {name: getattr(body, name) for name in _FIELDS if getattr(body, name) is not None}
    check(Document("body", given, {}), _SCHEMA)
    seed, name = body.seed, body.name
    if key is not None:
        digest = sha256(key.encode()).digest()
        seed = int.from_bytes(digest[:4]) if seed is None else seed
        name = f"study-{digest[4:8].hex()}" if name is None else name
    several: Mapping[str, Any] = {"directions": body.direction}
    study = create_study(
        Space.from_dict(body.space, constraints=body.constraints),
        metric=body.metric,
        **(several if isinstance(body.direction, list) else {"direction": body.direction}),
        study_name=name,
        storage=service.storage,
        sampler=body.sampler,
        scheduler=body.scheduler,
        seed=seed,
        limits=body.limits,
        duplicates=body.duplicates,
        load_if_exists=body.load_if_exists or key is not None,
    )
    desk = Desk(study)
    desk.settle()
    last = study.history.last_opened
    chosen = describe(study.sampler), describe_scheduler(study.scheduler)
    if last is not None and body.sampler is not None and to_plain(last.sampler) != chosen[0]:
        raise StudyExists(f"study {study.name!r} exists with the sampler {last.sampler!r}")
    if last is not None and body.scheduler is not None and to_plain(last.scheduler) != chosen[1]:
        raise StudyExists(f"study {study.name!r} exists with the scheduler {last.scheduler!r}")
    return study.name


def _delete(service: Serving, name: str) -> None:
    root = artifact_root(service, name)
    delete_study(name, storage=service.storage)
    if root is not None:
        shutil.rmtree(root, ignore_errors=True)


def _info(desk: Desk) -> wire.StudyInfo:
    history = desk.study.history
    counts = Counter(trial.state for trial in (*history.ended, *history.open))
    last = history.last_opened
    return wire.StudyInfo(
        name=desk.study.name,
        problem=history.problem.to_json(),
        sampler=None if last is None else to_plain(last.sampler),
        scheduler=None if last is None else to_plain(last.scheduler),
        version=history.version,
        trials=history.count,
        states={state.value: counts[state] for state in TrialState if counts[state]},
        best=[trial.number for trial in best_trials(history)],
        user_attrs=to_plain(history.user_attrs),
    )
