"""Letters through a shared folder, for machines that reach each other in no other way.

A mailbox is a file with one writer, who only appends, and one reader. Each record says its length
and checksum, so that what is not yet there as a whole, or never will be because its writer died,
is not read. The file is opened anew for each access: network file systems promise to show what was
written only to those who open a file after its writer has closed it.
"""

from __future__ import annotations

import os
import pickle
import struct
import zlib
from typing import Any

_HEAD = struct.Struct(">QI")  # length, checksum


class Outbox:
    """The writer's end.

    Parameters
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def put(self, value: Any) -> None:
        """Append a value."""
        data = pickle.dumps(value, protocol=5)
        record = _HEAD.pack(len(data), zlib.crc32(data)) + data
        with open(self._path, "ab", buffering=0) as file:
            written = file.write(record)
            while written < len(record):
                written += file.write(record[written:])


class Inbox:
    """The reader's end.

    Parameters
    ----------
    path : str
        The file; it need not exist yet.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._read = 0

    def take(self) -> list[Any]:
        """Return the values that are there as a whole and were not taken yet."""
        try:
            with open(self._path, "rb") as file:
                if os.fstat(file.fileno()).st_size <= self._read:
                    return []
                file.seek(self._read)
                data = file.read()
        except FileNotFoundError:
            return []
        values = []
        begin = 0
        while begin + _HEAD.size <= len(data):
            length, checksum = _HEAD.unpack_from(data, begin)
            end = begin + _HEAD.size + length
            body = data[begin + _HEAD.size : end]
            if end > len(data) or zlib.crc32(body) != checksum:
                break
            values.append(pickle.loads(body))
            begin = end
        self._read += begin
        return values


class Rhythm:
    """How long to wait before the next look at a mailbox: the longer, the longer nothing came.

    Parameters
    ----------
    now : float
        The present time, seconds.
    """

    def __init__(self, now: float) -> None:
        self._last = now

    def awake(self, now: float) -> None:
        """Expect something soon."""
        self._last = now

    def pause(self, now: float) -> float:
        """Return seconds to wait."""
        return min(1.0, max(0.005, 0.1 * (now - self._last)))
