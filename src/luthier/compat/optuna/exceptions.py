"""Optuna's exceptions: those of Luthier under the names that scripts catch."""

from luthier.errors import LuthierError as OptunaError
from luthier.errors import StorageError as StorageInternalError
from luthier.errors import StudyExists as DuplicatedStudyError
from luthier.errors import TrialPruned

__all__ = [
    "CLIUsageError",
    "DuplicatedStudyError",
    "ExperimentalWarning",
    "OptunaError",
    "StorageInternalError",
    "TrialPruned",
    "UpdateFinishedTrialError",
]


class CLIUsageError(OptunaError):
    """Never raised here: `luthier` is a command of its own."""


class UpdateFinishedTrialError(OptunaError, RuntimeError):
    """A trial that has ended cannot be changed."""


class ExperimentalWarning(Warning):
    """Never issued here; for scripts that silence it."""
