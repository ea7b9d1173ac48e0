"""The tables of a database server, and how they come to be there."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from luthier.errors import CorruptStorage, NewerStorage, StorageError

VERSION = "0001"
"""The newest migration. Revisions are numbered, so that a newer one sorts behind it."""

VERSION_TABLE = "luthier_version"


class Exact(sa.types.TypeDecorator[str]):
    """Text of which no two differing values are equal.

    MySQL ignores case, accents or trailing blanks in one collation or the other: there it
    is stored as bytes.
    """

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Return bytes for MySQL (250 characters of up to 4), text for others."""
        mysql = dialect.name in ("mysql", "mariadb")
        return dialect.type_descriptor(sa.VARBINARY(1000) if mysql else sa.Text())

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> Any:
        """Encode for MySQL."""
        mysql = dialect.name in ("mysql", "mariadb")
        return value.encode() if mysql and value is not None else value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> str | None:
        """Decode from MySQL."""
        return value.decode() if isinstance(value, bytes) else value


metadata = sa.MetaData()

studies = sa.Table(
    "luthier_studies",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
    sa.Column("name", Exact, nullable=False, unique=True),
    # Random, because a database that is set up anew counts from 1 again.
    sa.Column("identity", sa.String(32), nullable=False),
    # Every append changes it, which locks the row: writers of one study queue here.
    sa.Column("version", sa.BigInteger, nullable=False),
)
records = sa.Table(
    "luthier_records",
    metadata,
    sa.Column("study", sa.BigInteger, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    sa.Column("claim", Exact),
    # On the first record of an append: tells whether one with a lost answer was written.
    sa.Column("token", sa.String(32)),
    sa.Column("body", sa.Text, nullable=False),
)
beats = sa.Table(
    "luthier_beats",
    metadata,
    sa.Column("study", sa.BigInteger, primary_key=True),
    sa.Column("owner", Exact, primary_key=True),
    sa.Column("at", sa.DateTime, nullable=False),
)


def prepare(engine: sa.Engine, shown: str) -> None:
    """Create or upgrade the tables where needed; safe if many processes do so at once.

    Parameters
    ----------
    engine : sqlalchemy.Engine
    shown : str
        The database's URL for messages.

    Raises
    ------
    NewerStorage, CorruptStorage
        If the tables are not of this version nor of an older one.
    sqlalchemy.exc.DBAPIError
        Whatever the server answers.
    """
    with engine.connect() as connection:
        connection.execution_options(isolation_level="READ COMMITTED")
        if _version(connection, shown) == VERSION:
            return
        lock, unlock = _LOCKS[engine.dialect.name]
        if connection.execute(sa.text(lock)).scalar() == 0:
            raise StorageError(f"{shown}: another process has been upgrading it for 60 s")
        try:
            connection.rollback()  # see what those did whom we waited for
            if _version(connection, shown) != VERSION:
                _upgrade(connection)
                connection.commit()
        finally:
            connection.rollback()
            connection.execute(sa.text(unlock))


_LOCKS = {
    "postgresql": ("SELECT pg_advisory_lock(5509492)", "SELECT pg_advisory_unlock(5509492)"),
    "mysql": ("SELECT GET_LOCK('luthier', 60)", "SELECT RELEASE_LOCK('luthier')"),
}
_LOCKS["mariadb"] = _LOCKS["mysql"]


def _version(connection: sa.Connection, shown: str) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    if found is not None and (not isinstance(found, str) or not found.isdecimal()):
        raise CorruptStorage(f"{shown}: {VERSION_TABLE} holds {found!r}, which is no version")
    if found is not None and found > VERSION:
        raise NewerStorage(
            f"{shown} has schema version {found}, this Luthier knows up to {VERSION}: "
            "install a newer Luthier"
        )
    return found


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "luthier.storage:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, VERSION)
