"""``luthier export``: write the trials for other programs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from luthier.cli.options import find_study, storage_option, study_argument
from luthier.cli.output import plain, trial_data
from luthier.errors import MissingExtra

if TYPE_CHECKING:
    from luthier.model.history import History

FORMATS = ("csv", "json", "parquet")


@click.command("export")
@study_argument()
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Default: by the ending of the file, else csv.",
)
@storage_option
def command(
    study: str | None,
    output: Path | None,
    form: str | None,
    storage: str | None,
    as_json: bool,
) -> None:
    """Write all trials of STUDY, to standard output unless there is a file.

    Values are exact: numbers come out of a CSV file as they were. What is neither text nor
    number is written as JSON there.

    JSON (--json is short for --format json): {study, problem, trials: [trial, ...]}
    """
    if as_json and form not in (None, "json"):
        raise click.UsageError("--json and --format contradict each other.")
    ending = "" if output is None else output.suffix.lower().removeprefix(".")
    form = "json" if as_json else form or (ending if ending in FORMATS else "csv")
    if form == "parquet" and output is None:
        raise click.UsageError("Parquet is written to a file: add -o FILE.")
    found = find_study(study, storage)
    history = found.history
    if output is None:
        _write_text(found.name, history, form, sys.stdout)
    elif form == "parquet":
        _write_parquet(history, output)
    else:
        try:
            with output.open("w", encoding="utf-8", newline="") as stream:
                _write_text(found.name, history, form, stream)
        except OSError as error:
            raise click.FileError(str(output), error.strerror or str(error)) from error


def _write_text(name: str, history: History, form: str, stream: IO[str]) -> None:
    if form == "csv":
        _write_csv(history, stream)
    else:
        for part in _json_parts(name, history):
            stream.write(part)


def _write_csv(history: History, stream: IO[str]) -> None:
    from luthier.study.frames import column_names, trial_rows

    columns = column_names(history)
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for row in trial_rows(history):
        writer.writerow([_cell(row.get(name)) for name in columns])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return repr(value)
    return json.dumps(plain(value), ensure_ascii=False)


def _json_parts(name: str, history: History) -> Iterator[str]:
    problem = history.problem
    head = json.dumps({"study": name, "problem": plain(problem.to_json())}, ensure_ascii=False)
    yield f'{head[:-1]}, "trials": ['
    for index, trial in enumerate(history.trials):
        data = plain(trial_data(trial, problem, full=True))
        yield (",\n" if index else "\n") + json.dumps(data, ensure_ascii=False, allow_nan=False)
    yield "\n]}\n"


def _write_parquet(history: History, output: Path) -> None:
    from luthier.study.frames import trial_columns

    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("export to Parquet", "parquet") from error
    table = {}
    for name, values in trial_columns(history).items():
        try:
            table[name] = pyarrow.array(values)
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
            # A column has one type: values of several types are written as texts.
            table[name] = pyarrow.array([None if v is None else _cell(v) for v in values])
    try:
        pyarrow.parquet.write_table(pyarrow.table(table), output)
    except OSError as error:
        raise click.FileError(str(output), error.strerror or str(error)) from error
