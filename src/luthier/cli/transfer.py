"""``luthier transfer``: start a study from what earlier ones found."""

from __future__ import annotations

import click

from luthier.cli.options import find_study, storage_option, study_argument
from luthier.cli.output import write_json


@click.command("transfer")
@study_argument(required=True)
@click.option(
    "--from",
    "sources",
    metavar="OTHER",
    multiple=True,
    required=True,
    help="An earlier study; may be given more than once.",
)
@click.option(
    "--from-storage",
    metavar="URL",
    help="File or database of the earlier studies.  [default: that of STUDY]",
)
@click.option(
    "--n-start",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="Queue at most so many of their good points.",
)
@storage_option
def command(
    study: str,
    sources: tuple[str, ...],
    from_storage: str | None,
    n_start: int,
    storage: str | None,
    as_json: bool,
) -> None:
    """Start STUDY from what earlier studies found, on spaces that need not be the same.

    Their results become tables in its log, for samplers to learn from, and a few points
    that were good there are queued. The same command again changes nothing.

    Example: luthier transfer digits --from letters --from faces

    JSON: {study, sources: [{name, trials}, ...], enqueued: [number, ...]}
    """
    found = find_study(study, storage)
    earlier = [find_study(name, from_storage or storage) for name in sources]
    done = found.transfer_from(*earlier, n_start=n_start)
    taken = list(zip(done.sources, done.rows, strict=True))
    if as_json:
        sources_data = [{"name": name, "trials": rows} for name, rows in taken]
        write_json({"study": found.name, "sources": sources_data, "enqueued": done.enqueued})
        return
    for name, rows in taken:
        click.echo(f"{name}: {rows} {'trial' if rows == 1 else 'trials'}")
    numbers = ", ".join(map(str, done.enqueued))
    click.echo(f"queued as {numbers}" if numbers else "nothing queued")
