"""A cluster in this process, and a network between it and the study that does what tests want."""

import asyncio
import contextlib
import socket
import threading
from dataclasses import replace

from luthier.executors._conversing import Conversing
from luthier.executors._talk import Talk, TalkingPool


class Here(TalkingPool):
    """Agents in this process, spoken to by calls into an event loop in another thread.

    Parameters
    ----------
    workers : int
        How many.
    direct : bool
        Whether they connect to the study.
    proxy : Proxy, optional
        What is in between.
    """

    def __init__(self, workers, direct=True, proxy=None):
        super().__init__("Here", 1, True, 60.0, direct)
        self._count = workers
        self._proxy = proxy
        self._loop = None
        self._thread = None

    def _planned(self):
        return self._count

    def _wanted(self):
        return "nothing"

    def _facing(self):
        return "localhost"

    def _attach(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self._count

    def _run(self):
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            self._over = asyncio.Event()
            runner.run(self._over.wait())

    def _detach(self):
        self._loop.call_soon_threadsafe(lambda: self._over.set())
        self._thread.join()

    def _hire(self, worker, boot):
        return HereLine(worker, self._inbox, boot, self._loop, self._proxy)


class HereLine(Talk):
    """Calls of coroutines; `calls` counts those of all lines."""

    calls = 0

    def __init__(self, worker, inbox, boot, loop, proxy):
        super().__init__(worker, inbox)
        self._loop = loop
        self._proxy = proxy
        self._agent = Conversing(boot)

    def post(self, command):
        if command[0] == "call" and self._proxy is not None:
            command = ("call", self._proxy.before(command[1]))
        super().post(command)

    def _call(self, packet, listen):
        HereLine.calls += 1
        done = asyncio.run_coroutine_threadsafe(self._agent.talk(packet, listen), self._loop)
        if listen:
            done.add_done_callback(self._take)

    def _take(self, done):
        if not done.cancelled():
            self._hear(done.result())

    def close(self):
        super().close()
        self._agent = None


class Proxy:
    """Passes on what agents and the study say, until it is told not to.

    Parameters
    ----------
    patience : int, optional
        Bytes of either side after which each connection is cut.
    """

    def __init__(self, patience=None):
        self.connections = 0
        self.said_by_agents = bytearray()
        self.swallowing = False
        self._target = None
        self._patience = patience
        self._sockets = []
        self._threads = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._start(self._accept)

    def before(self, invitation):
        """Return an invitation to call here, to be passed on to who has made the given one."""
        self._target = invitation.host, invitation.port
        return replace(invitation, host="127.0.0.1", port=self.port)

    def cut(self):
        """Cut what is connected now."""
        for each in list(self._sockets):
            hang_up(each)

    def close(self):
        """Let nobody connect any more, cut what is connected, and wait for it."""
        hang_up(self._listening)
        self._threads[0].join()
        self.cut()
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def _start(self, function, *arguments):
        self._threads.append(threading.Thread(target=function, args=arguments))
        self._threads[-1].start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                try:
                    far = socket.create_connection(self._target)
                except OSError:
                    near.close()
                    continue
                self.connections += 1
                self._sockets += [near, far]
                self._start(self._connect, near, far)

    def _connect(self, near, far):
        with near, far:
            back = threading.Thread(target=self._pass, args=(far, near))
            back.start()
            self._pass(near, far, self.said_by_agents)
            back.join()
            self._sockets.remove(near)
            self._sockets.remove(far)

    def _pass(self, one, other, copy=None):
        passed = 0
        with contextlib.suppress(OSError):
            while data := one.recv(1000):
                passed += len(data)
                if copy is not None:
                    copy += data
                if not self.swallowing:
                    other.sendall(data)
                if self._patience is not None and passed > self._patience:
                    break
        hang_up(one)
        hang_up(other)


def hang_up(connection):
    """End a connection, if it has not ended."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
