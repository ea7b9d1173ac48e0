"""A TCP connection of our own between the study's process and an agent, where one can be made.

A cluster's own calls take milliseconds, most of them after a rest; a connection that stays takes a
fraction of one. The study's process listens, on the one interface that faces the cluster, and the
cluster's calls bring each agent the address and a secret. Before anything else is read, both sides
prove that they know the secret: each gets a random number from the other, and returns its HMAC.
Nothing is encrypted, as nothing is in the cluster's calls, unless they go by TLS; then this is not
used.

    agent -> study   its name, 32 random bytes
    study -> agent   32 random bytes, HMAC-SHA256(secret, "study" + both)
    agent -> study   HMAC-SHA256(secret, "agent" + both)

After that each side sends packets of its `Ledger`, as pickles after their length.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import pickle
import secrets
import socket
import struct
import sys
import threading
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from luthier.executors._ledger import Ledger, Packet

_RANDOM = 32  # bytes of each side's random number
_NAME = 16  # bytes of an agent's name
_HEAD = struct.Struct(">Q")  # length of a packet
_PATIENCE = 10.0  # seconds that a connection and its proofs may take
_STRANGERS = 100  # connections that may be without proof, beside those of agents that are expected
_ACKNOWLEDGE = 100  # items after which a side that has nothing to say sends an empty packet
_REST = 20  # seconds without traffic after which the system looks whether the other side is there
_SILENT = 30  # seconds that it may be silent then


@dataclass(frozen=True, slots=True)
class Invitation:
    """Where an agent can call, and what it has to know for that.

    Attributes
    ----------
    host, port : str, int
        Where the study's process listens.
    name : bytes
        Who calls.
    secret : bytes
        Never sent over the connection, and known to this agent alone.
    """

    host: str
    port: int
    name: bytes
    secret: bytes = field(repr=False)


class Party(Protocol):
    """Who speaks over a connection. All but `ledger` is used in its event loop."""

    @property
    def ledger(self) -> Ledger[Any, Any]:
        """What is said."""
        ...

    def take(self, packet: Packet) -> None:
        """Take what the other side says."""
        ...

    def reached(self, connection: Connection) -> None:
        """Use a connection from now on, in place of any before it."""
        ...

    def cut(self, connection: Connection) -> None:
        """Use it no more."""
        ...


class Connection:
    """One end of a connection whose both sides have proved who they are.

    Parameters
    ----------
    party : Party
        Who speaks here.
    reader, writer : asyncio.StreamReader, asyncio.StreamWriter
        Of the event loop that runs.
    """

    def __init__(
        self, party: Party, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._party = party
        self._reader = reader
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._sent = 0  # the number of the next item to send here
        self._told = 0  # how many items the other side knows to have arrived
        _watch_over(writer.get_extra_info("socket"))

    def push(self) -> None:
        """Send what was said since the last time, in any thread; never waits."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self.send)

    def close(self) -> None:
        """Hang up, in any thread."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._writer.close)

    def send(self) -> None:
        """Send what was said since the last time, in the loop's thread."""
        if self._writer.is_closing():
            return
        packet = self._party.ledger.packet(self._sent)
        self._sent, self._told = packet.first + len(packet.items), packet.got
        data = pickle.dumps(packet, protocol=5)
        self._writer.write(_HEAD.pack(len(data)) + data)

    async def run(self) -> None:
        """Let the party speak, until the connection ends in whatever way."""
        self._party.reached(self)
        try:
            self.send()
            while True:
                (length,) = _HEAD.unpack(await self._reader.readexactly(_HEAD.size))
                self._party.take(pickle.loads(await self._reader.readexactly(length)))
                if self._party.ledger.got >= self._told + _ACKNOWLEDGE:
                    self.send()
        except (OSError, asyncio.IncompleteReadError):
            pass  # what was not acknowledged goes another way
        finally:
            self._party.cut(self)
            self._writer.close()


