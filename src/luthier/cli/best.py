"""``luthier best``: the best trials, ready to be used."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from luthier.analysis.best import best_trial, best_trials
from luthier.analysis.confirmed import confirmed
from luthier.cli.options import find_study, public_url, storage_option, study_argument
from luthier.cli.output import plain, trial_data, write_json, write_table, write_trials
from luthier.errors import NoResult

if TYPE_CHECKING:
    from luthier.model.history import History
    from luthier.model.trial import FrozenTrial


@click.command("best")
@study_argument()
@click.option(
    "--top",
    type=click.IntRange(min=1),
    help="Show so many trials.  [default: 1; with several objectives the whole Pareto front]",
)
@storage_option
def command(study: str | None, top: int | None, storage: str | None, as_json: bool) -> None:
    """Show the best trials of STUDY, and their params as JSON and as flags.

    Only trials within all limits count. With several objectives they are the Pareto front. Trials
    that were measured again follow, with the mean of their repeats; the params are then those of
    the first of them.

    JSON: {study, storage, best: [trial, ...], confirmed: [{trial, value, std_error, repeats,
    p_value}, ...]}, the best first.
    """
    found = find_study(study, storage)
    history = found.history
    trials = _top(history, top)
    again = confirmed(history)
    if as_json:
        data = [trial_data(trial, history.problem) for trial in trials]
        storage_name = public_url(found.storage.url)
        repeats = [{**row._asdict(), "trial": row.trial.number} for row in again]
        write_json(
            {"study": found.name, "storage": storage_name, "best": data, "confirmed": repeats}
        )
        return
    write_trials(trials, history.problem, states=False)
    first = trials[0]
    if again:
        click.echo("\nmeasured again:")
        rows = [[row.trial.number, *row[1:]] for row in again]
        write_table(rows, ["trial", "mean", "std error", "repeats", "p"])
        first = again[0].trial if isfinite(again[0].value) else first
    click.echo(f"\nParams of trial {first.number}:")
    click.echo(f"  {json.dumps(plain(first.params), ensure_ascii=False)}")
    click.echo(f"  {flags(first.params)}")


def _top(history: History, top: int | None) -> list[FrozenTrial]:
    """Return the best trials, the best first; raises `NoResult` if there is none."""
    if len(history.problem.objectives) > 1:
        front = best_trials(history)
        if not front:
            raise NoResult("no trial has a result within the limits yet")
        return front[:top]
    best_trial(history)  # says why there is none
    eligible = np.flatnonzero(history.eligible)
    order = eligible[np.argsort(history.losses[eligible, 0], kind="stable")]
    return [history.ended[int(index)] for index in order[: top or 1]]


def flags(params: Mapping[str, Any]) -> str:
    """Return params as flags for a shell: texts as they are, everything else as JSON."""
    return " ".join(
        shlex.quote(f"--{name}={value if isinstance(value, str) else json.dumps(plain(value))}")
        for name, value in params.items()
    )
