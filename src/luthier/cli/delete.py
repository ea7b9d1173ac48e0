"""``luthier delete``: delete a study."""

from __future__ import annotations

import click

from luthier.cli.options import find_study, public_url, shown_url, storage_option, study_argument
from luthier.cli.output import counted, state_counts, write_json


@click.command("delete")
@study_argument(required=True)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@storage_option
def command(study: str, yes: bool, storage: str | None, as_json: bool) -> None:
    """Delete STUDY with all its trials; asks first.

    JSON: {study, storage, deleted}
    """
    found = find_study(study, storage)
    where = shown_url(found.storage.url)
    trials = counted(state_counts(found.history))
    if not yes:
        question = f"Delete study {study!r} in {where} with its trials ({trials})?"
        click.confirm(question, abort=True, err=True)
    found.storage.delete(study)
    if as_json:
        write_json({"study": study, "storage": public_url(found.storage.url), "deleted": True})
    else:
        click.echo(f"deleted study {study!r}")
