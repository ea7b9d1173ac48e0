"""Run jobs on a Ray cluster."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from luthier.errors import ExecutorError, InvalidInput, MissingExtra
from luthier.executors._agent import Boot
from luthier.executors._conversing import Conversing
from luthier.executors._remote import RemoteWorker
from luthier.executors._slots import cores, count_workers
from luthier.executors._talk import Talk, TalkingPool

if TYPE_CHECKING:
    from queue import SimpleQueue

    from luthier.executors._ledger import Packet
    from luthier.executors._remote import Mail

_GROUP = "LUTHIER_RAY_GROUP"
_ADDRESS = "LUTHIER_RAY_ADDRESS"
_STRATEGIES = ("PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD")


class Ray(TalkingPool):
    """Trials on the machines of a Ray cluster, each with resources of its own.

    Attaches to the cluster that this process is connected to already, or to that at `address`,
    or to that of the environment variable ``RAY_ADDRESS``; else starts one on this machine, and
    ends it again. Luthier must be installed in the same version on all nodes.

    Parameters
    ----------
    workers : int, optional
        How many trials run at once. None or -1: as many as the cluster has room for.
    cpus : float, default 1
        CPUs of each trial. BLAS and OpenMP use as many threads, at least one.
    gpus : float, default 0
        GPUs of each trial; a fraction shares one among several.
    memory : int, optional
        Bytes that Ray reserves for each trial. A limit is set by ``trial_memory``.
    resources : mapping of str to float, optional
        Custom resources of each trial.
    bundles : sequence of mapping, optional
        What each trial needs beside its own place for training in several processes, such as
        ``[{"CPU": 2, "GPU": 1}] * 4``. All of it is reserved at once as one placement group, and
        the objective gets it by `trial_group`.
    strategy : {"PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD"}, default "PACK"
        How Ray spreads the bundles over nodes.
    address : str, optional
        The cluster: ``"auto"``, ``"host:6379"``, ``"ray://host:10001"``, or ``"local"`` to start
        one in any case.
    runtime_env : mapping, optional
        Ray's runtime environment of the workers, such as ``{"working_dir": "."}``.
    capture_output : bool, default True
        Keep the last 16 KiB of each trial's output; if false, it goes to Ray's log files.
    start_timeout : float, default 300
        Seconds within which the cluster must have a place for the first worker.
    direct : bool, default True
        Let workers connect to this process, which is quicker than Ray's calls. It listens on a
        free port of the interface that faces the cluster as long as the executor is open, and
        speaks to nobody who does not know a secret of this run. Workers that cannot reach it are
        spoken to by calls, as are all of them if Ray uses TLS.

    Raises
    ------
    InvalidInput
        If an argument is not allowed.
    MissingExtra
        If Ray is not installed.

    Notes
    -----
    An actor holds the place of a worker for the whole call of `optimize`, and below it a process
    of its own runs trial after trial. So limits, crashes and output are as with
    `luthier.Processes`. If an actor or its node is lost, its trial is handed back and goes on from
    its last checkpoint as soon as Ray has another place.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        cpus: float = 1.0,
        gpus: float = 0.0,
        memory: int | None = None,
        resources: Mapping[str, float] | None = None,
        bundles: Sequence[Mapping[str, float]] | None = None,
        strategy: str = "PACK",
        address: str | None = None,
        runtime_env: Mapping[str, Any] | None = None,
        capture_output: bool = True,
        start_timeout: float = 300.0,
        direct: bool = True,
    ) -> None:
        _import_ray()
        count_workers("Ray: workers", workers, 1)
        for field, value in (("cpus", cpus), ("gpus", gpus)):
            if not _is_amount(value):
                raise InvalidInput(f"Ray: {field}", value, "a number from 0 on")
        if memory is not None and (not isinstance(memory, int) or memory < 1):
            raise InvalidInput("Ray: memory", memory, "a number of bytes, or None")
        for each in [{} if resources is None else resources, *(bundles or [])]:
            if not isinstance(each, Mapping) or not all(map(_is_amount, each.values())):
                raise InvalidInput("Ray: resources", each, "amounts from 0 on, by name")
        if strategy not in _STRATEGIES:
            raise InvalidInput("Ray: strategy", strategy, " or ".join(map(repr, _STRATEGIES)))
        self._wants = {"CPU": float(cpus), "GPU": float(gpus), "memory": float(memory or 0)}
        self._wants |= {name: float(amount) for name, amount in (resources or {}).items()}
        self._wants = {name: amount for name, amount in self._wants.items() if amount > 0}
        self._bundles = [dict(bundle) for bundle in bundles or []]
        self._strategy = strategy
        self._count = None if workers == -1 else workers
        if self._count is None and not self._wants:
            raise InvalidInput("Ray: workers", workers, "a number, if a trial takes no resources")
        self._address = address
        self._runtime_env = dict(runtime_env or {})
        self._connected = False
        self._sent: tuple[Boot, Any] | None = None
        super().__init__("Ray", cpus, capture_output, start_timeout, direct)

    def __repr__(self) -> str:
        return f"Ray({self._count})"

    def _planned(self) -> int:
        return self._count or 1

    def _wanted(self) -> str:
        places = [self._wants, *self._bundles]
        return " and ".join(
            ", ".join(f"{amount:g} {name}" for name, amount in place.items()) or "nothing"
            for place in places
        )

    def _attach(self) -> int:
        ray = _import_ray()
        if not ray.is_initialized():
            address = self._address or os.environ.get("RAY_ADDRESS") or "local"
            options: dict[str, Any] = {"address": address}
            if address == "local":
                needed = math.ceil((self._count or 0) * self._wants.get("CPU", 0.0))
                options |= {"num_cpus": max(cores(), needed), "include_dashboard": False}
            try:
                with _quietly():
                    ray.init(**options, log_to_driver=False, logging_level="ERROR")
            except Exception as error:
                raise ExecutorError(f"Ray at {address!r} cannot be reached: {error}") from error
            self._connected = True
        count = self._count or self._room(ray)
        if not count:
            raise ExecutorError(f"no node of the Ray cluster has {self._wanted()}")
        return count

    def _room(self, ray: Any) -> int:
        """Return how many trials the cluster has room for when nothing else runs there."""
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if not self._bundles:
            return sum(_fits(self._wants, node) for node in nodes)
        whole: dict[str, float] = {}
        for bundle in [self._wants, *self._bundles]:
            for name, amount in bundle.items():
                whole[name] = whole.get(name, 0.0) + amount
        return _fits(whole, ray.cluster_resources())

    def _detach(self) -> None:
        self._sent = None
        if self._connected:
            self._connected = False
            _import_ray().shutdown()

    def _facing(self) -> str | None:
        if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
            return None  # what Ray encrypts goes through Ray
        address: str = _import_ray().get_runtime_context().gcs_address
        return address.rpartition(":")[0].strip("[]")

    def _hire(self, worker: RemoteWorker, boot: Boot) -> _RayLine:
        ray = _import_ray()
        if self._sent is None or self._sent[0] is not boot:
            self._sent = boot, ray.put(boot)  # once for all workers of a node
        options: dict[str, Any] = {
            "num_cpus": self._wants.get("CPU", 0.0),
            "num_gpus": self._wants.get("GPU", 0.0),
            "max_restarts": 0,
            "max_task_retries": 0,
        }
        custom = {n: a for n, a in self._wants.items() if n not in ("CPU", "GPU", "memory")}
        if custom:
            options["resources"] = custom
        if "memory" in self._wants:
            options["memory"] = self._wants["memory"]
        environment = dict(self._runtime_env)
        group = None
        if self._bundles:
            group = ray.util.placement_group([self._wants, *self._bundles], self._strategy)
            options["scheduling_strategy"] = (
                ray.util.scheduling_strategies.PlacementGroupSchedulingStrategy(group, 0)
            )
            variables = environment.get("env_vars", {})
            known = {_GROUP: group.id.hex(), _ADDRESS: ray.get_runtime_context().gcs_address}
            environment["env_vars"] = variables | known
        if environment:
            options["runtime_env"] = environment
        actor = ray.remote(Conversing).options(**options).remote(self._sent[1])
        return _RayLine(worker, self._inbox, actor, group)


