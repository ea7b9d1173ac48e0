"""What SQLite promises beyond the contract: its file survives everything, or says what is wrong."""

import os
import pickle
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

import luthier.storage.sqlite
from luthier.errors import (
    Conflict,
    CorruptStorage,
    InvalidInput,
    LuthierError,
    NewerStorage,
    ReadOnlyStorage,
    StorageError,
    StorageFull,
    StudyNotFound,
)
from luthier.storage import Record, SQLite, open_storage
from storage.forked import in_a_fork

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "studies.db"


@pytest.fixture
def storage(path: Path) -> Iterator[SQLite]:
    storage = SQLite(path)
    yield storage
    storage.close()


def fill(path: Path, count: int = 500) -> None:
    with closing(SQLite(path)) as storage:
        bodies = [Record(f"{place} " + "x" * 200) for place in range(count)]
        storage.append("s", bodies, create=True)


def make(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def truncate(path: Path) -> None:
    fill(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda path: path.write_text("study: mine\n" * 100), CorruptStorage, "not an SQLite"),
        (lambda path: path.write_bytes(b"SQLite format 3\0"), CorruptStorage, "not an SQLite"),
        (truncate, CorruptStorage, "damaged"),
        (lambda path: make(path, "CREATE TABLE t (x)"), CorruptStorage, "another program"),
        (lambda path: make(path, "PRAGMA application_id = 7"), CorruptStorage, "another program"),
        (
            lambda path: (fill(path), make(path, "PRAGMA user_version = 999")),
            NewerStorage,
            "version 999.*newer Luthier",
        ),
    ],
    ids=["text", "header", "truncated", "foreign", "foreign-id", "newer"],
)
def test_a_file_that_is_not_ours_is_refused_and_left_as_it_is(
    path: Path, spoil: Callable[[Path], object], error: type[LuthierError], message: str
) -> None:
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(error, match=message):
        SQLite(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_damaged_page_is_found_when_it_is_read(path: Path) -> None:
    fill(path)
    content = bytearray(path.read_bytes())
    for start in range(len(content) // 8192 * 4096, len(content), 4096):
        content[start : start + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    storage = SQLite(path)
    with pytest.raises(CorruptStorage, match="damaged"):
        storage.read("s")
    storage.close()


def test_an_empty_file_becomes_a_storage(path: Path) -> None:
    path.touch()
    storage = SQLite(path)
    assert storage.studies() == []
    assert storage.append("s", [Record("a")], create=True) == 1
    storage.close()


def test_who_only_reads_creates_no_file(path: Path, storage: SQLite) -> None:
    assert storage.studies() == []
    for attempt in (storage.read, storage.delete, storage.beats):
        with pytest.raises(StudyNotFound):
            attempt("s")
    assert not path.exists()


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="folder does not exist"):
        SQLite(tmp_path / "missing" / "studies.db")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("path", ["", ":memory:", "file:studies.db", "sqlite:///studies.db"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput, match="path"):
        SQLite(path)


def test_the_path_may_hold_any_character(tmp_path: Path) -> None:
    name = "what? 100% #1 &mode=ro \N{GUITAR}.db"
    with closing(SQLite(tmp_path / name)) as storage:
        storage.append("s", [Record("a")], create=True)
        assert name in os.listdir(tmp_path)


def test_a_relative_path_stays_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    storage = open_storage("studies.db")
    monkeypatch.chdir("/")
    storage.append("s", [Record("a")], create=True)
    storage.close()
    assert (tmp_path / "studies.db").exists()


@pytest.mark.parametrize("durability", ["process", "power"])
def test_a_pickled_storage_and_its_url_reach_the_same_file(path: Path, durability: str) -> None:
    storage = SQLite(path, durability=durability)  # type: ignore[arg-type]
    storage.append("s", [Record("a")], create=True)
    for again in (pickle.loads(pickle.dumps(storage)), open_storage(storage.url)):
        assert again.append("s", [Record("b")]) >= 2
        again.close()
    assert pickle.loads(pickle.dumps(storage)).durability == durability
    assert storage.read("s") == ["a", "b", "b"]
    storage.close()


def test_an_unknown_durability_is_refused(path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"durability.*'process' or 'power'"):
        SQLite(path, durability="none")  # type: ignore[arg-type]


@pytest.mark.parametrize(("durability", "level"), [("process", 1), ("power", 2)])
def test_durability_decides_what_is_waited_for(path: Path, durability: str, level: int) -> None:
    storage = SQLite(path, durability=durability)  # type: ignore[arg-type]
    storage.append("s", [Record("a")], create=True)
    assert storage._connection is not None
    assert storage._connection.execute("PRAGMA synchronous").fetchone() == (level,)
    assert storage._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    storage.close()


def test_a_file_that_disappears_is_noticed_soon(path: Path, storage: SQLite) -> None:
    storage.append("s", [Record("a")], create=True)
    path.unlink()
    deadline = time.monotonic() + 10

    def append_for_long() -> None:
        while time.monotonic() < deadline:
            storage.append("s", [Record("b")])

    with pytest.raises(StorageError, match="deleted or replaced"):
        append_for_long()
    path.write_bytes(b"")
    with pytest.raises(StorageError, match="deleted or replaced"):
        storage.read("s")


def test_a_study_of_a_deleted_file_is_not_that_of_the_next_one(path: Path) -> None:
    identities = set()
    for _ in range(3):
        with closing(SQLite(path)) as storage:
            storage.append("s", [Record("a")], create=True)
            identities.add(storage.identity("s"))
        path.unlink()
    assert len(identities) == 3


def test_writers_that_take_turns_append_behind_each_other(path: Path, storage: SQLite) -> None:
    storage.append("s", [Record("begin")], create=True)
    with closing(SQLite(path)) as other:
        for place in range(5):
            assert storage.append("s", [Record("mine", f"{place}")]) == 4 * place + 2
            with pytest.raises(Conflict):
                other.append("s", [Record("taken", f"{place}")])
            assert other.append("s", [Record("a"), Record("b")]) == 4 * place + 4
            assert other.append("s", [Record("c")]) == 4 * place + 5
        other.delete("s")
        other.append("s", [Record("again")], create=True)
        assert storage.append("s", [Record("mine")]) == 2
    assert storage.read("s") == ["again", "mine"]


def test_a_lock_that_is_never_released_is_an_error_and_does_not_stop_readers(
    path: Path, storage: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.append("s", [Record("a")], create=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(luthier.storage.sqlite, "PATIENCE", 0.2)
        with pytest.raises(StorageError, match="locked by another process"):
            storage.append("s", [Record("b")])
        assert storage.read("s") == ["a"]
        other.execute("ROLLBACK")
    assert storage.append("s", [Record("b")]) == 2


def test_a_writer_waits_for_a_lock(path: Path, storage: SQLite) -> None:
    storage.append("s", [Record("a")], create=True)
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(storage.append, "s", [Record("b")])
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.1)
            other.execute("COMMIT")
            assert waiting.result(timeout=10) == 2


def test_the_log_beside_the_file_stays_small(
    path: Path, storage: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(luthier.storage.sqlite, "LOOK_EVERY", 0.0)
    storage.append("s", [Record("begin")], create=True)
    log = Path(f"{path}-wal")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        # As long as it reads an old state, nothing written since can leave the log.
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM studies").fetchall()
        while log.stat().st_size < luthier.storage.sqlite.LARGEST_LOG:
            storage.append("s", [Record("x" * 1_000_000)])
        reader.execute("COMMIT")
    version = storage.append("s", [Record("x")])
    assert log.stat().st_size < 1_000_000
    assert len(storage.read("s")) == version > 30


def test_a_full_disk_loses_nothing_that_was_acknowledged(path: Path, storage: SQLite) -> None:
    storage.append("s", [Record("begin")], create=True)

    def until_full() -> int:
        # The kernel refuses to let a file grow beyond its limit as it does on a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
        version = 1
        full = False
        while not full:
            try:
                version = storage.append("s", [Record("x" * 500), Record("y" * 500)])
            except StorageFull as error:
                full = "cannot grow" in str(error)
        assert len(storage.read("s")) == version
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert storage.append("s", [Record("z")]) == version + 1
        return version

    version = in_a_fork(until_full)
    assert version > 50
    assert version % 2 == 1
    assert storage.read("s") == ["begin", *(version // 2 * ["x" * 500, "y" * 500]), "z"]


def test_who_may_not_write_reads(tmp_path_of_all: Path) -> None:
    path = tmp_path_of_all / "studies.db"
    fill(path, 3)
    path.chmod(0o444)
    tmp_path_of_all.chmod(0o555)

    def read_only() -> None:
        storage = SQLite(path)
        assert storage.studies() == ["s"]
        assert len(storage.read("s", 1)) == 2
        for attempt in (
            lambda: storage.append("s", [Record("b")]),
            lambda: storage.append("t", [Record("b")], create=True),
            lambda: storage.delete("s"),
            lambda: storage.beat("s", "one"),
            lambda: SQLite(tmp_path_of_all / "new.db").append("s", [Record("a")], create=True),
        ):
            with pytest.raises(ReadOnlyStorage, match="cannot be written"):
                attempt()

    in_a_fork(read_only, user=NOBODY)
    assert os.listdir(tmp_path_of_all) == ["studies.db"]


def test_who_may_not_write_sees_what_others_write(tmp_path_of_all: Path) -> None:
    path = tmp_path_of_all / "studies.db"
    fill(path, 1)
    path.chmod(0o644)
    looked, look = os.pipe()
    written, write_on = os.pipe()

    def follow() -> list[int]:
        storage = SQLite(path)
        seen = [len(storage.read("s"))]
        os.write(look, b"!")
        os.read(written, 1)
        return [*seen, len(storage.read("s"))]

    writer = SQLite(path)

    def write() -> None:
        os.read(looked, 1)
        writer.append("s", [Record("b")])
        os.write(write_on, b"!")

    assert in_a_fork(follow, user=NOBODY, meanwhile=write) == [1, 2]
    writer.close()
    for end in (looked, look, written, write_on):
        os.close(end)


@pytest.fixture
def tmp_path_of_all() -> Iterator[Path]:
    """Yield a folder that another user can reach, unlike those of pytest."""
    with TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(stat.S_IRWXU)


APPENDER = """
import os, sys
from luthier.storage import Record, SQLite
storage = SQLite(sys.argv[1], durability=sys.argv[2])
while True:
    version = storage.append("s", [Record("a" * 300), Record("b" * 300, None)])
    os.write(1, b"%d\\n" % version)
"""


@pytest.mark.parametrize("durability", ["process", "power"])
def test_what_was_acknowledged_survives_kill_9(path: Path, durability: str) -> None:
    random = Random(0)
    fill(path, 1)
    acknowledged = 1
    for _ in range(6):
        child = subprocess.Popen(
            [sys.executable, "-c", APPENDER, str(path), durability], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        with child.stdout:
            for _ in range(random.randrange(1, 1500)):
                acknowledged = int(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
            rest = child.stdout.read().split(b"\n")[:-1]
        acknowledged = int(rest[-1]) if rest else acknowledged
        child.wait()
        with closing(SQLite(path)) as storage:
            bodies = storage.read("s", 1)
            assert len(bodies) + 1 >= acknowledged
            assert bodies == ["a" * 300, "b" * 300] * (len(bodies) // 2)
            # At most the one append that nobody was told about.
            assert len(bodies) + 1 <= acknowledged + 2
            acknowledged = storage.append("s", [Record("a" * 300), Record("b" * 300)])
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT max(seq), count(*) FROM records").fetchone() == (
            acknowledged,
            acknowledged,
        )
