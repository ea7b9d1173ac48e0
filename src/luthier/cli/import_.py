"""``luthier import``: bring studies over from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from luthier.cli.options import open_lasting, storage_option, storage_url
from luthier.cli.output import write_json

if TYPE_CHECKING:
    from luthier.formats.optuna import Brought

SHOWN = 10
"""So many numbers of trials are shown at most."""


@click.group("import")
def command() -> None:
    """Bring studies over from another system, with all their trials."""


@command.command("optuna")
@click.argument("source", metavar="URL")
@click.option("--study", metavar="NAME", help="Only the study of this name.")
@click.option("--name", metavar="NAME", help="Its name here, if it is to have another one.")
@storage_option
def optuna(
    source: str, study: str | None, name: str | None, storage: str | None, as_json: bool
) -> None:
    """Bring studies over from a storage of Optuna, which is only read.

    URL is what Optuna was given (sqlite:///example.db, postgresql://..., mysql://...), or the path
    of an SQLite file or a journal file. Optuna need not be installed. Done again, only trials that
    are new there are added.

    JSON: [{source, study, created, added, known, left_out, changed}, ...]
    """
    from luthier.formats.optuna import bring, read_studies

    studies = read_studies(source, study)
    if name is not None and len(studies) > 1:
        raise click.UsageError(f"--name is for one of the {len(studies)} studies: add --study.")
    target = open_lasting(storage_url(storage))
    brought = [bring(found, target, name) for found in studies]
    if as_json:
        write_json([_data(one) for one in brought])
    else:
        for one in brought:
            _write(one)


def _write(brought: Brought) -> None:
    known = f", {brought.known} were here already" if brought.known else ""
    click.echo(f"{brought.study}: {_trials(brought.added)} brought over{known}")
    _write_reasons("left out", brought.left_out)
    _write_reasons("changed", brought.changed)


def _write_reasons(what: str, reasons: Mapping[str, Sequence[int]]) -> None:
    for reason, numbers in reasons.items():
        shown = ", ".join(map(str, numbers[:SHOWN])) + (", ..." if len(numbers) > SHOWN else "")
        click.echo(f"  {what}: {_trials(len(numbers))} ({reason}): {shown}")


def _trials(count: int) -> str:
    return f"{count} trial" if count == 1 else f"{count} trials"


def _data(brought: Brought) -> dict[str, Any]:
    fields = ("source", "study", "created", "added", "known", "left_out", "changed")
    return {field: getattr(brought, field) for field in fields}
