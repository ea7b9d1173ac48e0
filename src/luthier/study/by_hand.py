"""What a person says: points to try next, results from elsewhere, another space."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from luthier.errors import Conflict, InvalidInput, InvalidParams
from luthier.model.events import Asked, Defined, Enqueued, Event, Noted, Suggested
from luthier.model.plain import plain
from luthier.model.trial import FrozenTrial, TrialState
from luthier.space.base import Param
from luthier.space.space import Space
from luthier.study.asking import queueable
from luthier.study.journal import Journal
from luthier.study.telling import verdict
from luthier.study.trial import Trial


def enqueue(
    journal: Journal,
    params: Mapping[str, Any],
    user_attrs: Mapping[str, Any] | None,
    skip_if_exists: bool,
    clock: Callable[[], float],
    *,
    request: str | None = None,
) -> int | None:
    """Queue a point, as `luthier.study.study.Study.enqueue_trial` says; once for each request."""
    while True:
        history = journal.sync()
        if request is not None and request in history.requests:
            return history.requests[request][0]
        point = dict(params)
        if not history.problem.dynamic:
            point = dict(queueable(history.problem.space, params))
        if skip_if_exists and point and any(_agrees(t, point) for t in history.trials):
            return None
        number = history.count
        attrs = plain(user_attrs or {}, "user_attrs")
        try:
            journal.append(Enqueued(number, point, attrs, clock(), request), claim=str(number))
        except Conflict:
            continue
        return number


def add(
    journal: Journal,
    params: Mapping[str, Any],
    values: float | Sequence[float] | Mapping[str, float] | None,
    state: TrialState | str,
    metrics: Mapping[str, float] | None,
    user_attrs: Mapping[str, Any] | None,
    distributions: Mapping[str, Param] | None,
    clock: Callable[[], float],
) -> FrozenTrial:
    """Add a trial with its result, as `luthier.study.study.Study.add_trial` says."""
    attrs = plain(user_attrs or {}, "user_attrs")
    while True:
        history = journal.sync()
        problem = history.problem
        if problem.dynamic:
            _check_distributions(problem.space, params, distributions)
        else:
            problem.space.check(params)
            params = problem.space.canonical(params)
        number, moment = history.count, clock()
        told = verdict(problem, number, values, state, metrics, time=moment)
        events: list[Event] = [Asked(number, dict(params), history.version, "user", None, moment)]
        if distributions:
            events.append(Suggested(number, {}, dict(distributions)))
        events += [Noted(number, key, value) for key, value in attrs.items()]
        try:
            journal.append(*events, told, claim=str(number))
        except Conflict:
            continue
        return journal.history.trial(number)


def edit(journal: Journal, space: Space, clock: Callable[[], float]) -> None:
    """Change the space, as `luthier.study.study.Study.edit_space` says."""
    history = journal.sync()
    problem = history.problem
    if problem.dynamic:
        raise InvalidInput("edit_space", space, "a study with a declared space")
    space.codec.encode([trial.params for trial in history.trials if trial.attempt])
    journal.append(Defined(problem.with_space(space), clock()))


def number_of(trial: Trial | FrozenTrial | int) -> int:
    """Return the number of the trial that a person means.

    Raises
    ------
    InvalidInput
        If it is neither a trial nor a number.
    """
    if isinstance(trial, Trial | FrozenTrial):
        return trial.number
    try:
        number = operator.index(trial)
    except TypeError:
        number = -1
    if number < 0 or isinstance(trial, bool):
        raise InvalidInput("trial", trial, "a trial, or its number")
    return number


def _agrees(trial: FrozenTrial, params: Mapping[str, Any]) -> bool:
    return params.items() <= {**trial.params, **(trial.fixed or {})}.items()


def _check_distributions(
    space: Space, params: Mapping[str, Any], distributions: Mapping[str, Param] | None
) -> None:
    known = {**space.params, **(distributions or {})}
    for name, value in params.items():
        if name not in known:
            raise InvalidParams(f"parameter {name!r}", value, "a parameter given in distributions")
    Space({name: known[name] for name in params}).check(params)
