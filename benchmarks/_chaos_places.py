"""Storages that can be taken away and given back: a file, and a server behind a proxy."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from luthier.testing.servers import Server, postgresql_server

SMALL_DISK = "48m"


class Place:
    """Where studies are kept.

    Attributes
    ----------
    url : str
        For the studies.
    quiet_url : str
        The same by a way that no fault blocks.
    """

    url: str
    quiet_url: str
    disk: Path | None = None

    def fill_disk(self, seconds: float) -> None:
        """Leave no room on the storage's disk for a while."""
        assert self.disk is not None
        ballast = self.disk / "ballast"
        # Pages that are half empty take some more: it has to last until they are full.
        with suppress(OSError), ballast.open("wb") as file:
            while True:
                file.write(bytes(1 << 16))
                file.flush()
        with suppress(OSError), ballast.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(512))
        time.sleep(seconds)
        ballast.unlink(missing_ok=True)


class File(Place):
    """An SQLite file."""

    def __init__(self, folder: Path, disk: Path | None) -> None:
        self.disk = disk
        self.url = self.quiet_url = str((disk or folder) / "chaos.db")

    def lock(self, seconds: float) -> None:
        """Let nobody else write for a while."""
        connection = sqlite3.connect(self.url, timeout=5.0, isolation_level=None)
        with suppress(sqlite3.OperationalError):
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            connection.execute("ROLLBACK")
        connection.close()


class Database(Place):
    """A PostgreSQL server behind a proxy."""

    def __init__(self, server: Server, url: str, proxy: Proxy, disk: Path | None) -> None:
        self.disk = disk
        self.quiet_url = url
        self.url = url.replace(str(server.folder), str(proxy.folder))
        self._server = server
        self._proxy = proxy

    def restart(self, seconds: float, rng: random.Random) -> None:
        """Stop the server, politely or not, and start it after a while."""
        how = rng.choice([signal.SIGINT, signal.SIGQUIT, signal.SIGKILL])
        self._server.stop(how)
        time.sleep(seconds)
        self._server.start()

    def cut(self, seconds: float) -> None:
        """Break all connections, and let nobody in for a while."""
        self._proxy.cut(seconds)


class Proxy:
    """Passes bytes on between clients and a server's socket until it is cut."""

    def __init__(self, server: Path, folder: Path) -> None:
        self.folder = folder
        self._server = server
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed_until = 0.0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / server.name))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, seconds: float) -> None:
        self._closed_until = time.monotonic() + seconds
        with self._lock:
            cut, self._open = self._open, set()
        for end in cut:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        time.sleep(seconds)

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                if time.monotonic() < self._closed_until:
                    raise ConnectionRefusedError
                server.connect(str(self._server))
            except OSError:
                client.close()
                server.close()
                continue
            with self._lock:
                self._open |= {client, server}
            for ends in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open.discard(source)
        source.close()  # the other thread closes the target


@contextmanager
def sqlite_place() -> Iterator[File]:
    """Give an SQLite file, on a small disk where this user may mount one."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield File(folder, stack.enter_context(small_disk(None)))


@contextmanager
def postgresql_place() -> Iterator[Database]:
    """Give a PostgreSQL server, its tables on a small disk where this user may mount one."""
    with ExitStack() as stack:
        server = stack.enter_context(postgresql_server())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp")))
        proxy = Proxy(server.folder / ".s.PGSQL.5432", folder)
        stack.callback(proxy.close)
        url = server.url
        disk = stack.enter_context(small_disk(server.user))
        if disk is not None:
            tables = disk / "tables"
            tables.mkdir()
            if server.user is not None:
                shutil.chown(tables, server.user)
            psql = ["psql", "-q", "-h", str(server.folder), "-U", "luthier", "postgres", "-c"]
            for command in (
                f"CREATE TABLESPACE small LOCATION '{tables}'",
                "CREATE DATABASE chaos TABLESPACE small",
            ):
                subprocess.run([*psql, command], check=True)
            url = url.replace("/postgres?", "/chaos?")
        yield Database(server, url, proxy, disk)


@contextmanager
def small_disk(user: str | None) -> Iterator[Path | None]:
    """Mount a disk in memory; None where this user may not."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    options = ["-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(folder)]
    done = subprocess.run(["mount", *options], capture_output=True)
    if done.returncode:
        folder.rmdir()
        yield None
        return
    try:
        os.chmod(folder, 0o755)
        if user is not None:
            shutil.chown(folder, user)
        yield folder
    finally:
        # Those that were killed may still be closing their files.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


PLACES = {"sqlite": sqlite_place, "postgresql": postgresql_place}
