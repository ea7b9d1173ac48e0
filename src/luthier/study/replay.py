"""Compute suggestions again from the log, and compare them with what was recorded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luthier.errors import InvalidInput, SpaceExhausted
from luthier.model.history import History
from luthier.model.trial import FrozenTrial, Params
from luthier.samplers.base import Sampler
from luthier.samplers.registry import describe, name_of, names
from luthier.samplers.registry import make as make_sampler
from luthier.schedulers.base import Scheduler, Start
from luthier.schedulers.registry import describe as describe_scheduler
from luthier.schedulers.registry import make as make_scheduler
from luthier.schedulers.registry import names as scheduler_names
from luthier.study.asking import given, given_by_scheduler, propose
from luthier.study.study import Study


@dataclass(frozen=True, slots=True)
class Replayed:
    """A suggestion as it stands in the log, and as it comes out today.

    Attributes
    ----------
    number : int
        The trial.
    recorded : mapping of str to object
        What the log says was proposed: the trial's params; in a define-by-run study the
        proposal, whether or not the trial asked for all of it.
    recomputed : mapping, optional
        What the sampler proposes now for the same history; None if there is nothing to compute.
    by : str or mapping, optional
        The sampler or scheduler; ``"user"`` if a person gave the params.
    note : str
        Why there is nothing to compare, or why nothing was proposed.
    comparable : bool
        False if a person gave the params, none are given yet, or the sampler or scheduler is
        not here.
    """

    number: int
    recorded: Params
    recomputed: Params | None
    by: str | Mapping[str, Any] | None
    note: str = ""
    comparable: bool = True

    @property
    def same(self) -> bool | None:
        """Whether both are the same; None if there is nothing to compare."""
        if not self.comparable:
            return None
        return self.recomputed == self.recorded


def replay(study: Study, number: int) -> Replayed:
    """Compute one suggestion again.

    Parameters
    ----------
    study : Study
        The study.
    number : int
        The trial.

    Raises
    ------
    TrialNotFound
        If there is no such trial.
    """
    return _replay(study, [study.history.trial(number)])[0]


def replay_all(study: Study) -> list[Replayed]:
    """Compute all suggestions of a study again, by number, in one pass over its log."""
    return _replay(study, study.trials)


def _replay(study: Study, trials: list[FrozenTrial]) -> list[Replayed]:
    done = []
    asked: dict[int, list[FrozenTrial]] = defaultdict(list)
    for trial in trials:
        if _computed(trial):
            asked[trial.at].append(trial)
        else:
            note = "given by a person" if trial.attempt else "not started yet"
            done.append(
                Replayed(trial.number, trial.params, None, trial.by, note, comparable=False)
            )
    for history in study._journal.histories_at(asked):
        for trial in asked[history.version]:
            if given_by_scheduler(trial.why):
                done.append(_schedule_again(study.scheduler, trial, history))
            else:
                done.append(_recompute(study.sampler, trial, history))
    return sorted(done, key=lambda replayed: replayed.number)


def _computed(trial: FrozenTrial) -> bool:
    return trial.attempt > 0 and trial.by not in (None, "user")


def _recompute(own: Sampler, trial: FrozenTrial, history: History) -> Replayed:
    recorded = trial.params if trial.proposed is None else trial.proposed
    assert trial.by is not None
    ours = trial.by == describe(own)
    if not ours and name_of(trial.by) not in names():
        note = f"its sampler {name_of(trial.by)!r} is not installed here"
        return Replayed(trial.number, recorded, None, trial.by, note, comparable=False)
    try:
        sampler = own if ours else make_sampler(trial.by)
        proposal = propose(sampler, history.problem, history, trial.number, trial.fixed)
    except (InvalidInput, SpaceExhausted) as error:
        return Replayed(trial.number, recorded, None, trial.by, str(error))
    return Replayed(trial.number, recorded, proposal.params, trial.by)


def _schedule_again(own: Scheduler, trial: FrozenTrial, history: History) -> Replayed:
    """Ask the scheduler again that gave a trial its params."""
    recorded = trial.params if trial.proposed is None else trial.proposed
    assert trial.by is not None
    ours = trial.by == describe_scheduler(own)
    if not ours and name_of(trial.by) not in scheduler_names():
        note = f"its scheduler {name_of(trial.by)!r} is not installed here"
        return Replayed(trial.number, recorded, None, trial.by, note, comparable=False)
    try:
        scheduler = own if ours else make_scheduler(trial.by)
        step = scheduler.next(history.problem, history)
        if not isinstance(step, Start) or step.params is None or step.fork != trial.parent:
            return Replayed(trial.number, recorded, None, trial.by, f"it says {step!r} now")
        proposal = given(step.params, history.problem)
    except InvalidInput as error:
        return Replayed(trial.number, recorded, None, trial.by, str(error))
    return Replayed(trial.number, recorded, proposal.params, trial.by)
