"""Ends a server whose starter has died, and removes its folder. Run as a script of its own."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time

LOOK_EVERY = 0.2
"""Seconds between looks."""

PATIENCE = 10.0
"""Seconds that the server gets to end by itself."""


def guard(server: int, folder: str) -> None:
    """Watch until the parent or the server is gone.

    Parameters
    ----------
    server : int
        Its process number.
    folder : str
        Removed if the parent was the first to go.
    """
    parent = os.getppid()
    while os.getppid() == parent:
        if not _runs(server):
            return
        time.sleep(LOOK_EVERY)
    _send(server, signal.SIGQUIT)
    deadline = time.monotonic() + PATIENCE
    while _runs(server) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY)
    _send(server, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def _runs(process: int) -> bool:
    return _send(process, 0)


def _send(process: int, number: int) -> bool:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    guard(int(sys.argv[1]), sys.argv[2])
