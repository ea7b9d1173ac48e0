"""``luthier show``: a study and its trials, or all about one trial."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from luthier.analysis.best import best_trials
from luthier.analysis.confirmed import confirmed
from luthier.cli.options import find_study, public_url, shown_url, storage_option, study_argument
from luthier.cli.output import (
    counted,
    local_time,
    shown,
    state_counts,
    trial_data,
    write_json,
    write_trials,
)
from luthier.model.repeats import std_error
from luthier.model.trial import FrozenTrial, TrialState
from luthier.study.forecast import planned

if TYPE_CHECKING:
    from luthier.model.history import History
    from luthier.model.problem import Problem

LIMIT = 20
"""Trials in a table, unless told otherwise."""

WIDEST_REASON = 200
"""Characters of one line that says why a point was chosen."""


@click.command("show")
@study_argument()
@click.option("--trial", type=click.IntRange(min=0), help="Show all about one trial.")
@click.option(
    "--limit", type=click.IntRange(min=1), help=f"Show so many trials.  [default: {LIMIT}]"
)
@click.option(
    "--sort",
    type=click.Choice(["number", "value"]),
    default="number",
    show_default=True,
    help="The newest trials by number, or the best first.",
)
@storage_option
def command(
    study: str | None,
    trial: int | None,
    limit: int | None,
    sort: str,
    storage: str | None,
    as_json: bool,
) -> None:
    """Show what STUDY tunes and its trials; STUDY may be left out if there is only one.

    JSON: {study, storage, problem, states, trials: [trial, ...]}, all trials without --limit;
    with --trial: the trial, with its reports, traceback and output.

    A trial is {number, state, values: {metric: value}, params, metrics, user_attrs, started,
    ended, duration, cost, attempt, by, why, error}; times are in UTC, the duration in seconds.
    """
    found = find_study(study, storage)
    history = found.history
    if trial is not None:
        one = history.trial(trial)
        if as_json:
            write_json(trial_data(one, history.problem, full=True))
        else:
            _write_trial(one, history.problem)
        return
    trials = _by_value(history) if sort == "value" else history.trials
    if as_json:
        chosen = _first(trials, limit, sort)
        write_json(
            {
                "study": found.name,
                "storage": public_url(found.storage.url),
                "problem": history.problem.to_json(),
                "states": state_counts(history),
                "trials": [trial_data(item, history.problem) for item in chosen],
            }
        )
        return
    _write_problem(found.name, shown_url(found.storage.url), history)
    chosen = _first(trials, limit or LIMIT, sort)
    if chosen:
        click.echo()
        write_trials(chosen, history.problem)
    if len(chosen) < len(trials):
        click.echo(f"\n{len(chosen)} of {len(trials)} trials; more with --limit")
    failed = [item.number for item in chosen if item.state is TrialState.FAILED]
    if failed:
        click.echo(f"\nWhy trial {failed[-1]} failed: see it with --trial {failed[-1]}")


def _first(trials: list[FrozenTrial], limit: int | None, sort: str) -> list[FrozenTrial]:
    if limit is None or limit >= len(trials):
        return trials
    return trials[:limit] if sort == "value" else trials[-limit:]


def _by_value(history: History) -> list[FrozenTrial]:
    """Return all trials, the best first objective first, those without a result last."""
    sign = history.problem.signs[0]

    def order(trial: FrozenTrial) -> tuple[bool, float, int]:
        loss = 0.0 if trial.values is None else sign * trial.values[0]
        return trial.values is None, loss, trial.number

    return sorted(history.trials, key=order)


def _write_problem(name: str, storage: str, history: History) -> None:
    problem = history.problem
    objectives = ", ".join(f"{item.direction} {item.name}" for item in problem.objectives)
    best = best_trials(history)
    lines = [
        ("study", name),
        ("storage", storage),
        ("objective", objectives),
        *(("limit", str(limit)) for limit in problem.limits),
        *(("constraint", rule.name) for rule in problem.space.constraints),
        ("sampler", "-" if history.last_opened is None else history.last_opened.sampler),
        ("seed", problem.seed),
        ("trials", counted(state_counts(history))),
    ]
    if (left := planned(history, time.time())) is not None:
        lines.append(("to go", str(left)))
    if len(problem.objectives) > 1:
        lines.append(("front", f"{len(best)} trials"))
    elif best:
        lines.append(("best", f"{shown(best[0].value)}{_error(best[0], problem)}"))
    if again := confirmed(history):
        first = again[0]
        error = "" if first.std_error is None else f" ± {shown(first.std_error)}"
        repeats = f"mean of {first.repeats} repeats, trial {first.trial.number}"
        lines.append(("confirmed", f"{shown(first.value)}{error} ({repeats})"))
    for label, value in lines:
        click.echo(f"{label + ':':<12}{value}")
    if problem.space.params:
        click.echo("\nspace:")
        widest = max(map(len, problem.space.params))
        for parameter, param in problem.space.params.items():
            click.echo(f"  {parameter:<{widest}}  {param!r}")


def _error(trial: FrozenTrial, problem: Problem) -> str:
    """Return the trial's number, and before it the standard error of its value if it is known."""
    error = trial.metrics.get(std_error(problem.objectives[0].name))
    return f"{'' if error is None else f' ± {shown(error)}'} (trial {trial.number})"


def _write_trial(trial: FrozenTrial, problem: Problem) -> None:
    names = [objective.name for objective in problem.objectives]
    lines: list[tuple[str, Any]] = [("trial", trial.number), ("state", trial.state.value.lower())]
    lines += zip(names, trial.values or (), strict=False)
    if trial.error:
        lines.append(("error", trial.error))
    if trial.started is not None:
        lines.append(("started", local_time(trial.started)))
    if trial.duration is not None:
        lines.append(("duration", f"{trial.duration:.3f} s"))
    if trial.cost is not None:
        lines.append(("cost", trial.cost))
    lines += [("attempt", trial.attempt), ("by", trial.by)]
    for label, value in lines:
        click.echo(f"{label + ':':<12}{value}")
    params = trial.params if trial.attempt else trial.fixed or {}
    for title, entries in (
        ("params", params),
        ("metrics", trial.metrics),
        ("notes", trial.user_attrs),
    ):
        if entries:
            click.echo(f"\n{title}:")
            for name, value in entries.items():
                click.echo(f"  {name} = {value}")
    if trial.why:
        click.echo("\nwhy:")
        _write_nested(trial.why)
    if trial.reports:
        click.echo("\nreports:")
        for report in trial.reports:
            metrics = ", ".join(f"{name} {shown(v)}" for name, v in report.metrics.items())
            click.echo(f"  step {report.step}: {metrics}")
    for title, text in (("traceback", trial.traceback), ("output", trial.output)):
        if text:
            click.echo(f"\n{title}:\n{text.rstrip()}")


def _write_nested(values: Mapping[str, Any], indent: str = "  ") -> None:
    for name, value in values.items():
        if isinstance(value, Mapping):
            click.echo(f"{indent}{name}:")
            _write_nested(value, indent + "  ")
        else:
            click.echo(f"{indent}{name} = {shown(value, WIDEST_REASON)}")
