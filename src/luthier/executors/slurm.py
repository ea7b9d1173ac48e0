"""Run jobs on a Slurm cluster."""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from luthier.errors import ExecutorError, InvalidInput, MissingExtra
from luthier.executors._agent import BYE, Agent, Boot, Command, Letter
from luthier.executors._mailbox import Inbox, Outbox, Rhythm
from luthier.executors._remote import RemotePool, RemoteWorker
from luthier.executors._slots import count_workers

if TYPE_CHECKING:
    from queue import SimpleQueue

    from luthier.executors._remote import Mail

_BEAT = 10.0  # seconds between two signs of life of the study
_SILENCE = 180.0  # seconds without one, after which workers end themselves
_ASK_SLURM = 5.0  # seconds between two questions whether a job is still there
_LOCAL_END = 5.0  # seconds that local jobs may take to end with the executor
_CLUSTERS = (None, "slurm", "local")


class Slurm(RemotePool):
    """Trials in Slurm jobs: an array of workers, or a job for each trial.

    Jobs are submitted by submitit, and talk to the study through files in a folder that all nodes
    share, since compute nodes often cannot reach the machine that submits. Luthier must be
    importable there in the same version, for instance from a shared environment.

    Parameters
    ----------
    workers : int, default 1
        How many trials run at once.
    folder : path, default "slurm-jobs"
        For submitit's files and the messages; all nodes must reach it.
    minutes : int, default 60
        Wall time of each job. Before it is over, the trial that runs is asked to stop, handed
        back, and goes on from its last checkpoint in another job.
    cpus : int, default 1
        Cores of each trial. BLAS and OpenMP use as many threads.
    gpus : int, default 0
        GPUs of each trial.
    memory_gb : float, optional
        Memory of each job in GB. A limit of the trial is set by ``trial_memory``.
    partition : str, optional
        Where to submit. Default: Slurm's.
    job_per_trial : bool, default False
        Whether each trial is a job of its own. Else jobs run trial after trial until the study
        has ended or their wall time is over.
    parameters : mapping, optional
        More parameters of submitit, such as ``{"slurm_account": "x", "slurm_constraint": "a100"}``.
    cluster : {"slurm", "local"}, optional
        ``"local"`` runs the jobs as processes on this machine, to try things out. Default: Slurm
        if it is there.
    capture_output : bool, default True
        Keep the last 16 KiB of each trial's output; if false, it goes to submitit's log files.
    start_timeout : float, default 86400
        Seconds that the first job may wait in the queue.

    Raises
    ------
    InvalidInput
        If an argument is not allowed.
    MissingExtra
        If submitit is not installed.

    Notes
    -----
    A job that Slurm is about to end (SIGTERM, SIGUSR1, SIGUSR2) passes the request on to its trial,
    as `Channel.stopping`. A job that is gone without a word is noticed by asking Slurm. Jobs
    whose study has died end themselves after three minutes.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        folder: str | os.PathLike[str] = "slurm-jobs",
        minutes: int = 60,
        cpus: int = 1,
        gpus: int = 0,
        memory_gb: float | None = None,
        partition: str | None = None,
        job_per_trial: bool = False,
        parameters: Mapping[str, Any] | None = None,
        cluster: str | None = None,
        capture_output: bool = True,
        start_timeout: float = 86_400.0,
    ) -> None:
        _import_submitit()
        self._count = count_workers("Slurm: workers", workers, 1)
        for field, number, least in (
            ("minutes", minutes, 1),
            ("cpus", cpus, 1),
            ("gpus", gpus, 0),
        ):
            if not isinstance(number, int) or isinstance(number, bool) or number < least:
                raise InvalidInput(f"Slurm: {field}", number, f"an int of at least {least}")
        if memory_gb is not None and not memory_gb > 0:
            raise InvalidInput("Slurm: memory_gb", memory_gb, "a number above 0, or None")
        if cluster not in _CLUSTERS:
            raise InvalidInput("Slurm: cluster", cluster, " or ".join(map(repr, _CLUSTERS)))
        options = {
            "name": "luthier",
            "timeout_min": minutes,
            "cpus_per_task": cpus,
            "gpus_per_node": gpus or None,
            "mem_gb": memory_gb,
            "slurm_partition": partition,
        }
        self._options = {name: value for name, value in options.items() if value is not None}
        self._options |= dict(parameters or {})
        self._folder = os.path.abspath(folder)
        self._cluster = cluster
        self._office: _PostOffice | None = None
        self._local: list[Any] = []
        super().__init__("Slurm", cpus, capture_output, start_timeout, job_per_trial)

    def __repr__(self) -> str:
        return f"Slurm({self._count})"

    def _planned(self) -> int:
        return self._count

    def _wanted(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self._options.items())

    def _attach(self) -> int:
        submitit = _import_submitit()
        try:
            self._submitter = submitit.AutoExecutor(self._folder, cluster=self._cluster)
            self._submitter.update_parameters(**self._options)
        except Exception as error:
            raise ExecutorError(f"jobs cannot be submitted: {error}") from error
        self._office = _PostOffice(os.path.join(self._folder, f"post-{uuid4().hex[:12]}"))
        return self._count

    def _detach(self) -> None:
        if self._office is not None:
            self._office.close()
        self._office = None
        # Local jobs are processes below this one, which are not left alone while they end.
        deadline = time.monotonic() + _LOCAL_END
        while self._local and time.monotonic() < deadline:
            self._local = [job for job in self._local if not job.done()]
            time.sleep(0.02)
        self._local.clear()

    def _place_all(self, workers: Sequence[RemoteWorker]) -> None:
        with self._submitter.batch():  # as an array
            super()._place_all(workers)

    def _hire(self, worker: RemoteWorker, boot: Boot) -> _SlurmLine:
        assert self._office is not None
        line = self._office.line(worker, self._inbox, boot)
        try:
            line.job = self._submitter.submit(serve, line.folder)
            if self._submitter.cluster == "local":
                self._local.append(line.job)
        except Exception as error:
            raise ExecutorError(f"a job cannot be submitted: {error}") from error
        return line


class _SlurmLine:
    """Two mailboxes in a folder, and the job that reads the one and writes the other."""

    def __init__(self, worker: RemoteWorker, inbox: SimpleQueue[Mail], folder: str) -> None:
        self.folder = folder
        self.job: Any = None
        self.rhythm = Rhythm(time.monotonic())
        self.due = 0.0
        self.over = False
        self._worker = worker
        self._inbox = inbox
        self._out = Outbox(os.path.join(folder, "down"))
        self._in = Inbox(os.path.join(folder, "up"))
        self._ask_slurm = time.monotonic() + _ASK_SLURM

    def post(self, command: Command) -> None:
        self._out.put(command)
        self.rhythm.awake(time.monotonic())
        self.due = 0.0

    def listen(self) -> None:
        """Do nothing: letters come by themselves."""

    def look(self, now: float) -> None:
        """Take what has come, or else notice that nothing more will; in the office's thread."""
        letters: list[Letter] = []
        with contextlib.suppress(OSError):  # a network file system may be away for a while
            letters = self._in.take()
        if letters:
            self.rhythm.awake(now)
            self._inbox.put((self._worker, letters))
            self.over = letters[-1].frame == BYE
        elif now >= self._ask_slurm:
            self._ask_slurm = now + _ASK_SLURM
            if self._ended():
                # What it said last may have come since the look above.
                self._inbox.put((self._worker, self._in.take()))
                self._inbox.put((self._worker, f"Slurm job {self.job.job_id}: {self.job.state}"))
                self.over = True
        self.due = now + self.rhythm.pause(now)

    def _ended(self) -> bool:
        try:
            ended: bool = self.job.done()
        except Exception:  # Slurm cannot be asked, or the job is only being submitted
            return False
        return ended

    def close(self) -> None:
        if not self.over:
            self.over = True
            with contextlib.suppress(Exception):  # it may have ended
                # A local job says more than anybody asked for when it is cancelled. It ends
                # without that, since its folder goes away.
                if not isinstance(self.job, _import_submitit().LocalJob):
                    self.job.cancel(check=False)


