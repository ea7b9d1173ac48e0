"""What a worker does with a trial: call the objective and say how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from luthier.errors import Infeasible, InvalidInput, TrialPruned
from luthier.executors.base import Channel, Task
from luthier.executors.command import Command
from luthier.model.problem import Problem
from luthier.model.trial import TrialState
from luthier.study.telling import interpret
from luthier.study.trial import Ticket, Trial


class Ending(NamedTuple):
    """How a trial ended, by the objective's own word."""

    state: TrialState
    values: tuple[float, ...] | None = None
    metrics: dict[str, float] = {}  # noqa: RUF012 - never mutated
    error: str = ""
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class RunObjective:
    """A task for any executor: runs one trial of an objective.

    Attributes
    ----------
    objective : callable
        Gets a `Trial`; returns a number, one number per objective, or metrics by name.
    problem : Problem
        Says which results are valid.
    """

    objective: Callable[[Trial], Any]
    problem: Problem

    def __call__(self, ticket: Ticket, channel: Channel) -> Ending:
        """Run the trial; other exceptions of the objective pass through."""
        trial = Trial(ticket, self.problem, channel)
        try:
            returned = self.objective(trial)
            result = interpret(
                returned, self.problem.objectives, self.problem.limits, trial.measured
            )
        except TrialPruned as signal:
            reason = str(signal)
            return Ending(TrialState.PRUNED, None, dict(trial.measured), reason, trial.cost)
        except Infeasible as signal:
            return Ending(
                TrialState.INFEASIBLE, None, dict(trial.measured), signal.reason, trial.cost
            )
        return Ending(TrialState.COMPLETE, result.values, result.metrics, "", trial.cost)


@dataclass(frozen=True, slots=True)
class RunCommand:
    """A task for any executor: runs one trial of a command.

    Attributes
    ----------
    command : Command
        The program and how to read its metrics.
    problem : Problem
        Says which results are valid.
    """

    command: Command
    problem: Problem

    def __call__(self, ticket: Ticket, channel: Channel) -> Ending:
        """Run the trial."""
        try:
            ran = self.command({"number": ticket.number, "params": ticket.params}, channel)
        except TrialPruned as signal:
            return Ending(TrialState.PRUNED, error=str(signal))
        except Infeasible as signal:
            return Ending(TrialState.INFEASIBLE, error=signal.reason)
        result = interpret(ran["metrics"], self.problem.objectives, self.problem.limits)
        return Ending(TrialState.COMPLETE, result.values, result.metrics)


def make_task(objective: Callable[..., Any], problem: Problem) -> Task:
    """Return the task that runs an objective.

    Raises
    ------
    InvalidInput
        If the objective is not callable, or a command needs a declared space and has none.
    """
    if isinstance(objective, Command):
        if problem.dynamic:
            raise InvalidInput("objective", objective, "a command in a study with a declared space")
        objective.check(problem.space.names)
        return RunCommand(objective, problem)
    if not callable(objective):
        raise InvalidInput("objective", objective, "a function of a trial, or a Command")
    return RunObjective(objective, problem)
