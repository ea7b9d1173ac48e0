"""What a database server promises beyond the contract, with a real PostgreSQL."""

import multiprocessing
import pickle
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

import luthier.storage.sql
from luthier.errors import (
    Conflict,
    InvalidInput,
    NewerStorage,
    ReadOnlyStorage,
    StorageError,
    StorageFull,
    StudyExists,
)
from luthier.storage import SQL, Record, open_storage
from luthier.storage._sql_schema import VERSION
from luthier.testing._contenders import begin
from luthier.testing.servers import Server
from storage.proxy import Proxy


def say(database: str, *statements: str) -> list[tuple[object, ...]]:
    """Speak to the database past Luthier; return the rows of the last statement."""
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def storage(database: str) -> Iterator[SQL]:
    storage = SQL(database)
    yield storage
    storage.close()


def test_the_newest_migration_is_the_version_we_know() -> None:
    config = Config()
    config.set_main_option("script_location", "luthier.storage:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [VERSION]


def test_eight_processes_may_be_the_first(database: str) -> None:
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(8, mp_context=fork) as processes:
        opened = partial(SQL, database)
        runs = [processes.submit(begin, opened, "s", f"{owner}") for owner in range(8)]
        assert sorted(run.result() for run in runs) == [False] * 7 + [True]
    assert say(database, "SELECT version_num FROM luthier_version") == [(VERSION,)]


def test_a_newer_database_is_refused_and_left_as_it_is(database: str) -> None:
    SQL(database).close()
    say(database, "UPDATE luthier_version SET version_num = '9999'")
    with pytest.raises(NewerStorage, match=r"version 9999.*newer Luthier"):
        SQL(database)
    assert say(database, "SELECT version_num FROM luthier_version") == [("9999",)]


def test_tables_of_others_do_not_matter(database: str) -> None:
    say(database, "CREATE TABLE studies (x int)", "CREATE TABLE trials (x int)")
    storage = SQL(database)
    assert storage.append("s", [Record("a")], create=True) == 1
    storage.close()


def test_a_pickled_storage_and_its_url_reach_the_same_database(storage: SQL) -> None:
    storage.append("s", [Record("a")], create=True)
    for again in (pickle.loads(pickle.dumps(storage)), open_storage(storage.url)):
        assert again.read("s") == ["a"]
        again.close()


def test_who_may_not_write_reads(database: str, storage: SQL) -> None:
    storage.append("s", [Record("a")], create=True)
    say(
        database,
        "DROP ROLE IF EXISTS reader",
        "CREATE ROLE reader LOGIN",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
    )
    reader = SQL(database.replace("luthier@", "reader@"))
    assert reader.read("s") == ["a"]
    with pytest.raises(ReadOnlyStorage, match="cannot be written by this user"):
        reader.append("s", [Record("b")])
    with pytest.raises(ReadOnlyStorage):
        reader.beat("s", "one")
    with pytest.raises(ReadOnlyStorage):
        reader.delete("s")
    reader.close()
    say(database, "DROP OWNED BY reader", "DROP ROLE reader")


def test_a_full_disk_is_told_as_such(database: str, storage: SQL) -> None:
    storage.append("s", [Record("a")], create=True)
    # The server's own error for a disk without space, raised when a record would be written.
    say(
        database,
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$",
        "CREATE TRIGGER full_disk BEFORE INSERT ON luthier_records "
        "FOR EACH ROW EXECUTE FUNCTION full_disk()",
    )
    with pytest.raises(StorageFull, match="disk is full"):
        storage.append("s", [Record("b")])
    say(database, "DROP TRIGGER full_disk ON luthier_records")
    assert storage.append("s", [Record("c")]) == 2


def test_a_wrong_password_is_told_without_it(postgresql: Server, database: str) -> None:
    rules = postgresql.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    url = database.replace("luthier@", "locked:s3cret@")
    say(database, "CREATE ROLE locked LOGIN PASSWORD 'right'")
    rules.write_text(f"local all locked scram-sha-256\n{before}")
    say(database, "SELECT pg_reload_conf()")
    try:
        while _lets_in(url):  # until the server has read its rules
            pass
        with pytest.raises(StorageError, match="password authentication failed") as caught:
            SQL(url)
    finally:
        rules.write_text(before)
        say(database, "SELECT pg_reload_conf()", "DROP ROLE locked")
    assert "s3cret" not in str(caught.value)
    assert "locked:***@" in str(caught.value)


def _lets_in(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.mark.parametrize(
    "url", ["postgresql://me:s3cret@127.0.0.1:1/d", "mysql://me:s3cret@127.0.0.1:1/d"]
)
def test_a_server_that_is_not_there_is_told_at_once_without_the_password(url: str) -> None:
    with pytest.raises(StorageError, match=r"me:\*\*\*@127\.0\.0\.1.*refused") as caught:
        SQL(url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql",
        "oracle://me:s3cret@host/d",
        "postgresql+asyncpg://me:s3cret@host/d",
        "postgresql://me:s3cret@host:port/d",
    ],
)
def test_a_url_that_makes_no_sense_is_refused_without_the_password(url: str) -> None:
    with pytest.raises(InvalidInput, match="storage") as caught:
        SQL(url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_restart_of_the_server_loses_and_doubles_nothing(
    postgresql: Server, storage: SQL, how: signal.Signals
) -> None:
    storage.append("s", [Record("begin")], create=True)
    count = 300
    restarted = threading.Event()

    def append(owner: int) -> list[int]:
        versions = []
        for place in range(count):
            if place == count // 2:
                restarted.wait()
            versions.append(storage.append("s", [Record(f"{owner} {place}", f"{owner} {place}")]))
        return versions

    with ThreadPoolExecutor(4) as threads:
        runs = [threads.submit(append, owner) for owner in range(4)]
        postgresql.stop(how)
        postgresql.start()
        restarted.set()
        versions = {
            (owner, place): v
            for owner, run in enumerate(runs)
            for place, v in enumerate(run.result())
        }
    bodies = storage.read("s")
    assert len(bodies) == 4 * count + 1
    assert {key: bodies[version - 1] for key, version in versions.items()} == {
        (owner, place): f"{owner} {place}" for owner in range(4) for place in range(count)
    }


def test_a_server_that_stays_away_is_an_error(
    postgresql: Server, storage: SQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.append("s", [Record("a")], create=True)
    monkeypatch.setattr(luthier.storage.sql, "PATIENCE", 0.3)
    postgresql.stop(signal.SIGINT)
    try:
        with pytest.raises(StorageError, match="postgresql://luthier@"):
            storage.append("s", [Record("b")])
    finally:
        postgresql.start()
    assert storage.append("s", [Record("c")]) == 2


@pytest.fixture
def behind_proxy(postgresql: Server, database: str) -> Iterator[tuple[SQL, Proxy]]:
    server = postgresql.folder / ".s.PGSQL.5432"
    with TemporaryDirectory(dir="/tmp") as name, Proxy(server, Path(name)) as proxy:
        storage = SQL(database.replace(str(postgresql.folder), name))
        storage.append("s", [Record("begin", "0")], create=True)
        yield storage, proxy
        storage.close()


def test_an_append_without_an_answer_is_written_once(behind_proxy: tuple[SQL, Proxy]) -> None:
    storage, proxy = behind_proxy
    records = [Record("the lost one", "1"), Record("and its brother")]
    proxy.swallow(b"the lost one")
    assert storage.append("s", records) == 3
    assert proxy.swallowed == 1
    assert storage.read("s") == ["begin", "the lost one", "and its brother"]
    with pytest.raises(Conflict):
        storage.append("s", [Record("another", "1")])


def test_a_study_begun_without_an_answer_is_begun_once(behind_proxy: tuple[SQL, Proxy]) -> None:
    storage, proxy = behind_proxy
    proxy.swallow(b"the lost one")
    assert storage.append("t", [Record("the lost one")], create=True) == 1
    assert proxy.swallowed == 1
    assert storage.read("t") == ["the lost one"]
    with pytest.raises(StudyExists):
        storage.append("t", [Record("another")], create=True)


def test_a_refusal_without_an_answer_is_still_a_refusal(behind_proxy: tuple[SQL, Proxy]) -> None:
    storage, proxy = behind_proxy
    proxy.swallow(b"the lost one")
    with pytest.raises(Conflict):
        storage.append("s", [Record("the lost one", "0")])
    assert proxy.swallowed == 1
    assert storage.read("s") == ["begin"]


def test_a_deletion_without_an_answer_is_done(behind_proxy: tuple[SQL, Proxy]) -> None:
    storage, proxy = behind_proxy
    storage.append("t", [Record("a")], create=True)
    proxy.swallow(b"DELETE")
    storage.delete("t")
    assert proxy.swallowed == 1
    assert storage.studies() == ["s"]
