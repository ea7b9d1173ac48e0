"""``luthier replay``: compute suggestions again from the log."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from luthier.cli.options import find_study, storage_option, study_argument
from luthier.cli.output import write_json

if TYPE_CHECKING:
    from luthier.study.replay import Replayed


@click.command("replay")
@study_argument()
@click.argument("number", type=click.IntRange(min=0), required=False)
@storage_option
def command(study: str | None, number: int | None, storage: str | None, as_json: bool) -> None:
    """Compute the suggestion of trial NUMBER of STUDY again, or of all trials.

    A suggestion depends on nothing but the log, so it must come out the same. It may differ
    after the sampler has changed in a newer version.

    Exit code: 0 if all are the same, 1 if one differs.

    JSON: {study, same, trials: [{number, same, recorded, recomputed, by, note}, ...]}
    where same is null for params that a person gave.
    """
    from luthier.study.replay import replay, replay_all

    found = find_study(study, storage)
    results = replay_all(found) if number is None else [replay(found, number)]
    different = [result for result in results if result.same is False]
    if as_json:
        data = [
            {
                "number": result.number,
                "same": result.same,
                "recorded": result.recorded,
                "recomputed": result.recomputed,
                "by": result.by,
                "note": result.note,
            }
            for result in results
        ]
        write_json({"study": found.name, "same": not different, "trials": data})
    else:
        for result in results if number is not None else different:
            _write(result)
        if number is None:
            same = sum(result.same is True for result in results)
            line = f"{same} the same, {len(different)} different"
            others = len(results) - same - len(different)
            click.echo(line + (f", {others} not to be compared" if others else ""))
    if different:
        sys.exit(1)


def _write(result: Replayed) -> None:
    verdict = {True: "the same", False: "DIFFERENT", None: result.note}[result.same]
    click.echo(f"trial {result.number}: {verdict}")
    click.echo(f"  recorded:   {dict(result.recorded)}")
    if result.recomputed is not None:
        click.echo(f"  recomputed: {dict(result.recomputed)}")
    elif result.same is False:
        click.echo(f"  recomputed: nothing ({result.note})")
    click.echo(f"  by:         {result.by}")
