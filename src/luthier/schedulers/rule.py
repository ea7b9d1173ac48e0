"""What stopping rules have in common: when they look, and at what."""

from __future__ import annotations

from dataclasses import dataclass

from luthier.errors import InvalidInput
from luthier.model.events import Told
from luthier.model.folding import Happening
from luthier.model.history import History
from luthier.model.problem import Direction, Problem
from luthier.model.trial import FrozenTrial, TrialState
from luthier.schedulers.base import Decision, Start, Step
from luthier.schedulers.compose import Rule
from luthier.schedulers.reading import Reading, check_metric, reading_of


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppingRule(Rule):
    """A rule that looks at a trial now and then, and stops it or lets it go on.

    Parameters
    ----------
    metric : str, optional
        What it looks at. None is the first objective.
    direction : {"minimize", "maximize"}, optional
        Which way the metric is better, if it is no objective.
    warmup_steps : int, default 0
        Nothing is stopped before this step.
    interval : int, default 1
        From there on a trial is looked at once in so many steps: at its first report at or after
        ``warmup_steps``, ``warmup_steps + interval``, and so on.
    n_startup_trials : int, default 0
        Nothing is stopped before so many trials are complete.
    """

    metric: str | None = None
    direction: Direction | None = None
    warmup_steps: int = 0
    interval: int = 1
    n_startup_trials: int = 0

    def __post_init__(self) -> None:
        name = type(self).__name__
        check_metric(name, self.metric, self.direction)
        check_int(f"{name}: warmup_steps", self.warmup_steps, 0)
        check_int(f"{name}: interval", self.interval, 1)
        check_int(f"{name}: n_startup_trials", self.n_startup_trials, 0)

    def next(self, problem: Problem, history: History) -> Step:
        """Begin a new trial."""
        self.reading(problem)
        return Start()

    def decide(self, problem: Problem, history: History, trial: FrozenTrial) -> Decision:
        """Stop the trial if it is time to look at it and it is hopeless."""
        reading = self.reading(problem)
        last = trial.reports.last
        if last is None or reading.loss(last.metrics) is None:
            return Decision.CONTINUE
        before = trial.reports[-2].step if len(trial.reports) > 1 else -1
        if not due(last.step, before, self.warmup_steps, self.interval):
            return Decision.CONTINUE
        if self.n_startup_trials and complete(history) < self.n_startup_trials:
            return Decision.CONTINUE
        hopeless = self.hopeless(problem, history, trial, reading)
        return Decision.STOP if hopeless else Decision.CONTINUE

    def reading(self, problem: Problem) -> Reading:
        """Return what counts of a report."""
        return reading_of(problem, self.metric, self.direction)

    def hopeless(
        self, problem: Problem, history: History, trial: FrozenTrial, reading: Reading
    ) -> bool:
        """Tell whether a trial, which has just reported what counts, should stop."""
        raise NotImplementedError


def due(step: int, before: int, warmup: int, interval: int) -> bool:
    """Tell whether a report is the first one at or after a step at which a rule looks."""
    return step >= warmup and before < warmup + (step - warmup) // interval * interval


def best_so_far(trial: FrozenTrial, reading: Reading) -> float:
    """Return the least loss among a trial's reports, infinite without any."""
    losses = (reading.loss(report.metrics) for report in trial.reports)
    return min((loss for loss in losses if loss is not None), default=float("inf"))


def complete(history: History) -> int:
    """Return how many trials are complete."""

    def advance(count: list[int], event: Happening) -> None:
        if type(event) is Told and event.state is TrialState.COMPLETE:
            count[0] += 1

    def read(count: list[int]) -> int:
        return count[0]

    return history.fold("complete", lambda: [0], advance, read)


def check_int(field: str, value: object, least: int) -> None:
    """Check that a setting is an integer from `least` on.

    Raises
    ------
    InvalidInput
        If it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidInput(field, value, f"an integer of at least {least}")


def check_number(field: str, value: object, low: float, high: float) -> None:
    """Check that a setting is a number in ``[low, high]``.

    Raises
    ------
    InvalidInput
        If it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidInput(field, value, f"a number in [{low:g}, {high:g}]")
