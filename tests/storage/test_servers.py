"""The servers of tests end with the process that started them, however that ends."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from luthier.testing import _guard
from luthier.testing.servers import Server

STARTER = """
import time
from luthier.testing.servers import postgresql_server
with postgresql_server() as server:
    print(server.process.pid, server.folder, flush=True)
    time.sleep(600)
"""


def eventually(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_ends_with_its_starter(how: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        number, folder = starter.stdout.readline().decode().split()
        server = psutil.Process(int(number))
        assert server.is_running()
        starter.send_signal(how)
    assert eventually(lambda: not server.is_running())
    assert eventually(lambda: not Path(folder).exists())


def test_a_stopped_server_leaves_no_guard(postgresql: Server) -> None:
    before = guards()
    postgresql.stop(signal.SIGINT)
    assert len(before - guards()) == 1
    postgresql.start()
    assert len(before & guards()) == len(before) - 1
    assert len(guards()) == len(before) >= 1


def guards() -> set[psutil.Process]:
    children = psutil.Process().children()
    return {child for child in children if _guard.__file__ in child.cmdline()}
