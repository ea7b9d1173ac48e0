"""What the history means: pure functions of it."""

from luthier.analysis.best import best_trial, best_trials

__all__ = ["best_trial", "best_trials"]
