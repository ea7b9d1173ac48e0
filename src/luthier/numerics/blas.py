"""One thread for linear algebra: at the sizes of tuning, more threads cost more than they give."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


def single_threaded() -> AbstractContextManager[Any]:
    """Return a context in which BLAS libraries use one thread, whatever they used before.

    NumPy and SciPy each bring their own OpenBLAS, and both are limited. Beside a
    training that uses all cores, two threads in a matrix of a few hundred rows
    can take a hundred times as long as one.
    """
    limit: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limit


@cache
def _controller() -> ThreadpoolController:
    import scipy.linalg  # noqa: F401 - loads the second BLAS, so that the controller sees it

    return ThreadpoolController()
