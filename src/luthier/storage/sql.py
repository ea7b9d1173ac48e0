"""A storage on a database server: PostgreSQL, MySQL, MariaDB."""

from __future__ import annotations

import os
import time
import uuid
import weakref
from collections.abc import Callable, Mapping, Sequence
from random import SystemRandom
from typing import Any, TypeVar

from luthier.errors import Conflict, InvalidInput, LuthierError, MissingExtra, StudyNotFound
from luthier.storage._checks import already, check_append, check_name, check_range, gone, unknown
from luthier.storage._stepping_back import SteppingBack
from luthier.storage.base import Record

try:
    import sqlalchemy as sa
    from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
except ImportError as error:
    raise MissingExtra("a study on a database server", "sql") from error

from luthier.storage._sql_errors import COLLIDED, code_of, is_lost, translated
from luthier.storage._sql_schema import Exact, beats, prepare, records, studies

T = TypeVar("T")

_dice = SystemRandom()  # leaves the user's random numbers alone, and differs in a forked child

PATIENCE = 3.0
"""Seconds in which a connection that was cut is replaced; to wait for longer is up to others."""

CONNECTED = {
    "postgresql": {
        "connect_timeout": 10,
        "keepalives_idle": 20,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
    },
    "mysql": {"connect_timeout": 10, "read_timeout": 60, "write_timeout": 60},
}
"""A network that swallows everything is noticed within a minute; the URL may say otherwise."""

SLEEP = (0.02, 0.2)
"""Shortest and longest pause before the next try, in seconds."""

DRIVERS = {
    "postgres": ("postgresql+psycopg", "sql"),
    "postgresql": ("postgresql+psycopg", "sql"),
    "mysql": ("mysql+pymysql", "mysql"),
    "mariadb": ("mariadb+pymysql", "mysql"),
}

# One statement is one transaction and one round trip. The study's row stays locked until
# the records are there, so readers see versions in order and without holes. That the first
# claim is taken is an answer and no error: with many writers it is what they hear most.
_CREATED = """
WITH log AS (
    INSERT INTO luthier_studies (name, identity, version) VALUES (:study, :token, :count)
    RETURNING id, 0 AS version
)"""
_FOUND = """
WITH log AS (
    SELECT id, version FROM luthier_studies
    WHERE name = :study AND identity = coalesce(CAST(:identity AS text), identity)
    FOR NO KEY UPDATE
)"""
_FIRST = """, first AS (
    INSERT INTO luthier_records (study, seq, claim, token, body)
    SELECT id, version + 1, CAST(:claim AS text), CAST(:token AS text), CAST(:body AS text)
    FROM log ON CONFLICT (study, claim) WHERE claim IS NOT NULL DO NOTHING RETURNING study, seq
)"""
_REST = """, rest AS (
    INSERT INTO luthier_records (study, seq, claim, body)
    SELECT study, seq + place, given.claim, given.body
    FROM first, unnest(CAST(:claims AS text[]), CAST(:bodies AS text[]))
        WITH ORDINALITY AS given (claim, body, place)
)"""
_COUNTED = """, counted AS (
    UPDATE luthier_studies SET version = version + :count FROM first WHERE id = first.study
)"""
_VERSION = "SELECT seq FROM log LEFT JOIN first ON true"
POSTGRESQL_CREATE = sa.text(_CREATED + _FIRST + _REST + _VERSION)
POSTGRESQL_APPEND_ONE = sa.text(_FOUND + _FIRST + _COUNTED + _VERSION)
POSTGRESQL_APPEND = sa.text(_FOUND + _FIRST + _REST + _COUNTED + _VERSION)

# Made once: to build a query takes longer than to run it. The outer join gives one empty row
# for a study with nothing new, none for an unknown one. MySQL would sort it in a temporary
# table; in Python it is nearly free.
READ = (
    sa.select(records.c.seq, records.c.body)
    .select_from(
        studies.outerjoin(
            records,
            (records.c.study == studies.c.id)
            & records.c.seq.between(sa.bindparam("after") + 1, sa.bindparam("last")),
        )
    )
    .where(
        studies.c.name == sa.bindparam("study"),
        studies.c.identity
        == sa.func.coalesce(sa.bindparam("identity", type_=sa.String), studies.c.identity),
    )
)
LAST_VERSION = 2**63 - 1
POSTGRESQL_BEAT = """
INSERT INTO luthier_beats (study, owner, at)
SELECT id, :owner, clock_timestamp() AT TIME ZONE 'UTC' FROM luthier_studies
WHERE name = :study AND identity = coalesce(:identity, identity)
ON CONFLICT (study, owner) DO UPDATE SET at = excluded.at
"""
MYSQL_BEAT = """
INSERT INTO luthier_beats (study, owner, at)
SELECT id, :owner, UTC_TIMESTAMP(6) FROM luthier_studies
WHERE name = :study AND identity = coalesce(:identity, identity)
ON DUPLICATE KEY UPDATE at = VALUES(at)
"""
POSTGRESQL_AGE = "CAST(extract(epoch FROM clock_timestamp() AT TIME ZONE 'UTC' - at) AS float8)"
MYSQL_AGE = "TIMESTAMPDIFF(MICROSECOND, at, UTC_TIMESTAMP(6)) / 1e6"


