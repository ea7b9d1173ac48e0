"""A study's log in its storage, folded as far as this process has read it."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any
from weakref import WeakSet

from luthier.errors import Conflict, CorruptStorage, NewerStorage, StudyExists
from luthier.model.events import Event, Opened
from luthier.model.history import History
from luthier.model.ledger import Ledger
from luthier.model.problem import Problem
from luthier.model.serde import from_texts, is_settled, to_text
from luthier.model.trial import FrozenTrial
from luthier.storage.base import Record, Storage
from luthier.storage.memory import Later, Memory
from luthier.study.outage import Outages

BATCH = 10_000
"""Records read at once: enough to be quick, few enough to keep memory flat."""

MANY = 1000
"""With more records to read no garbage is collected meanwhile: it would take as long again."""

_journals: WeakSet[Journal] = WeakSet()


class Journal:
    """Reads, folds and appends the events of one study.

    A storage that is away for a while is waited for. An append whose answer got lost is looked
    for in the log before it is made again, so that it is there once.

    Parameters
    ----------
    storage : Storage
        Where the log is.
    study : str
        The study's name.
    callables : mapping, optional
        Functions that the space's constraints refer to by name.

    Attributes
    ----------
    outages : Outages
        For how long a storage that is away is waited for.
    """

    def __init__(
        self,
        storage: Storage,
        study: str,
        callables: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        self.storage = storage
        self.study = study
        self.callables = callables
        self.outages = Outages()
        self._ledger = Ledger()
        self._identity: str | None = None
        self._late = type(storage) is Memory  # its heirs may want to see the texts
        self._lock = threading.RLock()  # threads may share a study; the ledger is one
        _journals.add(self)

    def sync(self) -> History:
        """Read what was appended since, and return the history up to there."""
        with self._lock:
            texts = self._read(self._ledger.version)
            with _uncollected() if len(texts) > MANY else contextlib.nullcontext():
                while texts:
                    self._ledger.apply(from_texts(texts, callables=self.callables))
                    texts = self._read(self._ledger.version) if len(texts) == BATCH else []
            return self._ledger.snapshot()

    @property
    def history(self) -> History:
        """What was last known, without a look at the storage."""
        with self._lock:
            return self._known().snapshot()

    @property
    def problem(self) -> Problem:
        """The problem as last known."""
        with self._lock:
            return self._known().problem

    def trial(self, number: int) -> FrozenTrial:
        """Return a trial as last known.

        Raises
        ------
        TrialNotFound
            If there is none of that number.
        """
        with self._lock:
            return self._known().trial(number)

    def _known(self) -> Ledger:
        if not self._ledger.version:
            self.sync()
        return self._ledger

    def append(self, *events: Event, claim: str | None = None, create: bool = False) -> None:
        """Append events, the first of them under a claim.

        Raises
        ------
        Conflict
            If another writer took the claim; nothing was written.
        StudyExists
            If the study is to be created and is there.
        """
        first, *others = events
        records = [self._record(first, claim), *map(self._record, others)]
        with self._lock:
            version = self.outages.outlast(partial(self._append, records, create))
            if version == self._ledger.version + len(events):
                self._ledger.apply(events)
            else:
                self.sync()

    def _record(self, event: Event, claim: str | None = None) -> Record | Later:
        if self._late and is_settled(event):
            return Later(partial(to_text, event), claim)
        return Record(to_text(event), claim)

    def _append(self, records: list[Any], create: bool, uncertain: bool) -> int | None:
        """Append records and return the version after them, None if they were there already."""
        if uncertain and self._kept(records[0].body, create):
            return None
        try:
            if not create:
                return self.storage.append(self.study, records, identity=self._bound())
            version = self.storage.append(self.study, records, create=True)
            self._identity = self.storage.identity(self.study)
            return version
        except (Conflict, StudyExists):
            # A cut connection may have been slower than our look at the log.
            if uncertain and self._kept(records[0].body, create):
                return None
            raise

    def _kept(self, body: str | Callable[[], str], create: bool) -> bool:
        """Tell whether an append whose answer got lost was done.

        All records of an append are kept or none, so the first one says it. Events name the
        trial, its attempt or owner, and the microsecond: an equal one in the log is this one, or
        says just the same.
        """
        body = body if isinstance(body, str) else body()
        if create:
            there = self.study in self.storage.studies()
            return there and self.storage.read(self.study, 0, 1) == [body]
        after = self._ledger.version
        while texts := self.storage.read(self.study, after, BATCH, identity=self._bound()):
            if body in texts:
                return True
            after += len(texts)
        return False

    def beat(self, owner: str) -> None:
        """Give a sign of life of an owner of trials."""
        self.outages.outlast(lambda uncertain: self.storage.beat(self.study, owner))

    def beats(self) -> Mapping[str, float]:
        """Return for each owner the seconds since its last beat, by the storage's clock."""
        return self.outages.outlast(lambda uncertain: self.storage.beats(self.study))

    @property
    def identity(self) -> str:
        """The mark of this very study in its storage."""
        with self._lock:
            return self.outages.outlast(lambda uncertain: self._bound())

    @property
    def first(self) -> str:
        """The first record, which says when the study was created and what it is about."""
        return self._read(0, 1)[0]

    def openings(self) -> Iterator[Opened]:
        """Yield who worked on the study, without making sense of anything else in its log."""
        after = 0
        while texts := self._read(after):
            after += len(texts)
            for text in texts:
                # Most records need no reading: a word in quotes is found faster than parsed.
                if '"opened"' in text:
                    with contextlib.suppress(CorruptStorage, NewerStorage):
                        yield from (e for e in from_texts([text]) if isinstance(e, Opened))

    def history_at(self, version: int) -> History:
        """Return the history as it was at a version of the log."""
        now = self.history
        if version == now.version:
            return now
        return next(self.histories_at([version]))

    def histories_at(self, versions: Iterable[int]) -> Iterator[History]:
        """Yield the history at each of some versions, ascending, in one pass over the log."""
        ledger = Ledger()
        events: list[Event] = []
        for version in sorted(set(versions)):
            while ledger.version + len(events) < version:
                texts = self._read(ledger.version + len(events))
                events += from_texts(texts, callables=self.callables)
            due = version - ledger.version
            ledger.apply(events[:due])
            del events[:due]
            yield ledger.snapshot()

    def _read(self, after: int, limit: int = BATCH) -> list[str]:
        return self.outages.outlast(
            lambda uncertain: self.storage.read(self.study, after, limit, identity=self._bound())
        )

    def _bound(self) -> str:
        """Return the mark of this very study, not of another one of the same name."""
        if self._identity is None:
            self._identity = self.storage.identity(self.study)
        return self._identity


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Collect no garbage: a long log makes millions of objects, none of them garbage."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _forget() -> None:
    """Begin anew in a forked child: another thread may have been in the middle of a fold."""
    for journal in _journals:
        journal._lock = threading.RLock()
        journal._ledger = Ledger()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
