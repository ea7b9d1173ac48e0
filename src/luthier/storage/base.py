"""What every storage promises: an append-only log per study, and heartbeats beside it.

A storage keeps strings in order and knows nothing about tuning. One primitive
makes many writers safe: a record may carry a *claim*, a word that can be taken
once per study. Two workers that both want to be trial 17 claim ``"17"``; one
gets it, the other gets `luthier.errors.Conflict`, reads what was written and
decides again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable


class Record(NamedTuple):
    """One line of a study's log.

    Attributes
    ----------
    body : str
        The event as JSON. A storage never looks inside, but need not keep what JSON
        escapes: NUL and half surrogate pairs.
    claim : str, optional
        A word of 1 to 250 characters that no other record of the same study may carry.
    """

    body: str
    claim: str | None = None


@runtime_checkable
class Storage(Protocol):
    """Append-only logs, one per study name. Safe for threads and for processes.

    Versions count records from 1: a study at version ``v`` holds records
    ``1..v`` without a hole, and what was once read never changes.

    A name can be deleted and used again. Whoever goes on with a study that was opened
    earlier gives its `identity`, and cannot mix it up with its successor.
    """

    url: str
    """What a user can pass to reach the same storage again. It may hold a password: show
    ``repr(storage)`` instead."""

    def append(
        self,
        study: str,
        records: Sequence[Record],
        *,
        create: bool = False,
        identity: str | None = None,
    ) -> int:
        """Append all records or none, and return the version after them.

        Parameters
        ----------
        study : str
            Name of the study, 1 to 250 characters.
        records : sequence of Record
            At least one.
        create : bool, default False
            Begin the study's log. Without it an unknown study is an error.
        identity : str, optional
            Append to this very study only; not together with `create`.

        Raises
        ------
        InvalidInput
            If a text cannot be kept, there is no record, or an identity to create.
        Conflict
            If a claim is taken already, or twice in `records`. Nothing was written.
        StudyNotFound
            If the study is unknown and `create` is false, or it is not the one of that
            identity. Nothing was written.
        StudyExists
            If `create` is true and the study exists.
        StorageFull, ReadOnlyStorage, StorageError
            If it cannot be written. Nothing was written.
        StorageUnavailable
            If it cannot be reached now. All records may have been written, or none.
        """
        ...

    def read(
        self,
        study: str,
        after: int = 0,
        limit: int | None = None,
        *,
        identity: str | None = None,
    ) -> list[str]:
        """Return the bodies of records ``after+1 ..`` in order, at most `limit` of them.

        Raises
        ------
        StudyNotFound
            If the study is unknown (or was deleted), or is not the one of that identity.
        """
        ...

    def identity(self, study: str) -> str:
        """Return a mark that this study has and none that is created later, whatever its name.

        Raises
        ------
        StudyNotFound
            If the study is unknown.
        """
        ...

    def studies(self) -> list[str]:
        """Return the names of all studies, in order of creation."""
        ...

    def delete(self, study: str) -> None:
        """Delete a study with its log and heartbeats.

        Raises
        ------
        StudyNotFound
            If the study is unknown.
        """
        ...

    def beat(self, study: str, owner: str, *, identity: str | None = None) -> None:
        """Note that `owner` is alive now. Not part of the log.

        Raises
        ------
        StudyNotFound
            If the study is unknown, or is not the one of that identity.
        """
        ...

    def beats(self, study: str) -> Mapping[str, float]:
        """Return for each owner the seconds since its last beat, by the storage's clock.

        Raises
        ------
        StudyNotFound
            If the study is unknown.
        """
        ...

    def close(self) -> None:
        """Release connections. The storage may not be used afterwards."""
        ...
