"""What TPE learns from: ended and running trials as points, with losses that can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from luthier.errors import InvalidParams
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial, Params, TrialState
from luthier.space.codec import INACTIVE
from luthier.space.space import Space

Array = NDArray[np.float64]

BLOCK = 128
"""Trials without a result are read again in blocks of so many."""


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """The trials as arrays, those that are running or proposed at the end.

    Attributes
    ----------
    units : array of shape ``(n, d)``
        Encoded params.
    activity : array of shape ``(n, d)``
        1.0 where active, 0.0 elsewhere.
    losses : array of shape ``(n, m)``
        Less is better; NaN without a result, as a trial that runs, failed or was infeasible.
    violations : array of shape ``(n,)``, optional
        By how much the limits are exceeded, NaN if that is unknown; None if there are none.
    ended : int
        How many of the trials have ended.
    """

    units: Array
    activity: Array
    losses: Array
    violations: Array | None
    ended: int

    def with_pending(self, space: Space, rows: Sequence[Params]) -> Record:
        """Return the record with points whose result is not known yet."""
        if not rows:
            return self
        units, activity = placed(space, rows)
        nothing = np.full((len(rows), self.losses.shape[1]), np.nan)
        return Record(
            np.vstack([self.units, units]),
            np.vstack([self.activity, activity]),
            np.vstack([self.losses, nothing]),
            None if self.violations is None else np.append(self.violations, nothing[:, 0]),
            self.ended,
        )


def record_of(problem: Problem, history: History) -> Record:
    """Return what the ended trials tell about the space of the problem."""
    space, n = problem.space, len(history.ended)
    if space == history.problem.space:
        units, activity = history.encoded()
    else:
        units, activity = history.remember(
            ("tpe: encoded", space, n),
            lambda: placed(space, [trial.params for trial in history.ended]),
        )
    losses = history.losses
    violations = history.violations if problem.limits else None
    if np.isnan(losses[:, 0]).any():
        endings = _endings(problem, history)
        if violations is not None:
            without_result = np.isnan(losses[:, 0])
            violations = np.where(without_result, endings[:, 2], violations)
        if len(problem.objectives) == 1:
            losses = _ranked(losses[:, 0], endings)[:, None]
    return Record(units, activity, losses, violations, n)


def wants_new(problem: Problem) -> bool:
    """Tell whether points that were tried are passed over, if others are as easily had.

    Without asking whether the space is finite, which takes long to find out for some: in an
    infinite one no point comes twice anyway.
    """
    return problem.duplicates in (None, "avoid")


def placed(space: Space, rows: Sequence[Params]) -> tuple[Array, Array]:
    """Encode rows; what the space cannot place is inactive in all columns."""
    codec = space.codec
    units = np.full((len(rows), codec.d), INACTIVE)
    activity = np.zeros((len(rows), codec.d))
    names = space.params.keys()
    known = [i for i, row in enumerate(rows) if not names.isdisjoint(row)]
    if not known:
        return units, activity
    try:
        units[known], activity[known] = codec.encode_with_activity([rows[i] for i in known])
    except InvalidParams:
        for i in known:
            try:
                units[i], activity[i] = (part[0] for part in codec.encode_with_activity([rows[i]]))
            except InvalidParams:
                continue
    return units, activity


def _ranked(losses: Array, endings: Array) -> Array:
    """Return ranks instead of losses: after complete trials the pruned ones, the longest first."""
    complete, step, value = ~np.isnan(losses), endings[:, 0], endings[:, 1]
    pruned = ~np.isnan(value)
    keys = np.column_stack(
        [
            np.where(complete, 0.0, 1.0),
            np.where(complete, 0.0, -step),
            np.where(complete, losses, value),
        ]
    )
    with_result = np.flatnonzero(complete | pruned)
    order = with_result[np.lexsort(keys[with_result].T[::-1])]
    new = (np.diff(keys[order], axis=0) != 0).any(axis=1)
    ranks = np.full(len(losses), np.nan)
    ranks[order] = np.append(0.0, np.cumsum(new))[: len(order)]
    return ranks


def _endings(problem: Problem, history: History) -> Array:
    """Return for each trial without a result its last step and loss, and its violation.

    The violation is infinite if the trial was infeasible; all else that is unknown is NaN.
    """
    objective = problem.objectives[0]
    n = len(history.ended)
    start = n - n % BLOCK

    def read(trials: Sequence[FrozenTrial]) -> Array:
        rows = np.full((len(trials), 3), np.nan)
        for i, trial in enumerate(trials):
            if trial.state is TrialState.PRUNED:
                last = trial.reports.last
                value = np.nan if last is None else last.metrics.get(objective.name, np.nan)
                if last is not None and isfinite(value):
                    rows[i, :2] = last.step, value * objective.sign
            elif trial.state is TrialState.INFEASIBLE:
                rows[i, 2] = np.inf
        return rows

    kept = history.remember(("tpe: endings", objective, start), lambda: read(history.ended[:start]))
    return np.vstack([kept, read(history.ended[start:])])
