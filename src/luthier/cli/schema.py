"""``luthier schema``: the JSON Schema of study files."""

from __future__ import annotations

import click

from luthier.cli.options import json_option


@click.command("schema")
@json_option
def command(as_json: bool) -> None:
    """Print the JSON Schema of study files, with which editors check and complete them.

    It is JSON with and without --json.
    """
    from luthier.formats.schema import schema_text

    click.echo(schema_text(), nl=False)
