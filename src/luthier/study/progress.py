"""A live line on standard error while a study runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from tqdm import tqdm

from luthier.analysis.front import Front
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial, TrialState
from luthier.study.budget import Budget
from luthier.study.forecast import forecast

REDRAW = 0.1
"""Seconds between two looks at the study, at least."""

_COUNTED = (TrialState.FAILED, TrialState.PRUNED, TrialState.INFEASIBLE)


class _Bar(tqdm):  # type: ignore[type-arg]  # generic in the stubs only
    monitor_interval = 0  # no thread that would outlive the bar and be forked with us


class Progress:
    """A bar that counts ended trials, those of other processes as well, and says when it ends.

    It is a callback of `optimize`, and a context manager around it. A call costs a look at
    the clock; each trial is looked at once.

    Parameters
    ----------
    look : callable
        Returns the history of the study that is watched, as of now.
    budget : Budget
        Gives the bar its length, if it counts trials.
    file : text stream, optional
        Where to draw; default standard error.
    """

    def __init__(
        self, look: Callable[[], History], budget: Budget, file: TextIO | None = None
    ) -> None:
        self._look = look
        self._budget = budget
        self._file = file
        self._tally = Tally(look().problem)
        self._next = 0.0
        self._began = time.monotonic()
        self._before = 0

    def __enter__(self) -> Progress:
        history = self._look()
        self._tally.update(history)
        before = self._before = self._tally.ended
        self._began = time.monotonic()
        budget = self._budget
        total = budget.total_trials
        if budget.n_trials is not None:
            most = before + budget.n_trials
            total = most if total is None else min(total, most)
        self._total = total
        self._bar = _Bar(
            total=total,
            initial=before,
            unit="trial",
            file=self._file or sys.stderr,
            dynamic_ncols=True,
            postfix=None,
        )
        self._draw(history)
        return self

    def __call__(self, study: object, trial: FrozenTrial) -> None:
        """Redraw, unless that was done just now."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + REDRAW
            history = self._look()
            self._tally.update(history)
            self._draw(history)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            history = self._look()
            self._tally.update(history)
            self._draw(history, over=True)
        self._bar.close()

    def _draw(self, history: History, *, over: bool = False) -> None:
        self._bar.n = self._tally.ended
        parts = [str(self._tally), "" if over else self._rest(history)]
        self._bar.set_postfix_str(", ".join(filter(None, parts)), refresh=False)
        self._bar.refresh()

    def _rest(self, history: History) -> str:
        """Say what is left where it is not the bar itself that says it, by its length."""
        budget = self._budget
        if budget.timeout is None and budget.max_cost is None:
            return ""
        elapsed = time.monotonic() - self._began
        left = forecast(
            history,
            self._tally.ended - self._before,
            elapsed,
            total_trials=self._total,
            seconds_left=None if budget.timeout is None else budget.timeout - elapsed,
            max_cost=budget.max_cost,
        )
        return "" if left is None else str(left)


class Tally:
    """Counts of a study and its best value, brought up to date at the price of what is new.

    Parameters
    ----------
    problem : Problem
        Says what is better.
    """

    def __init__(self, problem: Problem) -> None:
        self._several = len(problem.objectives) > 1
        self.ended = 0
        self.counts = dict.fromkeys(_COUNTED, 0)
        self._front = Front(problem)

    def update(self, history: History) -> None:
        """Take in the trials that ended since the last call."""
        for trial in history.ended[self.ended :]:
            self.ended += 1
            if trial.state in self.counts:
                self.counts[trial.state] += 1
            self._front.add(trial)

    @property
    def best(self) -> float | None:
        """The best value of a study with one objective, None if there is none."""
        return self._front.best

    def __str__(self) -> str:
        parts = []
        if self._several:
            parts.append(f"front {len(self._front.values)}")
        elif self.best is not None:
            parts.append(f"best {self.best:.6g}")
        parts += [f"{n} {state.value.lower()}" for state, n in self.counts.items() if n]
        return ", ".join(parts)
