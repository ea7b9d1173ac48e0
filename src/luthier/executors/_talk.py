"""The study's end of agents that are spoken to by calls, or else over a connection of our own."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from luthier.errors import InvalidInput
from luthier.executors._agent import UNREACHED, Boot, Command, Letter
from luthier.executors._ledger import Ledger, Packet
from luthier.executors._remote import RemotePool, RemoteWorker

if TYPE_CHECKING:
    from queue import SimpleQueue

    from luthier.executors._direct import Connection, Invitation, Switchboard
    from luthier.executors._pool import Event
    from luthier.executors._remote import Mail

log = logging.getLogger("luthier")


class Talk(ABC):
    """A line to a `luthier.executors._conversing.Conversing`.

    As a rule one call waits for the agent's letters at any time. Without a connection a command
    goes along with that call if none is waiting yet, so that a job of no messages costs one round
    trip. With a connection, letters and commands go there, and the call that waits is there to
    learn of the agent's loss, and to bring what the connection has lost.

    Parameters
    ----------
    worker : RemoteWorker
        Who it leads to.
    inbox : queue
        Where letters go.
    """

    def __init__(self, worker: RemoteWorker, inbox: SimpleQueue[Mail]) -> None:
        self.ledger: Ledger[Command, Letter] = Ledger()
        self._worker = worker
        self._inbox = inbox
        self._lock = threading.Lock()  # held while letters go to the inbox, so in their order
        self._listening = False
        self._connection: Connection | None = None
        self._invited: tuple[Switchboard, Invitation] | None = None

    @abstractmethod
    def _call(self, packet: Packet, listen: bool) -> None:
        """Call the agent; if it listens, let `_hear` or `_lost` be called when it is done."""

    def invite(self, switchboard: Switchboard) -> None:
        """Let the agent call back."""
        invitation = switchboard.expect(self)
        self._invited = switchboard, invitation
        self.post(("call", invitation))

    def post(self, command: Command) -> None:
        """Send a command, and listen from then on."""
        self.ledger.write(command)
        connection = self._connection
        if connection is not None:
            connection.push()
        else:
            self._call_once()

    def listen(self) -> None:
        """Wait for letters, unless that is being done."""
        if not self._listening:
            self._call_once()

    def close(self) -> None:
        """Hang up."""
        if self._invited is not None:
            switchboard, invitation = self._invited
            switchboard.forget(invitation)
        connection = self._connection
        if connection is not None:
            connection.close()

    # ------------------------------------------------------------------ from other threads

    def take(self, packet: Packet) -> None:
        """Take what has come over the connection."""
        with self._lock:
            letters = self.ledger.read(packet)
            if letters:
                self._inbox.put((self._worker, letters))

    def reached(self, connection: Connection) -> None:
        """Use a connection from now on."""
        self._connection = connection

    def cut(self, connection: Connection) -> None:
        """Go back to calls, and make one at once, with the commands that did not arrive."""
        with self._lock:
            if self._connection is connection:
                self._connection, self._listening = None, False
                self._inbox.put((self._worker, []))

    def _hear(self, packet: Packet) -> None:
        """Take what a call has returned."""
        with self._lock:
            self._listening = False
            self._inbox.put((self._worker, self.ledger.read(packet)))

    def _lost(self, reason: str) -> None:
        """Say that there is nobody any more."""
        self._inbox.put((self._worker, reason))

    def _call_once(self) -> None:
        with self._lock:
            listen, self._listening = not self._listening, True
        self._call(self.ledger.packet(), listen)


class TalkingPool(RemotePool):
    """Jobs with agents that are spoken to by calls of the cluster, or over connections of our own.

    Parameters
    ----------
    name : str
        Of the subclass, for messages.
    cpus : float
        Cores of each trial.
    capture_output : bool
        Whether to keep what trials print.
    start_timeout : float
        Seconds within which the first agent must be ready.
    direct : bool
        Whether agents shall connect to this process.
    """

    def __init__(
        self, name: str, cpus: float, capture_output: bool, start_timeout: float, direct: bool
    ) -> None:
        if not isinstance(direct, bool):
            raise InvalidInput(f"{name}: direct", direct, "True or False")
        self._name = name
        self._direct = direct
        self._switchboard: Switchboard | None = None
        self._most_connections = 0
        super().__init__(name, cpus, capture_output, start_timeout, per_job=False)

    @abstractmethod
    def _facing(self) -> str | None:
        """Return the host of the cluster; None if agents cannot or must not connect from there."""

    @abstractmethod
    def _hire(self, worker: RemoteWorker, boot: Boot) -> Talk: ...

    def _place_all(self, workers: Sequence[RemoteWorker]) -> None:
        host = self._facing() if self._direct else None
        if host is not None:
            from luthier.executors._direct import Switchboard, most_connections

            self._most_connections = most_connections()
            try:
                self._switchboard = Switchboard(host)
            except OSError as error:
                log.info("workers cannot connect to this process: %s", error)
            else:
                where = self._switchboard
                log.info("workers may connect to %s, port %d", where.host, where.port)
        super()._place_all(workers)

    def _place(self, worker: RemoteWorker) -> None:
        super()._place(worker)
        if self._switchboard is not None and worker.slot < self._most_connections:
            assert isinstance(worker.line, Talk)
            worker.line.invite(self._switchboard)

    def _handle(self, event: Event[RemoteWorker]) -> None:
        if event.frame == UNREACHED:
            log.info(
                "a worker is spoken to through %s, as it has no way to %s", self._name, event.death
            )
            return
        super()._handle(event)

    def close(self) -> None:
        """Kill what runs, give back the cluster's places, and forget everything."""
        try:
            super().close()
        finally:
            switchboard, self._switchboard = self._switchboard, None
            if switchboard is not None:
                switchboard.close()
