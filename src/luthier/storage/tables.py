"""A look at the tables of somebody else's database, which is not changed by it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from luthier.errors import MissingExtra, StorageError, StorageUnavailable

Row = tuple[Any, ...]


class Tables(Protocol):
    """Tables that can be read."""

    def names(self) -> set[str]:
        """Return the names of all tables."""
        ...

    def columns(self, table: str) -> set[str]:
        """Return the names of the columns of a table."""
        ...

    def rows(self, query: str) -> list[Row]:
        """Return what a query selects."""
        ...


@contextmanager
def open_tables(url: str) -> Iterator[Tables]:
    """Open a database for reading.

    Parameters
    ----------
    url : str
        ``"sqlite:///file.db"``, the path of an SQLite file, or the URL of a PostgreSQL, MySQL or
        MariaDB database.

    Raises
    ------
    StorageUnavailable
        If it is not there.
    StorageError
        If it cannot be read.
    MissingExtra
        If the packages that it needs are not installed.
    """
    scheme, mark, rest = url.partition("://")
    # Which driver another program used is of no interest here.
    backend = scheme.partition("+")[0]
    if not mark or backend == "sqlite":
        path = rest.removeprefix("/") if mark else url
        with _sqlite(path) as tables:
            yield tables
    else:
        with _server(f"{backend}://{rest}") as tables:
            yield tables


class _SQLiteTables:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def names(self) -> set[str]:
        return {name for (name,) in self.rows("SELECT name FROM sqlite_master")}

    def columns(self, table: str) -> set[str]:
        return {row[1] for row in self.rows(f"PRAGMA table_info({table})")}

    def rows(self, query: str) -> list[Row]:
        return self._connection.execute(query).fetchall()


@contextmanager
def _sqlite(path: str) -> Iterator[Tables]:
    if not os.path.isfile(path):
        raise StorageUnavailable(f"there is no file {path}")
    location = quote(str(Path(path).resolve()))
    try:
        with closing(sqlite3.connect(f"file:{location}?mode=ro", uri=True)) as connection:
            yield _SQLiteTables(connection)
    except sqlite3.Error as error:
        raise StorageError(f"{path} cannot be read: {error}") from error


@contextmanager
def _server(url: str) -> Iterator[Tables]:
    try:
        import sqlalchemy
        from sqlalchemy.exc import DBAPIError

        from luthier.storage._sql_errors import translated
        from luthier.storage.sql import address_of
    except ImportError as error:
        raise MissingExtra("a database server", "sql") from error

    class ServerTables:
        def __init__(self, connection: sqlalchemy.Connection) -> None:
            self._connection = connection
            self._inspector = sqlalchemy.inspect(connection)

        def names(self) -> set[str]:
            return set(self._inspector.get_table_names())

        def columns(self, table: str) -> set[str]:
            return {column["name"] for column in self._inspector.get_columns(table)}

        def rows(self, query: str) -> list[Row]:
            return [tuple(row) for row in self._connection.execute(sqlalchemy.text(query))]

    address, extra = address_of(url)
    try:
        engine = sqlalchemy.create_engine(address)
    except ModuleNotFoundError as error:
        raise MissingExtra("a database server", extra) from error
    shown = engine.url.render_as_string(hide_password=True)
    try:
        with engine.connect() as connection:
            yield ServerTables(connection)
    except DBAPIError as error:
        raise translated(error, shown, engine.url.password) from None
    finally:
        engine.dispose()
