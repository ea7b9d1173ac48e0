"""Where Optuna kept studies: a database, or a journal file."""

from __future__ import annotations

import os
from collections.abc import Sequence

from luthier.errors import InvalidInput, StorageUnavailable, StudyNotFound
from luthier.formats.optuna.database import read_database
from luthier.formats.optuna.journal import read_journal
from luthier.formats.optuna.records import OptunaStudy

SQLITE = b"SQLite format 3\0"
"""How every SQLite file begins."""


def read_studies(source: str, study: str | None = None) -> Sequence[OptunaStudy]:
    """Return the studies of a storage of Optuna, in the order in which they were created.

    Parameters
    ----------
    source : str
        The URL that Optuna was given ("sqlite:///example.db", "postgresql://...", "mysql://..."),
        or the path of an SQLite file or of a journal file.
    study : str, optional
        Only this one.

    Raises
    ------
    StudyNotFound
        If there is no study, or none of that name.
    StorageError
        If it cannot be read, or holds something else.
    MissingExtra
        If the packages that the database needs are not installed.
    """
    studies = _read(source)
    chosen = [found for found in studies if study in (None, found.name)]
    if not chosen:
        names = ", ".join(repr(found.name) for found in studies) or "no study at all"
        what = "a study" if study is None else f"a study {study!r}"
        raise StudyNotFound(f"{_shown(source)} does not have {what}; it has {names}")
    return chosen


def _read(source: str) -> Sequence[OptunaStudy]:
    if source.startswith("redis"):
        raise InvalidInput(
            "source",
            _shown(source),
            "a database or a journal file: copy the study with optuna.copy_study to one of these",
        )
    if "://" in source:
        return read_database(source)
    if not os.path.isfile(source):
        raise StorageUnavailable(f"there is no file {source}")
    with open(source, "rb") as file:
        is_database = file.read(len(SQLITE)) == SQLITE
    return read_database(source) if is_database else read_journal(source)


def _shown(source: str) -> str:
    """Return a source without what may be a password."""
    scheme, mark, rest = source.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if mark else source
