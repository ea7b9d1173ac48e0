"""``luthier init``: an example that runs at once."""

from __future__ import annotations

import shlex
from importlib.resources import files
from pathlib import Path

import click

from luthier.cli.options import json_option
from luthier.cli.output import write_json


@click.command("init")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="study.yaml")
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@json_option
def command(file: Path, force: bool, as_json: bool) -> None:
    """Write FILE (default: study.yaml) and train.py beside it: an example that runs at once.

    JSON: {files: [path, ...]}
    """
    if file.suffix.lower() not in (".yaml", ".yml"):
        raise click.BadParameter(f"{str(file)!r} does not end in .yaml or .yml", param_hint="FILE")
    example = files("luthier.cli") / "example"
    schema = files("luthier.formats") / "study.schema.json"
    script = file.with_name("train.py")
    study = (example / "study.yaml").read_text(encoding="utf-8")
    texts = {
        file: study.format(schema=schema, file=file.name, module=script.stem),
        script: (example / "train.py.txt").read_text(encoding="utf-8"),
    }
    present = [str(path) for path in texts if path.exists()]
    if present and not force:
        verb = "is" if len(present) == 1 else "are"
        raise click.UsageError(f"{' and '.join(present)} {verb} there already; --force overwrites.")
    for path, text in texts.items():
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise click.FileError(str(path), error.strerror or str(error)) from error
    if as_json:
        write_json({"files": [str(path) for path in texts]})
    else:
        click.echo(f"wrote {' and '.join(str(path) for path in texts)}")
        click.echo(f"next: luthier run {shlex.quote(str(file))}")
