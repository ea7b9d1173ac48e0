"""What a result means, by Optuna's rules."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from luthier.compat.optuna._base_trial import TrialState


class Verdict(NamedTuple):
    """How a trial ended.

    Attributes
    ----------
    state : TrialState
        COMPLETE, PRUNED or FAIL.
    values : list of float, optional
        One per objective; of a pruned trial its last report.
    reason : str
        Why the values make it fail.
    """

    state: TrialState
    values: list[float] | None
    reason: str = ""


def judged(
    reports: Mapping[int, float], given: Any, state: TrialState | None, objectives: int
) -> Verdict:
    """Return how a trial ended that was told this.

    Parameters
    ----------
    reports : mapping of int to float
        Its intermediate values.
    given : object
        What it was told, or returned.
    state : TrialState, optional
        What state was said.
    objectives : int
        How many values there should be.

    Raises
    ------
    ValueError
        If state and values contradict each other.
    """
    values: Sequence[Any] | None = given
    if given is not None and not (isinstance(given, Sequence) and not isinstance(given, str)):
        values = [given]
    if state is TrialState.PRUNED or state is TrialState.FAIL:
        if values is not None:
            raise ValueError(f"values: got {given!r}; allowed: None with the state {state.name}")
        if state is TrialState.FAIL or not reports:
            return Verdict(state, None)
        value = reports[max(reports)]
        return Verdict(state, None if math.isnan(value) else [value])
    if state is TrialState.COMPLETE and values is None:
        raise ValueError("values: got None; allowed: the result, with the state COMPLETE")
    if state not in (None, TrialState.COMPLETE):
        raise ValueError(f"state: got {state!r}; allowed: COMPLETE, PRUNED or FAIL")
    if values is None:
        return Verdict(TrialState.FAIL, None, "the result is None, not a number")
    reason = _wrong(values, objectives)
    if reason:
        return Verdict(TrialState.FAIL, None, reason)
    return Verdict(TrialState.COMPLETE, [float(value) for value in values])


def _wrong(values: Sequence[Any], objectives: int) -> str:
    for value in values:
        try:
            number = float(value)
        except (TypeError, ValueError):
            return f"the value {value!r} is no number"
        if math.isnan(number):
            return f"the value {value!r} is no number that can be compared"
    if len(values) != objectives:
        return f"there are {len(values)} values for {objectives} objectives"
    return ""
