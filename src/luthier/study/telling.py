"""What an objective may return, and what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from luthier.errors import InvalidResult
from luthier.model.problem import Limit, Objective


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
