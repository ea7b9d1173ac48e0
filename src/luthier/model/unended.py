"""The trials that have not ended, apart by state."""

from __future__ import annotations

from luthier.model.trial import FINAL, FrozenTrial, TrialState
from luthier.model.versions import Versions, View

OPEN = tuple(state for state in TrialState if state not in FINAL)


class Unended:
    """Open trials by number, as the ledger changes them. Any change costs the same."""

    __slots__ = ("_by_state", "_state_of")

    def __init__(self) -> None:
        self._by_state: dict[TrialState, Versions[FrozenTrial]] = {s: Versions() for s in OPEN}
        self._state_of: dict[int, TrialState] = {}

    def __getitem__(self, number: int) -> FrozenTrial:
        trial = self.get(number)
        if trial is None:
            raise KeyError(number)
        return trial

    def __setitem__(self, number: int, trial: FrozenTrial) -> None:
        before = self._state_of.get(number)
        if before is not None and before is not trial.state:
            self._by_state[before].pop(number)
        self._state_of[number] = trial.state
        self._by_state[trial.state].put(number, trial)

    def get(self, number: int) -> FrozenTrial | None:
        """Return a trial, None if there is none open of that number."""
        state = self._state_of.get(number)
        return None if state is None else self._by_state[state].get(number)

    def pop(self, number: int, default: None = None) -> FrozenTrial | None:
        """Take a trial out."""
        state = self._state_of.pop(number, None)
        return default if state is None else self._by_state[state].pop(number)

    def snapshot(self) -> UnendedView:
        """Return the open trials as they are now, at no cost."""
        return UnendedView(tuple([trials.view() for trials in self._by_state.values()]))


class UnendedView:
    """The open trials at one moment: views in the order of `OPEN`."""

    __slots__ = ("_views",)

    def __init__(self, views: tuple[View[FrozenTrial], ...]) -> None:
        self._views = views

    def find(self, number: int) -> FrozenTrial | None:
        """Return a trial, None if there is none open of that number."""
        for view in self._views:
            trial = view.get(number)
            if trial is not None:
                return trial
        return None

    def of_state(self, state: TrialState) -> list[FrozenTrial]:
        """Return the trials in a state, by number."""
        return self._views[OPEN.index(state)].values()

    def all(self) -> tuple[FrozenTrial, ...]:
        """Return all of them, by number."""
        trials = [trial for view in self._views for trial in view.values()]
        trials.sort(key=lambda trial: trial.number)
        return tuple(trials)
