"""Ctrl-C and SIGTERM while a study runs: first politely, then at once, never half-way."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

log = logging.getLogger("luthier")

TERMINATED = 128 + signal.SIGTERM
"""The exit code of a process that SIGTERM has ended."""


class Interrupts:
    """Counts interrupts instead of letting them break in anywhere.

    The first one is only noted: Ctrl-C lets trials finish, SIGTERM gives them a grace to save
    what they have. The second one, or the end of the grace, raises, but not before the code
    inside `uninterrupted` (a write to the log) is done.

    Parameters
    ----------
    grace : float
        Seconds from SIGTERM to the end.

    Attributes
    ----------
    asked_to_stop : bool
        Whether there was an interrupt.
    terminated : bool
        Whether it was SIGTERM.
    urgent : bool
        Whether nothing may be waited for any more.
    """

    def __init__(self, grace: float) -> None:
        self.asked_to_stop = False
        self.terminated = False
        self.urgent = False
        self._grace = grace
        self._timer: threading.Timer | None = None
        self._signal: int = signal.SIGINT
        self._may_raise = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for number, previous in self._previous.items():
            signal.signal(number, previous)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Let an urgent interrupt raise inside this block."""
        self.raise_if_urgent()
        self._may_raise = True
        try:
            yield
        finally:
            self._may_raise = False

    @contextmanager
    def uninterrupted(self) -> Iterator[None]:
        """Hold back interrupts inside this block, and raise an urgent one after it."""
        before, self._may_raise = self._may_raise, False
        try:
            yield
        finally:
            self._may_raise = before
            if before:
                self.raise_if_urgent()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signal = number
        if number == signal.SIGTERM and not self.terminated:
            self.terminated = True
            log.warning("terminated: the running trials have %g s to save and end", self._grace)
            self._timer = threading.Timer(self._grace, _again)
            self._timer.daemon = True
            self._timer.start()
        elif not self.asked_to_stop:
            log.warning(
                "interrupted: the running trials are finished; "
                "interrupt again to hand them back at once"
            )
        else:
            self.urgent = True
        self.asked_to_stop = True
        if self._may_raise:
            self.raise_if_urgent()

    def raise_if_urgent(self) -> None:
        """Raise what the signals ask for, if nothing may be waited for any more."""
        if self.urgent:
            if self._signal == signal.SIGTERM:
                raise SystemExit(TERMINATED)
            raise KeyboardInterrupt


def _again() -> None:
    """Send SIGTERM once more, to the thread that runs signal handlers."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    else:
        signal.raise_signal(signal.SIGTERM)
