"""Every storage keeps the same promises."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from luthier.storage import SQL, Memory, SQLite, Storage
from luthier.testing.servers import Server
from luthier.testing.storage import SharedStorageContract, StorageContract


class TestMemory(StorageContract):
    @pytest.fixture
    def storage(self) -> Storage:
        return Memory()


class TestSQLite(SharedStorageContract):
    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Callable[[], Storage]:
        return partial(SQLite, tmp_path / "studies.db")


class TestPostgreSQL(SharedStorageContract):
    @pytest.fixture
    def reopen(self, postgresql: Server) -> Callable[[], Storage]:
        emptied = SQL(postgresql.url)
        for study in emptied.studies():
            emptied.delete(study)
        emptied.close()
        return partial(SQL, postgresql.url)
