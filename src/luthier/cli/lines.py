"""How a run goes where there is no terminal: a line now and then; and log lines above the bar."""

from __future__ import annotations

import logging
import sys
import time

import click
from tqdm import tqdm

from luthier.model.trial import FrozenTrial
from luthier.study.progress import Tally
from luthier.study.study import Study

EVERY = 10.0
"""Seconds between two lines."""


class Lines:
    """A callback of `optimize` that writes a line to standard error now and then.

    Parameters
    ----------
    study : Study
        What is watched.
    total : int, optional
        Trials of the study in all.
    """

    def __init__(self, study: Study, total: int | None) -> None:
        self._tally = Tally(study.problem)
        self._total = total
        self._next = time.monotonic()

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        """Write a line if it is time: after the first trial, then every ten seconds."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY
        self._tally.update(study.history)
        total = "" if self._total is None else f"/{self._total}"
        parts = [f"{self._tally.ended}{total} trials", str(self._tally)]
        click.echo(", ".join(part for part in parts if part), err=True)


class AboveBar(logging.Handler):
    """Writes log lines to standard error without breaking a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        tqdm.write(f"{record.levelname.lower()}: {record.getMessage()}", file=sys.stderr)
