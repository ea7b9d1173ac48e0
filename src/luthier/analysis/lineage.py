"""Where a trial comes from: the trials that it was forked from, and the schedule they make."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luthier.errors import InvalidInput
from luthier.model.frozen import EMPTY
from luthier.model.history import History
from luthier.model.trial import FrozenTrial, Params
from luthier.space.courses import Piecewise

Schedule = Mapping[str, Sequence[tuple[int, Any]]]
"""For each param, from which step on it has which value: steps ascending, the first one 0."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What one trial contributed to a training.

    Attributes
    ----------
    trial : int
        Its number.
    after : int
        The step that was done when it began; 0 where the training begins.
    until : int
        The last step that belongs to the training: where the next trial was forked, or where
        the trial itself has come to.
    params : mapping of str to object
        With which params.
    """

    trial: int
    after: int
    until: int
    params: Params


def lineage(history: History, number: int) -> list[Segment]:
    """Return the trials that make up one training, from its beginning to trial `number`.

    Raises
    ------
    TrialNotFound
        If there is no such trial.
    """
    found: list[Segment] = []
    trial = history.trial(number)
    until = reached(trial)
    while trial.parent is not None and trial.parent_step is not None:
        if trial.restored_step is None:
            break  # the checkpoint was lost later: it began anew
        found.append(Segment(trial.number, trial.parent_step, until, trial.params))
        until = trial.parent_step
        trial = history.trial(trial.parent)
    found.append(Segment(trial.number, 0, until, trial.params))
    return found[::-1]


def reached(trial: FrozenTrial) -> int:
    """Return the last step that a trial has reported, or at which it was forked."""
    last = trial.reports.last
    return (trial.parent_step or 0) if last is None else last.step


def schedule_of(history: History, number: int) -> dict[str, list[tuple[int, Any]]]:
    """Return how each param changed in the course of the training that ends with a trial.

    Returns
    -------
    dict of str to list of (int, object)
        From which step on a param had which value, None where it was not active. A value that
        did not change is not repeated.

    Raises
    ------
    TrialNotFound
        If there is no such trial.
    """
    segments = lineage(history, number)
    names = list(dict.fromkeys(name for segment in segments for name in segment.params))
    found: dict[str, list[tuple[int, Any]]] = {name: [] for name in names}
    for segment in segments:
        first = segment.after + 1 if segment.after else 0
        for name, changes in found.items():
            value = segment.params.get(name)
            if changes and changes[-1][0] == first:
                changes.pop()  # a trial that was forked at once has shown nothing
            if not changes or changes[-1][1] != value:
                changes.append((first, value))
    return found


class Replay:
    """A schedule that was found, to be followed again: call it with a step for its params.

    Parameters
    ----------
    values : mapping
        As `schedule_of` returns it, or as JSON gives that back.

    Raises
    ------
    InvalidInput
        If it is no such mapping.

    Examples
    --------
    >>> replay = Replay({"lr": [(0, 0.1), (11, 0.02)]})
    >>> replay(10), replay(11)
    ({'lr': 0.1}, {'lr': 0.02})
    """

    def __init__(self, values: Schedule) -> None:
        allowed = "for each param a list of (step, value), steps ascending from 0"
        if not isinstance(values, Mapping):
            raise InvalidInput("Replay: values", values, allowed)
        self.values: dict[str, list[tuple[int, Any]]] = {}
        for name, changes in values.items():
            try:
                pairs = [(int(step), value) for step, value in changes]
            except (TypeError, ValueError):
                raise InvalidInput(f"Replay: {name}", changes, allowed) from None
            steps = [step for step, _ in pairs]
            if not steps or steps[0] != 0 or sorted(set(steps)) != steps:
                raise InvalidInput(f"Replay: {name}", changes, allowed)
            self.values[name] = pairs

    def __call__(self, step: int) -> dict[str, Any]:
        """Return the params of one step of the training.

        Raises
        ------
        InvalidInput
            If the step is negative.
        """
        if step < 0:
            raise InvalidInput("step", step, "a step from 0 on")
        return {
            name: changes[bisect_right(changes, step, key=lambda change: change[0]) - 1][1]
            for name, changes in self.values.items()
        }

    def course(self, name: str, steps: int) -> Piecewise:
        """Return one param as a function of the progress, ``step / steps``.

        Parameters
        ----------
        name : str
            A param with numbers as values.
        steps : int
            How many steps the training has.

        Raises
        ------
        InvalidInput
            If there is no such param, its values are no numbers, or it changes after the last
            step.
        """
        if name not in self.values:
            raise InvalidInput("name", name, f"one of {', '.join(self.values)}")
        return Piecewise([(step / steps, value) for step, value in self.values[name]])

    def __repr__(self) -> str:
        return f"Replay({self.values!r})"


@dataclass(frozen=True, slots=True)
class Branch:
    """A trial with those that were forked from it.

    Attributes
    ----------
    trial : FrozenTrial
        The trial.
    changed : mapping of str to (object, object)
        Which params differ from those of the trial that it was forked from: before and after.
    forks : tuple of Branch
        Those that were forked from it, by the step and then by number.
    """

    trial: FrozenTrial
    changed: Mapping[str, tuple[Any, Any]] = EMPTY
    forks: tuple[Branch, ...] = ()


def family(history: History) -> list[Branch]:
    """Return all trials as trees: those that were not forked, each with what came of it."""
    trials = {trial.number: trial for trial in history.trials}
    forks: dict[int, list[FrozenTrial]] = {}
    roots = []
    for trial in trials.values():
        if trial.parent is None:
            roots.append(trial)
        else:
            forks.setdefault(trial.parent, []).append(trial)
    made: dict[int, Branch] = {}
    for trial in reversed(trials.values()):  # a fork comes after what it was forked from
        own = sorted(forks.get(trial.number, ()), key=lambda t: (t.parent_step or 0, t.number))
        changed = (
            {} if trial.parent is None else _changed(trials[trial.parent].params, trial.params)
        )
        made[trial.number] = Branch(trial, changed, tuple(made[fork.number] for fork in own))
    return [made[trial.number] for trial in roots]


def _changed(before: Params, after: Params) -> dict[str, tuple[Any, Any]]:
    return {
        name: (before.get(name), after.get(name))
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    }
