"""Hold a running process to its limits, from outside."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal

from luthier.executors.base import Limits

if TYPE_CHECKING:
    import psutil

TICK = 0.1
"""Seconds between two looks at the running jobs, at most."""

_MEMORY_SHARE = 0.05  # of one core's time that measuring memory may take

Verdict = Literal["timeout", "memory", "stopped"]


class Leash:
    """One running job, its limits, and whether it was made to end.

    Parameters
    ----------
    limits : Limits
        The job's limits.
    pid : int
        Root of the process tree that the limits hold for.
    ask : callable
        Asks the job to end by itself.
    kill : callable
        Ends it by force. May be called again.
    began : float
        Monotonic time of the job's start, seconds; infinite while it has not begun.
    """

    def __init__(
        self,
        limits: Limits,
        pid: int,
        ask: Callable[[], None],
        kill: Callable[[], None],
        began: float,
    ) -> None:
        self.limits = limits
        self.pid = pid
        self.began = began
        self.verdict: Verdict | None = None
        self.reason = ""
        self._ask = ask
        self._kill = kill
        self._kill_at = math.inf
        self._asked_at: float | None = None

    @property
    def due(self) -> float:
        """Monotonic time at which `check` has something to do."""
        if self.verdict is None and self.limits.seconds is not None:
            return math.inf if self._asked_at is not None else self.began + self.limits.seconds
        return self._kill_at

    def asks(self) -> None:
        """Stop the clock: the job waits for an answer, and it is not its fault if that takes long.

        So a storage that is away costs no trial its time.
        """
        self._asked_at = time.monotonic()

    def hears(self) -> None:
        """Let the clock go on, if it was stopped."""
        if self._asked_at is not None:
            self.began += time.monotonic() - self._asked_at
            self._asked_at = None

    @property
    def seconds(self) -> float:
        """For how long the job has run."""
        return time.monotonic() - self.began if self.began < math.inf else 0.0

    def end(self, verdict: Verdict, reason: str) -> None:
        """Ask the job to end, and kill it after its grace. The first verdict stands."""
        if self.verdict is not None:
            return
        self.verdict, self.reason = verdict, reason
        self._kill_at = time.monotonic() + self.limits.grace
        if self.limits.grace > 0:
            self._ask()
        else:
            self._kill()

    def check(self, now: float) -> None:
        """Do what is due at time `now`."""
        if now < self.due:
            return
        if self.verdict is None:
            self.end("timeout", f"ran longer than its limit of {self.limits.seconds:g} seconds")
        else:
            self._kill()
            self._kill_at = now + 1.0

    def check_memory(self, resident: int) -> None:
        """Kill the job at once if its processes hold more than they may, in bytes."""
        limit = self.limits.memory
        if limit is None or resident <= limit:
            return
        if self.verdict is None:
            self.verdict = "memory"
            self.reason = f"held {_mib(resident)} of memory; its limit is {_mib(limit)}"
        self._kill()
        self._kill_at = time.monotonic() + 1.0


class MemoryGauge:
    """Measures the memory of leashed jobs, as often as it is cheap."""

    def __init__(self) -> None:
        self._next = 0.0

    def measure(self, leashes: Iterable[Leash], now: float) -> list[tuple[Leash, int]]:
        """Return the memory, in bytes, of the jobs that have a limit; none if it is too early."""
        limited = [leash for leash in leashes if leash.limits.memory is not None]
        if not limited or now < self._next:
            return []
        measured = []
        trees = process_trees(leash.pid for leash in limited)
        for leash in limited:
            tree = trees[leash.pid]
            resident = sum(_resident(process) for process in tree)
            if len(tree) > 1 and resident > (leash.limits.memory or 0):
                # Forked children share pages with their parent; count those once.
                resident = sum(_proportional(process) for process in tree)
            measured.append((leash, resident))
        self._next = now + (time.monotonic() - now) / _MEMORY_SHARE
        return measured


def process_trees(roots: Iterable[int]) -> dict[int, list[psutil.Process]]:
    """Return each root's process and all its descendants, by one look at the process table."""
    import psutil

    children: dict[int, list[psutil.Process]] = {}
    processes: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            children.setdefault(process.ppid(), []).append(process)
            processes[process.pid] = process
    trees = {}
    for root in roots:
        tree = [processes[root]] if root in processes else []
        for process in tree:  # grows while it is walked
            tree.extend(children.get(process.pid, ()))
        trees[root] = tree
    return trees


def kill_tree(root: int) -> None:
    """Kill a process and everything that descends from it, or shares its group on POSIX.

    The root must be the leader of its process group. It may have ended already.
    """
    import psutil

    # The root comes last, since it may be this very process.
    for process in reversed(process_trees([root])[root]):
        kill_group(process.pid)  # also orphans, whose parents ended before them
        with contextlib.suppress(psutil.Error):
            process.kill()


def kill_group(leader: int) -> None:
    """Kill a process group: also orphans, whose parents ended before them. Nothing on Windows."""
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)


def describe_exit(code: int) -> str:
    """Say in words how a process ended, from `subprocess.Popen.returncode`."""
    if code >= 0:
        # Windows tells what went wrong by large codes, which are known in hexadecimal.
        return f"exited with code {code if code < 256 else hex(code)}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = " (the system may have run out of memory)" if name == "SIGKILL" else ""
    return f"was killed by {name}{hint}"


def _resident(process: psutil.Process) -> int:
    import psutil

    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def _proportional(process: psutil.Process) -> int:
    """Memory with shared pages split among their users; plain resident where unknown."""
    import psutil

    try:
        return getattr(process.memory_full_info(), "pss", 0) or _resident(process)
    except psutil.Error:
        return _resident(process)


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
