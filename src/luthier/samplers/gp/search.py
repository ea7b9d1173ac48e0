"""Finding the legal point where a function of the unit cube is largest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luthier.samplers.gp.acquisition import Part
from luthier.space.codec import INACTIVE, Codec

Array = NDArray[np.float64]


class Terrain:
    """The legal points of a space: how to come to one, and from one to the next.

    Parameters
    ----------
    codec : Codec
        Of the space.
    """

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        columns = codec.columns
        self.choices = np.array([c.kind == "categorical" for c in columns], dtype=bool)
        self.smooth = np.array([c.kind == "continuous" for c in columns], dtype=bool)
        self.levels = np.array([c.levels or 0 for c in columns])
        self.low = np.array([c.low for c in columns])
        self.high = np.array([c.high for c in columns])
        self.cells = np.flatnonzero(~self.smooth)
        # Cells of unequal width, as of whole numbers on a log scale, are many: climb, then round.
        self.climbable = self.smooth | (self.levels == 0)
        space = codec.space
        self.constrained = bool(space.constraints)
        whole = bool((self.low == 0).all() and (self.high == 1).all())
        even = bool((self.smooth | (self.levels > 0)).all())
        simple = all(c.part is None for c in columns)
        self._plain = whole and even and simple and not space.conditional
        self._even = self.levels[self.cells]

    def legal(self, X: Array) -> tuple[Array, Array]:
        """Return the nearest legal points and their activity."""
        X = np.clip(X, self.low, self.high)
        if self._plain:
            if len(self.cells):
                k = self._even
                X[:, self.cells] = (np.minimum(np.floor(X[:, self.cells] * k), k - 1) + 0.5) / k
            return X, np.ones_like(X)
        X, active = self.codec.snap_with_activity(X)
        return X, active.astype(float)

    def feasible(self, X: Array) -> NDArray[np.bool_]:
        """Tell which points satisfy the constraints."""
        return self.codec.feasible(X) if self.constrained else np.ones(len(X), dtype=bool)

    def draw(self, rng: np.random.Generator, n: int) -> Array:
        """Return feasible points drawn from the priors: `n`, or fewer where they are rare."""
        if not self.constrained:
            return self.codec.sample(rng, n)
        points = self.codec.from_uniform(rng.random((2 * n, self.codec.d)))
        points = points[self.codec.feasible(points)][:n]
        if 8 * len(points) >= n:
            return points
        return np.vstack([points, self.codec.sample(rng, 1)])

    def anywhere(self, rng: np.random.Generator, n: int) -> Array:
        """Return feasible points of the whole space, of which this may be a part."""
        return self.draw(rng, n)

    def near(self, X: Array, rng: np.random.Generator, scale: float, each: int) -> Array:
        """Return perturbed copies of points: some of the coordinates change, at least one."""
        d = X.shape[1]
        out = np.repeat(X, each, axis=0)
        change = rng.random(out.shape) < min(1.0, max(2.0, 0.3 * d) / max(d, 1))
        change[np.arange(len(out)), rng.integers(d, size=len(out))] = True
        moved = out + scale * rng.standard_normal(out.shape)
        jumps = rng.random(out.shape)
        few = self.levels > 0
        # A cell moves at least to its neighbour; an unordered choice to any other.
        step = np.where(few, 1.0 / np.maximum(self.levels, 1), 0.0)
        small = few & (np.abs(moved - out) < step)
        moved = np.where(small, out + step * np.where(jumps < 0.5, -1.0, 1.0), moved)
        moved = np.where(self.choices, jumps, moved)
        out = np.where(change, moved, out)
        # What switches on as a branch changes begins anywhere.
        idle = change & (out == INACTIVE)
        return np.where(idle, jumps, out)

    def alternatives(self, x: Array, column: int, rng: np.random.Generator, most: int) -> Array:
        """Return copies of a point with other values in a column of cells."""
        k = int(self.levels[column])
        if k == 0:
            values = np.clip(x[column] + np.array([-0.2, -0.05, -0.01, 0.01, 0.05, 0.2]), 0, 1)
        elif k <= most:
            values = (np.arange(k) + 0.5) / k
        elif self.choices[column]:
            values = (rng.integers(k, size=most) + 0.5) / k
        else:
            values = x[column] + _steps(k, most)
            values = values[(values > 0) & (values < 1)]
        values = values[np.abs(values - x[column]) > 1e-12]
        out = np.repeat(x[None, :], len(values), axis=0)
        out[:, column] = values
        return out


@lru_cache(maxsize=64)
def _steps(levels: int, most: int) -> Array:
    """Return steps to other levels in both directions, few of them long."""
    steps = np.unique(np.round(np.geomspace(1, levels / 2, most // 2))) / levels
    return np.concatenate([-steps, steps])


def ascend(
    target: Part,
    X: Array,
    A: Array,
    free: NDArray[np.bool_],
    allowed: Callable[[Array], NDArray[np.bool_]] | None,
    low: Array,
    high: Array,
    iterations: int,
) -> tuple[Array, Array]:
    """Climb from many points at once by projected BFGS; each has its own steps.

    Parameters
    ----------
    target : Target
        What is made large.
    X, A : ndarray, shape (n, d)
        Legal points, and their activity, which does not change.
    free : ndarray of bool, shape (n, d)
        Which coordinates may move.
    allowed : callable, optional
        Tells which points satisfy the constraints; the others are never stepped on.
    low, high : ndarray, shape (d,)
        Bounds.
    iterations : int
        Evaluations of the whole batch.

    Returns
    -------
    X, values : ndarray of shapes (n, d) and (n,)
    """
    n, d = X.shape
    X = X.copy()
    value, slope = target.gradient(X, A)
    slope = np.where(free, slope, 0.0)
    identity = np.eye(d)
    H = np.broadcast_to(identity, (n, d, d)).copy()
    fresh = np.ones(n, dtype=bool)
    length = np.ones(n)
    rows = np.arange(n)
    for _ in range(iterations):
        blocked = ((low >= X) & (slope < 0)) | ((high <= X) & (slope > 0)) | ~free
        g = np.where(blocked, 0.0, slope)
        step = np.einsum("nij,nj->ni", H, g)
        step[blocked] = 0.0
        rise = np.einsum("ni,ni->n", step, g)
        norm = np.sqrt(np.einsum("ni,ni->n", g, g))
        backwards = ~(rise > 1e-10 * norm * np.sqrt(np.einsum("ni,ni->n", step, step)))
        if backwards.any():
            step[backwards] = g[backwards]
            H[backwards] = identity
            fresh |= backwards
        size = np.sqrt(np.einsum("ni,ni->n", step, step))
        limit = np.where(fresh, 0.1, 0.3)
        shrink = np.where(
            fresh,
            limit / np.maximum(size, 1e-300),
            np.minimum(1.0, limit / np.maximum(size, 1e-300)),
        )
        trial = np.clip(X + (length * shrink)[:, None] * step, low, high)
        moved = trial - X
        found, found_slope = target.gradient(trial, A)
        found_slope = np.where(free, found_slope, 0.0)
        better = found > value + 1e-4 * np.einsum("ni,ni->n", g, moved)
        if allowed is not None:
            better &= allowed(trial)
        y = slope - found_slope
        sy = np.einsum("ni,ni->n", moved, y)
        update = better & (sy > 1e-14)
        if update.any():
            i = rows[update]
            s_, y_, rho = moved[i], y[i], 1.0 / sy[i]
            first = fresh[i]
            if first.any():
                yy = np.einsum("ni,ni->n", y_, y_)
                H[i[first]] = identity * (sy[i] / np.maximum(yy, 1e-300))[first, None, None]
            Hy = np.einsum("nij,nj->ni", H[i], y_)
            yHy = np.einsum("ni,ni->n", y_, Hy)
            H[i] += ((1 + yHy * rho) * rho)[:, None, None] * (s_[:, :, None] * s_[:, None, :])
            cross = Hy[:, :, None] * s_[:, None, :]
            H[i] -= rho[:, None, None] * (cross + cross.transpose(0, 2, 1))
            fresh[i] = False
        gain = np.where(better, found - value, 0.0)
        X = np.where(better[:, None], trial, X)
        value = np.where(better, found, value)
        slope = np.where(better[:, None], found_slope, slope)
        length = np.where(better, 1.0, length * 0.25)
        if (((length < 1e-4) | (norm < 1e-9)) | (better & (gain < 1e-5) & ~fresh)).all():
            break
    return X, value


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to search for the maximum.

    Attributes
    ----------
    drawn : int
        Points drawn from the priors, to begin with.
    near : int
        Copies of each elite point that are changed much, and as many changed little.
    starts : int
        From how many of them to climb.
    rounds : int
        How often to climb along the numbers and then to try the alternatives of each choice.
    iterations : int
        Steps of a climb.
    alternatives : int
        Of a choice with more, so many are tried.
    """

    drawn: int = 256
    near: int = 20
    starts: int = 6
    rounds: int = 2
    iterations: int = 12
    alternatives: int = 12


