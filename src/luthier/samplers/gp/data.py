"""What a model of the study may learn from: the history as arrays over a space's columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from luthier.model.columns import encoded
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial, TrialState
from luthier.samplers.gp.partial import Course, course, expected_ends
from luthier.space.codec import INACTIVE, Codec

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

PARTIAL = (TrialState.PRUNED, TrialState.PAUSED)
BARRED = (TrialState.INFEASIBLE, TrialState.FAILED)


@dataclass(frozen=True)
class Data:
    """The first `size` ended trials of a history, as far as a space can place them.

    Attributes
    ----------
    problem : Problem
        Its space says what the columns are.
    history : History
        Where the trials are.
    size : int
        How many of `History.ended` are looked at.
    most : int
        If there are more rows, a local part of so many is kept: the best, those nearest to
        the best one, and the newest.
    paused : tuple of FrozenTrial, default ()
        Trials that were set aside, which count with what they reported.
    """

    problem: Problem
    history: History
    size: int
    most: int
    paused: tuple[FrozenTrial, ...] = ()

    def first(self, size: int) -> Data:
        """Return the data of so many trials that ended first, and of no others."""
        return Data(self.problem, self.history, size, self.most)

    @cached_property
    def _placed(self) -> tuple[Array, Array, NDArray[np.intp]]:
        X, A = self.history.encoded()
        X, A = X[: self.size], A[: self.size]
        space, known = self.problem.space, self.history.problem.space
        if space != known:
            X, A = _over(space.codec, known.codec, X, A)
        if self.paused:
            aside = encoded(space, [trial.params for trial in self.paused])
            X, A = np.vstack([X, aside[0]]), np.vstack([A, aside[1]])
        # A space without any active column places everything, and tells nothing apart.
        rows = np.flatnonzero(A.any(axis=1)) if A.shape[1] else np.arange(0)
        if len(rows) > self.most:
            rows = rows[_local(X[rows], self._of_ended(self.history.losses)[rows], self.most)]
        return X[rows], A[rows], rows

    def _of_ended(self, values: Array) -> Array:
        """Return what is known of ended trials, with NaN for those that are paused."""
        values = values[: self.size]
        return np.vstack([values, np.full((len(self.paused), values.shape[1]), np.nan)])

    @property
    def X(self) -> Array:
        """Points of the unit cube, ``(n, d)``."""
        return self._placed[0]

    @property
    def A(self) -> Array:
        """1.0 where a column is active, ``(n, d)``."""
        return self._placed[1]

    @property
    def rows(self) -> NDArray[np.intp]:
        """Which trials the rows are, ``(n,)``: ended ones, and behind them the paused."""
        return self._placed[2]

    @cached_property
    def trials(self) -> list[FrozenTrial]:
        """The trials of the rows."""
        ended = self.history.ended
        return [ended[i] if i < self.size else self.paused[i - self.size] for i in self.rows]

    @cached_property
    def losses(self) -> Array:
        """Objectives turned so that less is better, ``(n, m)``; NaN without a result.

        A trial that was pruned or paused counts with what its reports let expect of its end, as
        the trials that went on from there show it.
        """
        losses = self._of_ended(self.history.losses)[self.rows]
        losses[~np.isfinite(losses).all(axis=1)] = np.nan
        if losses.shape[1] > 1 or not any(trial.state in PARTIAL for trial in self.trials):
            return losses
        name, sign = self.problem.objectives[0].name, self.problem.signs[0]
        ends = losses[:, 0]
        courses = [
            course(trial, name, sign)
            if trial.state in PARTIAL or not np.isnan(end)
            else Course((), ())
            for trial, end in zip(self.trials, ends, strict=True)
        ]
        return expected_ends(courses, ends)[:, None]

    @cached_property
    def known(self) -> Mask:
        """Which rows have a loss, ``(n,)``."""
        return np.asarray(~np.isnan(self.losses).any(axis=1))

    @cached_property
    def barred(self) -> Mask:
        """Which rows turned out to be infeasible or failed, ``(n,)``."""
        return np.array([trial.state in BARRED for trial in self.trials], dtype=bool)

    @cached_property
    def excess(self) -> Array:
        """By how much each limited metric lies beyond its limit, ``(n, k)``; NaN unmeasured.

        Negative within the limit; a limit from both sides is two columns.
        """
        columns = []
        for limit in self.problem.limits:
            measured = np.array([t.metrics.get(limit.metric, np.nan) for t in self.trials])
            if np.isfinite(limit.high):
                columns.append(measured - limit.high)
            if np.isfinite(limit.low):
                columns.append(limit.low - measured)
        return np.stack(columns, axis=1) if columns else np.zeros((len(self.rows), 0))

    @cached_property
    def costs(self) -> Array:
        """What each trial cost, ``(n,)``; NaN where nothing positive was reported."""
        costs = np.array([np.nan if t.cost is None else t.cost for t in self.trials], dtype=float)
        costs[~(costs > 0)] = np.nan
        return costs

    @cached_property
    def eligible(self) -> Mask:
        """Which rows may be best: with a result and within all limits, ``(n,)``."""
        ended = self.history.eligible[: self.size]
        return np.concatenate([ended, np.zeros(len(self.paused), dtype=bool)])[self.rows]


def pending(problem: Problem, history: History) -> tuple[Array, Array]:
    """Return points and activity of the trials that are running, ``(q, d)`` each."""
    X, A = history.encoded_running()
    space, known = problem.space, history.problem.space
    if space != known:
        X, A = _over(space.codec, known.codec, X, A)
    placed = A.any(axis=1)
    return X[placed], A[placed]


def _local(X: Array, losses: Array, most: int) -> NDArray[np.intp]:
    """Return which rows to keep: a third the best, half around the best, the rest the newest."""
    ranks = np.argsort(np.argsort(losses, axis=0, kind="stable"), axis=0).mean(axis=1)
    ranks[np.isnan(losses).any(axis=1)] = np.inf
    best = np.argsort(ranks, kind="stable")
    distance = ((X - X[best[0]]) ** 2).sum(axis=1)
    distance[best[: most // 3]] = -1.0
    around = np.argsort(distance, kind="stable")[: most // 3 + most // 2]
    newest = np.setdiff1d(np.arange(len(X)), around)[len(around) - most :]
    return np.sort(np.concatenate([around, newest]))


def _over(codec: Codec, known: Codec, X: Array, A: Array) -> tuple[Array, Array]:
    """Bring rows from the columns of one space to those of another, by name."""
    places = {(c.param, c.part): j for j, c in enumerate(known.columns)}
    out = np.full((len(X), codec.d), INACTIVE)
    active = np.zeros((len(X), codec.d))
    for j, column in enumerate(codec.columns):
        place = places.get((column.param, column.part))
        if place is not None and known.columns[place].kind == column.kind:
            out[:, j], active[:, j] = X[:, place], A[:, place]
    return out, active
