"""What a worker writes to its standard output and error, kept in a file."""

from __future__ import annotations

import contextlib
import os
import tempfile

TAIL = 16 * 1024
"""Bytes of a job's output that are kept."""

_TRIM = 8 * 1024 * 1024


class OutputFile:
    """Collects output at the level of file descriptors, in bounded space.

    A file, unlike a pipe, needs no thread to drain it, cannot block the
    writer, keeps what was written before a crash, and says exactly which bytes
    belong to which job.
    """

    def __init__(self) -> None:
        self._reader, path = tempfile.mkstemp(prefix="luthier-output-")
        # Appending makes it safe to cut the file while somebody writes to it.
        self.writer = os.open(path, os.O_WRONLY | os.O_APPEND)
        self._path: str | None = path
        self._begin = 0
        self._saved = b""
        with contextlib.suppress(PermissionError):  # Windows: removed in `close`
            os.unlink(path)
            self._path = None

    def begin(self) -> None:
        """Let what is written from now on belong to the next job."""
        self._saved = b""
        self._begin = os.fstat(self._reader).st_size
        if self._begin > _TRIM:
            self._cut()

    def trim(self) -> None:
        """Give space back, if a job has written very much; its last part is kept."""
        if os.fstat(self._reader).st_size > _TRIM:
            self._saved = self._read()
            self._cut()

    def tail(self) -> str:
        """Return the last part of what the current job has written."""
        data = self._read()
        return data.decode("utf-8", errors="replace") if data else ""

    def close(self) -> None:
        """Release the file. May be called twice."""
        if self._reader >= 0:
            os.close(self._reader)
            os.close(self.writer)
            self._reader = self.writer = -1
            if self._path is not None:
                with contextlib.suppress(OSError):
                    os.unlink(self._path)

    def _cut(self) -> None:
        os.ftruncate(self.writer, 0)
        self._begin = 0

    def _read(self) -> bytes:
        end = os.fstat(self._reader).st_size
        begin = max(self._begin, end - TAIL)
        if end <= begin:
            return self._saved
        os.lseek(self._reader, begin, os.SEEK_SET)
        return (self._saved + os.read(self._reader, end - begin))[-TAIL:]
