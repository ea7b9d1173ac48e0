"""Learning curves, as the pictures about early stopping show them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from docs.pictures.palette import BLUE, FAINT, MUTED, ORANGE, PAPER
from docs.pictures.picture import Data

ERRORS = (0.1, 0.2, 0.4, 0.8)
"""Labels of the axis of errors."""


def curves_of(study: Any) -> list[Data]:
    """Return the curves of a study's trials, in the order in which they began."""
    return [
        {
            "number": trial.number,
            "state": trial.state.name,
            "steps": [report.step for report in trial.reports],
            "values": [report.metrics["value"] for report in trial.reports],
        }
        for trial in study.trials
    ]


def best_of(curves: list[Data]) -> Data:
    """Return the curve of the best complete trial."""
    complete = [curve for curve in curves if curve["state"] == "COMPLETE"]
    return min(complete, key=lambda curve: curve["values"][-1])


def draw_curves(axes: Any, curves: list[Data], best: Data | None = None) -> None:
    """Draw curves: complete ones in colour, stopped and waiting ones in grey with a dot."""
    for curve in sorted(curves, key=lambda curve: curve["state"] == "COMPLETE"):
        complete = curve["state"] == "COMPLETE"
        colour, alpha = (BLUE, 0.75) if complete else (FAINT, 1.0)
        axes.plot(curve["steps"], curve["values"], lw=1.0, color=colour, alpha=alpha)
    for state, fill in (("PRUNED", MUTED), ("PAUSED", PAPER)):
        ends = [
            (curve["steps"][-1], curve["values"][-1])
            for curve in curves
            if curve["state"] == state and math.isfinite(curve["values"][-1])
        ]
        if ends:
            axes.plot(
                *zip(*ends, strict=True),
                "o",
                ms=3.5,
                mec=MUTED,
                mew=0.9,
                mfc=fill,
                zorder=3,
            )
    if best is not None:
        axes.plot(best["steps"], best["values"], lw=2.4, color=ORANGE, zorder=4)


def draw_rungs(axes: Any, rungs: list[int], *others: int) -> None:
    """Draw rungs as vertical lines on a logarithmic axis of steps; label them and others."""
    axes.set_xscale("log")
    for rung in rungs:
        axes.axvline(rung, color=MUTED, lw=0.7, ls=(0, (2, 3)), zorder=0)
    places = sorted({1, *rungs, *others})
    axes.set_xticks(places, [str(place) for place in places])
    axes.set_xticks([], minor=True)


def plain_log(axes: Any, places: Sequence[float]) -> None:
    """Make the axis of values logarithmic, and label it by plain numbers."""
    axes.set_yscale("log")
    axes.set_yticks(places, [f"{place:g}" for place in places])
    axes.set_yticks([], minor=True)


def key(drawn: Any, *kinds: str) -> None:
    """Explain above a figure what its lines mean: best, complete, stopped or waiting."""
    from matplotlib.lines import Line2D

    dot = {"marker": "o", "ms": 4, "mec": MUTED}
    lines = {
        "best": Line2D([], [], color=ORANGE, lw=2.4),
        "complete": Line2D([], [], color=BLUE, lw=1.2),
        "stopped": Line2D([], [], color=FAINT, mfc=MUTED, **dot),
        "waiting": Line2D([], [], color=FAINT, mfc=PAPER, **dot),
    }
    drawn.legend(
        [lines[kind] for kind in kinds], kinds, loc="outside upper center", ncols=len(kinds)
    )
