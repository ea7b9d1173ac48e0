"""Who does the work: executors run a task on payloads, somewhere, and say how it ended."""

from luthier.executors._registry import EXECUTORS, make
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
from luthier.executors.command import Command
from luthier.executors.inline import Inline
from luthier.executors.processes import Processes
from luthier.executors.simulated import Simulated
from luthier.executors.table import Table

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
