"""Checkpoints at a URI: one trial's snapshots in an object store, or any place that fsspec knows.

Object stores have no rename, so here a checkpoint is there once its manifest is, which is written
last and deleted first. Trials write and read on their own disk: a checkpoint is uploaded when it
is complete, and downloaded when it is first asked for, and its checksums are checked then.
"""

from __future__ import annotations

import contextlib
import json
import os
import posixpath
import re
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from luthier.errors import InvalidInput, MissingExtra
from luthier.executors.base import SCRATCH
from luthier.study.snapshot_layout import DATA, FORMAT, MANIFEST, checksum_of, name_of, parts_of

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_uri(place: str | os.PathLike[str]) -> bool:
    """Tell whether a place is a URI and no path of this machine."""
    return isinstance(place, str) and _URI.match(place) is not None


def check_uri(field: str, uri: str) -> None:
    """Check that what a URI needs is installed.

    Raises
    ------
    InvalidInput
        If no file system for the URI is known.
    MissingExtra
        If fsspec is not installed.
    """
    fsspec = _import_fsspec()
    try:
        fsspec.get_filesystem_class(uri.partition("://")[0])
    except (ImportError, ValueError) as error:
        raise InvalidInput(field, uri, f"a URI that fsspec can open ({error})") from error


def join(place: str, *parts: str) -> str:
    """Join parts to a path or a URI."""
    return posixpath.join(place, *parts) if is_uri(place) else os.path.join(place, *parts)


@dataclass(frozen=True, slots=True)
class RemoteSnapshot:
    """A checkpoint at a URI that was written to its end; as `luthier.study.snapshots.Snapshot`.

    Attributes
    ----------
    uri : str
        Its folder.
    sizes : mapping of str to int
        The files that are there, below its folder, and their sizes, bytes.
    attempt, step, serial : int
        Which attempt of the trial wrote it, after which step, and how many it had written for
        this step before.
    """

    uri: str
    sizes: dict[str, int]
    attempt: int
    step: int
    serial: int

    @property
    def data(self) -> str:
        """The folder with the user's files."""
        return f"{self.uri}/{DATA}"

    def damage(self) -> str | None:
        """Say what is wrong with its files, by their sizes; None if nothing is to be seen."""
        try:
            manifest = _manifest(self.uri)
            if manifest["format"] > FORMAT:
                return "a newer version of Luthier wrote it"
            for name, (size, _) in manifest["files"].items():
                there = self.sizes.get(f"{DATA}/{name}")
                if there is None:
                    return f"its file {name!r} is missing"
                if there != size:
                    return f"its file {name!r} has {there} bytes, not {size}"
        except OSError as error:
            return f"it cannot be read: {error}"
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return f"its {MANIFEST} is damaged: {error!r}"
        return None

    def delete(self) -> None:
        """Remove it; what cannot be removed is no checkpoint any more."""
        fs, root = _open(self.uri)
        with contextlib.suppress(OSError):  # somebody else was quicker, or it stays
            fs.rm_file(posixpath.join(root, MANIFEST))
            fs.rm(root, recursive=True)


def find(folder: str) -> list[RemoteSnapshot]:
    """Return the checkpoints of a trial, in no order."""
    fs, root = _open(folder)
    sizes: dict[str, dict[str, int]] = {}
    for path, about in _listed(fs, root).items():
        name, _, rest = path[len(root) :].lstrip("/").partition("/")
        sizes.setdefault(name, {})[rest] = about["size"]
    found = []
    for name, files in sizes.items():
        parts = parts_of(name)
        if parts and MANIFEST in files:
            found.append(RemoteSnapshot(f"{folder}/{name}", files, *parts))
    return found


def clear_unfinished(folder: str, attempt: int) -> None:
    """Remove what a trial's attempts up to this one have begun to upload and not finished."""
    fs, root = _open(folder)
    names: dict[str, set[str]] = {}
    for path in _listed(fs, root):
        name, _, rest = path[len(root) :].lstrip("/").partition("/")
        names.setdefault(name, set()).add(rest)
    for name, files in names.items():
        parts = parts_of(name)
        if parts and MANIFEST not in files and parts[0] <= attempt:
            remove(f"{folder}/{name}")


