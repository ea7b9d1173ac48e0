"""MariaDB keeps the promises of a storage."""

import gc
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from luthier.storage import SQL, Record, Storage
from luthier.testing.servers import Server, mariadb_server
from luthier.testing.storage import SharedStorageContract

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def mariadb() -> Iterator[Server]:
    with mariadb_server() as server:
        yield server


class TestMariaDB(SharedStorageContract):
    @pytest.fixture
    def reopen(self, mariadb: Server) -> Callable[[], Storage]:
        emptied = SQL(mariadb.url)
        for study in emptied.studies():
            emptied.delete(study)
        emptied.close()
        return partial(SQL, mariadb.url)


# PyMySQL leaves the sockets of failed connections to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_appends_go_on_after_a_restart_of_the_server(mariadb: Server) -> None:
    storage = SQL(mariadb.url)
    storage.append("restarted", [Record("a", "1")], create=True)
    mariadb.stop(signal.SIGKILL)
    starting = threading.Timer(0.3, mariadb.start)
    starting.start()
    assert storage.append("restarted", [Record("b", "2")]) == 2
    starting.join()
    assert storage.read("restarted") == ["a", "b"]
    storage.close()
    gc.collect()  # here, not in the test that comes next
