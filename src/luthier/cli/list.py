"""``luthier list``: the studies of a storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from luthier.analysis.best import best_trials
from luthier.cli.options import open_existing, public_url, shown_url, storage_option
from luthier.cli.output import (
    counted,
    local_time,
    moment,
    state_counts,
    write_json,
    write_table,
)

if TYPE_CHECKING:
    from luthier.model.history import History


@click.command("list")
@storage_option
def command(storage: str | None, as_json: bool) -> None:
    """List the studies of a storage.

    JSON: {storage, studies: [{study, trials, states, metrics, directions, best, last}, ...]}
    where best is the best value, or the size of the Pareto front.
    """
    from luthier.study.journal import Journal

    opened = open_existing(storage)
    studies = {name: Journal(opened, name).sync() for name in opened.studies()}
    if as_json:
        data = [{"study": name, **_described(history)} for name, history in studies.items()]
        write_json({"storage": public_url(opened.url), "studies": data})
        return
    if not studies:
        click.echo(f"{shown_url(opened.url)} has no studies")
        return
    rows = []
    for name, history in studies.items():
        objectives = history.problem.objectives
        best = _best(history)
        label = objectives[0].name if len(objectives) == 1 else f"front of {len(objectives)}"
        last = _last_activity(history)
        rows.append(
            [
                name,
                history.count,
                counted(state_counts(history)),
                label,
                best,
                None if last is None else local_time(last),
            ]
        )
    write_table(rows, ["study", "trials", "states", "objective", "best", "last activity"])


def _described(history: History) -> dict[str, Any]:
    objectives = history.problem.objectives
    return {
        "trials": history.count,
        "states": state_counts(history),
        "metrics": [objective.name for objective in objectives],
        "directions": [objective.direction for objective in objectives],
        "best": _best(history),
        "last": moment(_last_activity(history)),
    }


def _best(history: History) -> float | int | None:
    front = best_trials(history)
    if len(history.problem.objectives) > 1:
        return len(front)
    return front[0].value if front else None


def _last_activity(history: History) -> float | None:
    times = [
        time for trial in history.trials for time in (trial.created, trial.started, trial.ended)
    ]
    times += [report.time for trial in history.open for report in trial.reports]
    return max((time for time in times if time is not None), default=None)
