"""Which numbers of a report a rule looks at, turned so that less is better."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import get_args

from luthier.errors import InvalidInput
from luthier.model.problem import Direction, Limit, Problem
from luthier.model.trial import Metrics

Key = tuple[float, ...]
"""The violation of the limits, then a loss for each objective. Smaller keys are better."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What counts of a report.

    Attributes
    ----------
    terms : tuple of (str, float)
        The metrics and the factors that turn them into losses.
    limits : tuple of Limit
        Bounds that are looked at before any loss, where their metric is reported.
    """

    terms: tuple[tuple[str, float], ...]
    limits: tuple[Limit, ...] = ()

    def loss(self, metrics: Metrics) -> float | None:
        """Return the first metric as a loss, infinite if not finite, None if not reported."""
        name, sign = self.terms[0]
        value = metrics.get(name)
        return None if value is None else _finite_or_worst(sign * value)

    def key(self, metrics: Metrics) -> Key | None:
        """Return what trials are ranked by, None if a metric that it needs was not reported."""
        losses = []
        for name, sign in self.terms:
            value = metrics.get(name)
            if value is None:
                return None
            losses.append(_finite_or_worst(sign * value))
        violation = sum(
            _finite_or_worst(limit.violation(metrics[limit.metric]))
            for limit in self.limits
            if limit.metric in metrics
        )
        return float(violation), *losses


def reading_of(
    problem: Problem, metric: str | None = None, direction: Direction | None = None
) -> Reading:
    """Return what counts in a problem.

    Parameters
    ----------
    problem : Problem
    metric : str, optional
        A single metric; None takes all objectives and the limits.
    direction : {"minimize", "maximize"}, optional
        Which way the metric is better. An objective knows that itself.

    Raises
    ------
    InvalidInput
        If the metric is no objective and has no direction, or has another than the objective.
    """
    objectives = {objective.name: objective for objective in problem.objectives}
    if metric is None:
        return Reading(tuple((o.name, o.sign) for o in problem.objectives), problem.limits)
    known = objectives.get(metric)
    if known is not None and direction in (None, known.direction):
        return Reading(((metric, known.sign),))
    if known is not None:
        raise InvalidInput("direction", direction, f"{known.direction!r}, as the objective has it")
    if direction is None:
        raise InvalidInput(
            "direction", None, f"'minimize' or 'maximize', since {metric!r} is no objective"
        )
    return Reading(((metric, 1.0 if direction == "minimize" else -1.0),))


def check_metric(rule: str, metric: object, direction: object) -> None:
    """Check the settings of a rule as far as they can be known without a problem.

    Raises
    ------
    InvalidInput
        If the metric is no name, or the direction is neither word or stands alone.
    """
    if metric is not None and (not isinstance(metric, str) or not metric):
        raise InvalidInput(f"{rule}: metric", metric, "the name of a metric, or None")
    if direction not in (None, *get_args(Direction)):
        raise InvalidInput(f"{rule}: direction", direction, "'minimize' or 'maximize'")
    if direction is not None and metric is None:
        raise InvalidInput(f"{rule}: direction", direction, "None, unless there is a metric")


def _finite_or_worst(loss: float) -> float:
    return loss if isfinite(loss) else inf
