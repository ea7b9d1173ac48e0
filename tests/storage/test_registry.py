"""From a URL to a storage."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from luthier.errors import InvalidInput, MissingExtra
from luthier.storage import Memory, SQLite, open_storage


@pytest.mark.parametrize("url", [None, "memory"])
def test_memory(url: str | None) -> None:
    assert isinstance(open_storage(url), Memory)


def test_two_memories_are_two_storages() -> None:
    assert open_storage() is not open_storage()


def test_a_storage_stays_itself() -> None:
    storage = Memory()
    assert open_storage(storage) is storage


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite", "luthier.db"),
        ("sqlite:///runs.db", "runs.db"),
        ("sqlite:///runs", "runs"),
        ("runs.db", "runs.db"),
        ("./runs.sqlite", "runs.sqlite"),
        ("runs.sqlite3", "runs.sqlite3"),
        (Path("runs.db"), "runs.db"),
    ],
)
def test_sqlite(
    url: str | Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    storage = open_storage(url)
    assert isinstance(storage, SQLite)
    assert storage.path == str(tmp_path / name)
    assert storage.url == f"sqlite:///{tmp_path / name}"


def test_the_durability_of_sqlite_can_be_said_in_its_url(tmp_path: Path) -> None:
    path = tmp_path / "a?b.db"
    storage = open_storage(f"sqlite:///{path}?durability=power")
    assert isinstance(storage, SQLite)
    assert (storage.path, storage.durability) == (str(path), "power")
    again = open_storage(storage.url)
    assert isinstance(again, SQLite)
    assert (again.path, again.durability) == (str(path), "power")
    with pytest.raises(InvalidInput, match="durability"):
        open_storage(f"sqlite:///{path}?durability=forever")


@pytest.mark.parametrize("url", ["", "runs", "runs.json", "redis://me:s3cret@host", "sqlite://"])
def test_anything_else_is_refused_with_what_is_allowed(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_storage(url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("given", [3, b"runs.db", 1.5, ["runs.db"], Memory], ids=repr)
def test_what_is_no_text_is_refused(given: Any) -> None:
    with pytest.raises(InvalidInput, match="storage"):
        open_storage(given)
    with pytest.raises(InvalidInput, match="path"):
        SQLite(given)


def test_a_missing_driver_is_told_with_the_extra_that_brings_it() -> None:
    code = """
import sys
sys.modules["sqlalchemy"] = None
from luthier.errors import MissingExtra
from luthier.storage import open_storage
try:
    open_storage("postgresql://host/database")
except MissingExtra as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'luthier[sql]'" in done.stdout


@pytest.mark.parametrize(
    ("driver", "url", "extra"),
    [("psycopg", "postgresql://host/d", "sql"), ("pymysql", "mysql://host/d", "mysql")],
)
def test_a_missing_database_driver_is_told(
    driver: str, url: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(MissingExtra, match=rf"luthier\[{extra}\]"):
        open_storage(url)


def test_databases_are_imported_by_those_who_use_them() -> None:
    # Names of ours where we can: a tool that measures the tests may import sqlite3 itself.
    heavy = {"luthier.storage.sqlite", "luthier.storage.sql", "sqlalchemy", "alembic"}
    code = f"import sys, luthier.storage; print({heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
