"""How values and failures travel between the study's process and its workers."""

from __future__ import annotations

import pickle
import sys
import traceback
from typing import Any, NamedTuple

# A frame from a worker is one of these letters and a pickle. The letter can be read
# without unpickling, so that only the thread that polls ever runs code of the user's classes.
READY = b"R"  # the task is loaded; nothing follows
BROKEN = b"B"  # the task cannot be loaded; a Broken
SEND = b"S"  # a message
ASK = b"A"  # a message whose sender waits for the answer
DONE = b"D"  # (seconds, whether it was told to stop, result)
ERROR = b"E"  # (seconds, whether it was told to stop, Failure)

QUIT = b""
"""The only frame to a worker that is not a pickle: end yourself."""


_BY_VALUE = {b"__main__"}
"""Modules that other processes do not have."""


class Failure(NamedTuple):
    """An exception as text, since the exception itself may not survive the journey."""

    error: str
    traceback: str

    @classmethod
    def of(cls, exception: BaseException, skip: int = 0) -> Failure:
        """Describe an exception; `skip` frames of our own are left out of the traceback."""
        trace = exception.__traceback__
        for _ in range(skip):
            trace = trace.tb_next if trace is not None else None
        lines = traceback.format_exception(type(exception), exception, trace)
        try:
            said = " ".join(str(exception).split())
        except Exception:
            said = "(its message cannot be shown)"
        name = type(exception).__qualname__
        said = f"{name}: {said}" if said else name
        return cls(said if len(said) <= 500 else said[:497] + "...", "".join(lines))


class Broken(NamedTuple):
    """Why a worker cannot load the task, and the module it could not find, if that is why."""

    error: str
    missing: str | None


def dumps(value: Any) -> bytes:
    """Pickle anything, fast where plain pickle is enough.

    Plain pickle stores functions and classes by the name of their module, and
    ``__main__`` is another one in another process; whatever mentions it goes by value.
    """
    try:
        data = pickle.dumps(value, protocol=5)
    except Exception:
        pass  # what goes by value is tried next, and raises if that fails too
    else:
        if not any(module in data for module in _BY_VALUE):
            return data
    return dumps_by_value(value)


def dumps_by_value(value: Any) -> bytes:
    """Pickle functions and classes of ``__main__``, lambdas and closures by value."""
    import cloudpickle

    data: bytes = cloudpickle.dumps(value, protocol=5)
    return data


def send_by_value(module: str | None) -> bool:
    """Let what a module of this process defines be pickled by value from now on.

    For modules that a fresh interpreter does not find, such as a file that was loaded
    from its path. Returns false if there is no such module, or it is sent so already.
    """
    import cloudpickle

    if module is None or module not in sys.modules:
        return False
    if module in cloudpickle.list_registry_pickle_by_value():
        return False
    cloudpickle.register_pickle_by_value(sys.modules[module])
    _BY_VALUE.add(module.encode())
    return True


loads = pickle.loads
