"""Where studies are kept: in memory, an SQLite file, a database, or behind a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from luthier.storage.base import Record, Storage
from luthier.storage.memory import Memory
from luthier.storage.registry import open_storage

if TYPE_CHECKING:
    from luthier.storage.http import HTTP
    from luthier.storage.sql import SQL
    from luthier.storage.sqlite import SQLite

__all__ = ["Record", "Storage", "Memory", "SQLite", "SQL", "HTTP", "open_storage"]


def __getattr__(name: str) -> Any:
    # Databases are imported by those who use them: `import luthier` stays cheap.
    if name == "SQLite":
        from luthier.storage.sqlite import SQLite

        return SQLite
    if name == "SQL":
        from luthier.storage.sql import SQL

        return SQL
    if name == "HTTP":
        from luthier.storage.http import HTTP

        return HTTP
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
