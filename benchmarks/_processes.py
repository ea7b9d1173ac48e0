"""Functions measured in fresh Python processes, alone or several from one common start."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from threading import BrokenBarrierError
from typing import Any, TypeVar

T = TypeVar("T")
Prepare = Callable[..., Callable[[], object]]

PATIENCE = 60.0
"""Seconds that processes wait for each other before they start."""

_start: Any = None


def fresh(function: Callable[..., T], *arguments: object) -> T:
    """Return what a function returns in a new process.

    Parameters
    ----------
    function : callable
        Of a module's top level.
    *arguments : object
        Picklable.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def together(prepare: Prepare, arguments: Sequence[tuple[Any, ...]]) -> float:
    """Run one process per tuple of arguments and return the seconds from first start to last end.

    Parameters
    ----------
    prepare : callable
        Of a module's top level. Called with a tuple's items, it gets everything ready and
        returns what is to be timed. Nobody starts that before all are ready.
    arguments : sequence of tuple
    """
    context = get_context("spawn")
    barrier = context.Barrier(len(arguments))
    with ProcessPoolExecutor(len(arguments), context, _keep, (barrier,)) as pool:
        futures = [pool.submit(_timed, prepare, given) for given in arguments]
    errors = [error for future in futures if (error := future.exception()) is not None]
    if errors:  # those that only waited for the one that failed come last
        raise min(errors, key=lambda error: isinstance(error, BrokenBarrierError))
    began, ended = zip(*(future.result() for future in futures), strict=True)
    return float(max(ended) - min(began))


def _keep(barrier: Any) -> None:
    global _start
    _start = barrier


def _timed(prepare: Prepare, arguments: tuple[Any, ...]) -> tuple[float, float]:
    try:
        run = prepare(*arguments)
    except BaseException:
        _start.abort()
        raise
    _start.wait(PATIENCE)
    began = time.time()
    run()
    return began, time.time()
