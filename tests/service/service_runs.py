"""Services for tests: in a thread of this process, or in a process that can be killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

from luthier.service import Service, Settings, Tokens
from luthier.service.server import Address, Server
from luthier.storage import Storage

SPACE = {"x": {"type": "float", "low": 0, "high": 1}}


@contextmanager
def served(
    storage: Storage, tokens: Tokens | None = None, settings: Settings | None = None
) -> Iterator[str]:
    """Serve from a thread, and give the URL."""
    urls: Queue[str] = Queue()
    service = Service(storage, tokens, settings or Settings(rate=0))
    server = Server(service, Address(port=0), urls.put)
    thread = threading.Thread(target=server.serve_here)
    thread.start()
    try:
        yield urls.get(timeout=20)
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


class Killable:
    """`luthier serve` in a process of its own, always at the same port."""

    def __init__(self, storage: Path, *options: str) -> None:
        self._storage = storage
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self.port = 0
        self.url = ""

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "luthier", "serve"),
                *("--storage", str(self._storage), "--port", str(self.port), *self._options),
            ],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if match := re.search(r"at (https?://\S+:(\d+))$", line.strip()):
                self.url, self.port = match[1], int(match[2])
                break
        else:
            raise AssertionError("the service did not start")

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        code = self._process.wait(30)
        assert self._process.stderr is not None
        self._process.stderr.close()
        return code

    def __enter__(self) -> Killable:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.end(signal.SIGKILL)
