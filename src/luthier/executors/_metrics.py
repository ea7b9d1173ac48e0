"""Find the metrics that a program writes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from luthier.errors import InvalidResult

Metrics = dict[str, float]


class Report(NamedTuple):
    """Metrics at one step, and the name of a checkpoint that was written of it."""

    step: int
    metrics: Metrics
    checkpoint: str | None = None


@dataclass(slots=True)
class Reader:
    """Reads lines of output, and remembers the metrics in them.

    Attributes
    ----------
    pattern : re.Pattern, optional
        Its named groups are metrics, and ``step`` the step.
    infeasible : str, optional
        Why the program called the configuration infeasible, if it did.
    """

    pattern: re.Pattern[str] | None = None
    infeasible: str | None = None
    _final: Metrics = field(default_factory=dict)
    _last: Metrics = field(default_factory=dict)

    def read(self, line: str, *, structured: bool) -> Report | None:
        """Take a line; return the report in it, if there is one.

        JSON objects count only where output is `structured`, which is standard output.
        """
        fields: Mapping[str, Any] | None = None
        if structured and line.startswith("{"):
            try:
                fields = json.loads(line)
            except (ValueError, RecursionError):
                fields = None  # text that happens to begin with a brace
        if fields is not None and isinstance(fields.get("infeasible"), str):
            self.infeasible = fields["infeasible"]
        if fields is None and self.pattern is not None and (match := self.pattern.search(line)):
            fields = {name: _number(text) for name, text in match.groupdict().items()}
        return None if fields is None else self._take(fields)

    def _take(self, fields: Mapping[str, Any]) -> Report | None:
        metrics = {k: float(v) for k, v in fields.items() if k != "step" and _is_number(v)}
        step, written = fields.get("step"), fields.get("checkpoint")
        checkpoint = written if isinstance(written, str) else None
        if not metrics and (step is None or checkpoint is None):
            return None
        if step is None:
            self._final |= metrics
            return None
        if not _is_number(step) or not float(step).is_integer():
            return None
        self._last = metrics or self._last
        return Report(int(step), metrics, checkpoint)

    @property
    def metrics(self) -> Metrics:
        """The metrics of the whole run: the last report, and over it all lines without a step."""
        return self._last | self._final


@dataclass(slots=True)
class ResultFile:
    """A JSON object of metrics that the program writes to a file."""

    path: Path
    _before: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        self._before = self._state()

    def read(self) -> Metrics:
        """Return its metrics; none if the file was not written since this object was made.

        Raises
        ------
        InvalidResult
            If it was written, and is not a JSON object with numbers.
        """
        if self._state() in (None, self._before):
            return {}
        text = self.path.read_text(encoding="utf-8", errors="replace")
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise InvalidResult(f"result file {self.path}", text, "a JSON object of metrics")
        return {name: float(value) for name, value in fields.items() if _is_number(value)}

    def _state(self) -> tuple[int, ...] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
