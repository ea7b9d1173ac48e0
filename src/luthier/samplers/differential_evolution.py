"""Differential evolution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.samplers._population import (
    Array,
    Child,
    folded,
    genes,
    offspring,
    one_objective,
    standing,
    startup,
    unordered,
    whole_number,
)
from luthier.samplers.base import Suggestion

T = TypeVar("T")

MEMORY = 6
"""How many pairs of F and CR that worked are remembered."""

GREEDIEST = 0.2
"""The largest share of the population that a child may be pulled to."""


@dataclass(frozen=True, slots=True, eq=False)
class _Herd:
    """The population after some ended trials.

    Attributes
    ----------
    used : int
        How many ended trials there were.
    rows : tuple of int
        Which of them are its members, by place.
    keys : tuple of (float, float)
        Violation and loss of each member; less is better.
    worked : tuple of (float, float)
        F and CR of children that took the place of their parents, since the last update.
    memory : tuple of (float, float)
        Pairs of F and CR around which new ones are drawn.
    updates : int
        How often the memory was updated.
    """

    used: int
    rows: tuple[int, ...]
    keys: tuple[tuple[float, float], ...]
    worked: tuple[tuple[float, float], ...] = ()
    memory: tuple[tuple[float, float], ...] = ((0.5, 0.5),) * MEMORY
    updates: int = 0


@dataclass(frozen=True, slots=True)
class DifferentialEvolution:
    """Move members of a population by differences between others.

    Each child starts from one member, is pulled to one of the best and pushed by a difference
    of two more, and takes the member's place if it is not worse (current-to-pbest/1). How far
    (F) and how many coordinates at once (CR) is learnt from the children that succeeded. A
    child competes whenever its trial ends, so any number of workers is kept busy. Trials of
    another origin take the place of the worst member if they are better. An unordered choice
    is taken over from the better or the other member, as there is no difference between choices.

    Parameters
    ----------
    population : int, default 15
        How many members; as many points are drawn evenly to begin with. At least 4.

    References
    ----------
    Storn and Price (1997), Differential Evolution, Journal of Global Optimization 11;
    Tanabe and Fukunaga (2013), Success-History Based Parameter Adaptation for Differential
    Evolution (SHADE), IEEE CEC. Unlike there, successes count alike, since losses of tuning
    span scales, and there is no archive of the beaten.
    """

    population: int = 15

    def __post_init__(self) -> None:
        whole_number("DifferentialEvolution: population", self.population, 4)

    def suggest(
        self, problem: Problem, history: History, rng: np.random.Generator, n: int = 1
    ) -> Sequence[Suggestion]:
        """Propose `n` children of members drawn at random."""
        one_objective(self, problem)
        if len(history.ended) < self.population:
            return startup(problem, history, rng, n)
        key = (self, history.problem.space)
        herd = folded(
            history, key, lambda: self._first(history), lambda state: self._next(history, state)
        )
        members = genes(problem.space, history, np.array(herd.rows))
        best_first = sorted(range(self.population), key=herd.keys.__getitem__)
        choices = unordered(problem.space)

        def child() -> Child:
            centre_f, centre_cr = herd.memory[int(rng.integers(MEMORY))]
            f, cr = _positive_cauchy(centre_f, rng), float(rng.normal(centre_cr, 0.1))
            cr = min(max(cr, 0.0), 1.0)
            place = int(rng.integers(self.population))
            share = rng.uniform(2 / self.population, max(GREEDIEST, 2 / self.population))
            best = best_first[int(rng.integers(max(2, int(share * self.population))))]
            others = [int(i) for i in rng.permutation(self.population)[:3] if i != place][:2]
            mutant = _mutant(members[[place, best, *others]], f, choices, rng)
            taken = rng.random(len(mutant)) < cr
            if len(mutant):
                taken[rng.integers(len(mutant))] = True
            whole = np.where(taken | np.isnan(members[place]), mutant, members[place])
            return whole, {"how": "model", "place": place, "f": round(f, 6), "cr": round(cr, 6)}

        return [offspring(problem, rng, child) for _ in range(n)]

    def _first(self, history: History) -> _Herd:
        rows = range(self.population)
        losses, violations = standing(history, np.arange(self.population))
        keys = zip(violations.tolist(), losses[:, 0].tolist(), strict=True)
        return _Herd(used=self.population, rows=tuple(rows), keys=tuple(keys))

    def _next(self, history: History, herd: _Herd) -> _Herd | None:
        """Let the next ended trial compete."""
        row = herd.used
        if row == len(history.ended):
            return None
        losses, violations = standing(history, np.array([row]))
        key = (float(violations[0]), float(losses[0, 0]))
        # The log says how our own children came to be; nothing needs to be remembered.
        why = history.ended[row].why
        own = why.keys() >= {"place", "f", "cr"} and why["place"] < self.population
        place = why["place"] if own else max(range(self.population), key=herd.keys.__getitem__)
        herd = replace(herd, used=row + 1)
        if key < herd.keys[place] or (own and key == herd.keys[place]):
            worked = herd.worked
            if own and key < herd.keys[place]:
                worked = (*worked, (why["f"], why["cr"]))
            herd = replace(
                herd,
                rows=_with(herd.rows, place, row),
                keys=_with(herd.keys, place, key),
                worked=worked,
            )
        if herd.used % self.population == 0 and herd.worked:
            mean = (_lehmer([f for f, _ in herd.worked]), _lehmer([cr for _, cr in herd.worked]))
            herd = replace(
                herd,
                memory=_with(herd.memory, herd.updates % MEMORY, mean),
                updates=herd.updates + 1,
                worked=(),
            )
        return herd


def _mutant(four: Array, f: float, choices: NDArray[np.bool_], rng: np.random.Generator) -> Array:
    """Return where a member is moved, NaN where neither it nor the best has a gene.

    Parameters
    ----------
    four : array of shape ``(4, d)``
        The member, one of the best, and two others.
    f : float
        How far.
    choices : array of bool, shape ``(d,)``
        Which columns are unordered choices.
    rng : numpy.random.Generator
    """
    member, best, one, other = four
    base = np.where(np.isnan(member), best, member)
    goal = np.where(np.isnan(best), base, best)
    push = one - other
    moved: Array = base + f * (goal - base) + f * np.where(np.isnan(push), 0.0, push)
    # Beyond a face of the cube: halfway between the member and the face.
    moved = np.where(moved < 0, base / 2, np.where(moved > 1, (base + 1) / 2, moved))
    if choices.any():
        pulled, pushed = rng.random((2, len(base))) < f
        differ = pushed & (one != other) & ~np.isnan(one)
        chosen = np.where(pulled, goal, np.where(differ, one, base))
        moved = np.where(choices, chosen, moved)
    return moved


def _positive_cauchy(centre: float, rng: np.random.Generator) -> float:
    while True:
        f = centre + 0.1 * math.tan(math.pi * (rng.random() - 0.5))
        if f > 0:
            return min(f, 1.0)


def _lehmer(values: list[float]) -> float:
    """Return a mean that leans to the larger values, against a drift to small steps."""
    total = sum(values)
    return sum(value * value for value in values) / total if total > 0 else 0.0


def _with(items: tuple[T, ...], place: int, item: T) -> tuple[T, ...]:
    return (*items[:place], item, *items[place + 1 :])
