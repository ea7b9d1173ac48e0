"""What evolutionary samplers share: genes, who is better, a past that is folded once, offspring."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from luthier.errors import InvalidInput
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial, TrialState
from luthier.samplers.base import Suggestion
from luthier.samplers.qmc import points_of
from luthier.space.space import Space

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
"""Positions in ``history.ended``."""

Child = tuple[Array, Mapping[str, object]]
"""Genes, in [0, 1] or NaN, and why they are proposed."""

TRIES = 50
"""How many offspring are made before constraints that they all violate are left to chance."""

KEPT = 4
"""How many states of a fold are kept, for histories of about the same moment."""


def whole_number(field: str, given: object, least: int) -> None:
    """Reject a setting that is no whole number of at least `least`."""
    if isinstance(given, bool) or not isinstance(given, int) or given < least:
        raise InvalidInput(field, given, f"a whole number of at least {least}")


def share(field: str, given: object) -> None:
    """Reject a setting that is no number in [0, 1]."""
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given <= 1:
        raise InvalidInput(field, given, "a number in [0, 1]")


def width(field: str, given: object) -> None:
    """Reject a setting that is no number in (0, 1]."""
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 < given <= 1:
        raise InvalidInput(field, given, "a number in (0, 1]")


def one_objective(sampler: object, problem: Problem) -> None:
    """Reject a problem with several objectives."""
    if len(problem.objectives) > 1:
        field = f"{type(sampler).__name__}: objectives"
        names = [objective.name for objective in problem.objectives]
        raise InvalidInput(field, names, "one; NSGA2 and NSGA3 take any number")


def startup(
    problem: Problem, history: History, rng: np.random.Generator, n: int
) -> list[Suggestion]:
    """Return `n` points to begin with: those of a Sobol sequence that belong to the next numbers.

    Constraints, and points that may not come twice, would tear holes into the sequence; then
    the points are random ones.
    """
    if problem.space.constraints or problem.avoids_duplicates:
        why = {"how": "startup", "because": "constraints or a finite space allow no even sequence"}
        return [Suggestion(params, why) for params in problem.space.sample(rng, n)]
    points = points_of(problem, history, "sobol")
    return [
        Suggestion(points.at(index), {"how": "startup", "index": index})
        for index in range(history.count, history.count + n)
    ]


def genes(space: Space, history: History, rows: Rows) -> Array:
    """Return tried points as coordinates of a space, which may differ from the history's.

    Returns
    -------
    array of shape ``(len(rows), d)``
        NaN where a parameter was not active, or not known to the trial.
    """
    points, activity = history.encoded()
    own = np.where(activity[rows] > 0, points[rows], np.nan)
    return transferred(own, space, history.problem.space)


def transferred(points: Array, space: Space, known: Space) -> Array:
    """Return coordinates of one space as those of another, NaN in columns that are new there.

    Parameters
    ----------
    points : array of shape ``(..., d)``
        In the columns of `known`.
    space, known : Space
        Where they go, and where they come from.
    """
    if space is known:
        return points
    places = _places(space, known)
    result = np.full((*points.shape[:-1], len(places)), np.nan)
    result[..., places >= 0] = points[..., places[places >= 0]]
    return result


@lru_cache(maxsize=64)
def _places(space: Space, known: Space) -> NDArray[np.int64]:
    """Return for each column where another space has it, -1 where it has not."""
    index = {(c.param, c.part): place for place, c in enumerate(known.codec.columns)}
    found = [index.get((c.param, c.part), -1) for c in space.codec.columns]
    return np.array(found, np.int64)


@lru_cache(maxsize=64)
def unordered(space: Space) -> NDArray[np.bool_]:
    """Return which columns are choices without an order, shape ``(d,)``."""
    return np.array([column.kind == "categorical" for column in space.codec.columns], np.bool_)


class Standing(NamedTuple):
    """How good trials are: fewer violations come first, then less loss.

    Attributes
    ----------
    losses : array of shape ``(n, m)``
        Infinite without a result.
    violations : array of shape ``(n,)``
        0 within all limits; infinite where unknown, and without a result.
    """

    losses: Array
    violations: Array

    @property
    def order(self) -> Rows:
        """Positions from the best to the worst by the first objective, ties by position."""
        return np.lexsort((self.losses[:, 0], self.violations))


def standing(history: History, rows: Rows) -> Standing:
    """Return how good ended trials are.

    Trials that failed or were infeasible come last. Before them come pruned ones, ordered by
    their last report, after all that are complete within the limits.
    """
    losses = history.losses[rows]
    violations = history.violations[rows]
    missing = np.isnan(losses).any(axis=1)
    if missing.any():
        for i in np.flatnonzero(missing):
            losses[i] = _last_report(history.problem, history.ended[int(rows[i])])
        violations = np.where(missing, np.inf, violations)
    return Standing(losses, violations)


def _last_report(problem: Problem, trial: FrozenTrial) -> list[float]:
    last = trial.reports.last if trial.state is TrialState.PRUNED else None
    metrics = {} if last is None else last.metrics
    found = (
        objective.sign * metrics.get(objective.name, np.inf) for objective in problem.objectives
    )
    return [value if np.isfinite(value) else np.inf for value in found]


class State(Protocol):
    """What a fold has made of the first `used` ended trials."""

    @property
    def used(self) -> int:
        """How many ended trials it has seen."""
        ...


S = TypeVar("S", bound=State)


class _Kept(Generic[S]):
    """The newest states of one fold, the only thing here that changes after it was remembered.

    A state follows from the key and the trials it has seen, so which ones are kept shows in
    nothing but the time that the next one takes. Threads may share it: it changes in one step.
    """

    def __init__(self) -> None:
        self._states: tuple[S, ...] = ()

    def newest(self, used: int) -> S | None:
        """Return the newest state that has seen at most so many trials."""
        fitting = [state for state in self._states if state.used <= used]
        return max(fitting, key=lambda state: state.used, default=None)

    def keep(self, state: S) -> None:
        """Keep a state in the place of the oldest, or of an equal one."""
        others = [known for known in self._states if known.used != state.used]
        self._states = (*others, state)[-KEPT:]


def folded(
    history: History, key: Hashable, first: Callable[[], S], step: Callable[[S], S | None]
) -> S:
    """Return what a fold makes of all ended trials, going on from where it was last time.

    Parameters
    ----------
    history : History
        Its ended trials are folded in their order.
    key : hashable
        Everything beside them that determines the states.
    first : callable
        Makes the state of a study without ended trials.
    step : callable
        Makes the next state, or None if too few trials have ended for it.
    """
    kept: _Kept[S] = history.remember(key, _Kept)
    state = kept.newest(len(history.ended)) or first()
    following = step(state)
    while following is not None:
        state, following = following, step(following)
    kept.keep(state)
    return state


def completed(child: Array, space: Space, rng: np.random.Generator) -> Array:
    """Return a child whose missing genes are drawn from the priors."""
    whole: Array = np.where(np.isnan(child), space.codec.draw_one(rng), child)
    return whole


def offspring(
    problem: Problem,
    rng: np.random.Generator,
    make: Callable[[], Child],
) -> Suggestion:
    """Return the first child that satisfies the constraints of the space, or a random point.

    Parameters
    ----------
    problem : Problem
    rng : numpy.random.Generator
    make : callable
        Makes a child. Genes that are NaN are drawn from the priors.
    """
    space = problem.space
    for _ in range(TRIES if space.constraints else 1):
        child, why = make()
        if len(child) and np.isnan(child).all():
            return drawn(problem, rng, "no trial that could be a parent has these parameters")
        params = space.codec.decode_one(completed(child, space, rng).tolist())
        if not space.constraints or space.satisfied(params):
            return Suggestion(params, why)
    return drawn(problem, rng, f"none of {TRIES} children satisfied the constraints")


def drawn(problem: Problem, rng: np.random.Generator, because: str) -> Suggestion:
    """Return a point of the priors, and why it is one."""
    return Suggestion(problem.space.sample(rng)[0], {"how": "random", "because": because})
