"""Runs a test's function in a child, where it may limit itself or become somebody else."""

import os
import pickle
import traceback
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def in_a_fork(
    function: Callable[[], T],
    *,
    user: int | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> T:
    """Return what the function returns in a forked process; `user` needs root, else is ignored."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            if user is not None and os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)
            answer = True, function()
        except BaseException:
            answer = False, traceback.format_exc()
        os.write(writing, pickle.dumps(answer))
        os._exit(0)
    os.close(writing)
    try:
        meanwhile()
        with os.fdopen(reading, "rb") as pipe:
            done, result = pickle.load(pipe)
    finally:
        os.waitpid(child, 0)
    assert done, result
    return result