class Found(NamedTuple):
    """The best legal points, best first: ``(n, d)``, their activity and values."""

    X: Array
    A: Array
    values: Array


def maximise(
    target: Part, terrain: Terrain, elite: Array, rng: np.random.Generator, effort: Effort
) -> Found:
    """Return the best legal and feasible points that were found, best first.

    Draws from the priors and changes of known good points are compared first. From the best,
    numbers climb by their gradients and choices by trying each value, in turns, so that both
    are searched together.

    Parameters
    ----------
    target : Part
        What is made large.
    terrain : Terrain
        The legal points.
    elite : ndarray, shape (k, d)
        Points near which the maximum may be.
    rng : numpy.random.Generator
        The source of randomness.
    effort : Effort
        How long to search.
    """
    X, A = pool(terrain, elite, rng, effort, None)
    values = target.value(X, A)
    order = np.argsort(-values, kind="stable")
    S, SA, V = X[order[: effort.starts]], A[order[: effort.starts]], values[order[: effort.starts]]
    moving = np.ones(len(S), dtype=bool)
    for turn in range(effort.rounds):
        before = V.copy()
        if terrain.climbable.any():
            # What is left after the first climb is short.
            iterations = effort.iterations if turn == 0 else effort.iterations // 2
            S[moving], SA[moving], V[moving] = _climb(
                target, terrain, S[moving], SA[moving], V[moving], iterations
            )
        if len(terrain.cells):
            climbed = V.copy()
            S[moving], SA[moving], V[moving] = _exchange(
                target, terrain, S[moving], SA[moving], V[moving], rng, effort.alternatives
            )
            # After numbers alone there is nothing new to climb from.
            moving = climbed < V
        else:
            moving = before < V
        if not moving.any():
            break
    X, A, values = np.vstack([S, X]), np.vstack([SA, A]), np.concatenate([V, values])
    order = np.argsort(-values, kind="stable")
    return Found(X[order], A[order], values[order])


