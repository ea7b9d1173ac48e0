"""Objectives that are measured several times: how the log names what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from luthier.model.trial import FrozenTrial

CONFIRMS = "confirms"
"""The note on a trial that measures the params of another one again."""


ITEM = "item"
"""The metric of a report that says which fold or instance it is about, if not that of its step.

For objectives that go through their instances in an order of their own.
"""


class Confirms(NamedTuple):
    """Which trial is measured again, and for the how manyth time, from 1."""

    trial: int
    round: int


def confirms(user_attrs: Mapping[str, Any]) -> Confirms | None:
    """Return what a trial with these notes measures again, None if it is an ordinary one."""
    match user_attrs.get(CONFIRMS):
        case {"trial": int(trial), "round": int(round)}:
            return Confirms(trial, round)
    return None


def single(metric: str) -> str:
    """Return the name under which one fold's or repeat's score is reported.

    The metric itself is reported as the mean so far.
    """
    return f"{metric}_single"


def std_error(metric: str) -> str:
    """Return the name under which the standard error of a mean is kept."""
    return f"{metric}_std_error"


def scores(trial: FrozenTrial, metric: str) -> dict[int, float]:
    """Return the score of each fold or repeat by its step.

    Of a trial that reports its folds by hand, these are the reports of the metric itself.
    """
    name = single(metric)
    found = (
        (int(r.metrics.get(ITEM, r.step)), r.metrics.get(name, r.metrics.get(metric)))
        for r in trial.reports
    )
    return {item: score for item, score in found if score is not None}
