"""Run jobs on a Dask cluster."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Mapping
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from weakref import finalize

from luthier.errors import ExecutorError, InvalidInput, MissingExtra
from luthier.executors._agent import Boot
from luthier.executors._conversing import Conversing
from luthier.executors._remote import RemoteWorker
from luthier.executors._slots import cores, count_workers
from luthier.executors._talk import Talk, TalkingPool

if TYPE_CHECKING:
    from queue import SimpleQueue

    from luthier.executors._ledger import Packet
    from luthier.executors._pool import Event
    from luthier.executors._remote import Mail


_LOOK = 1.0  # seconds between two looks for a place
_binding = threading.Lock()  # held while a client is the current one, which is a global setting


class Dask(TalkingPool):
    """Trials on the workers of a Dask cluster.

    Luthier must be installed in the same version on all of them.

    Parameters
    ----------
    client : distributed.Client or str, optional
        The cluster, or the address of its scheduler. Default: a cluster on this machine that
        ends when the executor is closed.
    workers : int, optional
        How many trials run at once. None or -1: as many as the cluster has room for.
    threads : int, default 1
        Threads of a Dask worker that a trial takes. BLAS and OpenMP use as many.
    resources : mapping of str to float, optional
        What else a trial takes of its Dask worker, such as ``{"GPU": 1}``.
    capture_output : bool, default True
        Keep the last 16 KiB of each trial's output; if false, it goes where the Dask worker's
        goes.
    start_timeout : float, default 300
        Seconds within which the cluster must have a place for the first worker.
    direct : bool, default True
        Let workers connect to this process, which is quicker than Dask's calls. It listens on a
        free port of the interface that faces the cluster as long as the executor is open, and
        speaks to nobody who does not know a secret of this run. Workers that cannot reach it are
        spoken to by calls, as are all of them if Dask speaks anything but plain TCP.

    Raises
    ------
    InvalidInput
        If an argument is not allowed.
    MissingExtra
        If ``distributed`` is not installed.

    Notes
    -----
    A task on a Dask worker holds the place of a trial for the whole call of `optimize`, and a
    process of its own beside it runs trial after trial. So limits, crashes and output are as with
    `luthier.Processes`. Dask never runs a trial twice by itself: if a Dask worker is lost, the
    study hands the trial back, and it goes on from its last checkpoint at another place.
    """

    def __init__(
        self,
        client: Any = None,
        workers: int | None = None,
        *,
        threads: int = 1,
        resources: Mapping[str, float] | None = None,
        capture_output: bool = True,
        start_timeout: float = 300.0,
        direct: bool = True,
    ) -> None:
        distributed = _import_distributed()
        if not isinstance(client, str | distributed.Client | None):
            raise InvalidInput("Dask: client", client, "a distributed.Client, an address, or None")
        count_workers("Dask: workers", workers, 1)
        if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
            raise InvalidInput("Dask: threads", threads, "an int of at least 1")
        for name, amount in (resources or {}).items():
            if not isinstance(amount, int | float) or not 0 < amount < math.inf:
                raise InvalidInput(f"Dask: resources {name!r}", amount, "a number above 0")
        self._given = client
        self._count = None if workers == -1 else workers
        self._resources = dict(resources or {})
        self._own: list[Any] = []  # what to close, the last one first
        self._client: Any = None
        self._there: dict[str, Any] = {}  # the Dask workers
        self._looked = -math.inf
        self._lines: set[_DaskLine] = set()
        super().__init__("Dask", threads, capture_output, start_timeout, direct)

    def __repr__(self) -> str:
        return f"Dask(workers={self._count})"

    def _planned(self) -> int:
        return self._count or 1

    def _wanted(self) -> str:
        named = (f", {amount:g} {name}" for name, amount in self._resources.items())
        return f"{self._threads} threads{''.join(named)}"

    def _attach(self) -> int:
        distributed = _import_distributed()
        given = self._given
        try:
            if given is None:
                # Dask workers may be threads here: trials have processes of their own anyway, and
                # Dask's would import the user's main script again, which then needs a guard.
                cluster = distributed.LocalCluster(
                    n_workers=self._count or max(1, cores() // self._threads),
                    threads_per_worker=self._threads,
                    processes=False,
                    resources=self._resources or None,
                    dashboard_address=None,
                    silence_logs=50,
                )
                self._own.append(cluster)
                given = cluster
            if isinstance(given, distributed.Client):
                self._client = given
            else:
                self._client = distributed.Client(given, set_as_default=False)
                self._own.append(self._client)
        except (OSError, TimeoutError, ValueError) as error:
            raise ExecutorError(f"the Dask cluster cannot be reached: {error}") from error
        self._look_around()
        room = sum(self._room(about) for about in self._there.values())
        if self._count is None and room == 0:
            raise ExecutorError(f"no worker of the Dask cluster has {self._wanted()}")
        return self._count or room

    def _detach(self) -> None:
        if self._client is not None and self._client.status == "running":
            for address in self._there:
                self._client.unsubscribe_topic(address)
        while self._own:
            self._own.pop().close()
        self._there, self._client = {}, None

    def _look_around(self) -> None:
        """See which Dask workers there are, and listen for the loss of each."""
        self._looked = time.monotonic()
        there = self._client.scheduler_info(n_workers=-1)["workers"]
        for address in there.keys() - self._there.keys():
            self._client.subscribe_topic(address, _Watch(address, self._lines))
        self._there |= there
        for address in self._there.keys() - there.keys():
            del self._there[address]
            self._client.unsubscribe_topic(address)

    def _room(self, about: Mapping[str, Any]) -> int:
        """Return how many trials a Dask worker has room for when nothing else runs there."""
        room = about["nthreads"] // self._threads
        for name, amount in self._resources.items():
            room = min(room, int(about["resources"].get(name, 0.0) / amount + 1e-9))
        return int(room)

    def _facing(self) -> str | None:
        protocol, _, address = self._client.scheduler.address.partition("://")
        if protocol == "inproc":
            return "127.0.0.1"
        if protocol != "tcp":
            return None  # what Dask encrypts goes through Dask
        return str(address.rpartition(":")[0].strip("[]"))

    def _hire(self, worker: RemoteWorker, boot: Boot) -> _DaskLine:
        line = _DaskLine(worker, self._inbox, boot, self._resources)
        self._lines.add(line)
        self._seat(line)
        return line

    def _seat(self, line: _DaskLine) -> None:
        """Give an agent a place at the emptiest Dask worker, if one has room."""
        taken = [other.address for other in self._lines]
        room = {at: self._room(about) - taken.count(at) for at, about in self._there.items()}
        address = max(room, key=room.__getitem__, default=None)
        if address is not None and room[address] > 0:
            line.sit(self._client, address)

    def _next_event(self, timeout: float) -> Event[RemoteWorker] | None:
        self._lines -= {line for line in self._lines if line.closed}
        if time.monotonic() >= self._looked + _LOOK:
            self._look_after()
        return super()._next_event(timeout)

    def _look_after(self) -> None:
        """Find places for agents that wait for one, and notice those that Dask has dropped."""
        self._looked = time.monotonic()
        if self._client.status == "closed":
            raise ExecutorError("the Dask scheduler is gone")
        waiting = [line for line in self._lines if line.address is None]
        if waiting and self._client.status == "running":
            self._look_around()
            for line in waiting:
                self._seat(line)
        for line in self._lines:
            line.check()


class _DaskLine(Talk):
    """Calls of an actor's methods, through the scheduler if workers cannot be reached directly.

    A Dask actor takes neither a thread nor resources of its worker, so a task beside it does.
    """

    def __init__(
        self,
        worker: RemoteWorker,
        inbox: SimpleQueue[Mail],
        boot: Boot,
        resources: Mapping[str, float],
    ) -> None:
        super().__init__(worker, inbox)
        self.address: str | None = None
        self.closed = False
        self._boot = boot
        self._resources = resources
        self._seating = threading.Lock()
        self._early: list[tuple[Packet, bool]] = []
        self._actor: Any = None
        self._client: Any = None
        self._futures: list[Any] = []

    def sit(self, client: Any, address: str) -> None:
        """Take a place at a Dask worker."""
        self._client, self.address = client, address
        name = f"luthier-{uuid4().hex}"
        options = {"pure": False, "retries": 0, "workers": [address], "allow_other_workers": False}
        agent = client.submit(_Tenant, self._boot, name, key=name, actor=True, **options)
        self._futures.append(agent)
        agent.add_done_callback(self._settle)

    def _settle(self, agent: Any) -> None:
        """Begin to talk, now that the agent is there; runs in a thread of Dask's."""
        try:
            # An actor belongs to the client that is the current one when it is unpickled.
            with _binding, self._client.as_current():
                actor = agent.result()
        except (Exception, CancelledError) as error:
            self._lost(f"{type(error).__name__}: {error}")
            return
        with self._seating:
            if self.closed:
                return
            self._futures.append(
                self._client.submit(
                    _hold,
                    agent.key,
                    key=f"{agent.key}-place",
                    pure=False,
                    retries=0,
                    workers=[self.address],
                    allow_other_workers=False,
                    resources=self._resources or None,
                )
            )
            self._actor = actor
            self._worker.placed = True
            for call in self._early:
                self._really_call(*call)
            self._early.clear()

    def _call(self, packet: Packet, listen: bool) -> None:
        with self._seating:
            if self._actor is None:
                self._early.append((packet, listen))
            else:
                self._really_call(packet, listen)

    def _really_call(self, packet: Packet, listen: bool) -> None:
        try:
            answer = self._actor.talk(packet, listen)
        except RuntimeError as error:  # the actor is known to be gone
            self._lost(str(error))
            return
        if listen:
            hearing = self._take(answer)
            try:
                asyncio.run_coroutine_threadsafe(hearing, self._client.loop.asyncio_loop)
            except RuntimeError as error:  # the client is closed
                hearing.close()
                self._lost(str(error))

    async def _take(self, answer: Any) -> None:
        """Take what a call returns, in Dask's event loop."""
        try:
            packet = await answer
        except Exception as error:
            self._lost(f"{type(error).__name__}: {error}")
        else:
            self._hear(packet)

    def check(self) -> None:
        """Notice if Dask has dropped the agent, for instance with a restart of the scheduler."""
        with self._seating:
            status = self._futures[0].status if self._futures else "pending"
        if status in ("cancelled", "lost"):
            self._lost("Dask has dropped it")

    def gone(self) -> None:
        """Say that the Dask worker went away."""
        self._lost(f"the Dask worker at {self.address} went away")

    def close(self) -> None:
        super().close()
        with self._seating:
            self.closed, self.address, self._actor = True, None, None
            if self._client is not None and self._client.status == "running":
                self._client.cancel(self._futures, force=True)
            self._futures.clear()


class _Watch:
    """Tells lines that their Dask worker went away."""

    def __init__(self, address: str, lines: set[_DaskLine]) -> None:
        self._address = address
        self._lines = lines

    def __call__(self, event: tuple[float, Any]) -> None:
        if event[1].get("action") == "remove-worker":
            for line in list(self._lines):
                if line.address == self._address:
                    line.gone()


_places: dict[str, threading.Event] = {}
"""On a Dask worker: by the name of each agent, what is set when it has ended."""


class _Tenant(Conversing):
    """An agent on a Dask worker.

    Parameters
    ----------
    boot : Boot
        What to run.
    name : str
        Its name.
    """

    def __init__(self, boot: Boot, name: str) -> None:
        super().__init__(boot)
        _places[name] = self.over
        finalize(self, _places.pop, name, None)


def _hold(name: str) -> None:
    """Take the thread and the resources of an agent as long as it is there."""
    over = _places.get(name)
    if over is not None:
        over.wait()


def _import_distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise MissingExtra("the executor 'dask'", "dask") from error
    return distributed
