"""What the commands print: JSON for programs, tables for people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import click

from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.repeats import std_error
from luthier.model.trial import FrozenTrial, TrialState

WIDEST = 40
"""Characters of a cell of a table."""


def write_json(data: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(plain(data), indent=2, ensure_ascii=False, allow_nan=False))


def plain(value: Any) -> Any:
    """Return a value as JSON can say it; what is not finite becomes "nan", "inf" or "-inf"."""
    if isinstance(value, float) and not isfinite(value):
        return repr(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def trial_data(trial: FrozenTrial, problem: Problem, *, full: bool = False) -> dict[str, Any]:
    """Return a trial for JSON; `full` adds reports, traceback and output."""
    names = [objective.name for objective in problem.objectives]
    data: dict[str, Any] = {
        "number": trial.number,
        "state": trial.state.value,
        "values": None if trial.values is None else dict(zip(names, trial.values, strict=True)),
        "params": trial.params if trial.attempt else trial.fixed,
        "metrics": trial.metrics,
        "user_attrs": trial.user_attrs,
        "started": moment(trial.started),
        "ended": moment(trial.ended),
        "duration": trial.duration,
        "cost": trial.cost,
        "attempt": trial.attempt,
        "by": trial.by,
        "why": trial.why,
        "error": trial.error,
    }
    if full:
        data["reports"] = [
            {"step": report.step, "metrics": report.metrics, "time": moment(report.time)}
            for report in trial.reports
        ]
        data["traceback"] = trial.traceback
        data["output"] = trial.output
    return data


def moment(seconds: float | None) -> str | None:
    """Return a time since the epoch as ISO 8601 text in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def local_time(seconds: float) -> str:
    """Return a time since the epoch as people here write it, to the second."""
    return datetime.fromtimestamp(seconds).astimezone().isoformat(" ", "seconds")[:19]


def state_counts(history: History) -> dict[str, int]:
    """Return how many trials are in each state, without those that no trial is in."""
    counts = Counter(trial.state for trial in (*history.ended, *history.open))
    return {state.value: counts[state] for state in TrialState if counts[state]}


def counted(counts: Mapping[str, int]) -> str:
    """Return counts of states in words, such as ``10 complete, 2 failed``."""
    return ", ".join(f"{n} {state.lower()}" for state, n in counts.items()) or "none"


def write_trials(trials: Sequence[FrozenTrial], problem: Problem, *, states: bool = True) -> None:
    """Print trials as a table."""
    objectives = [objective.name for objective in problem.objectives]
    measured = [limit.metric for limit in problem.limits if limit.metric not in objectives]
    errors = [std_error(name) for name in objectives]
    measured += [name for name in errors if any(name in trial.metrics for trial in trials)]
    used = dict.fromkeys(name for trial in trials for name in trial.params)
    params = [name for name in problem.space.params if name in used]
    params += [name for name in used if name not in problem.space.params]
    rows = [
        [
            trial.number,
            *([trial.state.value.lower()] if states else []),
            *(trial.values or [None] * len(objectives)),
            *(trial.metrics.get(name) for name in measured),
            *(trial.params.get(name) for name in params),
        ]
        for trial in trials
    ]
    headers = ["trial", *(["state"] if states else []), *objectives, *measured, *params]
    write_table(rows, headers)


def write_table(rows: Sequence[Sequence[Any]], headers: Sequence[str]) -> None:
    """Print a table; numbers to six digits, long texts cut."""
    from tabulate import tabulate

    numeric = [
        all(isinstance(cell, int | float) or cell is None for cell in column)
        for column in zip(*rows, strict=True)
    ] or [False] * len(headers)
    text = tabulate(
        [[shown(cell) for cell in row] for row in rows],
        headers=headers,
        tablefmt="simple",
        disable_numparse=True,
        colalign=["right" if right else "left" for right in numeric] if rows else None,
    )
    click.echo(text)


def shown(value: Any, widest: int = WIDEST) -> str:
    """Return a value for people."""
    if value is None:
        return "-"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= widest else text[: widest - 3] + "..."
