"""Options that the commands share, and how they find studies."""

from __future__ import annotations

import os
from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

import click

from luthier.errors import InvalidInput, StudyNotFound

if TYPE_CHECKING:
    from luthier.storage.base import Storage
    from luthier.study.study import Study

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_STORAGE = "luthier.db"
STORAGE_VARIABLE = "LUTHIER_STORAGE"

_DEBUG = "luthier.debug"


def _note_debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    ctx.meta[_DEBUG] = value or is_debugging(ctx)  # it may stand before the command or behind it


def is_debugging(ctx: click.Context) -> bool:
    """Return whether errors are shown with their traceback."""
    return bool(ctx.meta.get(_DEBUG))


def debug_option(function: F) -> F:
    """Add ``--debug``."""
    return click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        callback=_note_debug,
        help="Show the traceback of an error.",
    )(function)


def json_option(function: F) -> F:
    """Add ``--json`` and ``--debug``."""
    option = click.option(
        "--json", "as_json", is_flag=True, help="Write JSON to standard output, for programs."
    )
    return option(debug_option(function))


def storage_option(function: F) -> F:
    """Add ``--storage``, ``--json`` and ``--debug``."""
    option = click.option(
        "--storage",
        metavar="URL",
        help=f"File or database of studies.  [default: ${STORAGE_VARIABLE}, or {DEFAULT_STORAGE}]",
    )
    return option(json_option(function))


def study_argument(*, required: bool = False) -> Callable[[F], F]:
    """Add the argument STUDY, which may be left out where there is only one study."""
    return click.argument("study", required=required, shell_complete=_complete_study)


def storage_url(given: str | None, from_file: str | None = None) -> str:
    """Return the storage to use: as typed, else of the study file, the environment, or here."""
    return given or from_file or os.environ.get(STORAGE_VARIABLE) or DEFAULT_STORAGE


def open_lasting(url: str) -> Storage:
    """Open a storage that is still there when the command has ended.

    Raises
    ------
    InvalidInput
        If it is in memory.
    """
    from luthier.storage.memory import Memory
    from luthier.storage.registry import open_storage

    storage = open_storage(url)
    if isinstance(storage, Memory):
        raise InvalidInput("storage", url, "a file or a database: memory ends with the command")
    return storage


def open_existing(given: str | None) -> Storage:
    """Open a storage to look at; never creates a file.

    Raises
    ------
    StudyNotFound
        If it is a file that does not exist.
    """
    from luthier.storage.sqlite import SQLite

    url = storage_url(given)
    storage = open_lasting(url)
    if isinstance(storage, SQLite) and not os.path.exists(storage.path):
        raise StudyNotFound(
            f"there are no studies: the file {storage.path} does not exist; run one with "
            f"`luthier run`, or name another file or database with --storage or {STORAGE_VARIABLE}"
        )
    return storage


def find_study(name: str | None, storage: str | None) -> Study:
    """Load a study to look at; without a name the only one there is.

    Raises
    ------
    StudyNotFound
        If there is no such study, or the name is needed.
    """
    from luthier.study.create import load_study

    opened = open_existing(storage)
    names = opened.studies()
    if name is not None and name not in names:
        close = get_close_matches(name, names, 1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        known = f"; there are: {', '.join(names)}" if names else "; it has none"
        raise StudyNotFound(f"{shown_url(opened.url)} has no study {name!r}{hint}{known}")
    if name is None and len(names) != 1:
        known = f": name one of {', '.join(names)}" if names else ""
        raise StudyNotFound(f"{shown_url(opened.url)} has {len(names)} studies{known}")
    # The study's own sampler may be a class that only its owner can import.
    return load_study(name, storage=opened, sampler="random")


def public_url(url: str) -> str:
    """Return a storage's URL without the password."""
    scheme, mark, rest = url.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}{mark}{user.partition(':')[0]}{at}{host}"


def shown_url(url: str) -> str:
    """Return a storage's URL as people write it: a file as a path, no password."""
    path = url.removeprefix("sqlite:///")
    if path == url:
        return public_url(url)
    inside = os.path.relpath(path)
    return path if inside.startswith(os.pardir) else inside


def _complete_study(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    try:
        names = open_existing(ctx.params.get("storage")).studies()
    except Exception:
        return []  # the shell asks while a line is typed: no place for an error
    return [name for name in names if name.startswith(incomplete)]
