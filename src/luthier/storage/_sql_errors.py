"""What the errors of PostgreSQL and MySQL mean."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from luthier.errors import ReadOnlyStorage, StorageError, StorageFull, StorageUnavailable

# PostgreSQL names errors by SQLSTATE, MySQL by number; they never coincide.
LOST = {"57P01", "57P02", "57P03", "08000", "08003", "08006", 1053, 1927, 2002, 2003, 2006, 2013}
"""The server went away or is starting: what was running may have been done or not."""

COLLIDED = {"40001", "40P01", "55P03", 1205, 1213}
"""Transactions got into each other's way; this one was undone."""

READ_ONLY = {"25006", "42501", 1044, 1142, 1290, 1792, 1836}
FULL = {"53100", 1021, 1114, 1041}


def code_of(error: DBAPIError) -> str | int | None:
    """Return the server's code for the error, None if it did not come from the server."""
    original = error.orig
    state = getattr(original, "sqlstate", None)
    if state is not None:
        return str(state)
    first = original.args[0] if original is not None and original.args else None
    return first if isinstance(first, int) else None


def is_lost(error: DBAPIError) -> bool:
    """Whether the connection broke, so that nobody knows if the statement was done."""
    if error.connection_invalidated or code_of(error) in LOST:
        return True
    # psycopg gives no code when it cannot connect.
    return type(error.orig).__name__ == "OperationalError" and code_of(error) is None


def translated(error: DBAPIError, shown: str, password: str | None) -> StorageError:
    """Return Luthier's error for one of the server's, without the password."""
    reason = " ".join(str(error.orig).split())
    if password:
        reason = reason.replace(password, "***")
    code = code_of(error)
    if code in READ_ONLY:
        return ReadOnlyStorage(f"{shown} cannot be written by this user ({reason})")
    # MySQL wraps what the operating system says: 28 is "no space left".
    if code in FULL or (code in (3, 1026, 1030) and "28" in reason):
        return StorageFull(f"{shown} cannot grow: the server's disk is full ({reason})")
    if is_lost(error):
        return StorageUnavailable(f"{shown} cannot be reached ({reason})")
    return StorageError(f"{shown}: {reason}")
