"""Trials of the log as records of Optuna's interface, and back."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from luthier.compat.optuna._base_trial import TrialState
from luthier.compat.optuna._frozen_trial import FrozenTrial
from luthier.compat.optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    of_param,
)
from luthier.formats.optuna.notes import CONSTRAINT, NOTE, VALUES
from luthier.model.events import Suggested
from luthier.model.history import History
from luthier.model.repeats import ITEM
from luthier.model.serde import from_texts
from luthier.model.trial import FrozenTrial as Record
from luthier.model.trial import TrialState as State
from luthier.space.base import Param
from luthier.storage.base import Storage

if TYPE_CHECKING:
    from luthier.formats.optuna.records import OptunaTrial

_STATES = {
    State.WAITING: TrialState.WAITING,
    State.RUNNING: TrialState.RUNNING,
    State.PAUSED: TrialState.RUNNING,
    State.COMPLETE: TrialState.COMPLETE,
    State.PRUNED: TrialState.PRUNED,
    State.INFEASIBLE: TrialState.FAIL,
    State.FAILED: TrialState.FAIL,
}

BATCH = 10_000
"""Records read at once."""


class Forms:
    """What the params of each trial were chosen from, as the log says it.

    Parameters
    ----------
    storage : Storage
        Where the log is.
    study : str
        Whose log.
    """

    def __init__(self, storage: Storage, study: str) -> None:
        self._storage = storage
        self._study = study
        self._read = 0
        self._now: dict[str, Param] = {}
        self._of_trial: dict[int, dict[str, Param]] = defaultdict(dict)
        self._shared: dict[str, tuple[Param, BaseDistribution]] = {}
        self.choices: dict[tuple[Any, ...], CategoricalDistribution] = {}
        """Distributions whose choices the log holds as texts only, by these texts."""

    def of(self, number: int) -> dict[str, BaseDistribution]:
        """Return what the params of a trial were chosen from, in the order of the log."""
        found = self._of_trial.get(number, {})
        return {name: self._distribution(name, param) for name, param in found.items()}

    def catch_up(self) -> None:
        """Read what was added to the log since."""
        while texts := self._storage.read(self._study, self._read, BATCH):
            self._read += len(texts)
            for event in from_texts([text for text in texts if '"suggested"' in text]):
                if isinstance(event, Suggested):
                    self._add(event)

    def _add(self, event: Suggested) -> None:
        self._now.update(event.params)
        own = self._of_trial[event.number]
        for name in (*event.values, *event.params):
            if name not in own and name in self._now:
                own[name] = self._now[name]

    def _distribution(self, name: str, param: Param) -> BaseDistribution:
        known = self._shared.get(name)
        if known is not None and known[0] is param:
            return known[1]
        made = of_param(param)
        if isinstance(made, CategoricalDistribution):
            made = self.choices.get(made.choices, made)
        self._shared[name] = param, made
        return made


def frozen(record: Record, forms: Forms, history: History, objects: dict[str, Any]) -> FrozenTrial:
    """Return the record of a trial of the log.

    Parameters
    ----------
    record : luthier.FrozenTrial
        The trial.
    forms : Forms
        Up to the same log.
    history : History
        Where it is from.
    objects : dict
        Notes that are not in the log.
    """
    distributions = forms.of(record.number)
    chosen = record.params if record.attempt else {}  # what waits has only what a person queued
    for name in chosen.keys() - distributions.keys():  # of a study that declares its space
        distributions[name] = of_param(history.problem.space.params[name])
    params = {name: _value(distributions[name], value) for name, value in chosen.items()}
    reports = {
        int(report.metrics.get(ITEM, report.step)): next(iter(report.metrics.values()))
        for report in record.reports
    }
    state, values = _STATES[record.state], record.values
    if VALUES in record.user_attrs:
        state, values = TrialState.COMPLETE, tuple(record.user_attrs[VALUES])
    if state is TrialState.PRUNED and reports:
        last = reports[max(reports)]
        values = None if last != last else (last,)
    return FrozenTrial(
        number=record.number,
        state=state,
        value=None,
        datetime_start=_local(record.started),
        datetime_complete=_local(record.ended) if state.is_finished() else None,
        params=params,
        distributions={name: distributions[name] for name in params},
        user_attrs={**user_notes(record.user_attrs), **objects},
        system_attrs=_system_attrs(record),
        intermediate_values=reports,
        trial_id=record.number,
        values=values,
    )


def user_notes(attrs: Any) -> dict[str, Any]:
    """Return the notes that are the user's."""
    return {key: value for key, value in attrs.items() if not key.startswith(NOTE)}


def to_add(trial: FrozenTrial) -> OptunaTrial:
    """Return a trial as it is added to a log."""
    from luthier.formats.optuna.records import OptunaTrial

    params = {}
    for name, value in trial.params.items():
        distribution = trial.distributions[name]
        place = distribution.to_internal_repr(value)
        params[name] = (
            distribution._labels[int(place)]
            if isinstance(distribution, CategoricalDistribution)
            else distribution.to_external_repr(place)
        )
    return OptunaTrial(
        trial.number,
        trial.state.name,
        None if trial.values is None else tuple(map(float, trial.values)),
        params,
        {name: distribution._param for name, distribution in trial.distributions.items()},
        trial.intermediate_values,
        trial.user_attrs,
        trial.system_attrs,
        None if trial.datetime_start is None else trial.datetime_start.timestamp(),
        None if trial.datetime_complete is None else trial.datetime_complete.timestamp(),
    )


def _value(distribution: BaseDistribution, value: Any) -> Any:
    if isinstance(distribution, CategoricalDistribution) and value in distribution._labels:
        return distribution.choices[distribution._labels.index(value)]
    return value


def _system_attrs(record: Record) -> dict[str, Any]:
    found = {
        key.removeprefix(NOTE): value
        for key, value in record.user_attrs.items()
        if key.startswith(NOTE) and key != VALUES
    }
    if record.fixed is not None:
        found["fixed_params"] = dict(record.fixed)
    for name, value in record.metrics.items():
        if name.startswith(CONSTRAINT):
            found[f"constraints:{name.removeprefix(CONSTRAINT)}"] = value
    return found


def _local(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds)
