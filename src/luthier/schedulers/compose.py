"""Rules, and how they combine: several schedulers as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from luthier.errors import InvalidInput
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial
from luthier.schedulers.base import Decision, Finishing, Forking, Scheduler, Start, Step
from luthier.schedulers.finishing import worth_finishing
from luthier.schedulers.reading import Reading, reading_of
from luthier.schedulers.registry import Spec, make


class Rule:
    """A scheduler that begins new trials for ever, unless it says otherwise, and combines."""

    __slots__ = ()

    def next(self, problem: Problem, history: History) -> Step:
        """Begin a new trial."""
        return Start()

    def reading(self, problem: Problem) -> Reading:
        """Return what counts of a report."""
        return reading_of(problem)

    def finish(self, problem: Problem, history: History) -> int | None:
        """Return the best of the paused trials that went farthest, if none was as good there."""
        return worth_finishing(history, self.reading(problem))

    def __or__(self, other: Scheduler) -> AnyOf:
        """Stop as soon as one of the two says so."""
        return AnyOf((self, other))  # type: ignore[arg-type]  # subclasses decide

    def __and__(self, other: Scheduler) -> AllOf:
        """Stop only if both say so."""
        return AllOf((self, other))  # type: ignore[arg-type]  # subclasses decide


@dataclass(frozen=True, slots=True)
class _Combined(Rule):
    of: Sequence[Scheduler | Spec]

    def __post_init__(self) -> None:
        if isinstance(self.of, str) or not isinstance(self.of, Sequence) or not self.of:
            raise InvalidInput(f"{type(self).__name__}: of", self.of, "a list of schedulers")
        object.__setattr__(self, "of", tuple(make(member) for member in self.of))

    @property
    def members(self) -> tuple[Scheduler, ...]:
        """The schedulers."""
        return self.of  # type: ignore[return-value]  # made in __post_init__

    def next(self, problem: Problem, history: History) -> Step:
        """Do what the first member says that says more than to begin a new trial."""
        steps = [member.next(problem, history) for member in self.members]
        return next((step for step in steps if step != Start()), Start())

    def finish(self, problem: Problem, history: History) -> int | None:
        """Return the first paused trial that a member would finish."""
        finishing = (member for member in self.members if isinstance(member, Finishing))
        found = (member.finish(problem, history) for member in finishing)
        return next((number for number in found if number is not None), None)

    def kept(self, problem: Problem, history: History) -> set[tuple[int, int]]:
        """Return all from where a member may fork."""
        forking = (member for member in self.members if isinstance(member, Forking))
        return {place for member in forking for place in member.kept(problem, history)}


@dataclass(frozen=True, slots=True)
class AnyOf(_Combined):
    """Stop a trial as soon as one member says so; ``a | b`` is ``AnyOf([a, b])``.

    If none stops it and one pauses it, it is paused.

    Parameters
    ----------
    of : sequence of Scheduler, str or mapping
        The members, as objects or as the registry knows them.

    Raises
    ------
    InvalidInput
        If there is none, or one is no scheduler.
    """

    def decide(self, problem: Problem, history: History, trial: FrozenTrial) -> Decision:
        """Return the most drastic of the members' decisions."""
        decisions = {member.decide(problem, history, trial) for member in self.members}
        for drastic in (Decision.STOP, Decision.PAUSE):
            if drastic in decisions:
                return drastic
        return Decision.CONTINUE


@dataclass(frozen=True, slots=True)
class AllOf(_Combined):
    """Stop a trial only if all members say so; ``a & b`` is ``AllOf([a, b])``.

    If none lets it go on and one would only pause it, it is paused.

    Parameters
    ----------
    of : sequence of Scheduler, str or mapping
        The members, as objects or as the registry knows them.

    Raises
    ------
    InvalidInput
        If there is none, or one is no scheduler.
    """

    def decide(self, problem: Problem, history: History, trial: FrozenTrial) -> Decision:
        """Return the mildest of the members' decisions."""
        decisions = {member.decide(problem, history, trial) for member in self.members}
        for mild in (Decision.CONTINUE, Decision.PAUSE):
            if mild in decisions:
                return mild
        return Decision.STOP
