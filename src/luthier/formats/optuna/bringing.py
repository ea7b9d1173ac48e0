"""Optuna's studies as studies of ours."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite, isnan
from typing import Any

from luthier.errors import Conflict, InvalidInput, StudyExists, StudyNotFound
from luthier.formats.optuna.notes import CONSTRAINT, METRIC_NAMES, NOTE, NUMBER, VALUES
from luthier.formats.optuna.records import OptunaStudy, OptunaTrial
from luthier.model.events import (
    Asked,
    Defined,
    Enqueued,
    Event,
    Noted,
    Reported,
    Suggested,
    Told,
)
from luthier.model.plain import plain
from luthier.model.problem import Limit, Problem
from luthier.model.serde import to_text
from luthier.model.trial import TrialState
from luthier.space.space import Space
from luthier.storage.base import Record, Storage
from luthier.study.create import create_study
from luthier.study.journal import Journal

IMPORTED = "imported_from"
"""The note on a study that says where it comes from."""

BATCH = 1000
"""Trials that are written at once."""

_ENDED = {
    "COMPLETE": TrialState.COMPLETE,
    "PRUNED": TrialState.PRUNED,
    "FAIL": TrialState.FAILED,
}


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of one study.

    Attributes
    ----------
    source, study : str
        Its names there and here.
    created : bool
        Whether it is new here.
    added : int
        Trials that were brought over now.
    known : int
        Trials that had been brought over before.
    left_out : mapping of str to list of int
        Why trials were not brought over, and their numbers.
    changed : mapping of str to list of int
        What is said otherwise here, and the numbers of the trials.
    """

    source: str
    study: str
    created: bool
    added: int
    known: int
    left_out: Mapping[str, Sequence[int]] = field(default_factory=dict)
    changed: Mapping[str, Sequence[int]] = field(default_factory=dict)


def bring(study: OptunaStudy, storage: Storage, name: str | None = None) -> Brought:
    """Bring a study over; done again, only what is new there since.

    Parameters
    ----------
    study : OptunaStudy
        The study.
    storage : Storage
        Where it goes.
    name : str, optional
        Its name here. Default: the one that it has.

    Raises
    ------
    StudyExists
        If there is another study of that name.
    InvalidInput
        If it has no directions.
    """
    name = study.name if name is None else name
    mark = {"system": "optuna", "study": study.name}
    journal, created = _opened(study, storage, name, mark)
    history = journal.sync()
    before = {trial.user_attrs.get(NUMBER) for trial in history.trials}
    left_out: dict[str, list[int]] = {}
    changed: dict[str, list[int]] = {}
    new: list[OptunaTrial] = []
    known = 0
    for trial in study.trials:
        if trial.number in before:
            known += 1
        elif reason := _obstacle(trial, len(study.directions)):
            left_out.setdefault(reason, []).append(trial.number)
        else:
            new.append(trial)
            for difference in _differences(trial):
                changed.setdefault(difference, []).append(trial.number)
    limit(journal, [key for trial in study.trials for key in trial.constraints])
    for start in range(0, len(new), BATCH):
        add_trials(journal, new[start : start + BATCH], numbered=True)
    return Brought(study.name, name, created, len(new), known, left_out, changed)


def limit(journal: Journal, constraints: Sequence[str]) -> None:
    """Make sure that the study has a limit for each of these constraints."""
    problem = journal.history.problem
    held = {bound.metric for bound in problem.limits}
    names = dict.fromkeys(f"{CONSTRAINT}{key}" for key in constraints)
    new = [Limit(name, high=0.0) for name in names if name not in held]
    if new:
        defined = replace(problem, limits=(*problem.limits, *new))
        journal.append(Defined(defined, round(time.time(), 6)))


def add_trials(journal: Journal, trials: Sequence[OptunaTrial], *, numbered: bool = False) -> None:
    """Append trials that have ended or wait, in one piece.

    Parameters
    ----------
    journal : Journal
        The log of a define-by-run study.
    trials : sequence of OptunaTrial
        None of them may be running.
    numbered : bool, default False
        Whether they are noted the number that they had.
    """
    while True:
        history = journal.sync()
        records = []
        for number, trial in enumerate(trials, history.count):
            first, *rest = _events(trial, number, history.version, history.problem, numbered)
            records.append(Record(to_text(first), str(number)))
            records += [Record(to_text(event)) for event in rest]
        try:
            journal.storage.append(journal.study, records, identity=journal.identity)
        except Conflict:  # another process has begun a trial meanwhile
            continue
        journal.sync()
        return