def upload(local: Path, folder: str, attempt: int, step: int) -> None:
    """Copy a complete checkpoint from this machine's disk to a trial's folder."""
    fs, root = _open(folder)
    there = {path[len(root) :].lstrip("/").partition("/")[0] for path in _listed(fs, root)}
    serial = sum(name.startswith(f"{attempt}.{step}.") for name in there)
    while name_of(attempt, step, serial) in there:
        serial += 1
    # One attempt has one writer, so nobody else takes this name meanwhile.
    target = posixpath.join(root, name_of(attempt, step, serial))
    for path in sorted((local / DATA).rglob("*")):
        if path.is_file() and not path.is_symlink():
            name = posixpath.join(target, DATA, path.relative_to(local / DATA).as_posix())
            fs.makedirs(posixpath.dirname(name), exist_ok=True)
            fs.put_file(str(path), name)
    fs.pipe_file(posixpath.join(target, MANIFEST), (local / MANIFEST).read_bytes())


def fetch(data: str) -> Path:
    """Return a copy, on this machine, of the files of a checkpoint.

    The copy stays until another one is asked for, by this process.

    Parameters
    ----------
    data : str
        Its folder with the user's files.

    Raises
    ------
    OSError
        If it is gone, or its files are not as they were written.
    """
    home = workplace() / "restored"
    copy = home / sha256(data.encode()).hexdigest()[:16]
    if copy.is_dir():
        return copy
    shutil.rmtree(home, ignore_errors=True)
    draft = Path(f"{copy}.draft")
    draft.mkdir(parents=True)
    fs, root = _open(data)
    for name, (_, expected) in _manifest(posixpath.dirname(data))["files"].items():
        target = draft / name
        target.parent.mkdir(parents=True, exist_ok=True)
        fs.get_file(posixpath.join(root, name), str(target))
        if checksum_of(target) != expected:
            raise OSError(f"the file {name!r} of the checkpoint {data} has changed")
    draft.rename(copy)
    return copy


def remove(folder: str) -> None:
    """Delete a folder with all that is in it, if it is there."""
    fs, root = _open(folder)
    with contextlib.suppress(OSError):  # it is gone, or will be left behind
        fs.rm(root, recursive=True)


def numbers(folder: str) -> list[int]:
    """Return the trials that have a folder in a study's folder."""
    fs, root = _open(folder)
    names = {path[len(root) :].lstrip("/").partition("/")[0] for path in _listed(fs, root)}
    return sorted(int(name) for name in names if name.isdecimal())


def workplace() -> Path:
    """Return the folder of this process for copies, which goes away with it."""
    return _workplace(os.getpid())


@cache
def _workplace(pid: int) -> Path:
    import atexit

    home = Path(tempfile.mkdtemp(prefix="luthier-checkpoints-", dir=os.environ.get(SCRATCH)))
    atexit.register(_forget, home, pid)
    return home


def _forget(home: Path, pid: int) -> None:
    if os.getpid() == pid:  # a fork ends without taking its parent's files along
        shutil.rmtree(home, ignore_errors=True)


def _listed(fs: Any, root: str) -> dict[str, Any]:
    """Return all files below a folder, with what is known about them; none if it is not there."""
    fs.invalidate_cache()
    try:
        listed: dict[str, Any] = fs.find(root, detail=True)
    except FileNotFoundError:
        return {}
    return listed


def _manifest(uri: str) -> dict[str, Any]:
    fs, root = _open(uri)
    manifest: dict[str, Any] = json.loads(fs.cat_file(posixpath.join(root, MANIFEST)))
    return manifest


def _open(uri: str) -> tuple[Any, str]:
    """Return the file system of a URI, and the path there."""
    fs, root = _import_fsspec().core.url_to_fs(uri)
    return fs, root.rstrip("/")


def _import_fsspec() -> Any:
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtra("a URI for checkpoints", "remote") from error
    return fsspec
