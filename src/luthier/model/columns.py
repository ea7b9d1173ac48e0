"""The ended trials as columns that grow at the end and never change before it.

A history of any earlier version is a prefix of the same columns, so that a
snapshot costs nothing and a model of 10,000 trials is not encoded again for
each suggestion.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luthier.errors import InvalidParams
from luthier.model.events import Reported
from luthier.model.folding import Folds, Happening
from luthier.model.memo import Memo
from luthier.model.problem import Limit, Problem
from luthier.model.trial import FrozenTrial, Params
from luthier.space.codec import INACTIVE, Codec
from luthier.space.space import Space

Array = NDArray[np.float64]

KEPT_ENCODINGS = 4
"""How many spaces the columns stay encoded for; a study rarely has more than one at a time."""

KEPT_RESULTS = 32
"""How much of a sampler's work is kept: some results for each of the last few suggestions."""

FEW = 8
"""Up to so many rows are encoded faster one by one than in arrays."""

_Keyed = dict[int, tuple[Params, Hashable]]


class Growing:
    """A float array with room at its end: appending is cheap, earlier rows stay as they are.

    Threads may share it: its state is replaced as a whole, and the worst that two can do to each
    other is that both write the same rows to the same place.
    """

    __slots__ = ("_state", "_width")

    def __init__(self, width: int) -> None:
        self._width = width
        self._state = np.empty((64, width)), 0

    def first(self, length: int, make: Callable[[int], ArrayLike]) -> Array:
        """Return the first `length` rows, read-only.

        Parameters
        ----------
        length : int
        make : callable
            Returns the rows from an index on up to `length`, if they are not there yet: always
            the same ones.
        """
        array, filled = self._state
        if filled < length:
            rows = make(filled)
            if length > len(array):
                grown = np.empty((max(length, 2 * len(array)), self._width))
                grown[:filled] = array[:filled]
                array = grown
            array[filled:length] = rows
            self._state = array, length
        view = array[:length]
        view.flags.writeable = False
        return view


class OpenPoints:
    """Open trials by their params. Only what has changed is turned into keys again."""

    def __init__(self) -> None:
        # Replaced as a whole, since threads may share it.
        self._state: tuple[int, _Keyed, dict[Hashable, int]] = -1, {}, {}

    def find(self, key: Hashable, version: int, open_trials: Sequence[FrozenTrial]) -> int | None:
        """Return the number of an open trial with this key, as of one version of the log."""
        known, before, numbers = self._state
        if known != version:
            keyed: _Keyed = {}
            numbers = {}
            for trial in open_trials:
                params, its_key = before.get(trial.number, (None, None))
                if params is not trial.params:
                    its_key = point_key(trial.params)
                keyed[trial.number] = trial.params, its_key
                numbers.setdefault(its_key, trial.number)
            self._state = version, keyed, numbers
        return numbers.get(key)


class Columns:
    """Ended trials in the order in which they ended.

    Parameters
    ----------
    problem : Problem
        Gives the objectives.
    """

    def __init__(self, problem: Problem) -> None:
        self.trials: list[FrozenTrial] = []
        self.by_number: dict[int, int] = {}
        self.happenings: list[Happening] = []
        self.reports: list[Reported] = []
        self.folds = Folds(self.happenings)
        self.objectives = len(problem.objectives)
        self._signs = np.array(problem.signs)
        self._losses = Growing(len(problem.objectives))
        self._violations: dict[tuple[Limit, ...], Growing] = {}
        self._encoded: dict[Space, tuple[Growing, Growing]] = {}
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
        nothing = (np.nan,) * len(self._signs)

        def rows(start: int) -> Array:
            new = self.trials[start:length]
            values = [nothing if trial.values is None else trial.values for trial in new]
            signed: Array = np.array(values, dtype=float) * self._signs
            return signed

        return self._losses.first(length, rows)

    def violations(self, length: int, limits: tuple[Limit, ...]) -> Array:
        """Return by how much each trial exceeds limits in sum, shape ``(length,)``.

        0 within all limits; infinite where a limited metric was not measured.
        """
        kept = self._violations.get(limits)
        if kept is None:
            kept = self._violations[limits] = Growing(1)
        return kept.first(
            length, lambda start: [[_violation(t, limits)] for t in self.trials[start:length]]
        )[:, 0]

    def encoded(self, space: Space, length: int) -> tuple[Array, Array]:
        """Return unit coordinates and activity (0 or 1) of the params, both ``(length, d)``."""
        tables = self._encoded.get(space)
        if tables is None:
            for stale in list(self._encoded)[: 1 - KEPT_ENCODINGS]:
                self._encoded.pop(stale, None)
            tables = self._encoded[space] = Growing(space.codec.d), Growing(space.codec.d)
        points, activity = tables

        @cache
        def rows(start: int) -> tuple[Array, Array]:
            return encoded(space, [trial.params for trial in self.trials[start:length]])

        return (
            points.first(length, lambda start: rows(start)[0]),
            activity.first(length, lambda start: rows(start)[1]),
        )

    def find(self, key: Hashable, length: int) -> FrozenTrial | None:
        """Return the first ended trial whose params have this key, None if there is none."""
        for index in range(self._indexed, length):
            self._first.setdefault(point_key(self.trials[index].params), index)
        self._indexed = max(length, self._indexed)
        index = self._first.get(key, length)
        return self.trials[index] if index < length else None


def _violation(trial: FrozenTrial, limits: tuple[Limit, ...]) -> float:
    return sum(
        limit.violation(trial.metrics[limit.metric]) if limit.metric in trial.metrics else np.inf
        for limit in limits
    )


def encoded(space: Space, rows: Sequence[Params]) -> tuple[Array, Array]:
    """Return points and activity (0 or 1) of params, ``(n, d)`` each.

    A row that the space cannot place is inactive in all columns.
    """
    return _encoded(space.codec, [_encodable(space, row) for row in rows])


def _encoded(codec: Codec, rows: Sequence[Params]) -> tuple[Array, Array]:
    if len(rows) > FEW:
        try:
            points, active = codec.encode_with_activity(rows)
        except InvalidParams:  # of one row: of the others as many as possible stay together
            half = len(rows) // 2
            parts = _encoded(codec, rows[:half]), _encoded(codec, rows[half:])
            return np.vstack([part[0] for part in parts]), np.vstack([part[1] for part in parts])
        return points, active.astype(float)
    placed = [_placed(codec, row) for row in rows]
    shape = len(rows), codec.d
    return (
        np.array([point for point, _ in placed], dtype=float).reshape(shape),
        np.array([active for _, active in placed], dtype=float).reshape(shape),
    )


def _placed(codec: Codec, row: Params) -> tuple[list[float], list[bool]]:
    try:
        return codec.encode_one_with_activity(row)
    except InvalidParams:
        return [INACTIVE] * codec.d, [False] * codec.d


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
