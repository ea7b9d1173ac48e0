"""Executors by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

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


def _ray(workers: int | None, **options: Any) -> Executor:
    from luthier.executors.ray import Ray

    return Ray(workers, **options)


def _dask(workers: int | None, **options: Any) -> Executor:
    from luthier.executors.dask import Dask

    return Dask(workers=workers, **options)


def _slurm(workers: int | None, **options: Any) -> Executor:
    from luthier.executors.slurm import Slurm

    return Slurm(workers, **options)


EXECUTORS: dict[str, Callable[..., Executor]] = {
    "inline": _inline,
    "processes": Processes,
    "simulated": Simulated,
    "ray": _ray,
    "dask": _dask,
    "slurm": _slurm,
}
"""Makes an executor from a number of workers, None meaning its default, and options."""


def make(executor: str | Mapping[str, Any] | Executor, workers: int | None = None) -> Executor:
    """Return an executor by name; an executor is returned as it is.

    Parameters
    ----------
    executor : str, mapping or Executor
        A name in `EXECUTORS`, a mapping of ``name`` and the executor's options, or an executor
        that is ready.
    workers : int, optional
        How many jobs run at once. None: the executor's default.

    Raises
    ------
    InvalidInput
        If the name or an option is unknown, or `workers` is given for an executor that is ready
        and has another number of slots.
    MissingExtra
        If the executor needs a package that is not installed.
    """
    if isinstance(executor, str | Mapping):
        options = {"name": executor} if isinstance(executor, str) else dict(executor)
        name = options.pop("name", None)
        if name not in EXECUTORS:
            raise InvalidInput("executor", name, " or ".join(map(repr, EXECUTORS)))
        try:
            return EXECUTORS[name](workers, **options)
        except TypeError as error:
            raise InvalidInput(f"executor {name!r}", options, f"its options ({error})") from error
    if isinstance(executor, type) or not isinstance(executor, Executor):
        raise InvalidInput("executor", executor, "a name or an Executor")
    if workers is not None and workers != executor.slots:
        raise InvalidInput("workers", workers, f"None or {executor.slots}, as {executor!r} has")
    return executor
