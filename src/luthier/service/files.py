"""Routes: files of trials, artifacts and checkpoints.

The name of an artifact is one segment without a leading dot, so that there is no name which
leads out of its trial's folder.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from luthier.errors import InvalidInput
from luthier.service import wire
from luthier.service.archive import pack, unpack
from luthier.service.problems import Refusal
from luthier.service.routes import Call, Content, Serving, route
from luthier.study.checkpoints import study_folder
from luthier.study.desk import Desk
from luthier.study.journal import Journal
from luthier.study.snapshots import kept_in, local_copy, writing

CHUNK = 1 << 20
"""Bytes that are read or written in one go."""

MOST_FILES = 1000
"""Artifacts of one trial."""

_PART = ".part-"  # begins the name of a file that is not complete


@route(
    "GET",
    "/studies/{study}/trials/{number}/artifacts",
    "read",
    answer=wire.Files,
    refusals=(404, 409),
)
async def list_artifacts(service: Serving, call: Call) -> wire.Files:
    """List the artifacts of a trial."""
    folder = await _folder(service, call)

    def listed() -> wire.Files:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except FileNotFoundError:
            return wire.Files([])
        files = [e for e in entries if e.is_file(follow_symlinks=False) and e.name[0] != "."]
        return wire.Files([wire.File(entry.name, entry.stat().st_size) for entry in files])

    return await service.in_thread(listed)


@route(
    "PUT",
    "/studies/{study}/trials/{number}/artifacts/{name}",
    "work",
    body=bytes,
    refusals=(404, 409, 507),
)
async def put_artifact(service: Serving, call: Call) -> None:
    """Keep a file with a trial; one of the same name is replaced, all at once."""
    folder = await _folder(service, call)
    path = folder / call.path["name"]

    def begin() -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists() and len(os.listdir(folder)) >= MOST_FILES:
            raise InvalidInput("artifacts", MOST_FILES + 1, f"at most {MOST_FILES} of a trial")
        return folder / f"{_PART}{secrets.token_hex(8)}"

    draft = await service.in_thread(begin)
    try:
        await _receive(service, call, draft)
        await service.in_thread(lambda: draft.replace(path))
    finally:
        draft.unlink(missing_ok=True)


@route(
    "GET",
    "/studies/{study}/trials/{number}/artifacts/{name}",
    "read",
    answer=bytes,
    refusals=(404, 409),
)
async def get_artifact(service: Serving, call: Call) -> Content:
    """Return an artifact."""
    folder = await _folder(service, call)
    try:
        file = await service.in_thread(lambda: (folder / call.path["name"]).open("rb"))
    except FileNotFoundError:
        raise _no_artifact(call) from None
    return _content(service, file)


@route(
    "DELETE",
    "/studies/{study}/trials/{number}/artifacts/{name}",
    "work",
    refusals=(404, 409),
)
async def delete_artifact(service: Serving, call: Call) -> None:
    """Delete an artifact."""
    folder = await _folder(service, call)
    try:
        await service.in_thread((folder / call.path["name"]).unlink)
    except FileNotFoundError:
        raise _no_artifact(call) from None


@route(
    "GET",
    "/studies/{study}/trials/{number}/checkpoint",
    "work",
    query=wire.OfAttempt,
    answer=bytes,
    refusals=(404, 409),
)
async def get_checkpoint(service: Serving, call: Call) -> Content:
    """Return the checkpoint that this attempt goes on from, as a tar file.

    The header Luthier-Step says after which step it was written.
    """
    attempt: int = call.query.attempt
    found = await service.at_desk(call.study, lambda desk: desk.restored(call.number, attempt))
    if found is None or found.folder is None:
        raise Refusal(404, "the trial begins anew: there is no checkpoint", kind="NoResult")
    source, step = found.folder, found.step

    def packed() -> IO[bytes]:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it is sent
        pack(local_copy(source), file)
        file.seek(0)
        return file

    return _content(service, await service.in_thread(packed), {"luthier-step": str(step)})


@route(
    "PUT",
    "/studies/{study}/trials/{number}/checkpoint/{step}",
    "work",
    query=wire.OfAttempt,
    body=bytes,
    refusals=(404, 409, 507),
)
async def put_checkpoint(service: Serving, call: Call) -> None:
    """Keep a checkpoint of a running trial, written after this step: a tar file.

    It may hold regular files only, and no compression.
    """
    attempt: int = call.query.attempt
    step: int = call.path["step"]

    def place(desk: Desk) -> str | None:
        return desk.folder_of(call.number, attempt)

    folder = await service.at_desk(call.study, place)
    if folder is None:
        raise Refusal(409, "this service keeps no checkpoints: luthier serve --files FOLDER")
    home: str = folder
    with tempfile.NamedTemporaryFile() as file:
        await _receive(service, call, Path(file.name))

        def keep() -> None:
            if any((s.attempt, s.step) == (attempt, step) for s in kept_in(home)):
                return  # the answer to the first one was lost
            with writing(home, attempt, step) as target, open(file.name, "rb") as archive:
                unpack(archive, target, service.settings.max_upload)

        await service.in_thread(keep)
    await service.at_desk(call.study, lambda desk: desk.saved(call.number, attempt))


def artifact_root(service: Serving, study: str) -> Path | None:
    """Return the folder of a study's artifacts; None if there is no place for any."""
    if service.settings.files is None:
        return None
    return Path(service.settings.files, "artifacts", study_folder(Journal(service.storage, study)))


async def _folder(service: Serving, call: Call) -> Path:
    """Return the folder of the trial's artifacts."""
    files = service.settings.files
    if files is None:
        raise Refusal(409, "this service keeps no artifacts: luthier serve --files FOLDER")

    def at_desk(desk: Desk) -> str:
        desk.study.history.trial(call.number)
        return desk.mark

    mark = await service.at_desk(call.study, at_desk)
    return Path(files, "artifacts", mark, str(call.number))


async def _receive(service: Serving, call: Call, path: Path) -> None:
    """Write an upload to a file."""
    assert call.content is not None  # the route declares a file as its body
    file = await service.in_thread(lambda: path.open("wb"))
    with file:
        waiting: list[bytes] = []
        size = 0

        async def write() -> None:
            data = b"".join(waiting)
            waiting.clear()
            await service.in_thread(lambda: file.write(data))

        async for part in call.content:
            waiting.append(part)
            size += len(part)
            if size >= CHUNK:
                await write()
                size = 0
        await write()
        await service.in_thread(lambda: _flush(file))


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _content(service: Serving, file: IO[bytes], headers: dict[str, str] | None = None) -> Content:
    async def chunks() -> AsyncIterator[bytes]:
        with file:
            while chunk := await service.in_thread(lambda: file.read(CHUNK)):
                yield chunk

    size = os.fstat(file.fileno()).st_size
    return Content(chunks(), size, headers or {})


def _no_artifact(call: Call) -> Refusal:
    name = call.path["name"]
    return Refusal(404, f"trial {call.number} has no artifact {name!r}", kind="NoResult")
