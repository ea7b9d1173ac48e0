"""The channel of trials that are asked for and told by hand."""

from __future__ import annotations

from typing import Any

from luthier.study.engine import Engine


class Direct:
    """The channel of a trial that runs in the study's own process."""

    __slots__ = ("_engine", "_number")

    def __init__(self, engine: Engine, number: int) -> None:
        self._engine = engine
        self._number = number

    def send(self, message: Any) -> None:
        """Serve the message now."""
        self._engine.serve(self._number, message)

    def ask(self, message: Any) -> Any:
        """Serve the message now and return the answer."""
        return self._engine.serve(self._number, message)

    @property
    def stopping(self) -> bool:
        """Nobody stops a trial from outside in its own process."""
        return False
