"""Every trial runs to its end."""

from __future__ import annotations

from dataclasses import dataclass

from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial
from luthier.schedulers.base import Decision, Start, Step


@dataclass(frozen=True, slots=True)
class Full:
    """Start a new trial whenever a worker is free, and stop none."""

    def next(self, problem: Problem, history: History) -> Step:
        """Begin a new trial."""
        return Start()

    def decide(self, problem: Problem, history: History, trial: FrozenTrial) -> Decision:
        """Let it go on."""
        return Decision.CONTINUE
