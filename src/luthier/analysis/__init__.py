"""What the history means: pure functions of it."""

from luthier.analysis.best import best_trial, best_trials
from luthier.analysis.lineage import Branch, Replay, Segment, family, lineage, schedule_of

__all__ = [
    "best_trial",
    "best_trials",
    "lineage",
    "schedule_of",
    "family",
    "Segment",
    "Branch",
    "Replay",
]
