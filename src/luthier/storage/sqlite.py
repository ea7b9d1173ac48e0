"""A storage in one SQLite file, for the threads and processes of one machine."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import SystemRandom
from typing import Literal, NamedTuple, TypeVar

from luthier.errors import Conflict, InvalidInput, StorageError, StorageUnavailable
from luthier.storage._checks import already, check_append, check_name, check_range, gone, unknown
from luthier.storage._sqlite_file import connect, is_busy, transient, translated
from luthier.storage._stepping_back import SteppingBack
from luthier.storage.base import Record

T = TypeVar("T")

_dice = SystemRandom()  # leaves the user's random numbers alone, and differs in a forked child

PATIENCE = 60.0
"""Seconds to wait for a file that another process has locked."""

LARGEST_LOG = 32 * 2**20
"""Bytes to which the write-ahead log may grow before writers are held off to empty it."""

LOOK_EVERY = 0.1
"""Seconds between looks at the file and its log: is it still ours, has it grown too large."""

# A process that waits for another sleeps this long between tries, in seconds. Shorter
# sleeps end in vain more often and slow down the process that is writing.
SHORTEST_SLEEP, LONGEST_SLEEP = 0.0005, 0.004

FIND = """
SELECT id, coalesce((SELECT max(seq) FROM records WHERE study = studies.id), 0)
FROM studies WHERE name = ?
"""
# The outer join gives one empty row for a study with nothing new, none for an unknown one.
READ = """
SELECT body FROM studies LEFT JOIN records ON study = id AND seq BETWEEN ? + 1 AND ?
WHERE name = ? AND id = coalesce(?, id) ORDER BY seq
"""
STUDIES = "SELECT name FROM studies ORDER BY id"
# The next id lies beyond all that were used in this file, by a random step: an id of a file
# that was deleted does not come back in the one that takes its place.
BEGIN = """
INSERT INTO studies (id, name) SELECT abs(random() % (1 << 40)) + 1 + coalesce(
    (SELECT seq FROM sqlite_sequence WHERE name = 'studies'), 0), ?
