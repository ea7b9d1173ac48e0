"""What an Optuna study is, whatever it was read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from luthier.space.base import Param

STATES = ("RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING")
"""The states of a trial, in the order of their numbers."""


@dataclass(frozen=True, slots=True)
class OptunaTrial:
    """One trial.

    Attributes
    ----------
    number : int
        In its study, from 0.
    state : str
        One of `STATES`.
    values : tuple of float, optional
        One per objective.
    params : mapping of str to object
        What it used.
    distributions : mapping of str to Param
        What its params were chosen from.
    reports : mapping of int to float
        Intermediate values by step.
    user_attrs, system_attrs : mapping of str to object
        Attributes.
    started, ended : float, optional
        Seconds since the epoch (UTC).
    unreadable : str
        Why it cannot be brought over; empty if it can.
    """

    number: int
    state: str
    values: tuple[float, ...] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    distributions: Mapping[str, Param] = field(default_factory=dict)
    reports: Mapping[int, float] = field(default_factory=dict)
    user_attrs: Mapping[str, Any] = field(default_factory=dict)
    system_attrs: Mapping[str, Any] = field(default_factory=dict)
    started: float | None = None
    ended: float | None = None
    unreadable: str = ""

    @property
    def constraints(self) -> dict[str, float]:
        """How far each constraint is exceeded; 0 and less is within it."""
        listed = self.system_attrs.get("constraints") or ()
        found = {str(index): float(value) for index, value in enumerate(listed)}
        for key, value in self.system_attrs.items():
            if key.startswith("constraints:"):
                found[key.removeprefix("constraints:")] = float(value)
        return found


@dataclass(frozen=True, slots=True)
class OptunaStudy:
    """A study with its trials by number.

    Attributes
    ----------
    name : str
        Its name.
    directions : sequence of str
        "minimize" or "maximize" for each objective.
    trials : sequence of OptunaTrial
        By number.
    user_attrs, system_attrs : mapping of str to object
        Attributes.
    """

    name: str
    directions: Sequence[str]
    trials: Sequence[OptunaTrial]
    user_attrs: Mapping[str, Any] = field(default_factory=dict)
    system_attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def metric_names(self) -> list[str] | None:
        """Names of the objectives, if they were given any."""
        return self.system_attrs.get("study:metric_names")