async def call(invitation: Invitation, party: Party) -> None:
    """Connect to the study's process and let the party speak, until the connection ends.

    Raises
    ------
    OSError
        If there is no connection within ten seconds, or whoever answers does not know the secret.
    """
    writer = None
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(invitation.host, invitation.port)
            own = secrets.token_bytes(_RANDOM)
            writer.write(invitation.name + own)
            other = await reader.readexactly(_RANDOM)
            proof = await reader.readexactly(hashlib.sha256().digest_size)
            if not hmac.compare_digest(proof, _proof(invitation.secret, b"study", own + other)):
                raise ConnectionError("whoever listens there does not know the secret")
            writer.write(_proof(invitation.secret, b"agent", own + other))
        await Connection(party, reader, writer).run()
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("whoever listens there has hung up") from error
    finally:
        if writer is not None:
            writer.close()


def most_connections() -> int:
    """Return how many connections leave half of the files that this process may open to others."""
    try:
        import resource
    except ImportError:  # Windows
        return 1000
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit // 2


class Switchboard:
    """Where agents call, in a thread of its own.

    Parameters
    ----------
    cluster : str
        Name or address of the cluster. What listens can be reached from there, and from no
        network that this machine is in beside.

    Raises
    ------
    OSError
        If there is no way to the cluster, or no port is free.
    """

    def __init__(self, cluster: str) -> None:
        family, self.host = _facing(cluster)
        listening = socket.create_server((self.host, 0), family=family, backlog=_STRANGERS)
        self.port: int = listening.getsockname()[1]
        self._expected: dict[bytes, tuple[bytes, Party]] = {}
        self._strangers = 0
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(
            target=self._run, args=(listening,), name="luthier-switchboard", daemon=True
        )
        self._thread.start()

    def expect(self, party: Party) -> Invitation:
        """Let an agent call, and return what it has to know."""
        name, secret = secrets.token_bytes(_NAME), secrets.token_bytes(_RANDOM)
        self._expected[name] = secret, party
        return Invitation(self.host, self.port, name, secret)

    def forget(self, invitation: Invitation) -> None:
        """Let an agent call no more."""
        self._expected.pop(invitation.name, None)

    def close(self) -> None:
        """Hang up on everybody, and return when all is closed. May be called twice."""
        self._expected.clear()
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _run(self, listening: socket.socket) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(listening))

    async def _serve(self, listening: socket.socket) -> None:
        server = await asyncio.start_server(self._answer, sock=listening)
        await self._over.wait()
        server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(asyncio.CancelledError):  # by the end of the loop
            party = await self._identify(reader, writer)
            if party is not None:
                await Connection(party, reader, writer).run()

    async def _identify(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Party | None:
        """Return who calls; None if it cannot prove that."""
        if self._strangers >= _STRANGERS + len(self._expected):
            return None
        self._strangers += 1
        try:
            async with asyncio.timeout(_PATIENCE):
                name = await reader.readexactly(_NAME)
                other = await reader.readexactly(_RANDOM)
                if name not in self._expected:
                    return None
                secret, party = self._expected[name]
                own = secrets.token_bytes(_RANDOM)
                writer.write(own + _proof(secret, b"study", other + own))
                proof = await reader.readexactly(hashlib.sha256().digest_size)
        except (OSError, asyncio.IncompleteReadError):
            return None
        finally:
            self._strangers -= 1
        return party if hmac.compare_digest(proof, _proof(secret, b"agent", other + own)) else None


def _proof(secret: bytes, role: bytes, numbers: bytes) -> bytes:
    return hmac.digest(secret, role + numbers, "sha256")


def _facing(cluster: str) -> tuple[socket.AddressFamily, str]:
    """Return the address that this machine has for a cluster."""
    family, kind, _, _, address = socket.getaddrinfo(cluster, 9, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind) as probe:
        probe.connect(address)  # sends nothing
        return family, probe.getsockname()[0]


def _watch_over(connection: socket.socket) -> None:
    """Keep an idle connection open in whatever is on its way, and notice if that has dropped it."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", _REST),
        ("TCP_KEEPINTVL", _SILENT // 3),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", _SILENT * 1000),
    ):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
