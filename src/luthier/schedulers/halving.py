"""What all successive halving has in common: who goes on from a rung."""

from __future__ import annotations

from typing import Literal, get_args

from luthier.errors import InvalidInput
from luthier.model.events import Told
from luthier.model.folding import Happening
from luthier.model.history import History
from luthier.model.problem import Direction, Problem
from luthier.model.trial import FrozenTrial, TrialState
from luthier.schedulers.base import Decision, Resume, Start, Step
from luthier.schedulers.compose import Rule
from luthier.schedulers.reading import Reading, check_metric, reading_of
from luthier.schedulers.rule import check_int
from luthier.schedulers.rungs import Brackets, Rungs, fold_rungs

Kind = Literal["stop", "promote"]


class Halving(Rule):
    """Trials are compared at rungs, and one in `eta` goes on to the next.

    A dataclass that derives from it has the settings below, and says in `ladder` where the rungs
    are.
    """

    __slots__ = ()

    eta: int
    kind: Kind
    metric: str | None
    direction: Direction | None

    def __post_init__(self) -> None:
        name = type(self).__name__
        check_metric(name, self.metric, self.direction)
        check_int(f"{name}: eta", self.eta, 2)
        if self.kind not in get_args(Kind):
            raise InvalidInput(f"{name}: kind", self.kind, "'stop' or 'promote'")

    def ladder(self, history: History) -> Brackets | None:
        """Return the brackets, None as long as they are not known."""
        raise NotImplementedError

    def reading(self, problem: Problem) -> Reading:
        """Return what counts of a report."""
        return reading_of(problem, self.metric, self.direction)

    def next(self, problem: Problem, history: History) -> Step:
        """Resume the best paused trial that may go on, or begin a new one."""
        reading = self.reading(problem)
        ladder = self.ladder(history)
        if ladder is None or self.kind == "stop":
            return Start()
        number = fold_rungs(
            history, "halving", ladder, reading, lambda rungs: rungs.promotable(self.eta)
        )
        return Start() if number is None else Resume(number)

    def decide(self, problem: Problem, history: History, trial: FrozenTrial) -> Decision:
        """Let a trial go on that is among the best at its rung, and stop or pause others."""
        ladder = self.ladder(history)
        if ladder is None:
            return Decision.CONTINUE
        return fold_rungs(
            history,
            "halving",
            ladder,
            self.reading(problem),
            lambda rungs: self._decide(rungs, trial.number),
        )

    def _decide(self, rungs: Rungs, number: int) -> Decision:
        found = rungs.of(number)
        if found is None:
            return Decision.CONTINUE
        rung, standings = found
        if self.kind == "stop":
            goes_on = standings.better(number) < max(1, len(standings) // self.eta)
            return Decision.CONTINUE if goes_on else Decision.STOP
        goes_on = standings.place(number) < len(standings) // self.eta
        return Decision.CONTINUE if goes_on or rungs.passed(number, rung) else Decision.PAUSE


def longest(history: History) -> int | None:
    """Return the last step of the complete trial that went farthest, None without reports."""

    def advance(farthest: list[int], event: Happening) -> None:
        if type(event) is Told and event.state is TrialState.COMPLETE:
            last = history.trial(event.number).reports.last
            if last is not None:
                farthest[0] = max(farthest[0], last.step)

    return history.fold("longest", lambda: [-1], advance, lambda f: None if f[0] < 0 else f[0])


def check_steps(name: str, min_step: object, max_step: object) -> None:
    """Check the first rung and the length of a trial.

    Raises
    ------
    InvalidInput
        If one is no integer from 1 on, or they are in the wrong order.
    """
    check_int(f"{name}: min_step", min_step, 1)
    if max_step is not None:
        check_int(f"{name}: max_step", max_step, 1)
        if max_step <= min_step:  # type: ignore[operator]  # checked above
            raise InvalidInput(f"{name}: max_step", max_step, f"more than min_step, {min_step}")