"""
# One statement is one transaction of its own: the quickest append, for the study whose id and
# version are known. Ids do not come back and logs only grow, so what was known and is true no
# longer meets a record in that place, or no study.
NEXT = "INSERT INTO records (study, seq, claim, body) SELECT id, ?, ?, ? FROM studies WHERE id = ?"
LAST_VERSION = 2**63 - 1
INSERT = "INSERT INTO records (study, seq, claim, body) VALUES (?, ?, ?, ?)"
BEAT = """
INSERT INTO beats (study, owner, at)
SELECT id, ?, ? FROM studies WHERE name = ? AND id = coalesce(?, id)
ON CONFLICT (study, owner) DO UPDATE SET at = excluded.at
"""
BEATS = "SELECT owner, at FROM studies LEFT JOIN beats ON study = id WHERE name = ?"


class _End(NamedTuple):
    """Where a study ends."""

    key: int
    version: int


class SQLite:
    """Logs in one SQLite file that any number of processes of one machine may share.

    Every append is one transaction in write-ahead mode. Processes may be forked, spawned
    and killed at any moment; what `append` has returned for stays. Who loses a claim waits up
    to 0.1 s, the longer the more it lost in a row.

    Parameters
    ----------
    path : str or path, default "luthier.db"
        The file. Its folder must exist; the file is created by the first write. It must
        lie on a local disk: the locks of network file systems cannot be trusted.
    durability : {"process", "power"}, default "process"
        What every acknowledged append outlives. ``"process"``: the death of any process.
        A power cut or a crash of the kernel may take the last moments and never
        corrupts the file. ``"power"``: these as well, at the price of waiting for the disk
        at every append.

    Raises
    ------
    StorageError
        If the folder does not exist.
    CorruptStorage, NewerStorage
        If there is a file and it is not ours, damaged, or of a newer version. It is not
        touched.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = "luthier.db",
        *,
        durability: Literal["process", "power"] = "process",
    ) -> None:
        if durability not in ("process", "power"):
            raise InvalidInput("durability", durability, "'process' or 'power'")
        name = os.fspath(path) if isinstance(path, os.PathLike) else path
        if not isinstance(name, str) or not name or name.startswith((":", "file:", "sqlite:")):
            raise InvalidInput("path", path, "the path of a file ('memory' for no file)")
        self.path = os.path.abspath(name)
        self.durability: Literal["process", "power"] = durability
        self.url = f"sqlite:///{self.path}"
        if durability == "power":
            self.url += "?durability=power"
        if not os.path.isdir(os.path.dirname(self.path)):
            raise StorageError(f"{self.path}: the folder does not exist")
        self._log = f"{self.path}-wal"
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._next_look = 0.0
        self._claims = SteppingBack()
        self._ends: dict[str, _End] = {}  # as last known
        self._frozen = False
        _instances.add(self)
        self._patiently(lambda connection: None)  # what is wrong with the file shows now

    def append(
        self,
        study: str,
        records: Sequence[Record],
        *,
        create: bool = False,
        identity: str | None = None,
    ) -> int:
        """Append all records or none; see `luthier.storage.base.Storage.append`."""
        check_append(study, records, create, identity)

        def write(connection: sqlite3.Connection) -> int | None:
            end = self._ends.get(study)
            if end is not None and len(records) == 1 and not create:
                end = _append_next(connection, end, records[0], identity)
                if end is not None:
                    self._ends[study] = end
                    return end.version
            connection.execute("BEGIN IMMEDIATE")
            end = self._end(connection, study, create, identity)
            if end is not None:
                _append_all(connection, end, records)
                end = _End(end.key, end.version + len(records))
            connection.execute("COMMIT")
            if end is None:
                return None
            self._ends[study] = end
            return end.version

        try:
            version = self._patiently(write, create=create)
        except Conflict:
            self._claims.lost()
            raise
        self._claims.won()
        return self._found(study, version, identity)

    def read(
        self,
        study: str,
        after: int = 0,
        limit: int | None = None,
        *,
        identity: str | None = None,
    ) -> list[str]:
        """Return bodies in order; see `luthier.storage.base.Storage.read`."""
        check_range(after, limit)
        last = LAST_VERSION if limit is None else after + limit
        sought = (after, last, study, identity)
        rows = self._patiently(lambda connection: connection.execute(READ, sought).fetchall())
        bodies = [body for (body,) in self._found(study, rows, identity)]
        if bodies == [None]:
            return []
        end = self._ends.get(study)
        if end is not None and end.version < after + len(bodies):  # others have appended
            self._ends[study] = _End(end.key, after + len(bodies))
        return bodies

    def identity(self, study: str) -> str:
        """Return the mark of this very study; see `luthier.storage.base.Storage.identity`."""
        row = self._patiently(lambda connection: connection.execute(FIND, (study,)).fetchone())
        return str(self._found(study, row)[0])

    def studies(self) -> list[str]:
        """Return the names of all studies, in order of creation."""
        rows = self._patiently(lambda connection: connection.execute(STUDIES).fetchall())
        return [name for (name,) in rows or ()]

    def delete(self, study: str) -> None:
        """Delete a study; see `luthier.storage.base.Storage.delete`."""

        def write(connection: sqlite3.Connection) -> list[int] | None:
            connection.execute("BEGIN IMMEDIATE")
            found: list[int] | None = connection.execute(FIND, (study,)).fetchone()
            if found is not None:
                key = (found[0],)
                connection.execute("DELETE FROM records WHERE study = ?", key)
                connection.execute("DELETE FROM beats WHERE study = ?", key)
                connection.execute("DELETE FROM studies WHERE id = ?", key)
            connection.execute("COMMIT")
            self._ends.pop(study, None)
            return found

        self._found(study, self._patiently(write))

    def beat(self, study: str, owner: str, *, identity: str | None = None) -> None:
        """Note that `owner` is alive now, by the clock of this machine."""
        check_name("owner", owner)
        beat = (owner, time.time(), study, identity)
        rows = self._patiently(lambda connection: connection.execute(BEAT, beat).rowcount)
        self._found(study, rows, identity)

    def beats(self, study: str) -> Mapping[str, float]:
        """Return for each owner the seconds since its last beat."""
        rows = self._patiently(lambda connection: connection.execute(BEATS, (study,)).fetchall())
        now = time.time()
        # A clock that was set back makes a beat look like one to come: it is a fresh one.
        return {
            owner: max(0.0, now - at) for owner, at in self._found(study, rows) if owner is not None
        }

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._disconnect()

    def __repr__(self) -> str:
        return f"SQLite({self.path!r}, durability={self.durability!r})"

    def __reduce__(self) -> tuple[Callable[..., SQLite], tuple[str, str]]:
        return _reopened, (self.path, self.durability)

    def __del__(self) -> None:
        if getattr(self, "_connection", None) is not None:
            self._disconnect()

    def _end(
        self, connection: sqlite3.Connection, study: str, create: bool, identity: str | None
    ) -> _End | None:
        row = connection.execute(FIND, (study,)).fetchone()
        if create:
            if row is not None:
                raise already(study, self.url)
            row = connection.execute(BEGIN, (study,)).lastrowid, 0
        elif row is None or identity not in (None, str(row[0])):
            return None
        return _End(*row)

    def _found(self, study: str, result: T | None, identity: str | None = None) -> T:
        if result:
            return result
        if identity is None:
            raise unknown(study, self.url)
        raise gone(study, self.url, again=study in self.studies())

    def _patiently(
        self, work: Callable[[sqlite3.Connection], T], *, create: bool = False
    ) -> T | None:
        """Do the work on the connection, again while the file is locked; None if blank."""
        deadline = 0.0
        with self._lock:
            while True:
                try:
                    connection = self._connected(create)
                    return None if connection is None else work(connection)
                except sqlite3.Error as error:
                    self._roll_back()
                    if not is_busy(error):
                        raise translated(error, self.path) from error
                    now = time.monotonic()
                    deadline = deadline or now + PATIENCE
                    if now > deadline:
                        raise StorageUnavailable(
                            f"{self.path} has been locked by another process for {PATIENCE:.0f} s"
                        ) from error
                    time.sleep(_dice.uniform(SHORTEST_SLEEP, LONGEST_SLEEP))
                except BaseException:
                    self._roll_back()
                    raise
                finally:
                    if self._frozen:
                        self._disconnect()

    def _look(self, connection: sqlite3.Connection) -> None:
        """Make sure that the file is still there, and empty its log if it is too large.

        SQLite's own checkpoints, every 16 MiB, do not hold other writers off. When several
        never pause, the log is never empty at the end of one and grows without bounds.
        """
        if _inode(self.path) != self._file:
            raise StorageError(f"{self.path} was deleted or replaced while it was in use")
        # What fails here is left to a later look.
        with suppress(OSError, sqlite3.Error):
            if os.stat(self._log).st_size >= LARGEST_LOG:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def _connected(self, create: bool) -> sqlite3.Connection | None:
        if self._connection is not None:
            now = time.monotonic()
            if now >= self._next_look:
                self._look(self._connection)
                self._next_look = now + LOOK_EVERY
            return self._connection
        if not create and not os.path.exists(self.path):
            return None
        frozen = transient(self.path)
        connection, ours = connect(self.path, create=create, durability=self.durability)
        if not ours:
            connection.close()
            return None
        self._connection, self._frozen, self._file = connection, frozen, _inode(self.path)
        return connection

    def _roll_back(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection, self._frozen = None, False
        self._ends.clear()


def _append_next(
    connection: sqlite3.Connection, end: _End, record: Record, identity: str | None
) -> _End | None:
    """Append behind the end as last known; None if that is not where the study ends now."""
    body, claim = record
    if identity not in (None, str(end.key)):
        return None
    try:
        row = (end.version + 1, claim, body, end.key)
        appended = connection.execute(NEXT, row).rowcount
    except sqlite3.IntegrityError as error:
        if claim is not None and error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_UNIQUE:
            raise Conflict(claim) from None
        return None  # others have appended since
    return _End(end.key, end.version + 1) if appended else None


def _append_all(connection: sqlite3.Connection, end: _End, records: Sequence[Record]) -> None:
    for seq, (body, claim) in enumerate(records, end.version + 1):
        try:
            connection.execute(INSERT, (end.key, seq, claim, body))
        except sqlite3.IntegrityError:
            if claim is None:
                raise
            raise Conflict(claim) from None


def _inode(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _reopened(path: str, durability: Literal["process", "power"]) -> SQLite:
    return SQLite(path, durability=durability)


# SQLite's locks do not survive a fork: a child that goes on with its parent's connection,
# or opens another one beside it, can destroy the file. So all files are closed while the
# process forks; parent and child open them again at their next use.

_instances: weakref.WeakSet[SQLite] = weakref.WeakSet()
_closed_for_fork: list[SQLite] = []
_fork_lock = threading.Lock()


def _before_fork() -> None:
    _fork_lock.acquire()
    for storage in list(_instances):
        storage._lock.acquire()
        _closed_for_fork.append(storage)
        storage._disconnect()


def _after_fork() -> None:
    while _closed_for_fork:
        _closed_for_fork.pop()._lock.release()
    _fork_lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
