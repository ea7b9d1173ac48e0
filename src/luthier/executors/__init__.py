"""Who does the work: executors run a task on payloads, somewhere, and say how it ended.

An executor is imported when its name is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from luthier.executors.base import (
    Channel,
    Ending,
    Executor,
    Handler,
    HasClock,
    Job,
    Limits,
    Outcome,
    Task,
)

if TYPE_CHECKING:
    from luthier.executors._registry import EXECUTORS, make
    from luthier.executors.command import Command
    from luthier.executors.inline import Inline
    from luthier.executors.processes import Processes
    from luthier.executors.simulated import Simulated
    from luthier.executors.table import Table

_HOME = {
    "EXECUTORS": "_registry",
    "make": "_registry",
    "Command": "command",
    "Inline": "inline",
    "Processes": "processes",
    "Simulated": "simulated",
    "Table": "table",
}

__all__ = [
    # the contract
    "Executor",
    "HasClock",
    "Task",
    "Channel",
    "Handler",
    "Job",
    "Limits",
    "Outcome",
    "Ending",
    # the executors
    "Inline",
    "Processes",
    "Simulated",
    "EXECUTORS",
    "make",
    # a task
    "Command",
    # an objective
    "Table",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
