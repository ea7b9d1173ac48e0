"""When a study stops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any

from luthier.analysis.front import Front
from luthier.errors import InvalidInput
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial, TrialState
from luthier.study.spending import Price, make_price, spent


@dataclass(frozen=True, slots=True)
class Budget:
    """What one call of `optimize` may use; whatever is reached first ends it.

    Parameters
    ----------
    n_trials : int, optional
        Trials of this call.
    total_trials : int, optional
        Trials of the study, those before this call included.
    timeout : float, optional
        Seconds after which no trial is started any more, nor one that would take longer than
        what is left of them.
    target : float, optional
        Stop when the (single) objective is at least as good.
    max_cost : float, optional
        Stop when what trials cost sums up to this, or one more would cost more than is left.
    patience : int, optional
        Stop when so many trials in a row ended without a new best.
    max_failures : int, optional
        Give up when so many trials in a row failed.
    cost : float or mapping, optional
        What a trial costs that does not say it itself; see `make_price`.

    Raises
    ------
    InvalidInput
        If a number is not positive (counts may be 0).
    """

    n_trials: int | None = None
    total_trials: int | None = None
    timeout: float | None = None
    target: float | None = None
    max_cost: float | None = None
    patience: int | None = None
    max_failures: int | None = 10
    cost: float | Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        for name, least in (
            ("n_trials", 0),
            ("total_trials", 0),
            ("patience", 1),
            ("max_failures", 1),
        ):
            value = getattr(self, name)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int) or value < least
            ):
                raise InvalidInput(name, value, f"an integer from {least} on, or None")
        for name in ("timeout", "max_cost"):
            value = getattr(self, name)
            if value is not None and not (is_real(value) and 0 <= value < inf):
                raise InvalidInput(name, value, "a finite number from 0 on, or None")
        if self.target is not None and not (is_real(self.target) and isfinite(self.target)):
            raise InvalidInput("target", self.target, "a finite number, or None")
        make_price(self.cost)

    @property
    def price(self) -> Price | None:
        """What trials cost that do not say it themselves, None if they are free."""
        return make_price(self.cost)

    def plan(self, now: float) -> dict[str, Any]:
        """Return what tells others when the study is going to end, in JSON.

        Parameters
        ----------
        now : float
            Seconds since the epoch, when the call begins.
        """
        until = None if self.timeout is None else round(now + self.timeout, 3)
        plan = {"total_trials": self.total_trials, "until": until, "max_cost": self.max_cost}
        return {name: value for name, value in plan.items() if value is not None}

    @property
    def open_ended(self) -> bool:
        """Whether nothing here ever ends the study."""
        return all(
            getattr(self, name) is None
            for name in ("n_trials", "total_trials", "timeout", "target", "max_cost", "patience")
        )


@dataclass(slots=True)
class Meter:
    """Counts what was used against a budget.

    Parameters
    ----------
    budget : Budget
        What may be used.
    problem : Problem
        Says what is better.
    """

    budget: Budget
    problem: Problem
    started: int = 0
    _front: Front = field(init=False)
    _since_best: int = 0
    failures_in_a_row: int = 0
    last_error: str = field(default="")

    def __post_init__(self) -> None:
        self._front = Front(self.problem)

    def resume(self, history: History) -> None:
        """Take into account what happened before this call, if the budget asks for it."""
        budget = self.budget
        if not (budget.target is budget.patience is None):
            self._count(history.ended)
            self.failures_in_a_row = 0

    def ended(self, trial: FrozenTrial) -> None:
        """Take into account a trial that has just ended."""
        self._count([trial])

    @property
    def may_start(self) -> bool:
        """Whether this call may start one more trial."""
        return self.budget.n_trials is None or self.started < self.budget.n_trials

    def reason_to_stop(self, seconds: float) -> str | None:
        """Say what else than the number of trials ends the call, None if nothing does.

        The total number of trials is not looked at here: whether one more may get a
        number is decided where numbers are claimed.

        Parameters
        ----------
        seconds : float
            Time since the call began.
        """
        budget = self.budget
        if budget.timeout is not None and seconds >= budget.timeout:
            return f"timeout of {budget.timeout:g} s"
        best = self._front.best
        if budget.target is not None and best is not None:
            sign = self.problem.signs[0]
            if sign * best <= sign * budget.target:
                return f"target {budget.target:g} reached"
        if budget.patience is not None and self._since_best >= budget.patience:
            return f"no better trial among the last {budget.patience}"
        return None

    def too_little_left(self, history: History, seconds: float, running: int) -> str | None:
        """Say why one more run would not end within what is left of time and money.

        By the medians of the newest runs; those that run now are counted in full.

        Parameters
        ----------
        history : History
            Tells what runs took.
        seconds : float
            Time since the call began.
        running : int
            How many runs have not ended.
        """
        budget = self.budget
        if budget.timeout is None and budget.max_cost is None:
            return None
        so_far = spent(history)
        if budget.max_cost is not None:
            left = budget.max_cost - so_far.cost
            if left <= 0:
                return f"cost {so_far.cost:g} of {budget.max_cost:g} used"
            run = so_far.run_cost
            if run is not None and (running + 1) * run > left * (1 + 1e-9):
                return (
                    f"cost {so_far.cost:g} of {budget.max_cost:g} used, and a trial costs {run:.3g}"
                )
        if budget.timeout is not None and so_far.run_seconds is not None:
            left = budget.timeout - seconds
            if so_far.run_seconds > left:
                return (
                    f"{max(left, 0.0):.3g} s left of the timeout of {budget.timeout:g} s, and a "
                    f"trial takes {so_far.run_seconds:.3g} s"
                )
        return None

    @property
    def gives_up(self) -> bool:
        """Whether so many trials in a row failed that going on makes no sense."""
        allowed = self.budget.max_failures
        return allowed is not None and self.failures_in_a_row >= allowed

    def _count(self, trials: Iterable[FrozenTrial]) -> None:
        for trial in trials:
            self._since_best += 1
            if trial.state is TrialState.FAILED:
                self.failures_in_a_row += 1
                self.last_error = trial.error
            else:
                self.failures_in_a_row = 0
            if self._front.add(trial):
                self._since_best = 0


def is_real(value: Any) -> bool:
    """Tell whether a value is a number, and not a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)