class _RayLine(Talk):
    """Calls of an actor's methods."""

    def __init__(
        self, worker: RemoteWorker, inbox: SimpleQueue[Mail], actor: Any, group: Any
    ) -> None:
        super().__init__(worker, inbox)
        self._actor = actor
        self._group = group

    def _call(self, packet: Packet, listen: bool) -> None:
        answer = self._actor.talk.remote(packet, listen)
        if listen:
            answer.future().add_done_callback(self._take)

    def _take(self, answer: Any) -> None:
        """Take what a call has returned, in a thread of Ray's."""
        try:
            self._hear(answer.result())
        except BaseException as error:
            self._lost(_reason(error))

    def close(self) -> None:
        super().close()
        ray = _import_ray()
        with suppress(Exception):  # the whole cluster may be gone
            ray.kill(self._actor)
            if self._group is not None:
                ray.util.remove_placement_group(self._group)


def trial_group() -> Any:
    """Return the placement group of the trial that calls this, with Ray connected.

    Its first bundle is the trial's own, and the others are the `bundles` of `Ray`, for actors and
    tasks of the objective. They end with the trial's process.

    Raises
    ------
    ExecutorError
        If the trial does not run on `Ray` with bundles.
    """
    ray = _import_ray()
    group = os.environ.get(_GROUP)
    if group is None:
        raise ExecutorError("there is no placement group: the trial needs Ray(bundles=...)")
    if not ray.is_initialized():
        ray.init(address=os.environ[_ADDRESS], log_to_driver=False, logging_level="ERROR")
    from ray.util.placement_group import PlacementGroup

    return PlacementGroup(ray.PlacementGroupID.from_hex(group))


def _import_ray() -> Any:
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise MissingExtra("the executor 'ray'", "ray") from error
    return ray


@contextmanager
def _quietly() -> Iterator[None]:
    """Let no cluster that is started in this block report its use to Ray's makers."""
    name = "RAY_USAGE_STATS_ENABLED"
    before = os.environ.get(name)
    os.environ.setdefault(name, "0")
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]


def _fits(wants: Mapping[str, float], node: Mapping[str, float]) -> int:
    """Return how often so much fits into a node."""
    return min(int(node.get(name, 0.0) / amount + 1e-9) for name, amount in wants.items())


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _reason(error: BaseException) -> str:
    """Return the first sentence of the last line of what Ray says: the cause, if there is one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].partition(". ")[0][:500] if lines else type(error).__name__
