"""Who does the work: executors run a task on payloads, somewhere, and say how it ended."""

from luthier.executors._registry import EXECUTORS, make
from luthier.executors.base import (
    Channel,
    Ending,
    Executor,
    Handler,
    Job,
    Limits,
    Outcome,
    Task,
)
from luthier.executors.command import Command
from luthier.executors.inline import Inline
from luthier.executors.processes import Processes

__all__ = [
    # the contract
    "Executor",
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
    "EXECUTORS",
    "make",
    # a task
    "Command",
]
