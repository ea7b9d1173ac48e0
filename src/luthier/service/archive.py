"""A folder as one stream of bytes, and back: a tar file without compression."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO

from luthier.errors import InvalidInput

MOST_FILES = 10_000
"""Files of one archive."""


def pack(folder: str | os.PathLike[str], file: IO[bytes]) -> None:
    """Write the regular files of a folder to a file; what links point to is left out."""
    root = Path(folder)
    with tarfile.open(fileobj=file, mode="w:", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(root.rglob("*")):
            if path.is_file() and not path.is_symlink():
                member = tarfile.TarInfo(path.relative_to(root).as_posix())
                member.size = path.stat().st_size
                with path.open("rb") as content:
                    archive.addfile(member, content)


def unpack(file: IO[bytes], folder: str | os.PathLike[str], most: int) -> None:
    """Write the files of an archive to a folder, and nowhere else.

    Parameters
    ----------
    file : binary file
        The archive.
    folder : path
        An empty folder.
    most : int
        Bytes that the files may have together.

    Raises
    ------
    InvalidInput
        If it is no such archive, or holds anything but regular files with plain names.
    """
    root = Path(folder)
    left = most
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for count, member in enumerate(archive):
                path = _path(member, count)
                left -= member.size
                if left < 0:
                    raise InvalidInput("archive", f"more than {most} bytes", f"at most {most}")
                content = archive.extractfile(member)
                if path is None or content is None:
                    continue
                target = root / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with content, target.open("xb") as copy:
                    shutil.copyfileobj(content, copy)
    except (tarfile.TarError, OSError, ValueError, OverflowError) as error:
        if isinstance(error, InvalidInput):
            raise
        if isinstance(error, OSError) and not isinstance(
            error, FileExistsError | NotADirectoryError | IsADirectoryError
        ):
            raise  # the disk's fault
        allowed = f"a tar file without compression ({error})"
        raise InvalidInput("archive", "something else", allowed) from error


def _path(member: tarfile.TarInfo, count: int) -> PurePosixPath | None:
    """Return where a member goes, below the folder; None for a folder."""
    if member.isdir():
        return None
    name = member.name
    parts = name.split("/")
    plain = all(part not in ("", ".", "..") for part in parts) and not set(name) & set("\\:\0")
    if not member.isreg() or not plain or len(name) > 1000:
        raise InvalidInput("archive: member", name, "a regular file with a plain relative name")
    if count >= MOST_FILES:
        raise InvalidInput("archive", f"more than {MOST_FILES} files", f"at most {MOST_FILES}")
    return PurePosixPath(name)
