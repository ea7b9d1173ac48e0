"""What every scheduler promises: which trial goes on, for how long, and which begins."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial, Params


class Decision(Enum):
    """What becomes of a trial that has just reported."""

    CONTINUE = "CONTINUE"
    PAUSE = "PAUSE"
    STOP = "STOP"


@dataclass(frozen=True, slots=True)
class Start:
    """Begin a new trial.

    Attributes
    ----------
    params : mapping, optional
        Its params; None lets the sampler choose.
    fork : int, optional
        Number of the trial whose checkpoint it begins from.
    """

    params: Params | None = None
    fork: int | None = None


@dataclass(frozen=True, slots=True)
class Resume:
    """Let a paused trial go on."""

    number: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Start nothing until more results are in."""


@dataclass(frozen=True, slots=True)
class Done:
    """The schedule is complete; nothing will be started any more."""


Step = Start | Resume | Wait | Done


@runtime_checkable
class Scheduler(Protocol):
    """Decides how long to look: a pure function of the history, like a sampler."""

    def next(self, problem: Problem, history: History) -> Step:
        """Say what a free worker does.

        Randomness, where needed, is ``problem.rng(history.count, "scheduler")``.
        """
        ...

    def decide(self, problem: Problem, history: History, trial: FrozenTrial) -> Decision:
        """Say what becomes of `trial`, whose newest report is in the history."""
        ...
