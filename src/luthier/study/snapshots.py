"""One trial's checkpoints on disk: there as a whole, or not at all.

A checkpoint is a folder ``<attempt>.<step>.<n>`` with the user's files in ``data`` and a
``manifest.json`` with their sizes and checksums. It is written as a draft beside, flushed to the
disk, and then renamed; what has the name of a checkpoint is complete.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from luthier.errors import InvalidInput
from luthier.study import remote_snapshots
from luthier.study.remote_snapshots import is_uri
from luthier.study.snapshot_layout import DATA, FORMAT, MANIFEST, checksum_of, name_of, parts_of

_DRAFT = re.compile(r"draft-([0-9]+)-[0-9a-f]+")


class Restored(NamedTuple):
    """What a trial goes on from.

    Attributes
    ----------
    step : int
        The last step that is done.
    folder : str, optional
        Where its files are; None on a virtual clock, where there are none.
    """

    step: int
    folder: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A checkpoint that was written to its end.

    Attributes
    ----------
    path : Path
        Its folder.
    attempt, step, serial : int
        Which attempt of the trial wrote it, after which step, and how many it had written for
        this step before.
    """

    path: Path
    attempt: int
    step: int
    serial: int

    @property
    def data(self) -> Path:
        """The folder with the user's files."""
        return self.path / DATA

    def damage(self) -> str | None:
        """Say what is wrong with its files, None if they are as they were written."""
        try:
            manifest = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))
            if manifest["format"] > FORMAT:
                return "a newer version of Luthier wrote it"
            for name, (size, checksum) in manifest["files"].items():
                path = self.data / name
                if not path.is_file():
                    return f"its file {name!r} is missing"
                if path.stat().st_size != size:
                    return f"its file {name!r} has {path.stat().st_size} bytes, not {size}"
                if checksum_of(path) != checksum:
                    return f"its file {name!r} has changed"
        except OSError as error:
            return f"it cannot be read: {error}"
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return f"its {MANIFEST} is damaged: {error!r}"
        return None

    def delete(self) -> None:
        """Remove it; a part that cannot be removed is no checkpoint any more."""
        dead = _draft(self.path.parent, self.attempt)
        with contextlib.suppress(OSError):
            self.path.rename(dead)
            shutil.rmtree(dead, ignore_errors=True)


def snapshots(folder: str | os.PathLike[str]) -> list[Snapshot]:
    """Return the checkpoints in a trial's folder, the newest first."""
    found = []
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    for name in names:
        parts = parts_of(name)
        if parts:
            found.append(Snapshot(Path(folder, name), *parts))
    return sorted(found, key=lambda item: (item.attempt, item.step, item.serial), reverse=True)


class Kept(Protocol):
    """A checkpoint that was written to its end, wherever it is; see `Snapshot`."""

    @property
    def step(self) -> int:
        """After which step it was written."""
        ...

    @property
    def attempt(self) -> int:
        """Which attempt of the trial wrote it."""
        ...

    @property
    def serial(self) -> int:
        """How many the attempt had written for this step before."""
        ...

    @property
    def data(self) -> Path | str:
        """The folder with the user's files."""
        ...

    def damage(self) -> str | None:
        """Say what is wrong with it, None if nothing is."""
        ...

    def delete(self) -> None:
        """Remove it."""
        ...


def kept_in(folder: str) -> Sequence[Kept]:
    """Return the checkpoints in a trial's folder, which may be a URI, the newest first."""
    if not is_uri(folder):
        return snapshots(folder)
    found = remote_snapshots.find(folder)
    return sorted(found, key=lambda item: (item.attempt, item.step, item.serial), reverse=True)


def clear_drafts(folder: str | os.PathLike[str], attempt: int) -> None:
    """Remove what a trial's attempts up to this one have begun in its folder and not finished."""
    if is_uri(folder):
        remote_snapshots.clear_unfinished(str(folder), attempt)
        return
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            match = _DRAFT.fullmatch(name)
            # A later attempt may be writing just now, elsewhere.
            if match and int(match[1]) <= attempt:
                shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