def _climb(
    target: Part, terrain: Terrain, S: Array, SA: Array, V: Array, iterations: int
) -> tuple[Array, Array, Array]:
    allowed = terrain.feasible if terrain.constrained else None
    free = terrain.climbable & (SA > 0)
    climbed, _ = ascend(target, S, SA, free, allowed, terrain.low, terrain.high, iterations)
    C, CA = terrain.legal(climbed)
    return _better(S, SA, V, C, CA, _value(target, terrain, C, CA))


def _exchange(
    target: Part,
    terrain: Terrain,
    S: Array,
    SA: Array,
    V: Array,
    rng: np.random.Generator,
    most: int,
) -> tuple[Array, Array, Array]:
    moves, owners = [], []
    for i, point in enumerate(S):
        for column in terrain.cells:
            if SA[i, column]:
                found = terrain.alternatives(point, int(column), rng, most)
                moves.append(found)
                owners += [i] * len(found)
    if not owners:
        return S, SA, V
    C, CA = terrain.legal(np.vstack(moves))
    values = _value(target, terrain, C, CA)
    owner = np.array(owners)
    best = np.arange(len(S))
    rows, gains = np.vstack([S, C]), np.concatenate([V, values])
    active = np.vstack([SA, CA])
    for i in range(len(S)):
        mine = np.flatnonzero(owner == i)
        if len(mine):
            top = mine[np.argmax(values[mine])]
            if values[top] > V[i]:
                best[i] = len(S) + top
    return rows[best], active[best], gains[best]


