"""Executors by name."""

from __future__ import annotations

from collections.abc import Callable

from luthier.errors import InvalidInput
from luthier.executors._slots import count_workers
from luthier.executors.base import Executor
from luthier.executors.inline import Inline
from luthier.executors.processes import Processes
from luthier.executors.simulated import Simulated


def _inline(workers: int | None) -> Executor:
    if count_workers("Inline: workers", workers, 1) != 1:
        raise InvalidInput("Inline: workers", workers, "1; use the executor 'processes' for more")
    return Inline()


EXECUTORS: dict[str, Callable[[int | None], Executor]] = {
    "inline": _inline,
    "processes": Processes,
    "simulated": Simulated,
}
"""Makes an executor from a number of workers, None meaning its default."""


def make(executor: str | Executor, workers: int | None = None) -> Executor:
    """Return an executor by name; an executor is returned as it is.

    Parameters
    ----------
    executor : str or Executor
        A name in `EXECUTORS`, or an executor that is ready.
    workers : int, optional
        How many jobs run at once. None: the executor's default.

    Raises
    ------
    InvalidInput
        If the name is unknown, or `workers` is given for an executor that is ready and has
        another number of slots.
    """
    if isinstance(executor, str):
        if executor not in EXECUTORS:
            raise InvalidInput("executor", executor, " or ".join(map(repr, EXECUTORS)))
        return EXECUTORS[executor](workers)
    if isinstance(executor, type) or not isinstance(executor, Executor):
        raise InvalidInput("executor", executor, "a name or an Executor")
    if workers is not None and workers != executor.slots:
        raise InvalidInput("workers", workers, f"None or {executor.slots}, as {executor!r} has")
    return executor
