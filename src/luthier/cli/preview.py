"""``luthier preview``: what a study's schedule will do, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luthier.cli.options import json_option
from luthier.cli.output import write_json, write_table
from luthier.errors import InvalidInput

if TYPE_CHECKING:
    from luthier.formats.study_file import StudyFile
    from luthier.study.preview import Bracket, Preview

OPTIONS = {"max_step": "--steps", "n_trials": "--trials"}
"""What says here what an argument of `luthier.preview` says."""

SHOWN = 12
"""Lengths of a bracket in the table; rules that compare values end trials at any step."""


@click.command("preview")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default="study.yaml"
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    help="Length of a complete trial: its last step.  [default: the scheduler's max_step]",
)
@click.option(
    "--step-time", metavar="TIME", help="How long a step takes, such as 90s or 5min: for the time."
)
@click.option(
    "--trials", type=click.IntRange(min=1), help="Number of trials, instead of the file's."
)
@click.option("--workers", type=int, help="Trials at the same time; -1: one per core.")
@json_option
def command(
    file: Path,
    steps: int | None,
    step_time: str | None,
    trials: int | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Say what FILE (default: study.yaml) will do: how many trials get how far, and how long.

    Nothing is run: the scheduler decides on made-up learning curves, on a virtual clock. How
    many trials get how far depends little on the curves for schedulers with rungs, and much for
    rules that compare values.

    JSON: {study, scheduler, trials, workers, max_step, complete, steps, full_steps, seconds,
    busy, rungs: [{step, trials}, ...], brackets: [{number, trials, rungs}, ...]}
    where seconds is null without --step-time.
    """
    from luthier.formats.read import read_study_file
    from luthier.formats.units import seconds
    from luthier.study.preview import preview

    study_file = read_study_file(file)
    per_step = None if step_time is None else seconds(step_time, "--step-time")
    timeout = study_file.budget.timeout
    if timeout is not None and per_step is None:
        raise InvalidInput(
            "--step-time", None, "how long a step takes, since the budget has a timeout"
        )
    try:
        plan = preview(
            study_file.scheduler,
            n_trials=study_file.most_trials(trials),
            max_step=steps,
            workers=study_file.slots(workers),
            seconds_per_step=per_step or 1.0,
            timeout=timeout,
            metric=[objective.name for objective in study_file.objectives],
            directions=[objective.direction for objective in study_file.objectives],
            seed=study_file.seed or 0,
        )
    except InvalidInput as error:
        if error.field not in OPTIONS:
            raise
        raise InvalidInput(OPTIONS[error.field], error.given, error.allowed) from error
    if as_json:
        write_json({"study": study_file.name, **_data(plan, timed=per_step is not None)})
    else:
        _write(study_file, plan, timed=per_step is not None)


def _data(plan: Preview, *, timed: bool) -> dict[str, Any]:
    from dataclasses import asdict

    data = asdict(plan)
    if not timed:
        data["seconds"] = None
    return data


def _write(study_file: StudyFile, plan: Preview, *, timed: bool) -> None:
    what = plan.scheduler if isinstance(plan.scheduler, str) else _said(dict(plan.scheduler))
    click.echo(
        f"study {study_file.name!r}: {_count(plan.trials, 'trial')} of up to "
        f"{_count(plan.max_step, 'step')}, {_count(plan.workers, 'worker')}, {what}\n"
    )
    several = len(plan.brackets) > 1
    rows = [row for bracket in plan.brackets for row in _rows(bracket, several=several)]
    write_table(rows, [*(["bracket"] if several else []), "up to step", "trials", "share"])
    saved = plan.steps / plan.full_steps
    click.echo(
        f"\n{plan.complete} of {_count(plan.trials, 'trial')} run to the end. "
        f"{_count(plan.steps, 'step')} in all, {saved:.1%} of {plan.full_steps}."
    )
    length = duration(plan.seconds) if timed else f"as long as {plan.seconds:g} steps"
    workers = _count(plan.workers, "worker")
    click.echo(f"Expected time: {length} on {workers}, busy {plan.busy:.1%} of it.")
    if not timed:
        click.echo("With --step-time, such as 90s, it says how long that is.")


def _rows(bracket: Bracket, *, several: bool) -> list[list[Any]]:
    last = len(bracket.rungs) - 1
    shown = {round(last * i / (SHOWN - 1)) for i in range(SHOWN)}
    return [
        [
            *([bracket.number] if several else []),
            rung.step,
            rung.trials,
            f"{rung.trials / bracket.trials:.1%}",
        ]
        for index, rung in enumerate(bracket.rungs)
        if last < SHOWN or index in shown
    ]


def _said(settings: dict[str, Any]) -> str:
    name = settings.pop("name")
    return f"{name} ({', '.join(f'{key} {value}' for key, value in settings.items())})"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def duration(seconds: float) -> str:
    """Return a time as people say it, in its two largest units."""
    left = round(seconds)
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2]) or f"{seconds:.2g} s"
