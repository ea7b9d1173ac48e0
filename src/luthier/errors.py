"""Every exception that Luthier raises on purpose.

All derive from `LuthierError`. Those that reject something a caller gave also
derive from the built-in exception a Python programmer would expect, so that
``except ValueError`` keeps working.
"""

from __future__ import annotations


class LuthierError(Exception):
    """Base class of every error that Luthier raises on purpose."""


class InvalidInput(LuthierError, ValueError):
    """Something given by the caller is not allowed.

    Parameters
    ----------
    field : str
        What was wrong, in the caller's words, e.g. ``"Float 'lr': high"``.
    given : object
        The value that was given.
    allowed : str
        What is allowed instead, as a phrase.
    """

    def __init__(self, field: str, given: object, allowed: str) -> None:
        self.field = field
        self.given = given
        self.allowed = allowed
        super().__init__(field, given, allowed)

    def __str__(self) -> str:
        try:
            given = repr(self.given)
        except Exception:  # of an object, or an integer of too many digits
            given = f"a value of type {type(self.given).__name__}"
        if len(given) > 200:
            given = given[:197] + "..."
        return f"{self.field}: got {given}; allowed: {self.allowed}"


class InvalidSpace(InvalidInput):
    """A parameter, condition, constraint or space that makes no sense."""


class InvalidParams(InvalidInput):
    """Parameter values that do not belong to the space."""


class InvalidResult(InvalidInput):
    """A result with the wrong type or number of values, or a value that is not finite."""


class EmptySpace(LuthierError, ValueError):
    """No point of the space satisfies its constraints, or too few to be found."""


class SpaceExhausted(LuthierError):
    """Every point of a finite space has been tried, and the study does not repeat points."""


class StudyExists(LuthierError, ValueError):
    """A study of that name is already in the storage, or has another problem."""


class StudyNotFound(LuthierError, KeyError):
    """No study of that name is in the storage."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class TrialNotFound(LuthierError, KeyError):
    """The study has no trial of that number."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class AttemptOver(LuthierError):
    """The trial is not its any more: it ended, was set aside, or runs elsewhere."""


class NoResult(LuthierError, ValueError):
    """The question has no answer yet, such as the best trial of a study without one."""


class StorageError(LuthierError):
    """The storage could not do what was asked; nothing was half-written."""


class Conflict(StorageError):
    """Another writer holds the claim; read what it wrote and decide again.

    Parameters
    ----------
    claim : str
        The claim that was already taken.
    """

    def __init__(self, claim: str) -> None:
        self.claim = claim
        super().__init__(f"claim {claim!r} is already taken")


class CorruptStorage(StorageError):
    """The stored data cannot be read as a Luthier storage; it was left untouched."""


class NewerStorage(StorageError):
    """The stored data was written by a newer version of Luthier; it was left untouched."""


class ReadOnlyStorage(StorageError):
    """The storage can be read and not written."""


class StorageFull(StorageError):
    """The disk or the quota is full; the events were not written."""


class StorageUnavailable(StorageError):
    """The storage cannot be reached now; whether the last append was kept is not known."""


class ExecutorError(LuthierError):
    """The executor could not start or reach its workers."""


class TooManyFailures(LuthierError):
    """So many trials in a row failed that going on makes no sense."""


class ObjectiveError(LuthierError):
    """The objective could not be found, loaded or sent to a worker."""


class MissingExtra(LuthierError, ImportError):
    """An optional dependency is not installed.

    Parameters
    ----------
    feature : str
        What needs it.
    extra : str
        Name of Luthier's extra that brings it.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional dependency: pip install 'luthier[{extra}]'")


class FormatError(LuthierError, ValueError):
    """A configuration file that is not valid.

    Parameters
    ----------
    message : str
        What is wrong and what is allowed.
    file : str
        Path of the file.
    line : int, optional
        Line number, from 1.
    field : str, optional
        Dotted path of the field, e.g. ``"space.lr.low"``.
    """

    def __init__(
        self, message: str, *, file: str, line: int | None = None, field: str | None = None
    ) -> None:
        self.message = message
        self.file = file
        self.line = line
        self.field = field
        super().__init__(message)

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return (
            f"{where}: {self.field}: {self.message}" if self.field else f"{where}: {self.message}"
        )


class TrialSignal(LuthierError):
    """Base of what an objective raises to end its trial in another way than by a value."""


class TrialPruned(TrialSignal):
    """Raised by an objective to say that its trial stops early; the reports count."""


class Infeasible(TrialSignal):
    """Raised by an objective to say that this configuration is not valid.

    The trial ends as INFEASIBLE, counts as no failure, and samplers learn to
    avoid the region.

    Parameters
    ----------
    reason : str
        Why, for people who read the history.
    """

    def __init__(self, reason: str = "") -> None:
        self.reason = reason
        super().__init__(reason)
