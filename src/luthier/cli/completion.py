"""``luthier completion``: the completion script of a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from luthier.cli.main import main
from luthier.cli.options import json_option
from luthier.cli.output import write_json

SHELLS = {
    "bash": 'eval "$(luthier completion bash)"    in ~/.bashrc',
    "zsh": 'eval "$(luthier completion zsh)"    in ~/.zshrc',
    "fish": "luthier completion fish | source    in ~/.config/fish/config.fish",
}


@click.command("completion", epilog="Put it where your shell starts: " + "; ".join(SHELLS.values()))
@click.argument("shell", type=click.Choice(list(SHELLS)))
@json_option
def command(shell: str, as_json: bool) -> None:
    """Print a script that completes commands, options and names of studies.

    JSON: {shell, script}
    """
    kind = get_completion_class(shell)
    assert kind is not None  # SHELLS are those that click knows
    script = kind(main, {}, "luthier", "_LUTHIER_COMPLETE").source()
    if as_json:
        write_json({"shell": shell, "script": script})
    else:
        click.echo(script)