def _value(target: Part, terrain: Terrain, C: Array, CA: Array) -> Array:
    values = target.value(C, CA)
    if terrain.constrained:
        values = np.where(terrain.feasible(C), values, -np.inf)
    return values


def _better(
    S: Array, SA: Array, V: Array, C: Array, CA: Array, values: Array
) -> tuple[Array, Array, Array]:
    better = values > V
    return (
        np.where(better[:, None], C, S),
        np.where(better[:, None], CA, SA),
        np.where(better, values, V),
    )


MOST_ARMS = 64
"""A choice among more is not explored one by one."""


class Arm(NamedTuple):
    """One level of one choice, to be looked at for its own sake."""

    column: int
    unit: float
    rows: NDArray[np.bool_]
    """Which of the points that were tried belong to it."""


def neglected(
    terrain: Terrain, tried: Array, best: Array, rng: np.random.Generator, enough: int
) -> Arm | None:
    """Return the level of a choice, other than the best point's, that was tried least.

    A model that saw a choice fail once in bad company may never look at it again; this
    does, whatever the model thinks. None where every level was tried often enough.

    Parameters
    ----------
    terrain : Terrain
        The legal points.
    tried : ndarray, shape (n, d)
        Points that were tried.
    best : ndarray, shape (d,)
        The best of them.
    rng : numpy.random.Generator
        Chooses among equals.
    enough : int
        How many trials of a level are.
    """
    columns = [
        int(j) for j in np.flatnonzero(terrain.choices) if 1 < terrain.levels[j] <= MOST_ARMS
    ]
    arms: list[tuple[int, int, int]] = []
    for j in columns:
        k = int(terrain.levels[j])
        level = np.minimum(np.floor(tried[:, j] * k), k - 1).astype(int)
        counts = np.bincount(level, minlength=k)
        own = min(int(best[j] * k), k - 1)
        arms += [(int(counts[i]), j, i) for i in range(k) if i != own and counts[i] < enough]
    if not arms:
        return None
    least = min(count for count, _, _ in arms)
    equal = [arm for arm in arms if arm[0] == least]
    _, column, chosen = equal[int(rng.integers(len(equal)))]
    k = int(terrain.levels[column])
    level = np.minimum(np.floor(tried[:, column] * k), k - 1).astype(int)
    return Arm(column, (chosen + 0.5) / k, level == chosen)


def pool(
    terrain: Terrain, elite: Array, rng: np.random.Generator, effort: Effort, arm: Arm | None
) -> tuple[Array, Array]:
    """Return feasible points, drawn and near the elite, all of one arm if one is given.

    Where none of them is feasible, feasible points of the whole space instead.
    """
    drawn = [terrain.draw(rng, effort.drawn)]
    if len(elite):
        drawn += [terrain.near(elite, rng, scale, effort.near) for scale in (0.2, 0.05)]
    X = np.vstack(drawn)
    if arm is not None:
        X[:, arm.column] = arm.unit
    X, A = terrain.legal(X)
    keep = terrain.feasible(X)
    if arm is not None:
        keep &= (A[:, arm.column] > 0) & (np.abs(X[:, arm.column] - arm.unit) < 1e-9)
    if not keep.any():
        X = terrain.anywhere(rng, effort.drawn)
        return X, terrain.codec.active(X).astype(float)
    return X[keep], A[keep]
