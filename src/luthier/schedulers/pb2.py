"""Which params will improve a training most in its next interval: PB2's bandit.

Other than there, a gain counts in comparison with those of the same round.

Parker-Holder, Nguyen and Roberts (2020), Provably Efficient Online Hyperparameter Optimization with
Population-Based Bandits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import Params
from luthier.numerics.blas import single_threaded
from luthier.numerics.drift import Drifting, Inputs
from luthier.schedulers.exploring import changeable, places
from luthier.schedulers.population import Member, Point, Population
from luthier.space.space import Space

Array = NDArray[np.float64]

FEWEST = 4
"""Intervals that are needed to learn from."""

WINDOW = 160
"""So many of the last intervals are learnt from."""

CANDIDATES = 256
"""Half of them anywhere, half of them around the params that are copied."""

NEAR = 0.15
"""Standard deviation of the latter, in the unit cube."""

C1, C2 = 0.2, 0.4
"""Weight of the uncertainty: ``sqrt(C1 + log(C2 n))`` times the deviation, for n intervals."""

LARGEST = 1e100

SCORE = 0.25
"""What a standard deviation of the score is worth beside a whole range of a param."""


def propose(
    params: Params,
    problem: Problem,
    history: History,
    population: Population,
    origin: Point,
    rng: np.random.Generator,
    names: Sequence[str] | None,
) -> tuple[Params, Mapping[str, Any]] | None:
    """Return params for a copy of a trial, and what is expected of them.

    Parameters
    ----------
    params : mapping
        Those of the trial that is copied.
    problem, history, population
        As of now.
    origin : Point
        From where the copy begins.
    rng : Generator
    names : sequence of str, optional
        The params that may change; None is all but schedules.

    Returns
    -------
    tuple, optional
        None as long as there is too little to learn from.
    """
    legs = _legs(population)[-WINDOW:]
    if len(legs) < FEWEST:
        return None
    space = problem.space
    X = _candidates(params, space, rng, names)
    if not len(X):
        return None
    scores = np.array([_loss(before) for _, before, _ in legs])
    center, spread = scores.mean(), scores.std() or 1.0

    def inputs(points: Array, starts: Sequence[Point]) -> Inputs:
        score = np.array([(_loss(start) - center) / spread * SCORE for start in starts])
        kinds = [column.kind == "categorical" for column in space.codec.columns]
        return Inputs(
            np.column_stack([points[:, np.logical_not(kinds)], score]),
            points[:, kinds],
            np.array([start.round for start in starts], float),
        )

    def encoded(numbers: Sequence[int]) -> Array:
        return space.codec.encode([history.trial(number).params for number in numbers])

    seen = inputs(encoded([leg[0] for leg in legs]), [before for _, before, _ in legs])
    pending = _pending(population)
    busy = inputs(encoded([m.number for m, _ in pending]), [start for _, start in pending])
    at = inputs(X, [origin] * len(X))
    with single_threaded():
        model = Drifting(seen, _gains(legs))
        mean, deviation = model.mean(at), model.deviation(at, busy)
    weight = (C1 + max(log(C2 * len(legs)), 0.0)) ** 0.5
    best = int(np.argmax(mean + weight * deviation))
    why = {
        "pb2": {
            "intervals": len(legs),
            "expected": float(mean[best]),
            "uncertainty": float(deviation[best]),
        }
    }
    return space.codec.decode_one(X[best].tolist()), why


def _legs(population: Population) -> list[tuple[int, Point, Point]]:
    """Return trial, beginning and end of all intervals between two sound points, by time."""
    found = []
    for member in population.members.values():
        before = member.origin
        for after in member.points:
            if before is not None and before.sound and after.sound:
                found.append((member.number, before, after))
            before = after
    return sorted(found, key=lambda leg: (leg[2].round, leg[0]))


def _gains(legs: Sequence[tuple[int, Point, Point]]) -> Array:
    """Return how much better a member became in each interval than others in the same round.

    A loss falls fast at first and slowly at last; in standard deviations of its round a gain
    means the same early and late.
    """
    gains = np.array(
        [(_loss(before) - _loss(after)) / (after.round - before.round) for _, before, after in legs]
    )
    rounds = np.array([after.round for _, _, after in legs])
    for round_ in np.unique(rounds):
        there = rounds == round_
        gains[there] -= gains[there].mean()
        gains[there] /= gains[there].std() or 1.0
    return gains


def _loss(point: Point) -> float:
    """Return the loss at a point, as far as it can be squared."""
    return min(max(point.key[1], -LARGEST), LARGEST)


def _pending(population: Population) -> list[tuple[Member, Point]]:
    """Return the members that are still to show what their next interval brings."""
    running = ((member, member.newest) for member in population.running)
    return [(member, point) for member, point in running if point is not None and point.sound]


def _candidates(
    params: Params, space: Space, rng: np.random.Generator, names: Sequence[str] | None
) -> Array:
    """Return points that differ from the params only in what may change, ``(n, d)``."""
    own = np.array(space.codec.encode_one(params))
    X = space.codec.sample(rng, CANDIDATES)
    near = np.arange(CANDIDATES) % 2 == 0
    free = set(changeable(space, names))
    columns = space.codec.columns
    for name, place in places(space).items():
        if name not in params:
            continue  # not active there: what is drawn, where it becomes active
        if name not in free:
            X[:, place] = own[place]
            continue
        for j in range(place.start, place.stop):
            column = columns[j]
            if column.kind == "categorical":
                stays = near & (rng.random(CANDIDATES) < 1 - NEAR)
                X[stays, j] = own[j]
            else:
                moved = own[j] + NEAR * rng.standard_normal(CANDIDATES)
                X[near, j] = np.clip(moved[near], column.low, column.high)
    X = space.codec.snap(X)
    feasible: Array = X[space.codec.feasible(X)]
    return feasible
