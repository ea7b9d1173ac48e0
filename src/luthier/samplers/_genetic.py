"""Genetic algorithms that differ only in who survives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.numerics.variation import mirrored, swapped
from luthier.samplers._population import (
    Array,
    Child,
    Rows,
    Standing,
    folded,
    genes,
    offspring,
    share,
    standing,
    startup,
    unordered,
    whole_number,
    width,
)
from luthier.samplers.base import Suggestion

FORGOTTEN = 0.2
"""The share of mutated numbers that are drawn anew instead of moved."""


@dataclass(frozen=True, slots=True, eq=False)
class Survivors:
    """The parents after some ended trials.

    Attributes
    ----------
    used : int
        How many ended trials there were.
    rows : array of int, shape ``(population,)`` or shorter
        Which of them survived, those preferred as parents first.
    """

    used: int
    rows: Rows


@dataclass(frozen=True, slots=True)
class Genetic(ABC):
    """Parents survive by `_select`; children mix two of them and mutate.

    As soon as `batch` more trials have ended, whoever ran them and in whatever order, they
    compete with the parents for survival. So the algorithm waits for nobody, and its state
    is a function of the ended trials alone.
    """

    population: int = 50
    batch: int = 10
    swap: float = 0.5
    mutation: float | None = None
    step: float = 0.1

    def __post_init__(self) -> None:
        name = type(self).__name__
        whole_number(f"{name}: population", self.population, 2)
        whole_number(f"{name}: batch", self.batch, 1)
        share(f"{name}: swap", self.swap)
        if self.mutation is not None:
            share(f"{name}: mutation", self.mutation)
        width(f"{name}: step", self.step)

    @abstractmethod
    def _select(self, candidates: Standing) -> Rows:
        """Return positions of at most `population` survivors, preferred parents first."""

    def suggest(
        self, problem: Problem, history: History, rng: np.random.Generator, n: int = 1
    ) -> Sequence[Suggestion]:
        """Propose `n` children of parents drawn by tournament."""
        if len(history.ended) < self.population:
            return startup(problem, history, rng, n)
        key = (self, history.problem.space)
        survivors = folded(
            history,
            key,
            lambda: self._survivors(history, np.arange(self.population), self.population),
            lambda state: self._next(history, state),
        )

        def child() -> Child:
            # Survivors stand in order: of two, the one that stands earlier wins.
            places = rng.integers(len(survivors.rows), size=(2, 2)).min(axis=1)
            rows = survivors.rows[places]
            first, second = genes(problem.space, history, rows)
            why = {"how": "offspring", "parents": [history.ended[int(r)].number for r in rows]}
            child = swapped(first, second, self.swap, rng)
            return self._mutated(child, unordered(problem.space), rng), why

        return [offspring(problem, rng, child) for _ in range(n)]

    def _mutated(self, child: Array, choices: NDArray[np.bool_], rng: np.random.Generator) -> Array:
        """Move some genes a little, and forget some, which are then drawn from the priors."""
        d = len(child)
        if not d:
            return child
        mutate = rng.random(d) < (1 / d if self.mutation is None else self.mutation)
        if self.mutation is None and not mutate.any():
            mutate[rng.integers(d)] = True  # the child may be a copy of a parent
        forget = choices | (rng.random(d) < FORGOTTEN)
        changed = np.where(forget, np.nan, mirrored(child + self.step * rng.standard_normal(d)))
        mutated: Array = np.where(mutate, changed, child)
        return mutated

    def _next(self, history: History, state: Survivors) -> Survivors | None:
        used = state.used + self.batch
        if used > len(history.ended):
            return None
        return self._survivors(history, np.r_[state.rows, state.used : used], used)

    def _survivors(self, history: History, rows: Rows, used: int) -> Survivors:
        return Survivors(used, rows[self._select(standing(history, rows))])
