"""The command ``luthier`` itself: finds the commands, and says errors in one line."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click

from luthier._version import __version__
from luthier.cli.options import debug_option, is_debugging
from luthier.errors import FormatError, InvalidInput, LuthierError

COMMANDS = {
    "init": "Write an example study file that runs at once.",
    "preview": "Say what a study file will do, before anything runs.",
    "run": "Run a study file, or go on with it.",
    "list": "List the studies of a storage.",
    "show": "Show a study and its trials.",
    "best": "Show the best trials and how to use them.",
    "lineage": "Show which trial was forked from which.",
    "enqueue": "Queue a point to be tried next.",
    "transfer": "Start a study from what earlier ones found.",
    "import": "Bring studies over from another system.",
    "export": "Write the trials as CSV, JSON or Parquet.",
    "replay": "Compute suggestions again from the log.",
    "delete": "Delete a study.",
    "serve": "Keep studies for workers elsewhere, over HTTP.",
    "token": "Let somebody in to a service.",
    "worker": "Run trials of a study that a service keeps.",
    "schema": "Print the JSON Schema of study files.",
    "completion": "Print a completion script for your shell.",
}
"""Every command and what its help says; each is ``command`` in the module of its name.

The module of a command that is a word of Python's has an underscore behind it.
"""

INTERRUPTED = 130
"""Exit code after Ctrl-C."""


class Commands(click.Group):
    """Commands that are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = import_module(f"luthier.cli.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was typed, and suggest another if there is none."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            close = get_close_matches(name, COMMANDS, 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; our errors become one line and an exit code."""
        try:
            return super().invoke(ctx)
        except LuthierError as error:
            if is_debugging(ctx):
                raise
            click.echo(f"error: {' '.join(str(error).split())}", err=True)
            ctx.exit(2 if isinstance(error, FormatError | InvalidInput) else 1)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with: luthier init, then luthier run study.yaml",
)
@click.version_option(__version__, prog_name="luthier", message="%(prog)s %(version)s")
@debug_option
def main() -> None:
    """Tune hyperparameters: run studies, look at them, and use what they found."""