def new_draft(folder: str | os.PathLike[str], attempt: int) -> Path:
    """Return a new folder that is not yet a checkpoint, with an empty folder `data` in it."""
    if is_uri(folder):
        folder = remote_snapshots.workplace() / "drafts"
    draft = _draft(folder, attempt)
    for _ in range(10):
        # Another trial may just have removed a folder that was empty.
        with contextlib.suppress(FileNotFoundError):
            (draft / DATA).mkdir(parents=True)
            return draft
    (draft / DATA).mkdir(parents=True)
    return draft


def data_of(draft: Path) -> Path:
    """Return the folder for the user's files in a draft."""
    return draft / DATA


def discard(draft: Path) -> None:
    """Remove a draft, and the folders of the trial, the study and all, if nothing else is there."""
    shutil.rmtree(draft, ignore_errors=True)
    with contextlib.suppress(OSError):
        for place in list(draft.parents)[:3]:
            place.rmdir()


def commit(draft: Path, attempt: int, step: int) -> Snapshot:
    """Make a checkpoint of a draft, all at once.

    Raises
    ------
    InvalidInput
        If nothing was written.
    OSError
        If it cannot be read or flushed to the disk.
    """
    data = draft / DATA
    if not any(data.iterdir()):
        raise InvalidInput("checkpoint", str(data), "a folder with at least one file in it")
    files = {}
    for path in _files(data):
        files[path.relative_to(data).as_posix()] = [path.stat().st_size, checksum_of(path)]
        _flush(path)
    manifest = draft / MANIFEST
    about = {"format": FORMAT, "attempt": attempt, "step": step, "files": files}
    manifest.write_text(json.dumps(about, indent=1), encoding="utf-8")
    _flush(manifest)
    for place, _, _ in os.walk(draft):
        _flush_folder(place)
    folder = draft.parent
    serial = sum(item.attempt == attempt and item.step == step for item in snapshots(folder))
    while True:
        path = folder / name_of(attempt, step, serial)
        try:
            draft.rename(path)  # fails if it is there: no folder with files is replaced
        except OSError:
            if not path.exists():
                raise
            serial += 1
            continue
        _flush_folder(folder)
        return Snapshot(path, attempt, step, serial)


def local_copy(data: str) -> Path:
    """Return the files of a checkpoint as a folder of this machine."""
    return remote_snapshots.fetch(data) if is_uri(data) else Path(data)


@contextlib.contextmanager
def writing(folder: str | os.PathLike[str], attempt: int, step: int) -> Iterator[Path]:
    """Give a folder to write files to; it becomes a checkpoint when the block ends well."""
    draft = new_draft(folder, attempt)
    try:
        yield draft / DATA
        _finish(draft, folder, attempt, step)
    except BaseException:
        discard(draft)
        raise


def adopt(source: Path, folder: str | os.PathLike[str], attempt: int, step: int) -> None:
    """Make a checkpoint of a file or folder that somebody else wrote, which moves there."""
    draft = new_draft(folder, attempt)
    try:
        if source.is_dir():
            (draft / DATA).rmdir()
            shutil.move(source, draft / DATA)
        else:
            shutil.move(source, draft / DATA / source.name)
        _finish(draft, folder, attempt, step)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _finish(draft: Path, folder: str | os.PathLike[str], attempt: int, step: int) -> None:
    """Make a checkpoint of a draft in the trial's folder, wherever that is."""
    made = commit(draft, attempt, step)
    if is_uri(folder):
        try:
            remote_snapshots.upload(made.path, str(folder), attempt, step)
        finally:
            made.delete()


def _draft(folder: str | os.PathLike[str], attempt: int) -> Path:
    return Path(folder, f"draft-{attempt}-{os.urandom(8).hex()}")


def _files(folder: Path) -> Iterator[Path]:
    """Yield the regular files below a folder; what links point to is not ours."""
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(place, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _flush(path: Path) -> None:
    with path.open("rb" if sys.platform != "win32" else "rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(path: str | os.PathLike[str]) -> None:
    if sys.platform == "win32":
        return  # Windows knows no such thing
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
