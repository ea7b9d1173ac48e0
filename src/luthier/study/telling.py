"""What an objective may return, and what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from luthier.errors import InvalidInput, InvalidResult
from luthier.model.events import Told
from luthier.model.frozen import frozen
from luthier.model.problem import Limit, Objective, Problem
from luthier.model.trial import TrialState


class Result(NamedTuple):
    """A valid result: one value per objective, and everything else that was measured."""

    values: tuple[float, ...]
    metrics: dict[str, float]


def interpret(
    returned: Any,
    objectives: Sequence[Objective],
    limits: Sequence[Limit] = (),
    measured: Mapping[str, float] | None = None,
) -> Result:
    """Turn what an objective returned into a result.

    Parameters
    ----------
    returned : float, sequence of float, or mapping of str to float
        One number; one number per objective, in their order; or metrics by
        name, the objectives' among them.
    objectives : sequence of Objective
        What the study optimises.
    limits : sequence of Limit
        Metrics that must have been measured.
    measured : mapping, optional
        Metrics that the trial measured on its way.

    Raises
    ------
    InvalidResult
        If a number is missing, is too many, is no number or is not finite.
    """
    if type(returned) is float and len(objectives) == 1 and not limits:  # as a rule
        return Result((number(returned, objectives[0].name),), dict(measured or {}))
    metrics = dict(measured or {})
    names = [objective.name for objective in objectives]
    if isinstance(returned, Mapping):
        for name in names:
            if name not in returned:
                raise InvalidResult("result", dict(returned), f"a mapping that has {name!r}")
        values = [returned[name] for name in names]
        metrics.update(
            (str(name), number(item, f"result[{name!r}]"))
            for name, item in returned.items()
            if name not in names
        )
    elif len(objectives) == 1 and not _is_sequence(returned):
        values = [returned]
    elif _is_sequence(returned) and len(returned) == len(objectives):
        values = list(returned)
    else:
        allowed = "one number" if len(names) == 1 else f"{len(names)} numbers: {', '.join(names)}"
        raise InvalidResult("result", returned, allowed)
    for limit in limits:
        if limit.metric in names:
            metrics[limit.metric] = number(values[names.index(limit.metric)], limit.metric)
        elif limit.metric not in metrics:
            raise InvalidResult(
                "result",
                returned,
                f"one that measures {limit.metric!r} (there is a limit: {limit}): return it in a "
                "mapping or call trial.measure",
            )
    return Result(
        tuple(number(item, name) for item, name in zip(values, names, strict=True)), metrics
    )


def verdict(
    problem: Problem,
    trial: int,
    values: Any,
    state: TrialState | str | None,
    metrics: Mapping[str, Any] | None,
    error: str = "",
    cost: Any = None,
    time: float = 0.0,
) -> Told:
    """Return the event that ends a trial as a person says it ended.

    Raises
    ------
    InvalidResult
        If a number is missing, is too many, is no number or is not finite.
    InvalidInput
        If state and values contradict each other, or an argument is of the wrong type.
    """
    final = TrialState.COMPLETE if state is None else state_of(state)
    if not final.final:
        raise InvalidInput("state", final.value, "COMPLETE, PRUNED, INFEASIBLE or FAILED")
    if not isinstance(error, str):
        raise InvalidInput("error", error, "a text")
    measured = checked_metrics(metrics)
    spent = None if cost is None else checked_cost(cost)
    if final is TrialState.COMPLETE:
        result = interpret(values, problem.objectives, problem.limits, measured)
        metrics = frozen(result.metrics)
        return Told(trial, final, result.values, metrics, error, cost=spent, time=time)
    if values is not None:
        raise InvalidInput("values", values, f"none for a trial that is {final}")
    return Told(trial, final, None, frozen(measured), error, cost=spent, time=time)


def state_of(state: TrialState | str) -> TrialState:
    """Return the state that a word means.

    Raises
    ------
    InvalidInput
        If it means none.
    """
    try:
        return state if isinstance(state, TrialState) else TrialState(state)
    except ValueError:
        raise InvalidInput("state", state, ", ".join(s.value for s in TrialState)) from None


def checked_metrics(metrics: Mapping[str, Any] | None) -> dict[str, float]:
    """Return what a person says was measured.

    Raises
    ------
    InvalidInput
        If it is no mapping.
    InvalidResult
        If a value is no finite number.
    """
    if metrics is not None and not isinstance(metrics, Mapping):
        raise InvalidInput("metrics", metrics, "numbers by name")
    return {str(name): number(v, f"metric {name!r}") for name, v in (metrics or {}).items()}


def checked_step(field: str, step: Any) -> int:
    """Return how far a trial says it is.

    Raises
    ------
    InvalidResult
        If it is no integer from 0 on.
    """
    if isinstance(step, bool) or not hasattr(step, "__index__") or int(step) < 0:
        raise InvalidResult(field, step, "an integer that is not negative")
    return int(step)


def checked_cost(cost: Any) -> float:
    """Return what a trial cost.

    Raises
    ------
    InvalidResult
        If it is negative or no finite number.
    """
    spent = number(cost, "cost")
    if spent < 0:
        raise InvalidResult("cost", cost, "a number that is not negative")
    return spent


def number(value: Any, field: str, *, finite: bool = True) -> float:
    """Return a value as a float.

    Raises
    ------
    InvalidResult
        If it is no number, or not finite where that is asked for.
    """
    if type(value) is float:
        real = value
    else:
        if isinstance(value, bool | np.bool_ | str | bytes) or value is None:
            raise InvalidResult(field, value, "a finite number" if finite else "a number")
        try:
            real = float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidResult(field, value, f"a finite number ({error})") from error
    if finite and not isfinite(real):
        raise InvalidResult(field, value, "a finite number")
    return real


def _is_sequence(value: Any) -> bool:
    if isinstance(value, str | bytes):
        return False
    return isinstance(value, Sequence) or (getattr(value, "ndim", 0) == 1)
