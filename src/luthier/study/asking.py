"""Which params a trial gets: pure, so that it can be computed again from the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from luthier.errors import SpaceExhausted
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial, Params, TrialState
from luthier.samplers.base import Sampler
from luthier.space.base import Param
from luthier.space.space import Space

REDRAWS = 20
"""How often a sampler may propose a point that was tried before the rest is enumerated."""

ENUMERABLE = 1_000_000
"""Finite spaces up to this size are enumerated to find what was not tried."""


class Proposal(NamedTuple):
    """Params for a trial and where they come from."""

    params: Params
    by_user: bool = False
    """Whether a person gave all of them."""

    known: FrozenTrial | None = None
    """A complete trial with just these params, whose result is to be taken over."""


def propose(
    sampler: Sampler,
    problem: Problem,
    history: History,
    number: int,
    fixed: Mapping[str, Any] | None = None,
) -> Proposal:
    """Return the params of trial `number`: a function of its arguments alone.

    Parameters
    ----------
    sampler : Sampler
        Proposes what is not fixed.
    problem : Problem
        As it stood in `history`.
    history : History
        What the sampler may know.
    number : int
        The trial's number, which chooses its randomness.
    fixed : mapping, optional
        Values that a person gave.

    Raises
    ------
    SpaceExhausted
        If duplicates are avoided and every point was tried.
    EmptySpace
        If no point satisfies the constraints.
    """
    space = problem.space
    if problem.dynamic:
        # What a person fixed stands in the queue; the trial will look there first.
        return Proposal(
            sampler.suggest(problem, history, problem.rng(number), 1)[0] if space.params else {}
        )
    rng = problem.rng(number)
    if fixed:
        if space.contains(fixed):
            return Proposal(space.canonical(fixed), by_user=True)
        for name, value in fixed.items():
            space = space.freeze(name, value)
        params = sampler.suggest(problem.with_space(space), history, rng, 1)[0]
        return Proposal({**params, **fixed})
    params = sampler.suggest(problem, history, rng, 1)[0]
    if problem.avoids_duplicates:
        for _ in range(REDRAWS):
            if history.find(params) is None:
                return Proposal(params)
            params = sampler.suggest(problem, history, rng, 1)[0]
        if history.find(params) is not None:
            params = _untried(space, history, rng)
        return Proposal(params)
    if problem.duplicates == "reuse":
        known = history.find(params)
        if known is not None and known.state is TrialState.COMPLETE:
            return Proposal(params, known=known)
    return Proposal(params)


def propose_value(
    sampler: Sampler, problem: Problem, history: History, number: int, name: str, param: Param
) -> Any:
    """Return a value for one parameter that a define-by-run trial asks for unexpectedly."""
    alone = problem.with_space(Space({name: param}))
    return sampler.suggest(alone, history, problem.rng(number, name), 1)[0][name]


def _untried(space: Space, history: History, rng: Any) -> Params:
    size = space.size
    if size is None or size > ENUMERABLE:
        raise SpaceExhausted(
            f"the sampler proposed {REDRAWS + 1} points in a row that were tried before; "
            "set duplicates='replicate' to allow them"
        )
    untried = [point for point in space.grid() if history.find(point) is None]
    if not untried:
        raise SpaceExhausted(f"all {size} points of the space have been tried")
    chosen: Params = untried[int(rng.integers(len(untried)))]
    return chosen
