"""Who runs a trial, and whether it still lives."""

from __future__ import annotations

import os
import platform
import socket
import sys
import uuid
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from luthier._version import __version__

HEARTBEAT = 10.0
"""Seconds between heartbeats."""

GRACE = 60.0
"""Seconds without a heartbeat after which an owner elsewhere counts as dead."""

HUNG = 300.0
"""The same for a process of this machine that is there: it hangs, or C code does not let its
heart beat for so long."""

_alive_here: WeakValueDictionary[str, Owner] = WeakValueDictionary()


class Owner:
    """One `Study` object in one process: the identity under which it runs trials."""

    __slots__ = ("__weakref__", "id", "pid")

    def __init__(self) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.pid = os.getpid()
        _alive_here[self.id] = self

    @staticmethod
    def about() -> dict[str, Any]:
        """Return what others need to tell whether this owner lives, and what ran."""
        return {
            "host": host(),
            "pid": os.getpid(),
            "began": _began(os.getpid()),
            "luthier": __version__,
            "python": platform.python_version(),
            "command": " ".join(sys.argv)[:500],
        }


def is_gone(owner: str, about: Mapping[str, Any]) -> bool:
    """Tell whether an owner was on this machine and its process, or `Study` object, is no more.

    Parameters
    ----------
    owner : str
        Its identity.
    about : mapping
        What `Owner.about` said there.
    """
    if about.get("host") != host():
        return False
    pid: int = about["pid"]
    if pid == os.getpid() and about["began"] == _began(os.getpid()):
        return owner not in _alive_here
    return bool(_began(pid) != about["began"])


def is_silent(about: Mapping[str, Any], silence: float | None) -> bool:
    """Tell whether the heart of an owner has not beaten for too long.

    Parameters
    ----------
    about : mapping
        What `Owner.about` said there.
    silence : float, optional
        Seconds since its last heartbeat; None if it never had one.
    """
    if about.get("host") != host():
        return silence is None or silence > GRACE
    return silence is not None and silence > HUNG


@cache
def host() -> str:
    """Return a name for this machine since its last start, apart for each container."""
    marks = [socket.gethostname()]
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        try:
            marks.append(os.readlink(path) if "ns" in path else Path(path).read_text().strip())
        except OSError:
            continue  # not Linux: the host's name has to do
    return "/".join(marks)


def _began(pid: int) -> float | None:
    """Return when the process of that number began, None if there is none (or it is a zombie).

    Only equal numbers mean something. On Linux it is in ticks since the machine's start: seconds
    since the epoch would be others after the clock was set.
    """
    if platform.system() == "Linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()  # the name before may hold anything
        return None if fields[0] in "ZX" else float(fields[19])
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return round(process.create_time(), 2)
    except psutil.Error:
        return None
