"""Throw-away database servers for tests and benchmarks, on sockets in temporary folders."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from luthier.testing import _guard

PATIENCE = 60.0
"""Seconds a server may take to start or stop."""


class ServerMissing(Exception):
    """The server's programs are not installed."""


@dataclass
class Server:
    """A database server that runs until its block ends, or the process that started it.

    Attributes
    ----------
    url : str
        Reaches an empty database as its owner.
    folder : Path
        Holds its data, its socket and its output (``server.log``).
    """

    url: str
    folder: Path
    command: Sequence[str]
    user: str | None
    ready: Callable[[], bool]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _guard: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, user=self.user, cwd=self.folder
            )
        # In a session of its own it outlives whatever ends this process.
        watch = [sys.executable, "-I", _guard.__file__, str(self.process.pid), str(self.folder)]
        self._guard = subprocess.Popen(watch, start_new_session=True)
        deadline = time.monotonic() + PATIENCE
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                log_text = (self.folder / "server.log").read_text(errors="replace")
                raise RuntimeError(f"the server did not start:\n{log_text[-4000:]}")
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop it by a signal and wait for its end."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE)
            self.process = None
        if self._guard is not None:
            self._guard.kill()
            self._guard.wait()
            self._guard = None


@contextmanager
def postgresql_server() -> Iterator[Server]:
    """Run a PostgreSQL server that outlives a kill, not a power cut: it does not sync the disk.

    Raises
    ------
    ServerMissing
        If PostgreSQL is not installed.
    """
    programs = _postgresql_programs()
    with _folder("postgres") as (folder, user):
        data = folder / "data"
        _run([f"{programs}/initdb", "-D", data, "-U", "luthier", "-A", "trust", "-N"], user, folder)
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(
                f"listen_addresses = ''\nunix_socket_directories = '{folder}'\n"
                "fsync = off\nfull_page_writes = off\n"
                "max_connections = 60\nshared_buffers = 64MB\n"
            )
        server = Server(
            f"postgresql://luthier@/postgres?host={folder}",
            folder,
            [f"{programs}/postgres", "-D", str(data)],
            user,
            lambda: _answers([f"{programs}/pg_isready", "-q", "-h", folder, "-U", "luthier"]),
        )
        try:
            server.start()
            yield server
        finally:
            # The polite signal waits for clients that tests left behind.
            server.stop(signal.SIGINT)


@contextmanager
def mariadb_server() -> Iterator[Server]:
    """Run a MariaDB server that outlives a kill, not a power cut: it does not sync the disk.

    Raises
    ------
    ServerMissing
        If MariaDB is not installed.
    """
    if not (program := shutil.which("mariadbd", path=_PATH)):
        raise ServerMissing("mariadbd is not installed: apt-get install mariadb-server")
    with _folder("mysql") as (folder, user):
        data, socket = folder / "data", folder / "socket"
        _run(
            [
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={data}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
            user,
            folder,
        )
        server = Server(
            f"mariadb://root@localhost/luthier?unix_socket={socket}",
            folder,
            [
                program,
                "--no-defaults",
                f"--datadir={data}",
                f"--socket={socket}",
                f"--pid-file={folder / 'pid'}",
                "--skip-networking",
                "--innodb-flush-log-at-trx-commit=2",
                "--innodb-buffer-pool-size=64M",
            ],
            user,
            lambda: _answers(
                ["mariadb-admin", "--no-defaults", "-u", "root", "-S", socket, "ping"]
            ),
        )
        try:
            server.start()
            create = "CREATE DATABASE luthier"
            _run(
                ["mariadb", "--no-defaults", "-u", "root", "-S", socket, "-e", create], None, folder
            )
            yield server
        finally:
            server.stop()


_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def _postgresql_programs() -> Path:
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent  # its companions lie beside it
    versions = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(versions, key=lambda path: int(path.parts[-3]), default=None)
    if newest is None:
        raise ServerMissing("postgres is not installed: apt-get install postgresql")
    return newest.parent


@contextmanager
def _folder(account: str) -> Iterator[tuple[Path, str | None]]:
    # Both servers refuse to run as root. A path under /tmp keeps the socket's name short.
    user = account if hasattr(os, "geteuid") and os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="luthier-", dir="/tmp") as name:
        if user is not None:
            shutil.chown(name, user)
        # Clients of any account may reach the socket.
        os.chmod(name, 0o755)
        yield Path(name), user


def _run(command: Sequence[str | Path], user: str | None, folder: Path) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        user=user,
        cwd=folder,
        env={"PATH": _PATH, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


def _answers(command: Sequence[str | Path]) -> bool:
    return not subprocess.run([str(part) for part in command], capture_output=True).returncode
