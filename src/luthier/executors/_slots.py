"""How many workers there are, and which GPU and how many threads each may use."""

from __future__ import annotations

import os
from collections.abc import Sequence

from luthier.errors import InvalidInput

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "POLARS_MAX_THREADS",
)
"""Environment variables by which numerical libraries learn how many threads to use."""

_GPUS = "CUDA_VISIBLE_DEVICES"


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def count_workers(field: str, workers: int | None, default: int) -> int:
    """Return a number of workers, where None and -1 mean `default`.

    Raises
    ------
    InvalidInput
        If it is neither positive nor -1; `field` says whose argument it is.
    """
    if workers is None or workers == -1:
        return default
    if not isinstance(workers, int) or isinstance(workers, bool) or workers < 1:
        raise InvalidInput(field, workers, "an int of at least 1, or -1 or None for the default")
    return workers


def plan_slots(
    workers: int | None,
    gpus: Sequence[int | str] | None,
    trials_per_gpu: int,
    threads_per_worker: int | None,
) -> tuple[int | str | None, ...]:
    """Return the GPU of each slot, None meaning no choice of a GPU.

    Raises
    ------
    InvalidInput
        If the arguments are not allowed, or do not fit together.
    """
    if threads_per_worker is not None and not _is_count(threads_per_worker):
        raise InvalidInput(
            "Processes: threads_per_worker", threads_per_worker, "an int of at least 1, or None"
        )
    if not _is_count(trials_per_gpu):
        raise InvalidInput("Processes: trials_per_gpu", trials_per_gpu, "an int of at least 1")
    if gpus is None:
        if trials_per_gpu != 1:
            raise InvalidInput(
                "Processes: trials_per_gpu", trials_per_gpu, "only together with gpus"
            )
        return (None,) * count_workers("Processes: workers", workers, cores())
    if isinstance(gpus, (str, bytes)) or not isinstance(gpus, Sequence):
        raise InvalidInput("Processes: gpus", gpus, "a list of GPUs, such as [0, 1], or None")
    gpus = [_check_gpu(gpu) for gpu in gpus]
    if not gpus or len(set(gpus)) < len(gpus):
        raise InvalidInput("Processes: gpus", gpus, "at least one GPU, and none twice")
    room = len(gpus) * trials_per_gpu
    count = count_workers("Processes: workers", workers, room)
    if count > room:
        raise InvalidInput(
            "Processes: workers", count, f"at most {room}: {trials_per_gpu} on each GPU of {gpus}"
        )
    return tuple(gpus[slot % len(gpus)] for slot in range(count))


def environments(
    slots: Sequence[int | str | None], threads_per_worker: int | None
) -> list[dict[str, str]]:
    """Return the environment of each slot's worker, made from that of this process.

    Raises
    ------
    InvalidInput
        If a GPU's number is not among those that this process may see.
    """
    base = dict(os.environ)
    threads = str(threads_per_worker or max(1, cores() // len(slots)))
    for name in THREAD_VARIABLES:
        if threads_per_worker is not None or not base.get(name):
            base[name] = threads
    return [base if gpu is None else base | {_GPUS: _visible(gpu)} for gpu in slots]


def _visible(gpu: int | str) -> str:
    """Name a GPU for a child process. Numbers count among what this process may see."""
    mine = os.environ.get(_GPUS)
    if isinstance(gpu, str) or mine is None:
        return str(gpu)
    names = [name.strip() for name in mine.split(",") if name.strip()]
    if gpu >= len(names):
        raise InvalidInput(
            "Processes: gpus", gpu, f"a number below {len(names)}, since {_GPUS} is {mine!r}"
        )
    return names[gpu]


def _check_gpu(gpu: int | str) -> int | str:
    if isinstance(gpu, str):
        valid = gpu.strip() != ""
    else:
        valid = isinstance(gpu, int) and not isinstance(gpu, bool) and gpu >= 0
    if not valid:
        raise InvalidInput("Processes: gpus", gpu, "numbers from 0, or the names of GPUs")
    return gpu


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
