"""An objective that replays recorded learning curves, in the time that they took."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from luthier.errors import InvalidInput, InvalidParams, TrialPruned
from luthier.model.columns import point_key


class Table:
    """Recorded learning curves as an objective for `luthier.executors.simulated.Simulated`.

    A trial takes the row of its params, reports each step's metrics after the seconds that the
    step took, stops when it is told to, and returns the metrics of the last step. A trial that
    goes on from a checkpoint begins behind the checkpoint's step.

    Parameters
    ----------
    curves : array of shape ``(n, steps)`` or ``(n, steps, metrics)``
        What each configuration had reached after each step.
    rows : sequence of mapping, or callable
        The params of each configuration; or a function that returns the row of a trial's params.
    seconds : float, or array of shape ``(n,)`` or ``(n, steps)``, default 1
        How long a step takes.
    metrics : sequence of str, default ("value",)
        Names of the metrics.

    Raises
    ------
    InvalidInput
        If the shapes do not fit together, or a time is negative or not finite.
    """

    def __init__(
        self,
        curves: ArrayLike,
        rows: Sequence[Mapping[str, Any]] | Callable[[Mapping[str, Any]], int],
        *,
        seconds: ArrayLike = 1.0,
        metrics: Sequence[str] = ("value",),
    ) -> None:
        values = np.asarray(curves, dtype=float)
        values = values[:, :, None] if values.ndim == 2 else values
        if values.ndim != 3 or not values.size or values.shape[2] != len(metrics):
            shape = np.shape(curves)
            raise InvalidInput("Table: curves", shape, f"a shape of (n, steps, {len(metrics)})")
        times = np.asarray(seconds, dtype=float)
        times = times[:, None] if times.ndim == 1 else times
        n, steps = values.shape[:2]
        if times.shape not in {(), (n, 1), (n, steps)}:
            raise InvalidInput("Table: seconds", np.shape(seconds), f"a number, {n}, or {n, steps}")
        if not (np.isfinite(times).all() and (times >= 0).all()):
            raise InvalidInput("Table: seconds", seconds, "finite numbers from 0 on")
        if not callable(rows) and len(rows) != n:
            raise InvalidInput("Table: rows", len(rows), f"the params of {n} configurations")
        self._curves = values
        self._seconds = np.broadcast_to(times, (n, steps))
        self._metrics = tuple(metrics)
        self._find = rows if callable(rows) else _Exact(rows)

    @property
    def steps(self) -> int:
        """How many steps a curve has; a trial reports them as 1, 2, ..."""
        return int(self._curves.shape[1])

    def __call__(self, trial: Any) -> Generator[float, None, dict[str, float]]:
        """Replay the curve of a trial's params."""
        row = self._find(trial.params)
        curve, seconds = self._curves[row].tolist(), self._seconds[row].tolist()
        done = trial.restored_step or 0
        for step in range(done + 1, self.steps + 1):
            yield seconds[step - 1]
            trial.report(dict(zip(self._metrics, curve[step - 1], strict=True)), step)
            if step < self.steps and trial.should_prune():
                raise TrialPruned
        return dict(zip(self._metrics, curve[-1], strict=True))


class _Exact:
    """Finds the row that has just these params."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows = {point_key(params): row for row, params in enumerate(rows)}
        if len(self._rows) < len(rows):
            raise InvalidInput("Table: rows", len(rows), "configurations that all differ")

    def __call__(self, params: Mapping[str, Any]) -> int:
        row = self._rows.get(point_key(params))
        if row is None:
            raise InvalidParams("params", dict(params), "those of a row of the table")
        return row
