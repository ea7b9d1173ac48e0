"""The worker process: receive the task once, then run it on payloads until told to quit."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from luthier.executors import _wire
from luthier.executors.base import Task
from luthier.executors.limits import kill_tree

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_ORPHAN_CHECK = 0.5  # seconds


class PipeChannel:
    """The task's line to the process that runs the study, through the worker's pipe."""

    __slots__ = ("_connection", "_lock", "_open", "stopping")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._open = True
        self.stopping = False

    def send(self, message: Any) -> None:
        frame = _wire.SEND + _wire.dumps(message)
        with self._lock:
            self._write(frame)

    def ask(self, message: Any) -> Any:
        frame = _wire.ASK + _wire.dumps(message)
        with self._lock:
            self._write(frame)
            return _wire.loads(self._connection.recv_bytes())

    def finish(self, frame: bytes) -> None:
        """Send the job's last frame; a thread that the task left behind can send no more."""
        with self._lock:
            self._write(frame)
            self._open = False

    def _write(self, frame: bytes) -> None:
        if not self._open:
            raise RuntimeError("the job of this channel has ended")
        self._connection.send_bytes(frame)


def main(handle: int, study_pid: int) -> None:
    """Run the worker.

    Parameters
    ----------
    handle : int
        File descriptor (Windows: handle) of our end of a private pipe to the study's process.
    study_pid : int
        Process that the worker must not outlive.
    """
    threading.Thread(target=_end_with, args=(study_pid, os.getppid()), daemon=True).start()
    connection = _connect(handle)
    _prepare_streams()
    # The terminal's Ctrl-C is for the study's process, which decides what becomes of its jobs.
    signal.signal(signal.SIGINT, lambda signum, frame: None)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        task = _receive_task(connection)
        if task is not None:
            _serve(connection, task)


def _receive_task(connection: Connection) -> Task | None:
    try:
        sys.argv, task = _wire.loads(connection.recv_bytes())
        loaded: Task = _wire.loads(task)
    except EOFError:
        raise
    except BaseException as exception:
        missing = exception.name if isinstance(exception, ModuleNotFoundError) else None
        broken = _wire.Broken(_wire.Failure.of(exception).error, missing)
        connection.send_bytes(_wire.BROKEN + _wire.dumps(broken))
        return None
    connection.send_bytes(_wire.READY)
    return loaded


def _serve(connection: Connection, task: Task) -> None:
    flush = _flusher()
    worker = os.getpid()
    while (frame := connection.recv_bytes()) != _wire.QUIT:
        channel = PipeChannel(connection)
        _listen_to_stop(channel)
        began = time.perf_counter()
        kind, result = _run(task, frame, channel)
        seconds, told = time.perf_counter() - began, channel.stopping
        if os.getpid() != worker:
            os._exit(1)  # a fork that came back from the task must not speak for the worker
        try:
            frame = kind + _wire.dumps((seconds, told, result))
        except Exception as exception:
            failure = _wire.Failure.of(exception)
            failure = failure._replace(error=f"the result cannot be pickled: {failure.error}")
            frame = _wire.ERROR + _wire.dumps((seconds, told, failure))
        flush()
        channel.finish(frame)


def _run(task: Task, frame: bytes, channel: PipeChannel) -> tuple[bytes, Any]:
    try:
        return _wire.DONE, task(_wire.loads(frame), channel)
    except SystemExit:
        raise  # ends the process, as anywhere in Python
    except BaseException as exception:
        return _wire.ERROR, _wire.Failure.of(exception, skip=1)


def _listen_to_stop(channel: PipeChannel) -> None:
    """Turn the polite signal into `Channel.stopping`, whatever the last job did to the handler."""

    def stop(signum: int, frame: object) -> None:
        channel.stopping = True

    signal.signal(signal.SIGTERM, stop)
    if sys.platform == "win32":
        signal.signal(signal.SIGBREAK, stop)


def _connect(handle: int) -> Connection:
    from multiprocessing import connection

    if sys.platform == "win32":
        return connection.PipeConnection(handle)
    os.set_inheritable(handle, False)
    return connection.Connection(handle)


def _prepare_streams() -> None:
    """Lose no output in a crash, and leave the Python stack of a fatal signal there."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    with contextlib.suppress(Exception):
        faulthandler.enable(all_threads=False)


def _flusher() -> Callable[[], None]:
    """Return a function that empties the buffers of Python and of the C library."""
    try:
        library = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
        flush_c: Callable[[None], int] | None = library.fflush
    except (OSError, AttributeError):
        flush_c = None

    def flush() -> None:
        for stream in (sys.stdout, sys.stderr):
            # A task may have closed or replaced the streams; that is its own business.
            with contextlib.suppress(Exception):
                stream.flush()
        if flush_c is not None:
            flush_c(None)

    return flush


def _end_with(study_pid: int, parent: int) -> None:
    """End this process and its children when the study's process is gone."""
    import psutil

    while True:
        if os.getppid() != parent or not psutil.pid_exists(study_pid):
            kill_tree(os.getpid())
        time.sleep(_ORPHAN_CHECK)
