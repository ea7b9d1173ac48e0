"""The ended trials as columns that grow at the end and never change before it.

A history of any earlier version is a prefix of the same columns, so that a
snapshot costs nothing and a model of 10,000 trials is not encoded again for
each suggestion.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.errors import InvalidParams
from luthier.model.memo import Memo
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial, Params
from luthier.space.codec import INACTIVE, Codec
from luthier.space.space import Space

Array = NDArray[np.float64]

KEPT_ENCODINGS = 4
"""How many spaces the columns stay encoded for; a study rarely has more than one at a time."""

KEPT_RESULTS = 32
"""How much of a sampler's work is kept: some results for each of the last few suggestions."""


class Growing:
    """A float array with room at its end: appending is cheap, earlier rows stay as they are."""

    __slots__ = ("_array", "_length")

    def __init__(self, width: int) -> None:
        self._array = np.empty((64, width))
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def extend(self, rows: Array) -> None:
        """Append rows, shape ``(n, width)``."""
        needed = self._length + len(rows)
        if needed > len(self._array):
            grown = np.empty((max(needed, 2 * len(self._array)), self._array.shape[1]))
            grown[: self._length] = self._array[: self._length]
            self._array = grown
        self._array[self._length : needed] = rows
        self._length = needed

    def view(self, length: int) -> Array:
        """Return the first `length` rows, read-only."""
        rows = self._array[:length]
        rows.flags.writeable = False
        return rows


class OpenPoints:
    """Open trials by their params, brought up to date at the price of what has changed."""

    def __init__(self) -> None:
        self._version = -1
        self._numbers: dict[Hashable, int] = {}
        self._known: dict[int, tuple[Params, Hashable]] = {}

    def find(self, key: Hashable, version: int, open_trials: Sequence[FrozenTrial]) -> int | None:
        """Return the number of an open trial with this key, as of one version of the log."""
        if version != self._version:
            self._refresh(open_trials)
            self._version = version
        return self._numbers.get(key)

    def _refresh(self, open_trials: Sequence[FrozenTrial]) -> None:
        before, self._known = self._known, {}
        for trial in open_trials:
            entry = before.pop(trial.number, None)
            if entry is None or entry[0] is not trial.params:
                if entry is not None:
                    self._drop(trial.number, entry[1])
                entry = trial.params, point_key(trial.params)
                self._numbers.setdefault(entry[1], trial.number)
            self._known[trial.number] = entry
        for number, (_, key) in before.items():
            self._drop(number, key)

    def _drop(self, number: int, key: Hashable) -> None:
        if self._numbers.get(key) == number:
            del self._numbers[key]


class Columns:
    """Ended trials in the order in which they ended.

    Parameters
    ----------
    problem : Problem
        Gives the number of objectives and the limits.
    """

    def __init__(self, problem: Problem) -> None:
        self.trials: list[FrozenTrial] = []
        self.by_number: dict[int, int] = {}
        self._signs = np.array(problem.signs)
        self._limits = problem.limits
        self._losses = Growing(len(problem.objectives))
        self._violations = Growing(1)
        self._encoded: dict[Space, tuple[Codec, Growing, Growing]] = {}
        self.open_points = OpenPoints()
        self.memo = Memo(KEPT_RESULTS)
        self._first: dict[Hashable, int] = {}
        self._indexed = 0

    def append(self, trial: FrozenTrial) -> None:
        """Add a trial that has just ended."""
        self.by_number[trial.number] = len(self.trials)
        self.trials.append(trial)

    def losses(self, length: int) -> Array:
        """Return values turned so that less is better, ``(length, m)``, NaN without result."""
        done = len(self._losses)
        if done < length:
            nothing = (np.nan,) * len(self._signs)
            values = [
                nothing if trial.values is None else trial.values
                for trial in self.trials[done:length]
            ]
            self._losses.extend(np.array(values, dtype=float) * self._signs)
        return self._losses.view(length)

    def violations(self, length: int) -> Array:
        """Return by how much each trial exceeds the limits in sum, shape ``(length,)``.

        0 within all limits; infinite where a limited metric was not measured.
        """
        done = len(self._violations)
        if done < length:
            rows = [
                sum(
                    limit.violation(trial.metrics[limit.metric])
                    if limit.metric in trial.metrics
                    else np.inf
                    for limit in self._limits
                )
                for trial in self.trials[done:length]
            ]
            self._violations.extend(np.array(rows, dtype=float)[:, None])
        return self._violations.view(length)[:, 0]

    def encoded(self, space: Space, length: int) -> tuple[Array, Array]:
        """Return unit coordinates and activity (0 or 1) of the params, both ``(length, d)``."""
        entry = self._encoded.get(space)
        if entry is None:
            if len(self._encoded) == KEPT_ENCODINGS:
                del self._encoded[next(iter(self._encoded))]
            codec = space.codec
            entry = self._encoded[space] = (codec, Growing(codec.d), Growing(codec.d))
        codec, points, activity = entry
        if len(points) < length:
            rows = [_encodable(space, trial.params) for trial in self.trials[len(points) : length]]
            new_points, new_activity = _encode(codec, rows)
            points.extend(new_points)
            activity.extend(new_activity.astype(float))
        return points.view(length), activity.view(length)

    def find(self, key: Hashable, length: int) -> FrozenTrial | None:
        """Return the first ended trial whose params have this key, None if there is none."""
        for index in range(self._indexed, length):
            self._first.setdefault(point_key(self.trials[index].params), index)
        self._indexed = max(length, self._indexed)
        index = self._first.get(key, length)
        return self.trials[index] if index < length else None


def _encode(codec: Codec, rows: Sequence[Params]) -> tuple[Array, NDArray[np.bool_]]:
    """Encode rows; one that the space cannot place is inactive in all columns."""
    try:
        return codec.encode_with_activity(rows)
    except InvalidParams:
        if len(rows) == 1:
            return np.full((1, codec.d), INACTIVE), np.zeros((1, codec.d), dtype=bool)
        half = len(rows) // 2
        parts = _encode(codec, rows[:half]), _encode(codec, rows[half:])
        return np.vstack([part[0] for part in parts]), np.vstack([part[1] for part in parts])


def _encodable(space: Space, params: Params) -> Params:
    """Leave out what a define-by-run trial used and the space, as it is by now, cannot place."""
    if not space.partial:
        return params
    known = space.params
    return {name: v for name, v in params.items() if name in known and known[name].knows(v)}


def point_key(params: Mapping[str, Any]) -> Hashable:
    """Return a key that two params share exactly if they are the same point."""
    return frozenset(
        (name, tuple(value.items()) if isinstance(value, Mapping) else value)
        for name, value in params.items()
    )
