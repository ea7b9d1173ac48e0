"""The SQLite file: how it is recognised, created and opened, and what its errors mean."""

from __future__ import annotations

import os
import shutil
import sqlite3
from urllib.request import pathname2url

from luthier.errors import (
    CorruptStorage,
    NewerStorage,
    ReadOnlyStorage,
    StorageError,
    StorageFull,
    StorageUnavailable,
)
from luthier.storage._sqlite_views import VIEWS

APPLICATION_ID = 0x4C757468
"""``Luth`` in the file's header, so that ``file`` and we can tell it from other databases."""

SCHEMA_VERSION = 1

CHECKPOINT = 4000
"""Pages of 4 KiB in the write-ahead log from which on SQLite moves them into the file. Each time
it waits for the disk; SQLite's own choice, 1000, does so four times as often."""

TABLES = """
CREATE TABLE studies (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE records (
    study INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    claim TEXT,
    body TEXT NOT NULL,
    PRIMARY KEY (study, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX claims ON records (study, claim) WHERE claim IS NOT NULL;
CREATE TABLE beats (
    study INTEGER NOT NULL,
    owner TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (study, owner)
) WITHOUT ROWID;
"""


def connect(path: str, *, create: bool, durability: str) -> tuple[sqlite3.Connection, bool]:
    """Open the file and make sure that it is ours before anything is written.

    Parameters
    ----------
    path : str
        Absolute path.
    create : bool
        Create the file and our tables where they are missing.
    durability : str
        ``"process"`` or ``"power"``.

    Returns
    -------
    connection : sqlite3.Connection
    ours : bool
        False for a blank file: our tables are missing (never if `create`).

    Raises
    ------
    CorruptStorage, NewerStorage
        If the file is not ours or not readable by this version.
    ReadOnlyStorage
        If it should be created and cannot.
    sqlite3.Error
        Anything else; see `translated`.
    """
    if create and not writable(path):
        raise ReadOnlyStorage(f"{path} cannot be written by this user")
    connection = _open(path, _mode(path, create))
    try:
        connection.execute("BEGIN")  # another process may be creating the tables
        ours = _recognise(connection, path)
        connection.execute("COMMIT")
        if create and not ours:
            _create_tables(connection, path)
            ours = True
        level = "FULL" if durability == "power" else "NORMAL"
        connection.execute(f"PRAGMA synchronous = {level}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT}")
    except BaseException:
        connection.close()
        raise
    return connection, ours


def writable(path: str) -> bool:
    """Whether this user may write the file, or create it, and the log beside it."""
    folder_is = os.access(os.path.dirname(path), os.W_OK)
    return folder_is and (os.access(path, os.W_OK) or not os.path.exists(path))


def transient(path: str) -> bool:
    """Whether the file is opened as frozen, which holds only until somebody writes it."""
    return "immutable" in _mode(path, create=False)


def _mode(path: str, create: bool) -> str:
    if writable(path):
        return "rwc" if create else "rw"
    # Readers of a write-ahead log create files beside it. Without a log they need not,
    # if SQLite is told that nobody writes.
    return "ro" if os.path.exists(f"{path}-wal") else "ro&immutable=1"


def _open(path: str, mode: str) -> sqlite3.Connection:
    # The busy handler of SQLite sleeps for up to 0.1 s at a time: waiting is ours.
    return sqlite3.connect(
        f"file:{pathname2url(path)}?mode={mode}",
        uri=True,
        timeout=0,
        isolation_level=None,
        check_same_thread=False,
    )


def _recognise(connection: sqlite3.Connection, path: str) -> bool:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application == APPLICATION_ID:
        if version > SCHEMA_VERSION:
            raise NewerStorage(
                f"{path} has schema version {version}, this Luthier knows up to "
                f"{SCHEMA_VERSION}: install a newer Luthier"
            )
        return True
    if application or version or objects:
        raise CorruptStorage(f"{path} is an SQLite database of another program")
    return False


def _create_tables(connection: sqlite3.Connection, path: str) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    if _recognise(connection, path):  # another process was faster
        connection.execute("ROLLBACK")
        return
    # executescript() would commit the transaction first.
    for statement in f"{TABLES}{VIEWS}".split(";\n"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another process has the file locked: to be tried again."""
    return _primary(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def translated(error: sqlite3.Error, path: str) -> StorageError:
    """Return Luthier's error for one of SQLite's."""
    code = getattr(error, "sqlite_errorcode", 0)
    match _primary(error):
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return CorruptStorage(f"{path} is damaged or not an SQLite database ({error})")
        case sqlite3.SQLITE_READONLY:
            return ReadOnlyStorage(f"{path} cannot be written ({error})")
        case sqlite3.SQLITE_FULL:
            return StorageFull(f"{path} cannot grow: the disk is full ({error})")
        case sqlite3.SQLITE_IOERR if code in (
            # A quota or a limit on the size of files shows as a failed write.
            sqlite3.SQLITE_IOERR_WRITE,
            sqlite3.SQLITE_IOERR_SHMSIZE,
        ):
            free = shutil.disk_usage(os.path.dirname(path)).free / 2**20
            return StorageFull(
                f"{path} cannot grow: disk, quota or file size limit ({error}; "
                f"{free:.0f} MiB are free on the disk)"
            )
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN:
            return StorageUnavailable(f"{path} cannot be read or written now ({error})")
    return StorageError(f"{path}: {error}")


def _primary(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
