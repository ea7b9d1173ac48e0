"""From what a user types to a storage."""

from __future__ import annotations

import os
from collections.abc import Callable

from luthier.errors import InvalidInput
from luthier.storage.base import Storage
from luthier.storage.memory import Memory

FILE_ENDINGS = (".db", ".sqlite", ".sqlite3")


def open_storage(storage: str | os.PathLike[str] | Storage | None = None) -> Storage:
    """Return the storage that a URL or a path names.

    Parameters
    ----------
    storage : str, path or Storage, optional
        - ``None`` or ``"memory"``: memory of this process (default).
        - ``"sqlite"``: the file ``luthier.db`` in the current folder.
        - ``"runs.db"``, also ``.sqlite`` or ``.sqlite3``: that SQLite file.
        - ``"sqlite:///runs.db"``: the same; with four slashes an absolute path. At the end
          ``?durability=power`` may say what every append outlives, see `SQLite`.
        - ``"postgresql://user@host/database"``: PostgreSQL (extra ``sql``).
        - ``"mysql://..."`` or ``"mariadb://..."``: MySQL, MariaDB (extra ``mysql``).
        - ``"http://host:port"`` or ``"https://..."``: what ``luthier serve`` keeps there; the
          token comes from the environment variable LUTHIER_TOKEN.

        A storage is returned as it is.

    Raises
    ------
    InvalidInput
        If the URL or the file's ending is not one of these.
    MissingExtra
        If the storage needs packages that are not installed.
    StorageError
        If it is there and cannot be used, see `luthier.storage.base.Storage`.

    Examples
    --------
    >>> open_storage("memory")
    Memory()
    """
    if storage is None:
        return Memory()
    if isinstance(storage, Storage):
        return storage
    url = os.fspath(storage) if isinstance(storage, os.PathLike) else storage
    if not isinstance(url, str):
        raise InvalidInput("storage", storage, "a path or URL as a string, or a storage")
    scheme, mark, _ = url.partition("://")
    if not mark and url.endswith(FILE_ENDINGS):
        return _sqlite(url)
    opener = SCHEMES.get(scheme.partition("+")[0])
    if opener is None:
        # What follows the scheme may hold a password.
        given = f"{scheme}://..." if mark else url
        endings, schemes = ", ".join(FILE_ENDINGS), ", ".join(SCHEMES)
        raise InvalidInput(
            "storage", given, f"a path ending in {endings}, or a URL beginning with {schemes}"
        )
    return opener(url)


def _memory(url: str) -> Storage:
    return Memory()


def _sqlite(url: str) -> Storage:
    from luthier.storage.sqlite import SQLite

    if url == "sqlite":
        return SQLite()
    path = url.removeprefix("sqlite:///")
    if path != url:
        bare, mark, durability = path.rpartition("?durability=")
        if mark:
            return SQLite(bare, durability=durability)  # type: ignore[arg-type]  # it checks
    return SQLite(path)


def _sql(url: str) -> Storage:
    from luthier.storage.sql import SQL

    return SQL(url)


def _http(url: str) -> Storage:
    from luthier.storage.http import HTTP

    return HTTP(url)


SCHEMES: dict[str, Callable[[str], Storage]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "postgresql": _sql,
    "postgres": _sql,
    "mysql": _sql,
    "mariadb": _sql,
    "http": _http,
    "https": _http,
}