def _opened(
    study: OptunaStudy, storage: Storage, name: str, mark: Mapping[str, Any]
) -> tuple[Journal, bool]:
    """Return the study's log here, and whether it is new."""
    journal = Journal(storage, name)
    try:
        found = journal.sync().user_attrs.get(IMPORTED)
    except StudyNotFound:
        pass
    else:
        if found != mark:
            raise StudyExists(
                f"there is another study {name!r} in {storage!r}: give this one another name"
            )
        return journal, False
    if not study.directions or not set(study.directions) <= {"minimize", "maximize"}:
        raise InvalidInput(f"study {study.name!r}: directions", study.directions, "its directions")
    create_study(
        directions=list(study.directions),  # type: ignore[arg-type]  # checked just now
        metric=_metrics(study),
        study_name=name,
        storage=storage,
    )
    journal.sync()
    notes = {key: plain(value, key) for key, value in study.user_attrs.items()}
    if study.metric_names is not None:
        notes[METRIC_NAMES] = study.metric_names
    notes[IMPORTED] = dict(mark)
    journal.append(*(Noted(None, key, value) for key, value in notes.items()))
    return journal, True


def _metrics(study: OptunaStudy) -> list[str] | None:
    names = study.metric_names
    return names if names is not None and len(set(names)) == len(names) else None


def _obstacle(trial: OptunaTrial, objectives: int) -> str:
    """Say why a trial cannot be brought over, nothing if it can."""
    if trial.unreadable:
        return trial.unreadable
    if trial.state == "RUNNING":
        return "still running there"
    if trial.state == "COMPLETE" and len(trial.values or ()) != objectives:
        return "complete without a value for each objective"
    if trial.state == "COMPLETE" and any(map(isnan, trial.values or ())):
        return "complete with a value that is no number"
    return ""


def _differences(trial: OptunaTrial) -> list[str]:
    """Say what is recorded otherwise here."""
    found = []
    if trial.state == "COMPLETE" and not all(map(isfinite, trial.values or ())):
        found.append("infinite values: INFEASIBLE here")
    for name, param in trial.distributions.items():
        if not Space({name: param}).contains({name: trial.params[name]}):
            found.append(f"{name!r} lies outside of its range: models leave it out")
    return found


def _events(
    trial: OptunaTrial, number: int, version: int, problem: Problem, numbered: bool
) -> list[Event]:
    """Return what happened to a trial, the first event being the one that claims its number."""
    began = trial.started if trial.started is not None else trial.ended or 0.0
    ended = began if trial.ended is None else trial.ended
    notes = {**trial.user_attrs, **_system_notes(trial)}
    if numbered:
        notes[NUMBER] = trial.number
    if trial.state == "WAITING":
        fixed = trial.system_attrs.get("fixed_params", trial.params)
        return [Enqueued(number, dict(fixed), plain(notes, "user_attrs"), began)]
    events: list[Event] = [Asked(number, {}, version, "user", None, began)]
    if trial.params:
        events.append(Suggested(number, dict(trial.params), dict(trial.distributions)))
    name = problem.objectives[0].name
    events += [
        Reported(number, step, {name: value}, 1, ended)
        for step, value in sorted(trial.reports.items())
    ]
    state, values = _ENDED[trial.state], trial.values
    if trial.state != "COMPLETE":
        values = None
    elif not all(map(isfinite, values or ())):
        notes[VALUES] = list(values or ())
        state, values = TrialState.INFEASIBLE, None
    events += [Noted(number, key, plain(value, key)) for key, value in notes.items()]
    metrics = {f"{CONSTRAINT}{key}": value for key, value in trial.constraints.items()}
    events.append(Told(number, state, values, metrics, time=ended))
    return events


def _system_notes(trial: OptunaTrial) -> dict[str, Any]:
    """Return the system attributes that are not said in another way."""
    return {
        f"{NOTE}{key}": value
        for key, value in trial.system_attrs.items()
        if not key.startswith("constraints") and key != "fixed_params"
    }
