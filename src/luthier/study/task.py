"""What a worker does with a trial: call the objective and say how it ended."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from inspect import isgeneratorfunction
from pathlib import Path
from typing import Any, NamedTuple

from luthier.errors import Infeasible, InvalidInput, InvalidResult, TrialPruned
from luthier.executors.base import Channel, Task
from luthier.executors.command import Command
from luthier.model.problem import Problem
from luthier.model.trial import TrialState
from luthier.study.folds import Repeated, RepeatedYielding
from luthier.study.snapshots import adopt, data_of, discard, local_copy, new_draft
from luthier.study.telling import interpret
from luthier.study.ticket import Ticket
from luthier.study.trial import Trial


class Ending(NamedTuple):
    """How a trial ended, by the objective's own word."""

    state: TrialState
    values: tuple[float, ...] | None = None
    metrics: dict[str, float] = {}  # noqa: RUF012 - never mutated
    error: str = ""
    cost: float | None = None
    preempted: bool = False
    """Whether it only stopped because it was asked to, for no fault of its own."""


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
        except (TrialPruned, Infeasible) as signal:
            return _given_up(signal, trial)
        return _complete(returned, trial, self.problem)


@dataclass(frozen=True, slots=True)
class RunYielding:
    """The same for an executor with a clock of its own: the task yields how many seconds pass.

    A generator function says it itself. A plain function is run at the beginning, and its trial
    then takes as many seconds as it gave as its cost.
    """

    objective: Callable[[Trial], Any]
    problem: Problem

    def __call__(self, ticket: Ticket, channel: Channel) -> Generator[float, None, Ending]:
        """Run the trial; other exceptions of the objective pass through."""
        trial = Trial(ticket, self.problem, channel)
        says_time = False
        try:
            returned = self.objective(trial)
            if says_time := isinstance(returned, Generator):
                returned = yield from returned
        except (TrialPruned, Infeasible) as signal:
            ending = _given_up(signal, trial)
        else:
            ending = _complete(returned, trial, self.problem)
        if not says_time and trial.cost is not None:
            yield trial.cost
        return ending


def _complete(returned: Any, trial: Trial, problem: Problem) -> Ending:
    """Return how a trial ended whose objective returned this."""
    result = interpret(returned, problem.objectives, problem.limits, trial.measured)
    return Ending(TrialState.COMPLETE, result.values, result.metrics, "", trial.cost)


def _given_up(signal: TrialPruned | Infeasible, trial: Trial) -> Ending:
    """Return how a trial ended whose objective raised this."""
    # The signal is not kept: it holds the objective's frame, with everything that is loaded there.
    measured = dict(trial.measured)
    if isinstance(signal, Infeasible):
        return Ending(TrialState.INFEASIBLE, None, measured, signal.reason, trial.cost)
    return Ending(TrialState.PRUNED, None, measured, str(signal), trial.cost, trial.preempted)


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
        payload = _payload(Trial(ticket, self.problem, channel))
        if ticket.restored is not None:
            folder = ticket.restored.folder
            payload["restore_dir"] = None if folder is None else str(local_copy(folder))
            payload["restored_step"] = ticket.restored.step
        draft = None if ticket.folder is None else new_draft(ticket.folder, ticket.attempt)
        if draft is not None:
            payload["checkpoint_dir"] = data_of(draft)
            payload["keep"] = partial(_keep, ticket, channel)
        try:
            ran = self.command(payload, channel)
        except TrialPruned as signal:
            return Ending(TrialState.PRUNED, error=str(signal))
        except Infeasible as signal:
            return Ending(TrialState.INFEASIBLE, error=signal.reason)
        finally:
            if draft is not None:
                discard(draft)
        # A program that was asked to stop has not come to its end, even if it ends well.
        try:
            result = interpret(ran["metrics"], self.problem.objectives, self.problem.limits)
        except InvalidResult:
            if not channel.stopping:
                raise
            return Ending(TrialState.FAILED, preempted=True)
        return Ending(
            TrialState.COMPLETE, result.values, result.metrics, preempted=channel.stopping
        )


@dataclass(frozen=True, slots=True)
class CommandAsFunction:
    """A command as a function of a trial, to be measured several times.

    What the program reports on its way is left out: each time that it runs is a step. It has no
    checkpoints of its own.

    Attributes
    ----------
    command : Command
        The program and how to read its metrics.
    """

    command: Command

    def __call__(self, trial: Trial) -> dict[str, float]:
        """Run the program once and return its metrics."""
        ran = self.command(_payload(trial), _Unheard(trial._channel))
        if trial._channel.stopping:
            raise TrialPruned  # the program was ended
        found: dict[str, float] = ran["metrics"]
        return found


class _Unheard:
    """A channel on which only a stop is heard."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def send(self, message: Any) -> None:
        """Say nothing."""

    def ask(self, message: Any) -> Any:
        """Say nothing, and hear nothing."""
        return False

    @property
    def stopping(self) -> bool:
        """Whether the job was asked to stop."""
        return self._channel.stopping


def _payload(trial: Trial) -> dict[str, Any]:
    """Return what a command gets of a trial."""
    return {
        "number": trial.number,
        "params": trial._ticket.params,
        "repeat": trial.repeat,
        "trial_seed": trial.seed,
    }


def _keep(ticket: Ticket, channel: Channel, path: Path, step: int) -> None:
    """Make a checkpoint of what a program wrote."""
    assert ticket.folder is not None
    adopt(path, ticket.folder, ticket.attempt, step)
    channel.send(("saved",))


def make_task(objective: Callable[..., Any], problem: Problem, *, yields: bool = False) -> Task:
    """Return the task that runs an objective.

    Parameters
    ----------
    objective : callable or Command
    problem : Problem
    yields : bool, default False
        Whether the executor runs generator functions, which yield how many seconds pass.

    Raises
    ------
    InvalidInput
        If the objective is not callable, a generator function for an executor without a clock
        of its own, or a command in a study without a declared space.
    """
    command = _command_of(objective)
    if command is not None:
        if problem.dynamic:
            raise InvalidInput("objective", command, "a command in a study with a declared space")
        command.check(problem.space.paths)
        if objective is command:
            return RunCommand(command, problem)
    if not callable(objective):
        raise InvalidInput("objective", objective, "a function of a trial, or a Command")
    if yields:
        return RunYielding(objective, problem)
    if isgeneratorfunction(objective) or isgeneratorfunction(type(objective).__call__):
        raise InvalidInput(
            "objective", objective, "a function that returns; one that yields runs on Simulated"
        )
    return RunObjective(objective, problem)


def _command_of(objective: Any) -> Command | None:
    """Return the command that an objective runs, None if it is a function."""
    if isinstance(objective, Repeated):
        objective = objective.objective
    if isinstance(objective, CommandAsFunction):
        return objective.command
    return objective if isinstance(objective, Command) else None


def repeated(objective: Any, repeats: int) -> Any:
    """Return an objective that is measured so many times; once, it is itself.

    Raises
    ------
    InvalidInput
        If the number is not positive.
    """
    if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 1:
        raise InvalidInput("repeats", repeats, "an integer from 1 on")
    if repeats == 1 or not callable(objective):
        return objective
    if isinstance(objective, Command):
        return Repeated(CommandAsFunction(objective), repeats)
    if isgeneratorfunction(objective) or isgeneratorfunction(type(objective).__call__):
        return RepeatedYielding(objective, repeats)
    return Repeated(objective, repeats)
