"""Which trial is meant and which params it gets: pure, so that the log gives the same again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from numpy.random import Generator, default_rng

from luthier.errors import InvalidInput, InvalidParams, SpaceExhausted, TrialNotFound
from luthier.model.events import Event, Noted, Told
from luthier.model.frozen import EMPTY, Frozen
from luthier.model.history import History
from luthier.model.plain import plain
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial, Params, TrialState
from luthier.samplers.base import Sampler, Suggestion
from luthier.schedulers.base import Resume, Stop
from luthier.space.base import Param
from luthier.space.composite import Derived
from luthier.space.constraints import Rule
from luthier.space.space import Space

REDRAWS = 20
"""How often a sampler may propose a point that was tried before it is overruled."""

DRAWS = 200
"""How many points are then drawn evenly, before the whole space is listed."""

ENUMERABLE = 100_000
"""Spaces up to this size are listed to find what was not tried."""

_OVERRULED = Frozen(
    how="random",
    because=f"all {REDRAWS + 1} points in a row that the sampler proposed were tried before",
)


BY_SCHEDULER = Frozen(how="scheduler")
"""Why a trial has its params, if its scheduler gave them."""


class Proposal(NamedTuple):
    """Params for a trial and where they come from."""

    params: Params
    why: Mapping[str, Any] = EMPTY
    """How the sampler chose them."""

    by_user: bool = False
    """Whether a person gave all of them."""

    known: FrozenTrial | None = None
    """A complete trial with just these params, whose result is to be taken over."""


def paused(step: Resume | Stop, history: History) -> FrozenTrial:
    """Return the trial that a scheduler wants to go on or end.

    Raises
    ------
    InvalidInput
        If it is no paused trial.
    """
    field = f"scheduler: {type(step).__name__}"
    try:
        trial = history.trial(step.number)
    except TrialNotFound:
        raise InvalidInput(field, step.number, "the number of a trial") from None
    if trial.state is not TrialState.PAUSED:
        raise InvalidInput(field, step.number, f"a paused trial; it is {trial.state}")
    return trial


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
    InvalidParams, InvalidSpace
        If a fixed value is not in the space.
    """
    rng = problem.rng(number)
    if problem.dynamic:
        # What a person fixed stands in the queue; the trial will look there first.
        if not problem.space.params:
            return Proposal({})
        return Proposal(*sampler.suggest(problem, history, rng, 1)[0])
    if fixed and problem.space.contains(fixed):
        return Proposal(problem.space.canonical(fixed), by_user=True)
    target = problem.with_space(narrowed(problem.space, fixed)) if fixed else problem
    suggestion = sampler.suggest(target, history, rng, 1)[0]
    if problem.avoids_duplicates and not getattr(sampler, "exact", False):
        suggestion = _another(sampler, target, history, rng, suggestion, wanted=bool(fixed))
    elif problem.duplicates == "reuse":
        found = history.find(suggestion.params)
        if found is not None and found.state is TrialState.COMPLETE:
            return Proposal(*suggestion, known=found)
    return Proposal(*suggestion)


def given(params: Params, problem: Problem, why: Mapping[str, Any] = EMPTY) -> Proposal:
    """Return the params that a scheduler gave, as they are run.

    Raises
    ------
    InvalidParams
        If they are not in the space.
    """
    if not problem.dynamic:
        problem.space.check(params)
        params = problem.space.canonical(params)
    return Proposal(params, Frozen({**BY_SCHEDULER, **why}) if why else BY_SCHEDULER)


def given_by_scheduler(why: Mapping[str, Any]) -> bool:
    """Tell from the reason of its params whether a trial has them from its scheduler."""
    return BY_SCHEDULER.items() <= why.items()


def checked(proposal: Proposal, problem: Problem) -> Proposal:
    """Return what somebody else's sampler proposed, if the log can keep it."""
    if not problem.dynamic:
        problem.space.check(proposal.params)
    if not isinstance(proposal.why, Mapping):
        raise InvalidInput("suggestion: why", proposal.why, "a mapping")
    return proposal._replace(why=plain(proposal.why, "suggestion: why"))


def reused(number: int, known: FrozenTrial, moment: float) -> list[Event]:
    """Return the events that give a trial the result that another one has."""
    return [
        Noted(number, "reused_from", known.number),
        Told(number, known.state, known.values, known.metrics, cost=0.0, time=moment),
    ]


def queueable(space: Space, fixed: Mapping[str, Any]) -> Params:
    """Return a point as it is queued: canonical values, after a check that it can be run.

    Raises
    ------
    InvalidParams
        If a value is not in the space, or a computed one is given for an incomplete point.
    EmptySpace
        If no complete point has these values.
    """
    space.check(fixed, partial=True)
    if space.contains(fixed):
        return space.canonical(fixed)
    for name, value in fixed.items():
        if isinstance(space.params[name], Derived):
            raise InvalidParams(name, value, "no value in an incomplete point: it is computed")
    part = narrowed(space, fixed)
    example = part.sample(default_rng(0))[0]
    return {name: example[name] for name in fixed}


def narrowed(space: Space, fixed: Mapping[str, Any]) -> Space:
    """Return the part of a space in which these parameters are active and have these values.

    Raises
    ------
    InvalidParams, InvalidSpace
        If a value is not in the space.
    """
    part = space
    for name, value in fixed.items():
        part = part.freeze(name, value)
    if not any(space.params[name].when for name in fixed):
        return part
    # A value means something only where its parameter is active: that decides about its parents.
    active = Rule(lambda row: all(name in row for name in fixed), f"active: {', '.join(fixed)}")
    return Space(part.params, constraints=(*part.constraints, active), deemed=part.deemed)


def _another(
    sampler: Sampler,
    problem: Problem,
    history: History,
    rng: Generator,
    first: Suggestion,
    *,
    wanted: bool,
) -> Suggestion:
    """Return a point that was not tried: this one, or what the sampler says next, or any other.

    Where all were tried, a point that a person wants is run again.
    """
    if history.find(first.params) is None:
        return first
    for _ in range(REDRAWS):
        suggestion = sampler.suggest(problem, history, rng, 1)[0]
        if history.find(suggestion.params) is None:
            return suggestion
    space = problem.space
    for _ in range(DRAWS):
        point = space.codec.decode(rng.random((1, space.codec.d)))[0]
        if space.contains(point) and history.find(point) is None:
            return Suggestion(point, _OVERRULED)
    if space.size is not None and space.size <= ENUMERABLE:
        untried = [point for point in _points(space) if history.find(point) is None]
        if untried:
            return Suggestion(untried[int(rng.integers(len(untried)))], _OVERRULED)
        if wanted:
            return first
        raise SpaceExhausted(f"all {space.size} points of the space have been tried")
    if wanted:
        return first
    raise SpaceExhausted(
        f"{REDRAWS + DRAWS} points in a row were tried before; set duplicates='replicate' "
        "to allow them"
    )


@lru_cache(maxsize=2)
def _points(space: Space) -> list[Params]:
    return list(space.grid())


def propose_value(
    sampler: Sampler, problem: Problem, history: History, number: int, name: str, param: Param
) -> Any:
    """Return a value for one parameter that a define-by-run trial asks for unexpectedly."""
    alone = problem.with_space(Space({name: param}))
    return sampler.suggest(alone, history, problem.rng(number, name), 1)[0].params[name]
