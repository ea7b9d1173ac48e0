"""``luthier token``: let somebody in to a service."""

from __future__ import annotations

import os

import click

from luthier.cli.options import json_option
from luthier.cli.output import write_json
from luthier.errors import InvalidInput


@click.command("token")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["read", "work", "admin"]),
    default="work",
    show_default=True,
    help="read: look; work: also create studies and run trials; admin: also delete.",
)
@click.option(
    "--tokens", metavar="FILE", default="tokens.json", show_default=True, help="Where it is kept."
)
@click.option("--revoke", is_flag=True, help="Take the token of that name away.")
@json_option
def command(name: str, role: str, tokens: str, revoke: bool, as_json: bool) -> None:
    """Make a token for NAME, and print it; the file keeps a hash of it only.

    `luthier serve --tokens FILE` reads the file when it starts.

    JSON: {name, role, token}, or {name, revoked}
    """
    from luthier.service.tokens import new_token, read_tokens, write_tokens

    known = read_tokens(tokens) if os.path.exists(tokens) else []
    there = any(token.name == name for token in known)
    if revoke:
        if not there:
            raise InvalidInput("name", name, f"the name of a token in {tokens}")
        write_tokens(tokens, [token for token in known if token.name != name])
        if as_json:
            write_json({"name": name, "revoked": True})
        else:
            click.echo(f"revoked the token {name!r}", err=True)
        return
    if there:
        raise InvalidInput("name", name, "a new name: that one has a token (see --revoke)")
    secret, token = new_token(name, role)  # type: ignore[arg-type]  # click has checked it
    write_tokens(tokens, [*known, token])
    if as_json:
        write_json({"name": name, "role": role, "token": secret})
    else:
        click.echo(secret)