class SQL:
    """Logs in tables of a database server that any number of machines may share.

    Writers of the same study queue at its row, those of different studies do not wait for
    each other. Who loses a claim waits up to 0.1 s, the longer the more it lost in a row. A
    connection that is cut is replaced; an append whose answer got lost is written once, not
    twice. A server that stays away for longer than three seconds is an error, which a study
    waits out.

    Parameters
    ----------
    url : str
        ``postgresql://user:password@host:port/database``, ``mysql://...`` or
        ``mariadb://...``. Tables are created, and upgraded after a new release, by the
        first who comes. Their names begin with ``luthier_``, so the database may hold other
        things too.

    Raises
    ------
    InvalidInput
        If the URL is not one of these.
    MissingExtra
        If the database's driver is not installed.
    NewerStorage
        If the tables are of a newer version.
    StorageError
        If the server cannot be reached or does not let the user in.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        """With the password, if it was given with one; `repr` hides it."""
        address, extra = address_of(url)
        self._shown = _shown(address)
        self._password = address.password
        try:
            # One statement, one transaction, unless a method begins a longer one.
            self._engine = sa.create_engine(
                address,
                isolation_level="AUTOCOMMIT",
                hide_parameters=True,
                connect_args=_connecting(address),
            )
        except ImportError as error:
            raise MissingExtra(f"a study on {address.get_backend_name()}", extra) from error
        self._on_postgresql = self._engine.dialect.name == "postgresql"
        self._claims = SteppingBack()
        _instances.add(self)
        try:
            self._patiently(lambda again: prepare(self._engine, self._shown), patience=0.0)
        except BaseException:
            self._engine.dispose()
            raise

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
        token = uuid.uuid4().hex
        write = self._append_at_once if self._on_postgresql else self._append_in_steps

        def attempt(again: bool) -> int:
            try:
                first = write(study, records, create, identity, token)
            except (Conflict, IntegrityError) as error:
                first = self._written(study, token) if again else None
                if first is None:
                    raise self._refusal(study, records, create, error) from None
            if first is None:
                raise self._missing(study, identity)
            return first + len(records) - 1

        try:
            version = self._patiently(attempt)
        except Conflict:
            self._claims.lost()
            raise
        self._claims.won()
        return version

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
        sought = {"study": study, "identity": identity, "after": after, "last": last}
        rows = self._rows(READ, sought)
        if not rows:
            raise self._missing(study, identity)
        return [body for seq, body in sorted(rows) if seq is not None]

    def identity(self, study: str) -> str:
        """Return the mark of this very study; see `luthier.storage.base.Storage.identity`."""
        found = self._column(sa.select(studies.c.identity).where(_is(study)))
        if not found:
            raise self._missing(study)
        return str(found[0])

    def studies(self) -> list[str]:
        """Return the names of all studies, in order of creation."""
        return self._column(sa.select(studies.c.name).order_by(studies.c.id))

    def delete(self, study: str) -> None:
        """Delete a study; see `luthier.storage.base.Storage.delete`."""

        def attempt(again: bool) -> None:
            with self._engine.connect() as connection:
                deleted = connection.execute(studies.delete().where(_is(study))).rowcount
            if not deleted and not again:
                raise self._missing(study)

        self._patiently(attempt)

    def beat(self, study: str, owner: str, *, identity: str | None = None) -> None:
        """Note that `owner` is alive now, by the clock of the server."""
        check_name("owner", owner)
        beat = sa.text(POSTGRESQL_BEAT if self._on_postgresql else MYSQL_BEAT).bindparams(
            sa.bindparam("owner", owner, Exact),
            sa.bindparam("study", study, Exact),
            sa.bindparam("identity", identity, sa.String),
        )

        def attempt(again: bool) -> None:
            with self._engine.connect() as connection:
                if not connection.execute(beat).rowcount:
                    raise self._missing(study, identity)

        self._patiently(attempt)

    def beats(self, study: str) -> Mapping[str, float]:
        """Return for each owner the seconds since its last beat."""
        since: sa.ColumnClause[Any] = sa.literal_column(
            POSTGRESQL_AGE if self._on_postgresql else MYSQL_AGE
        )
        query = (
            sa.select(beats.c.owner, since)
            .select_from(studies.outerjoin(beats, beats.c.study == studies.c.id))
            .where(_is(study))
        )
        rows = self._rows(query)
        if not rows:
            raise self._missing(study)
        # A clock that was set back makes a beat look like one to come: it is a fresh one.
        return {owner: max(0.0, float(age)) for owner, age in rows if owner is not None}

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __repr__(self) -> str:
        return f"SQL({self._shown!r})"

    def __reduce__(self) -> tuple[type[SQL], tuple[str]]:
        return SQL, (self.url,)

    def _append_at_once(
        self, study: str, given: Sequence[Record], create: bool, identity: str | None, token: str
    ) -> int | None:
        (body, claim), *rest = given
        values: dict[str, object] = {
            "study": study,
            "identity": identity,
            "count": len(given),
            "token": token,
            "claim": claim,
            "body": body,
        }
        statement = POSTGRESQL_APPEND_ONE
        if rest or create:
            statement = POSTGRESQL_CREATE if create else POSTGRESQL_APPEND
            values["claims"] = [record.claim for record in rest]
            values["bodies"] = [record.body for record in rest]
        with self._engine.connect() as connection:
            result = connection.execute(statement, values)
            row = result.one_or_none()
        if row is None:
            return None
        first: int | None = row[0]
        if first is None:
            raise Conflict(str(claim))
        return first

    def _append_in_steps(
        self, study: str, given: Sequence[Record], create: bool, identity: str | None, token: str
    ) -> int | None:
        with self._engine.begin() as connection:
            connection.execute(sa.text("START TRANSACTION"))
            if create:
                row = studies.insert().values(name=study, identity=token, version=len(given))
                key, version = connection.execute(row).lastrowid, 0
            else:
                log = sa.select(studies.c.id, studies.c.version).where(_is(study, identity))
                found = connection.execute(log.with_for_update()).one_or_none()
                if found is None:
                    return None
                key, version = found
                after = studies.update().where(studies.c.id == key)
                connection.execute(after.values(version=version + len(given)))
            rows = [
                {"study": key, "seq": version + place, "claim": claim, "token": None, "body": body}
                for place, (body, claim) in enumerate(given, 1)
            ]
            rows[0]["token"] = token
            connection.execute(records.insert(), rows)
        return int(version) + 1

    def _missing(self, study: str, identity: str | None = None) -> StudyNotFound:
        if identity is None:
            return unknown(study, self._shown)
        return gone(study, self._shown, again=study in self.studies())

    def _written(self, study: str, token: str) -> int | None:
        found = self._column(
            sa.select(records.c.seq)
            .join(studies, records.c.study == studies.c.id)
            .where(_is(study), records.c.token == token)
        )
        return found[0] if found else None

    def _refusal(
        self,
        study: str,
        given: Sequence[Record],
        create: bool,
        error: Conflict | IntegrityError,
    ) -> LuthierError:
        if isinstance(error, Conflict):
            return error
        if create:
            return already(study, self._shown)
        claims = [claim for _, claim in given if claim is not None]
        taken = self._column(
            sa.select(records.c.claim)
            .join(studies, records.c.study == studies.c.id)
            .where(_is(study), records.c.claim.in_(claims))
        )
        for claim in claims:
            if claim in taken:
                return Conflict(claim)
        return translated(error, self._shown, self._password)

    def _column(self, query: sa.Select[Any]) -> list[Any]:
        return [row[0] for row in self._rows(query)]

    def _rows(
        self, query: sa.Select[Any], values: Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:
        def attempt(again: bool) -> list[tuple[Any, ...]]:
            with self._engine.connect() as connection:
                return [tuple(row) for row in connection.execute(query, values)]

        return self._patiently(attempt)

    def _patiently(self, work: Callable[[bool], T], *, patience: float | None = None) -> T:
        """Do the work, again after the server was lost; tell it if it may have been done."""
        deadline = None
        again = False
        while True:
            try:
                return work(again)
            except DBAPIError as error:
                lost = is_lost(error)
                now = time.monotonic()
                if deadline is None:
                    deadline = now + (PATIENCE if patience is None else patience)
                if now >= deadline or not (lost or code_of(error) in COLLIDED):
                    raise translated(error, self._shown, self._password) from error
                again = again or lost
            time.sleep(_dice.uniform(*SLEEP))


def _is(study: str, identity: str | None = None) -> sa.ColumnElement[bool]:
    named = studies.c.name == study
    return named if identity is None else named & (studies.c.identity == identity)


def address_of(url: str) -> tuple[sa.URL, str]:
    """Return the address of a database with our driver, and the extra that brings the driver.

    Raises
    ------
    InvalidInput
        If the URL is none of PostgreSQL, MySQL or MariaDB.
    """
    scheme, mark, rest = url.partition("://")
    backend = scheme.partition("+")[0]
    try:
        driver, extra = DRIVERS[backend]
        if not mark or scheme not in (backend, driver):
            raise KeyError(scheme)
        return sa.make_url(f"{driver}://{rest}"), extra
    except (KeyError, ArgumentError, ValueError):
        allowed = "postgresql://, mysql:// or mariadb://user:password@host:port/database"
        # What follows may hold a password.
        raise InvalidInput("storage", f"{scheme}://...", allowed) from None


def _connecting(address: sa.URL) -> dict[str, int]:
    backend = "postgresql" if address.get_backend_name() == "postgresql" else "mysql"
    return {name: v for name, v in CONNECTED[backend].items() if name not in address.query}


def _shown(address: sa.URL) -> str:
    return address.set(drivername=address.get_backend_name()).render_as_string()


# A forked child must not speak on its parent's connections.
_instances: weakref.WeakSet[SQL] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for storage in list(_instances):
        storage._engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
