"""``luthier run``: run a study file, or go on with it."""

from __future__ import annotations

import contextlib
import logging
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luthier.analysis.best import best_trials
from luthier.cli.main import INTERRUPTED
from luthier.cli.options import open_lasting, public_url, shown_url, storage_option, storage_url
from luthier.cli.output import counted, state_counts, trial_data, write_json, write_trials
from luthier.errors import TooManyFailures

if TYPE_CHECKING:
    from luthier.formats.study_file import StudyFile
    from luthier.study.study import Study

SHOWN = 5
"""Best trials in the table at the end."""


@click.command("run")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default="study.yaml"
)
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    help="Trials of the study in all, instead of the file's.",
)
@click.option("--timeout", metavar="TIME", help="Begin no trial after 90s, 30m, 1h 30m, ...")
@click.option(
    "--max-cost",
    type=click.FloatRange(min=0),
    help="Cost of the study's trials in all, instead of the file's.",
)
@click.option(
    "--executor",
    metavar="NAME",
    help="processes, ray, dask, slurm or inline, instead of the file's.",
)
@click.option("--workers", type=int, help="Trials at the same time; -1: one per core.")
@click.option("--name", metavar="STUDY", help="Name of the study, instead of the file's.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@storage_option
def command(
    file: Path,
    trials: int | None,
    timeout: str | None,
    max_cost: float | None,
    executor: str | None,
    workers: int | None,
    name: str | None,
    quiet: bool,
    storage: str | None,
    as_json: bool,
) -> None:
    """Run FILE (default: study.yaml) to the end of its budget.

    A study that is there already goes on where it stopped. Ctrl-C lets the running trials finish
    and stops; a second one stops at once, and the trials that ran start again next time.

    Exit code: 0 done, 1 failed, 2 the file or the command is wrong, 130 interrupted.

    JSON: {study, storage, stop_reason, states: {STATE: count}, best: [trial, ...]}
    """
    from luthier.formats.read import read_study_file
    from luthier.formats.units import seconds

    study_file = read_study_file(file)
    opened = open_lasting(storage_url(storage, study_file.storage))
    objective = study_file.load_objective()
    study = study_file.open_study(storage=opened, study_name=name)
    arguments = dict(study_file.optimize_arguments())
    if trials is not None:
        arguments["total_trials"] = trials
    if timeout is not None:
        arguments["timeout"] = seconds(timeout, "--timeout")
    if max_cost is not None:
        arguments["max_cost"] = max_cost
    if executor is not None:
        arguments["executor"] = executor
    if workers is not None:
        arguments["n_jobs"] = workers
    if not quiet:
        _announce(study, arguments)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_logging(quiet))
        if not quiet:
            arguments |= _display(study, arguments)
        if as_json:
            # What the objective prints must not get between the JSON.
            stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        try:
            study.optimize(objective, **arguments)
        except TooManyFailures as error:
            last = study.history.ended[-1].number
            hint = f"see `luthier show {shlex.quote(study.name)} --trial {last}`"
            raise TooManyFailures(f"{error} ({hint})") from error
    if as_json:
        history = study.history
        write_json(
            {
                "study": study.name,
                "storage": public_url(opened.url),
                "stop_reason": study.stop_reason,
                "states": state_counts(history),
                "best": [trial_data(trial, history.problem) for trial in best_trials(history)],
            }
        )
    elif not quiet:
        _summarise(study, study_file, storage)
    if study.stop_reason == "interrupted":
        sys.exit(INTERRUPTED)
    if not study.history.complete:
        sys.exit(1)


def _announce(study: Study, arguments: dict[str, Any]) -> None:
    where = f"study {study.name!r} in {shown_url(study.storage.url)}"
    states = state_counts(study.history)
    ended = len(study.history.ended)
    click.echo(f"{where}: goes on ({counted(states)})" if ended else f"{where}: begins", err=True)
    endings = ("total_trials", "timeout", "target", "max_cost", "patience")
    if all(arguments[name] is None for name in endings):
        click.echo("there is no budget: it runs until you press Ctrl-C", err=True)


def _display(study: Study, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `optimize` that show how it goes."""
    if sys.stderr.isatty():
        return {"show_progress_bar": True}
    from luthier.cli.lines import Lines

    return {"callbacks": [Lines(study, arguments["total_trials"])]}


@contextlib.contextmanager
def _logging(quiet: bool) -> Any:
    """Write warnings above the bar."""
    from luthier.cli.lines import AboveBar

    logger = logging.getLogger("luthier")
    handler = AboveBar(logging.ERROR if quiet else logging.WARNING)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


def _summarise(study: Study, study_file: StudyFile, storage: str | None) -> None:
    history = study.history
    click.echo(f"\nStopped: {study.stop_reason}. Trials: {counted(state_counts(history))}.")
    best = best_trials(history)
    if best:
        several = len(history.problem.objectives) > 1
        click.echo(f"\n{'Pareto front' if several else 'Best'}:\n")
        write_trials(best[:SHOWN], history.problem, states=False)
        if len(best) > SHOWN:
            click.echo(f"... and {len(best) - SHOWN} more as good")
    elif history.complete:
        limits = ", ".join(str(limit) for limit in history.problem.limits)
        click.echo(f"No trial keeps the limits: {limits}")
    elif history.paused:
        click.echo("No trial has a result; those that are paused go on with a larger budget.")
    else:
        click.echo("No trial has a result.")
    name = shlex.quote(study.name)
    option = f" --storage {shlex.quote(storage)}" if storage else ""
    if not storage and study_file.storage:
        option = f" --storage {shlex.quote(study_file.storage)}"
    click.echo(f"\nKept as study {study.name!r} in {shown_url(study.storage.url)}. Next:")
    click.echo(f"  luthier best {name}{option}    params to copy")
    click.echo(f"  luthier show {name}{option}    all trials")
    if study.stop_reason == "interrupted":
        click.echo(f"  luthier run {shlex.quote(str(study_file.path))}    go on")