class _PostOffice:
    """Looks after all mailboxes of a study, and shows that the study is alive.

    Parameters
    ----------
    folder : str
        Where they are.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._lines: list[_SlurmLine] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._count = 0
        os.makedirs(folder, mode=0o700)  # pickles are read from it: nobody else may write
        self._thread = threading.Thread(target=self._run, name="luthier-slurm", daemon=True)
        self._thread.start()

    def line(self, worker: RemoteWorker, inbox: SimpleQueue[Mail], boot: Boot) -> _SlurmLine:
        """Return a new line."""
        self._count += 1
        folder = os.path.join(self._folder, str(self._count))
        os.mkdir(folder)
        with open(os.path.join(folder, "boot"), "wb") as file:
            pickle.dump(boot, file, protocol=5)
        line = _SlurmLine(worker, inbox, folder)
        with self._lock:
            self._lines.append(line)
        return line

    def close(self) -> None:
        """End, and throw everything away."""
        self._closing.set()
        self._thread.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self) -> None:
        beats = 0
        next_beat = 0.0
        pause = 0.0
        while not self._closing.wait(pause):
            now = time.monotonic()
            if now >= next_beat:
                beats, next_beat = beats + 1, now + _BEAT
                _write(os.path.join(self._folder, "beat"), str(beats))
            with self._lock:
                self._lines = [line for line in self._lines if not line.over]
                lines = list(self._lines)
            for line in lines:
                if now >= line.due and line.job is not None:
                    line.look(now)
            # Never longer, since a command that is posted brings an answer soon.
            pause = min(0.05, max(0.002, min((line.due - now for line in lines), default=0.05)))


def serve(folder: str) -> None:
    """Be an agent; runs in a Slurm job.

    Parameters
    ----------
    folder : str
        The mailboxes.
    """
    left = threading.Event()
    leaving = threading.Event()
    out = Outbox(os.path.join(folder, "up"))
    posting = threading.Lock()
    rhythm = Rhythm(time.monotonic())

    def emit(letter: Letter) -> None:
        with posting, contextlib.suppress(FileNotFoundError):  # nobody reads it any more
            out.put(letter)
        rhythm.awake(time.monotonic())
        if letter.frame == BYE:
            left.set()

    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, lambda signum, frame: leaving.set())
    with open(os.path.join(folder, "boot"), "rb") as file:
        boot = pickle.load(file)
    agent = Agent(boot, emit)
    commands = Inbox(os.path.join(folder, "down"))
    study = _Pulse(os.path.join(folder, os.pardir, "beat"))
    told = False
    try:
        while not left.wait(rhythm.pause(time.monotonic())):
            for command in commands.take():
                rhythm.awake(time.monotonic())
                if command[0] != "start" or not told:  # a job that came too late is lost
                    agent.obey(command)
            if leaving.is_set() and not told:
                agent.hand_back()
                told = True
            if (told and not agent.busy) or study.stopped or not os.path.isdir(folder):
                agent.obey(("quit",))
                left.wait()
    finally:
        agent.close()


class _Pulse:
    """Tells whether the study is alive, by this machine's clock alone.

    Parameters
    ----------
    path : str
        The file in which it counts.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._last = ""
        self._changed = self._looked = time.monotonic()

    @property
    def stopped(self) -> bool:
        """Whether the study has given no sign of life for long."""
        now = time.monotonic()
        if now >= self._looked + _BEAT:
            self._looked = now
            with contextlib.suppress(OSError), open(self._path) as file:
                beat = file.read()
                if beat != self._last:
                    self._last, self._changed = beat, now
        return now - self._changed > _SILENCE


def _write(path: str, text: str) -> None:
    """Write a small file as a whole."""
    draft = f"{path}.{os.getpid()}"
    with contextlib.suppress(OSError):  # a full disk for instance; the next beat may do
        with open(draft, "w") as file:
            file.write(text)
        os.replace(draft, path)


def _import_submitit() -> Any:
    try:
        import submitit
    except ImportError as error:
        raise MissingExtra("the executor 'slurm'", "slurm") from error
    return submitit
