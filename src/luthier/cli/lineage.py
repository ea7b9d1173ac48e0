"""``luthier lineage``: which trial was forked from which, and the schedule that came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from luthier.analysis.lineage import Branch, family, lineage, reached, schedule_of
from luthier.cli.options import find_study, storage_option, study_argument
from luthier.cli.output import shown, write_json, write_table

if TYPE_CHECKING:
    from luthier.model.history import History


@click.command("lineage")
@study_argument()
@click.argument("trial", type=click.IntRange(min=0), required=False)
@storage_option
def command(study: str | None, trial: int | None, storage: str | None, as_json: bool) -> None:
    """Show which trials of STUDY were forked from which, as trees.

    With TRIAL: the trainings behind it, from the first step to its last, with their params.

    JSON: {study, trials: [{number, parent, parent_step, reached, state, values, params}, ...]};
    with TRIAL: {study, trial, segments: [{trial, after, until, params}, ...], schedule:
    {param: [[step, value], ...]}}, which luthier.analysis.Replay reads: from that step on the
    param has that value.
    """
    found = find_study(study, storage)
    history = found.history
    if trial is not None:
        _show_one(found.name, history, trial, as_json)
    elif as_json:
        write_json({"study": found.name, "trials": _rows(history)})
    else:
        for line in drawn(family(history)):
            click.echo(line)


def _show_one(study: str, history: History, trial: int, as_json: bool) -> None:
    segments = lineage(history, trial)
    schedule = schedule_of(history, trial)
    if as_json:
        rows = [
            {"trial": s.trial, "after": s.after, "until": s.until, "params": s.params}
            for s in segments
        ]
        write_json({"study": study, "trial": trial, "segments": rows, "schedule": schedule})
        return
    names = list(schedule)
    write_table(
        [[s.trial, s.after, s.until, *(s.params.get(name) for name in names)] for s in segments],
        ["trial", "after step", "to step", *names],
    )


def _rows(history: History) -> list[dict[str, Any]]:
    return [
        {
            "number": trial.number,
            "parent": trial.parent,
            "parent_step": trial.parent_step,
            "reached": reached(trial),
            "state": trial.state.value,
            "values": trial.values,
            "params": trial.params,
        }
        for trial in history.trials
    ]


def drawn(roots: Sequence[Branch]) -> Iterator[str]:
    """Yield the lines of some trees, a trial each."""
    todo = [(root, "", "") for root in reversed(roots)]
    while todo:
        branch, before, below = todo.pop()
        yield before + _described(branch)
        arms, indents = "└── ", "    "  # of the last one, which is put on the pile first
        for fork in reversed(branch.forks):
            todo.append((fork, below + arms, below + indents))
            arms, indents = "├── ", "│   "


def _described(branch: Branch) -> str:
    trial = branch.trial
    begins = f"from step {trial.parent_step} " if trial.parent_step is not None else ""
    words = f"{trial.number}: {begins}to step {reached(trial)}, {trial.state.value.lower()}"
    if trial.values is not None:
        words += " " + ", ".join(map(shown, trial.values))
    params = _changes(branch.changed) if trial.parent is not None else _plain(trial.params)
    return f"{words}; {params}" if params else words


def _plain(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {shown(value)}" for name, value in params.items())


def _changes(changed: Mapping[str, tuple[Any, Any]]) -> str:
    return ", ".join(
        f"{name} {shown(before)} -> {shown(after)}" for name, (before, after) in changed.items()
    )
