"""Run one program: hand out its lines while it runs, and end it with all its children."""

from __future__ import annotations

import contextlib
import math
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, Literal, NamedTuple

from luthier.errors import ObjectiveError
from luthier.executors.limits import kill_group, kill_tree

Stream = Literal["stdout", "stderr"]

_CHUNK = 64 * 1024
_LINE = 1024 * 1024  # longer lines are handed out in parts
_BACKLOG = 64  # chunks; then the program waits for its reader
_LINGER = 1.0  # seconds to read on after the end, if a stray child holds the pipes


class Line(NamedTuple):
    """One line of output."""

    stream: Stream
    text: str


class Program:
    """A running program, in a process group of its own.

    Parameters
    ----------
    args : sequence of str
        The program and its arguments.
    environment : mapping
        All its environment variables.
    cwd : str, optional
        Its working directory.
    tail : int
        Bytes of its output to keep.

    Raises
    ------
    ObjectiveError
        If it cannot be started.
    """

    def __init__(
        self, args: Sequence[str], environment: Mapping[str, str], cwd: str | None, tail: int
    ) -> None:
        options: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        try:
            self._process = subprocess.Popen(
                args,
                env=environment,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                **options,
            )
        except (OSError, ValueError) as error:
            raise ObjectiveError(f"the command {args[0]!r} cannot be started: {error}") from error
        self._chunks: queue.Queue[tuple[Stream, bytes]] = queue.Queue(_BACKLOG)
        self._unfinished: dict[Stream, bytes] = {"stdout": b"", "stderr": b""}
        self._tail_size = tail
        self._tail = b""
        self._kill_at = math.inf
        self._left = False
        self._drain("stdout", self._process.stdout)
        self._drain("stderr", self._process.stderr)

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._process.returncode is None:
            kill_tree(self._process.pid)
            self._process.wait()
        # Nobody takes lines any more: let go of the threads that wait to hand out theirs.
        self._left = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._chunks.get_nowait()

    @property
    def returncode(self) -> int | None:
        """How it ended, as in `subprocess`; None while it runs."""
        return self._process.returncode

    @property
    def tail(self) -> str:
        """The last part of its output, both streams together."""
        return self._tail.decode("utf-8", errors="replace")

    def lines(self, pause: float) -> Iterator[Line | None]:
        """Yield its lines as they come, and None at least every `pause` seconds, until the end.

        Children that outlive the program are killed, not waited for.
        """
        leave_at = math.inf
        unread = set(self._unfinished)
        while True:
            if unread:
                with contextlib.suppress(queue.Empty):
                    stream, chunk = self._chunks.get(timeout=pause)
                    yield from self._split(stream, chunk)
                    if not chunk:
                        unread.discard(stream)
            else:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(pause)
            now = time.monotonic()
            if self._process.poll() is not None:
                if leave_at == math.inf:
                    kill_group(self._process.pid)
                    leave_at = now + _LINGER
                if not unread or now >= leave_at:
                    return
            elif now >= self._kill_at:
                self._kill_at = math.inf
                kill_tree(self._process.pid)
            yield None

    def end(self, grace: float) -> None:
        """Ask it and its children to end, and kill them `grace` seconds later.

        Go on with `lines` meanwhile, which does the killing.
        """
        if self._kill_at < math.inf:
            return
        self._kill_at = time.monotonic() + grace
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                self._process.send_signal(signal.CTRL_BREAK_EVENT)
            else:
                os.killpg(self._process.pid, signal.SIGTERM)

    def _drain(self, stream: Stream, pipe: IO[bytes] | None) -> None:
        """Read a pipe in a thread, so that neither pipe can block the program for the other."""
        assert pipe is not None

        def read() -> None:
            with pipe:
                while not self._left and (chunk := os.read(pipe.fileno(), _CHUNK)):
                    self._chunks.put((stream, chunk))
            self._chunks.put((stream, b""))

        threading.Thread(target=read, name=f"luthier-{stream}", daemon=True).start()

    def _split(self, stream: Stream, chunk: bytes) -> Iterator[Line]:
        """Add a chunk (empty: the end) to what was unfinished, and yield the finished lines."""
        self._tail = (self._tail + chunk)[-self._tail_size :]
        *lines, rest = (self._unfinished[stream] + chunk).split(b"\n")
        if rest and (not chunk or len(rest) > _LINE):
            lines.append(rest)
            rest = b""
        self._unfinished[stream] = rest
        for line in lines:
            # A progress bar returns to the start of its line and writes over it.
            text = line.decode("utf-8", errors="replace").rstrip("\r")
            yield Line(stream, text.rpartition("\r")[2])
