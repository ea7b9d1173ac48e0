"""``luthier serve``: keep studies for workers elsewhere."""

from __future__ import annotations

import logging
import os

import click

from luthier.cli.options import debug_option, open_lasting, shown_url, storage_url

MB = 1_000_000


@click.command("serve")
@click.option("--storage", metavar="URL", help="File or database of the studies.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port; 0 takes a free one.",
)
@click.option(
    "--tokens",
    metavar="FILE",
    envvar="LUTHIER_TOKENS",
    help="Who may do what, see `luthier token`; needed unless --host is this machine.",
)
@click.option("--tls-cert", metavar="FILE", help="Certificate, PEM.")
@click.option("--tls-key", metavar="FILE", help="Its key, PEM.")
@click.option(
    "--files",
    metavar="FOLDER",
    help="Where artifacts and checkpoints are kept.  [default: beside an SQLite file]",
)
@click.option(
    "--max-body",
    type=click.IntRange(min=1),
    default=8 * MB,
    show_default=True,
    help="Bytes of a request.",
)
@click.option(
    "--max-upload",
    type=click.IntRange(min=1),
    default=1000 * MB,
    show_default=True,
    help="Bytes of an artifact or checkpoint.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0),
    default=2000.0,
    show_default=True,
    help="Requests a second for each token; 0 for any.",
)
@click.option(
    "--max-studies",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Studies whose history is kept in memory.",
)
@debug_option
def command(
    storage: str | None,
    host: str,
    port: int,
    tokens: str | None,
    tls_cert: str | None,
    tls_key: str | None,
    files: str | None,
    max_body: int,
    max_upload: int,
    rate: float,
    max_studies: int,
) -> None:
    """Serve studies over HTTP, to `luthier worker` and to any program.

    Ends on SIGTERM or Ctrl-C, when what has begun is answered.
    """
    from luthier.service.server import Address, Server
    from luthier.service.tokens import Tokens, read_tokens

    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    known = Tokens(read_tokens(tokens) if tokens else ())
    address = Address(host, port, tls_cert, tls_key)
    address.check(known)
    opened = open_lasting(storage_url(storage))
    path = getattr(opened, "path", None)
    if files is None and isinstance(path, str | os.PathLike):
        files = f"{os.fspath(path)}.files"

    from luthier.service.app import Service
    from luthier.service.settings import Settings

    settings = Settings(max_body, max_upload, rate, max_studies, files)
    server = Server(
        Service(opened, known, settings),
        address,
        lambda url: click.echo(f"serving {shown_url(opened.url)} at {url}", err=True),
    )
    try:
        server.serve_here()
    finally:
        opened.close()
