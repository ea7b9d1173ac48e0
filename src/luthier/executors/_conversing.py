"""An agent that is spoken to by calls of the cluster, and over a connection of our own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import finalize

from luthier.executors import _direct
from luthier.executors._agent import BYE, UNREACHED, Agent, Boot, Command, Letter
from luthier.executors._ledger import Ledger, Packet

if TYPE_CHECKING:
    from luthier.executors._direct import Connection, Invitation

_ATTENTION = 20.0  # seconds that a call waits for letters
_PAUSE = 1.0  # seconds before a connection that was cut is tried again; later ones double
_LONGEST_PAUSE = 60.0


class Conversing:
    """An agent that is spoken to by calls, one of which waits for what it has to say.

    It ends when nothing refers to this object any more: the cluster lets go of it when the
    study's process has died.

    Parameters
    ----------
    boot : Boot
        What to run.

    Attributes
    ----------
    over : threading.Event
        Set when the agent has ended.
    """

    def __init__(self, boot: Boot) -> None:
        self._clerk = _Clerk(boot)
        self.over = self._clerk.over
        finalize(self, self._clerk.leave).atexit = False

    async def talk(self, packet: Packet, listen: bool) -> Packet | None:
        """Take commands, and wait for letters if asked to; for a while, so none may come.

        Parameters
        ----------
        packet : Packet
            Of commands.
        listen : bool
            Whether to return the letters that have come, and wait if there is none.
        """
        return await self._clerk.talk(packet, listen)


class _Clerk:
    """Hears the study and speaks to it for an agent, in the event loop of the cluster's calls."""

    def __init__(self, boot: Boot) -> None:
        self.over = threading.Event()
        self.ledger: Ledger[Letter, Command] = Ledger()
        self._news = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: Connection | None = None
        self._calling: asyncio.Task[None] | None = None
        self._agent = Agent(boot, self._emit)

    async def talk(self, packet: Packet, listen: bool) -> Packet | None:
        self._loop = asyncio.get_running_loop()
        self.take(packet)
        if not listen:
            return None
        # With a connection, letters are on their way; those that got lost go with this answer.
        if self._connection is not None or not self.ledger.unread:
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), _ATTENTION)
        return self.ledger.packet()

    def take(self, packet: Packet) -> None:
        for command in self.ledger.read(packet):
            if command[0] == "call":
                self._calling = asyncio.create_task(self._call(command[1]))
                continue
            try:
                self._agent.obey(command)
            except Exception as error:  # the command will not come again
                self._emit(Letter(BYE, None, f"{type(error).__name__}: {error}"))
                self._agent.obey(("quit",))

    def reached(self, connection: Connection) -> None:
        self._connection = connection

    def cut(self, connection: Connection) -> None:
        if self._connection is connection:
            self._connection = None
            self._news.set()

    def leave(self) -> None:
        """End the agent, in any thread."""
        self.over.set()
        self._agent.obey(("quit",))
        if self._calling is not None:
            self._soon(self._calling.cancel)

    async def _call(self, invitation: Invitation) -> None:
        """Keep a connection to the study, if one can be made at all."""
        pause = None
        while True:
            try:
                await _direct.call(invitation, self)
                pause = _PAUSE
            except OSError as error:
                if pause is None:
                    there = f"{invitation.host}, port {invitation.port}"
                    reason = str(error) or type(error).__name__
                    self._emit(Letter(UNREACHED, None, f"{there}: {reason}"))
                    return
                pause = min(2 * pause, _LONGEST_PAUSE)
            await asyncio.sleep(pause)

    def _emit(self, letter: Letter) -> None:
        """Say something, in any thread."""
        self.ledger.write(letter)
        self._soon(self._tell)
        if letter.frame == BYE:
            self.over.set()

    def _soon(self, function: Callable[[], object]) -> None:
        """Call a function in the loop's thread, from any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and there is nobody any more
                self._loop.call_soon_threadsafe(function)

    def _tell(self) -> None:
        if self._connection is not None:
            self._connection.send()
        else:
            self._news.set()
