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


class Interrupts:
    """Counts interrupts instead of letting them break in anywhere.

    The first Ctrl-C is only noted. The second one, or SIGTERM, raises, but not
    before the code inside `uninterrupted` (a write to the log) is done.
    """

    def __init__(self) -> None:
        self.count = 0
        self._signal: int = signal.SIGINT
        self._may_raise = False
        self._previous: dict[int, Any] = {}

    @property
    def asked_to_stop(self) -> bool:
        """Whether there was an interrupt."""
        return self.count > 0

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
        for number, previous in self._previous.items():
            signal.signal(number, previous)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Let an urgent interrupt raise inside this block."""
        self._raise_if_urgent()
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
            self._raise_if_urgent()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 2 if number == signal.SIGTERM else 1
        if self.count == 1:
            log.warning(
                "interrupted: the running trials are finished; "
                "interrupt again to hand them back at once"
            )
        self._signal = number
        if self._may_raise:
            self._raise_if_urgent()

    def _raise_if_urgent(self) -> None:
        if self.count >= 2:
            if self._signal == signal.SIGTERM:
                raise SystemExit(128 + signal.SIGTERM)
            raise KeyboardInterrupt
