"""The study's hand on another machine: keeps one worker process there, and relays its frames.

Whatever placed the agent (Ray, Dask, Slurm), the objective runs in a process of its own below it,
exactly as with `luthier.Processes`: output, limits, crashes and the polite stop work the same.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Literal, NamedTuple

from luthier._version import __version__
from luthier.errors import ExecutorError
from luthier.executors._pool import Ended, Event
from luthier.executors._process import Worker
from luthier.executors._slots import environments
from luthier.executors._watcher import Watcher
from luthier.executors.base import SCRATCH, Job, Limits

if TYPE_CHECKING:
    from luthier.executors._direct import Invitation

BYE = b"Q"
"""The frame of an agent's last letter, which says why it ends as others say a death."""

LEAVING = b"V"
"""The frame by which an agent says that it takes no further job, since its place is going away."""

UNREACHED = b"U"
"""The frame by which an agent says that it has no connection to the study's process, and why."""

Start = tuple[Literal["start"], int, Limits, bytes]
Answer = tuple[Literal["answer"], bytes]
Stop = tuple[Literal["stop"], int]
Quit = tuple[Literal["quit"]]
Call = tuple[Literal["call"], "Invitation"]
Command = Start | Answer | Stop | Quit | Call
"""What the study's process tells an agent; each is done once, in order."""


class Letter(NamedTuple):
    """What a worker process did, on its way to the study's process.

    Attributes
    ----------
    frame : bytes, optional
        What it sent; None if it died.
    ended : Ended, optional
        If that ends its job.
    death : str
        How it died.
    """

    frame: bytes | None
    ended: Ended | None = None
    death: str = ""


class Boot(NamedTuple):
    """What an agent needs to begin.

    Attributes
    ----------
    task : bytes
        The pickled task.
    threads : int
        How many threads BLAS and OpenMP may use.
    capture_output : bool
        Whether to keep what the task prints.
    start_timeout : float
        Seconds that the worker process may take to start.
    argv, path : list of str
        Those of the study's process.
    version : str
        Of Luthier.
    """

    task: bytes
    threads: int
    capture_output: bool
    start_timeout: float
    argv: list[str]
    path: list[str]
    version: str = __version__


class Agent:
    """Runs the jobs that it is told to, one at a time.

    Parameters
    ----------
    boot : Boot
        What to run.
    emit : callable
        Gets letters, from any thread.

    Raises
    ------
    ExecutorError
        If the versions of Luthier differ.
    """

    def __init__(self, boot: Boot, emit: Callable[[Letter], None]) -> None:
        if boot.version != __version__:
            raise ExecutorError(
                f"this node has Luthier {__version__}, and the study {boot.version}: "
                "install the same version everywhere"
            )
        self._boot = boot
        self._emit = emit
        self._scratch = mkdtemp(prefix="luthier-")
        self._path = [*sys.path, *(place for place in boot.path if place not in sys.path)]
        (environment,) = environments((None,), boot.threads)
        self._environment = environment | {SCRATCH: self._scratch}
        self._workers: list[Worker] = []
        self._watcher = Watcher(self._workers, self._relay)
        self._lock = threading.Lock()  # held while the worker process is replaced
        self._closed = False
        try:
            self._replace()
        except BaseException:
            self.close()
            raise

    def obey(self, command: Command) -> None:
        """Do as the study says."""
        match command:
            case ("start", key, limits, payload):
                self._start(Job(key, None, limits), payload)
            case ("answer", frame):
                self._workers[0].send(frame)
            case ("stop", key):
                worker = self._workers[0]
                with self._watcher.lock:
                    if worker.leash is not None and worker.job and worker.job.key == key:
                        worker.leash.end("stopped", "stopped")
            case ("quit",):
                self._leave("it was told to quit")

    @property
    def busy(self) -> bool:
        """Whether a job runs."""
        return self._workers[0].leash is not None

    def hand_back(self) -> None:
        """Take no further job, and ask the one that runs to end."""
        self._emit(Letter(LEAVING))
        with self._watcher.lock:
            leash = self._workers[0].leash
            if leash is not None:
                leash.end("stopped", "its place was going away")

    def close(self) -> None:
        """Kill what runs and remove its temporary files. May be called twice."""
        from shutil import rmtree

        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._watcher.close()
            for worker in self._workers:
                worker.close()
            rmtree(self._scratch, ignore_errors=True)

    def _start(self, job: Job, payload: bytes) -> None:
        with self._lock:
            if self._closed:
                return
            worker = self._workers[0]
            if worker.lost:
                worker = self._replace()
            with self._watcher.lock:
                worker.begin(job)
            worker.send(payload)

    def _replace(self) -> Worker:
        """Start a worker process, in place of the one that is there."""
        boot = self._boot
        worker = Worker(
            0, self._environment, boot.capture_output, boot.start_timeout, path=self._path
        )
        for dead in self._workers:
            dead.close()
        with self._watcher.lock:
            self._workers[:] = [worker]
        worker.load(boot.task, boot.argv)
        return worker

    def _relay(self, event: Event[Worker] | Exception) -> None:
        """Pass on what the worker process did; runs in the watcher's thread."""
        if isinstance(event, Exception):
            self._leave(f"its worker process is out of sight: {event}")
        elif event.frame is None and not event.worker.ready:
            self._leave(event.death)
        else:
            self._emit(Letter(*event[1:]))
            if event.frame is None:
                # At once, so that the next job need not wait. Sending the task takes a while.
                threading.Thread(target=self._revive, args=(event.worker,), daemon=True).start()

    def _revive(self, dead: Worker) -> None:
        with self._lock:
            if not self._closed and self._workers[0] is dead:
                self._replace()

    def _leave(self, reason: str) -> None:
        """End, and say so."""

        def leave() -> None:
            self.close()
            self._emit(Letter(BYE, None, reason))

        threading.Thread(target=leave, daemon=True).start()  # waits for the watcher's thread
