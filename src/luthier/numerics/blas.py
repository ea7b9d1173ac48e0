"""One thread for linear algebra: at the sizes of tuning, more threads cost more than they give."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@contextmanager
def single_threaded() -> Iterator[None]:
    """Let BLAS libraries use one thread inside the context, whatever they used before.

    NumPy and SciPy each bring their own OpenBLAS, and both are limited. Beside a
    training that uses all cores, two threads in a matrix of a few hundred rows
    can take a hundred times as long as one.

    The number of threads belongs to the process. Where several threads are inside at once,
    the first one in sets it and puts it back; to the others nothing happens, since each
    would put back what the other one had set.
    """
    if _limited.acquire(blocking=False):
        try:
            with _controller().limit(limits=1, user_api="blas"):
                yield
        finally:
            _limited.release()
    else:
        yield


_limited = threading.Lock()
"""Held by the thread that has set the limit."""


@cache
def _controller() -> ThreadpoolController:
    import scipy.linalg  # noqa: F401 - loads the second BLAS, so that the controller sees it

    return ThreadpoolController()
