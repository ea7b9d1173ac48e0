"""What every scheduler promises: which trial goes on, for how long, and which begins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, runtime_checkable

from luthier.model.frozen import EMPTY
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
    step : int, optional
        The checkpoint: its newest one up to this step. None takes the newest of all.
    why : mapping of str to object, default empty
        How the scheduler chose the params, in plain JSON types.
    """

    params: Params | None = None
    fork: int | None = None
    step: int | None = None
    why: Mapping[str, Any] = EMPTY


@dataclass(frozen=True, slots=True)
class Resume:
    """Let a paused trial go on."""

    number: int


@dataclass(frozen=True, slots=True)
class Stop:
    """End a paused trial, and ask again."""

    number: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Start nothing until more results are in."""


@dataclass(frozen=True, slots=True)
class Done:
    """The schedule is complete; nothing will be started any more."""


Step = Start | Resume | Stop | Wait | Done


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


@runtime_checkable
class Finishing(Protocol):
    """A scheduler that pauses trials, and knows which one deserves to be trained to its end."""

    def finish(self, problem: Problem, history: History) -> int | None:
        """Return the paused trial to finish now that none may begin, None if there is none.

        Asked again and again, as long as there is an answer. The trial is not paused any more,
        whatever `decide` says.
        """
        ...


@runtime_checkable
class Forking(Protocol):
    """A scheduler that begins trials from the checkpoints of others."""

    def kept(self, problem: Problem, history: History) -> Collection[tuple[int, int]]:
        """Return from where it may fork: numbers of trials, and steps of their checkpoints.

        These are not deleted, whatever the study's settings are.
        """
        ...
