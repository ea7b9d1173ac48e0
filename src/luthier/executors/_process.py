"""The study's side of one worker process."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection, Pipe
from typing import Any

from luthier.executors import _wire
from luthier.executors._output import OutputFile
from luthier.executors.base import Job
from luthier.executors.limits import Leash, describe_exit, kill_group, kill_tree

_BOOT = (
    "import sys; sys.path[:] = {path!r}; "
    "from luthier.executors._worker import main; main({handle}, {pid})"
)


class Worker:
    """One worker process, with at most one job.

    Parameters
    ----------
    slot : int
        Which slot of the executor it fills.
    environment : mapping
        The worker's environment variables.
    capture_output : bool
        Whether to keep what it prints.
    start_timeout : float
        Seconds within which it must have loaded the task. It waits for the task to be sent.
    path : sequence of str, optional
        Where it finds modules. Default: where this process does.

    Raises
    ------
    OSError
        If the process cannot be started.
    """

    def __init__(
        self,
        slot: int,
        environment: Mapping[str, str],
        capture_output: bool,
        start_timeout: float,
        path: Sequence[str] | None = None,
    ) -> None:
        self.slot = slot
        self._path = sys.path if path is None else path
        self.ready = False  # it has loaded the task
        self.lost = False  # its end was seen, and nothing of it is left
        self.hung_up = False  # its end of the pipe is closed
        self._fault = ""  # why it had to be killed, apart from its job
        self._kill_at = math.inf
        self._kill_reason = ""
        self.expire(start_timeout, f"did not start within {start_timeout:g} seconds")
        self.job: Job | None = None
        self.leash: Leash | None = None
        self.output = OutputFile() if capture_output else None
        self.connection, theirs = Pipe()
        try:
            self.process = self._spawn(theirs, environment)
        except OSError:
            self.close()
            raise
        finally:
            theirs.close()

    def _spawn(self, theirs: Connection, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        handle = theirs.fileno()
        options: dict[str, Any]
        if sys.platform == "win32":
            os.set_handle_inheritable(handle, True)
            startup = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})
            options = {
                "startupinfo": startup,
                "creationflags": subprocess.CREATE_NEW_PROCESS_GROUP,
            }
        else:
            options = {"pass_fds": [handle], "start_new_session": True}
        # Not multiprocessing: its children import the user's main script again, which
        # then needs a guard. Ours get the task by value and import nothing of their own.
        path = [folder for folder in self._path if isinstance(folder, str)]
        code = _BOOT.format(path=path, handle=handle, pid=os.getpid())
        return subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=None if self.output is None else self.output.writer,
            stderr=None if self.output is None else subprocess.STDOUT,
            **options,
        )

    def load(self, task: bytes, argv: Sequence[str]) -> None:
        """Send the pickled task, and the arguments of the study's program."""
        self.send(_wire.dumps((argv, task)))

    def begin(self, job: Job) -> None:
        """Take a job; its time counts from now, or from when the worker has started."""
        self.job = job
        if self.output is not None:
            self.output.begin()
        began = time.monotonic() if self.ready else math.inf
        self.leash = Leash(job.limits, self.process.pid, self.ask_to_end, self.kill, began)

    def send(self, frame: bytes) -> None:
        """Send a frame. That a worker is gone is seen elsewhere."""
        if (leash := self.leash) is not None:
            leash.hears()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send_bytes(frame)

    def ask_to_end(self) -> None:
        """Set `Channel.stopping` in the worker."""
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                self.process.send_signal(signal.CTRL_BREAK_EVENT)
            else:
                self.process.terminate()

    def kill(self) -> None:
        """Kill the process and its children."""
        if self.process.returncode is None:
            kill_tree(self.process.pid)

    def expire(self, seconds: float, reason: str) -> None:
        """Let `check` kill it in so many seconds, with what `bury` shall say then."""
        self._kill_at = time.monotonic() + seconds
        self._kill_reason = reason

    def check(self, now: float) -> None:
        """Kill it if its time is over, and hold its job to its limits."""
        if now >= self._kill_at:
            self._fault = f"the worker process {self._kill_reason}"
            self.kill()
            self._kill_at = now + 1.0
        if self.leash is not None:
            self.leash.check(now)
            if self.output is not None:
                self.output.trim()

    def exit_code(self, wait: float = 0.0) -> int | None:
        """Return its exit code, or None if it does not end within `wait` seconds."""
        try:
            return self.process.wait(wait)
        except subprocess.TimeoutExpired:
            return None

    @property
    def was_killed(self) -> bool:
        """Whether something else than we has killed it."""
        by = (-getattr(signal, "SIGKILL", signal.SIGTERM), -signal.SIGTERM)
        return not self._fault and self.process.returncode in by

    def bury(self, code: int) -> str:
        """Kill what it left behind, and say how it ended."""
        kill_group(self.process.pid)
        return self._fault or f"the worker process {describe_exit(code)}"

    def tail(self) -> str:
        """Return the last part of what the current job has printed."""
        return "" if self.output is None else self.output.tail()

    def close(self) -> None:
        """Release the pipe and the output file; the process must have ended."""
        self.connection.close()
        if self.output is not None:
            self.output.close()
