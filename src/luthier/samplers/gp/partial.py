"""What trials that did not run to their end would have come to, told from those that went on."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, inf, isfinite, log2
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luthier.model.trial import FrozenTrial

Array = NDArray[np.float64]

DOUBT = 2.0
"""Counts as so many trials for which one unit of difference stays one unit."""


class Course(NamedTuple):
    """What a trial reported: steps, ascending, and losses, of the same length."""

    steps: Sequence[int]
    losses: Sequence[float]


def course(trial: FrozenTrial, metric: str, sign: float) -> Course:
    """Return what a trial reported of a metric, turned so that less is better."""
    reports = [report for report in trial.reports if metric in report.metrics]
    return Course([r.step for r in reports], [sign * r.metrics[metric] for r in reports])


def expected_ends(courses: Sequence[Course], ends: Array) -> Array:
    """Return final losses, of trials without one as their reports let expect them.

    Trials that ended at about the same step, within a factor of 2, are at one stage. From each
    stage to the next, losses follow a line through what the trials that went on from there had
    before and after. It falls where learning curves fall, and is flat where the order of one
    stage says nothing of the next. So trials of one stage keep their order, and those of different
    stages become comparable: none counts as better than the best that came to its end.

    Parameters
    ----------
    courses : sequence of Course
        One a trial.
    ends : ndarray, shape (n,)
        Final losses; NaN for trials without one.

    Returns
    -------
    ndarray, shape (n,)
        NaN where there is neither a final loss nor a last report that is finite.
    """
    partial = [
        i
        for i in range(len(ends))
        if np.isnan(ends[i]) and courses[i].steps and isfinite(courses[i].losses[-1])
    ]
    if not partial:
        return ends
    stages = [_stage(courses[i].steps[-1]) for i in partial]
    order = {stage: k for k, stage in enumerate(sorted(set(stages)))}
    levels = [0] * len(order)
    for i, stage in zip(partial, stages, strict=True):
        levels[order[stage]] = max(levels[order[stage]], courses[i].steps[-1])
    at = np.full((len(ends), len(levels) + 1), np.nan)
    at[:, -1] = ends
    for i, (steps, losses) in enumerate(courses):
        for stage, k in order.items():
            if steps and _stage(steps[-1]) >= stage:
                place = int(np.searchsorted(steps, levels[k], side="right")) - 1
                at[i, k] = losses[place] if place >= 0 and isfinite(losses[place]) else np.nan
    known = ~np.isnan(at)
    for k in range(len(levels)):
        both = known[:, k] & known[:, k + 1]
        behind = ~np.isnan(at[:, k]) & np.isnan(at[:, k + 1])
        at[behind, k + 1] = _followed(at[both, k], at[both, k + 1], at[behind, k])
    expected = ends.copy()
    expected[partial] = at[partial, -1]
    if not np.isnan(ends).all():
        expected[partial] = np.maximum(expected[partial], np.nanmin(ends))
    return expected


def _stage(step: int) -> float:
    return -inf if step < 1 else floor(log2(step))


def _followed(before: Array, after: Array, values: Array) -> Array:
    """Return where values of one stage lead to, by the trials that are known at both."""
    if not len(before):
        return values
    x, y = float(np.median(before)), float(np.median(after))
    dx, dy = before - x, after - y
    doubt = DOUBT * float(np.mean(dx * dx))
    total = float(dx @ dx) + doubt
    slope = min(1.0, max(0.0, (float(dx @ dy) + doubt) / total)) if total > 0 else 1.0
    return y + slope * (values - x)
