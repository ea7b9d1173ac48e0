"""How long to look: one algorithm a file, each a pure function of the history."""

from luthier.schedulers.base import Decision, Done, Resume, Scheduler, Start, Wait
from luthier.schedulers.full import Full

__all__ = ["Decision", "Done", "Full", "Resume", "Scheduler", "Start", "Wait"]
