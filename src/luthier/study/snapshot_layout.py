"""What a checkpoint's folder is called and holds, on this machine or at a URI."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

FORMAT = 1
"""Version of the manifest."""

MANIFEST, DATA = "manifest.json", "data"
"""The file that lists the user's files with their sizes and checksums, and the folder of these."""

_NAME = re.compile(r"([0-9]+)\.([0-9]+)\.([0-9]+)")
_CHUNK = 1 << 20


def name_of(attempt: int, step: int, serial: int) -> str:
    """Return what a checkpoint's folder is called."""
    return f"{attempt}.{step}.{serial}"


def parts_of(name: str) -> tuple[int, int, int] | None:
    """Return attempt, step and serial; None for what is no checkpoint's name."""
    match = _NAME.fullmatch(name)
    return match and (int(match[1]), int(match[2]), int(match[3]))


def checksum_of(path: Path) -> int:
    """Return the CRC-32 of a file."""
    value = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            value = zlib.crc32(chunk, value)
    return value
