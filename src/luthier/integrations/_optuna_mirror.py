"""A study of Optuna as a history of ours."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from secrets import randbits
from typing import Any
from weakref import ref

from luthier.errors import InvalidSpace
from luthier.formats.optuna.notes import CONSTRAINT
from luthier.formats.optuna.params import labels, param_of
from luthier.model.dynamic import extended
from luthier.model.events import Asked, Defined, Event, Reported, Suggested, Told
from luthier.model.history import History
from luthier.model.ledger import Ledger
from luthier.model.problem import Limit, Objective, Problem
from luthier.model.trial import TrialState
from luthier.samplers.base import Sampler
from luthier.space.base import Param
from luthier.space.space import Space

_ENDED = {
    "COMPLETE": TrialState.COMPLETE,
    "PRUNED": TrialState.PRUNED,
    "FAIL": TrialState.FAILED,
}


class Mirror:
    """Follows one study at a time: what is new there is folded once.

    Parameters
    ----------
    seed : int, optional
        Of all randomness. None takes a new one.
    """

    def __init__(self, seed: int | None) -> None:
        self.lock = threading.RLock()
        self._seed = randbits(32) if seed is None else int(seed)
        self._study: Any = None
        self._begin(None)

    def __getstate__(self) -> dict[str, Any]:
        return {"seed": self._seed}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__init__(state["seed"])  # type: ignore[misc]

    def history(self, study: Any, but: int | None, current: Any = None) -> History:
        """Return the study as it is now.

        Parameters
        ----------
        study : optuna.Study
            The study.
        but : int, optional
            A running trial that is left out: the one that a point is proposed for.
        current : optuna.trial.FrozenTrial, optional
            A running trial as it is just now.
        """
        trials = study._get_trials(deepcopy=False, use_cache=current is None)
        keys = {key for trial in trials for key in _constraints(trial)}
        before = self._study() if self._study is not None else None
        if before is not study or not keys <= self._keys:
            self._begin(study, keys)
        for trial in trials:
            if current is not None and trial.number == current.number:
                self._follow(current)
            elif trial.number != but and trial.state.name != "WAITING":
                self._follow(trial)
        return self._ledger.snapshot()

    def number_of(self, number: int) -> int:
        """Return the number here of a trial there."""
        return self._numbers[number]

    def suggest(
        self,
        sampler: Sampler,
        history: History,
        params: Mapping[str, Param],
        number: int,
        stream: str,
    ) -> dict[str, Any]:
        """Propose a point of a space for a trial."""
        known = history.problem.space
        same = known.params.keys() == params.keys() and all(
            known.params[name] == param for name, param in params.items()
        )
        space = known if same else _framed(known, params)
        target = history.problem.with_space(space)
        rng = history.problem.rng(number, stream)
        return dict(sampler.suggest(target, history, rng, 1)[0].params)

    def proposed(self, number: int, params: Mapping[str, Any]) -> None:
        """Remember what a running trial was proposed, for those that run beside it."""
        if number not in self._numbers:
            self._ask(number, params)

    def _begin(self, study: Any, keys: set[str] | None = None) -> None:
        self._study = None if study is None else ref(study)
        self._keys = keys or set()
        self._numbers: dict[int, int] = {}
        self._ended: set[int] = set()
        self._reported: dict[int, set[int]] = {}
        self._ledger = Ledger()
        if study is not None:
            ways = [direction.name.lower() for direction in study.directions]
            names = ["value"] if len(ways) == 1 else [f"value_{i}" for i in range(len(ways))]
            problem = Problem(
                Space({}, partial=True),
                tuple(map(Objective, names, ways)),
                tuple(Limit(f"{CONSTRAINT}{key}", high=0.0) for key in sorted(self._keys)),
                self._seed,
            )
            self._ledger.apply([Defined(problem)])

    def _ask(self, number: int, params: Mapping[str, Any], began: float = 0.0) -> None:
        here = self._numbers[number] = len(self._numbers)
        self._ledger.apply([Asked(here, dict(params), 0, "optuna", None, began)])

    def _follow(self, trial: Any) -> None:
        """Fold what is new of a trial."""
        if trial.number in self._ended:
            return
        ended = trial.state.is_finished()
        if trial.number not in self._numbers:
            began = trial.datetime_start
            self._ask(trial.number, {}, 0.0 if began is None else began.timestamp())
        number = self._numbers[trial.number]
        events: list[Event] = []
        if trial.params:
            events.append(self._chosen(number, trial))
        seen = self._reported.setdefault(trial.number, set())
        for step in sorted(trial.intermediate_values.keys() - seen):
            seen.add(step)
            value = trial.intermediate_values[step]
            events.append(Reported(number, step, {"value": value}, 1))
        if ended:
            self._ended.add(trial.number)
            self._reported.pop(trial.number)
            events.append(_told(number, trial))
        self._ledger.apply(events)

    def _chosen(self, number: int, trial: Any) -> Event:
        params, values = {}, {}
        space = self._ledger.snapshot().problem.space
        for name, distribution in trial.distributions.items():
            param, value = param_of(distribution), trial.params[name]
            try:
                extended(space, {name: param})
            except InvalidSpace:  # of another kind than in the trials before
                continue
            choices = getattr(distribution, "choices", None)
            if choices is not None:
                value = labels(choices)[int(distribution.to_internal_repr(value))]
            params[name], values[name] = param, value
        return Suggested(number, values, params)


def _framed(known: Space, params: Mapping[str, Param]) -> Space:
    """Return a space in the coordinates of the one that is known, where there are any."""
    made = {}
    for name, param in params.items():
        if name in known.params:
            try:
                made[name] = extended(
                    Space({name: known.params[name]}, partial=True), {name: param}
                ).params[name]
                continue
            except InvalidSpace:
                pass
        made[name] = param
    return Space(made)


def _constraints(trial: Any) -> dict[str, float]:
    found: dict[str, float] = {}
    if trial.system_attrs:
        listed = trial.system_attrs.get("constraints") or ()
        found = {str(place): value for place, value in enumerate(listed)}
        for key, value in trial.system_attrs.items():
            if key.startswith("constraints:"):
                found[key.removeprefix("constraints:")] = value
    return found


def _told(number: int, trial: Any) -> Told:
    moment = trial.datetime_complete
    ended = 0.0 if moment is None else moment.timestamp()
    state = _ENDED[trial.state.name]
    values = trial.values if state is TrialState.COMPLETE else None
    if values is not None and not all(map(isfinite, values)):
        state, values = TrialState.INFEASIBLE, None
    metrics = {
        f"{CONSTRAINT}{key}": float(value)
        for key, value in _constraints(trial).items()
        if isfinite(value)
    }
    told = Told(number, state, None if values is None else tuple(values), metrics)
    return replace(told, time=ended)
