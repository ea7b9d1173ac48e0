"""``luthier worker``: run trials of a study that a service keeps."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

import click

from luthier.cli.main import INTERRUPTED
from luthier.cli.options import debug_option
from luthier.errors import InvalidInput


@click.command("worker", context_settings={"ignore_unknown_options": True})
@click.argument("url")
@click.argument("program", nargs=-1, type=click.UNPROCESSED)
@click.option("--study", required=True, help="Name of the study.")
@click.option("--objective", metavar="MODULE:FUNCTION", help="What to run, instead of PROGRAM.")
@click.option("-n", "--workers", type=int, default=1, show_default=True, help="-1: one per core.")
@click.option("--trials", type=click.IntRange(min=1), help="Trials of the study in all.")
@click.option("--max-trials", type=click.IntRange(min=1), help="Trials of this worker.")
@click.option("--trial-timeout", type=float, help="Seconds that a trial may take.")
@click.option("--trial-memory", help="Memory that a trial may use, such as 4GB.")
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    help="Seconds from the request to stop to the kill of a trial.",
)
@click.option("--pattern", help="Regular expression that finds metrics in a program's output.")
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    help="Seconds to wait for a service that is away.  [default: for ever]",
)
@debug_option
def command(
    url: str,
    program: tuple[str, ...],
    study: str,
    objective: str | None,
    workers: int,
    trials: int | None,
    max_trials: int | None,
    trial_timeout: float | None,
    trial_memory: str | None,
    grace: float,
    pattern: str | None,
    patience: float | None,
) -> None:
    """Run trials of a study that the service at URL keeps, with PROGRAM or a function.

    The token comes from the environment variable LUTHIER_TOKEN. Ctrl-C lets the running trials
    finish; SIGTERM lets them write a checkpoint and hands them back.

    Exit code: 0 nothing is left to do, 1 failed, 2 the command is wrong, 130 interrupted.
    """
    from dataclasses import replace

    from luthier.executors import Command
    from luthier.formats.study_file import StudyFile
    from luthier.service.client import Client
    from luthier.service.worker import Worker
    from luthier.study.loop import choose_executor, make_limits

    if bool(program) == (objective is not None):
        raise InvalidInput("worker", program or objective, "either a program or --objective")
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    limits = replace(make_limits(trial_timeout, trial_memory), grace=grace)
    what: Callable[..., Any]
    if objective is not None:
        # Found as for a study file in this folder.
        what = StudyFile(Path("worker"), study, objective, ()).load_objective()
    else:
        what = Command(list(program), pattern=pattern, grace=grace)
    executor = choose_executor(None, workers, None, 1, limits, command=objective is None)
    worker = Worker(
        Client(url, study),
        what,
        executor,
        limits=limits,
        total_trials=trials,
        n_trials=max_trials,
        patience=inf if patience is None else patience,
    )
    try:
        done = worker.run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    click.echo(f"{done} trials", err=True)
