"""A storage that lives and dies with the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from luthier.errors import Conflict
from luthier.storage._checks import already, check_append, check_name, check_range, gone, unknown
from luthier.storage.base import Record


class Later(NamedTuple):
    """A record whose text is made when somebody reads it: mostly nobody does.

    Attributes
    ----------
    body : callable
        Returns the text: always the same, whatever happens meanwhile.
    claim : str, optional
        As of a `Record`.
    """

    body: Callable[[], str]
    claim: str | None = None


@dataclass(slots=True)
class _Log:
    identity: str
    bodies: list[str | Callable[[], str]] = field(default_factory=list)
    claims: set[str] = field(default_factory=set)
    beats: dict[str, float] = field(default_factory=dict)


class Memory:
    """Logs in the memory of this process, safe for its threads.

    For tests, notebooks and studies nobody wants back. Each instance is a storage of
    its own, and so is the copy that a forked process gets.
    """

    def __init__(self) -> None:
        self.url = "memory"
        self._lock = threading.Lock()
        self._logs: dict[str, _Log] = {}
        self._begun = 0

    def append(
        self,
        study: str,
        records: Sequence[Record | Later],
        *,
        create: bool = False,
        identity: str | None = None,
    ) -> int:
        """Append all records or none; see `luthier.storage.base.Storage.append`."""
        check_append(study, records, create, identity, later=True)
        with self._lock:
            log = self._new(study) if create else self._log(study, identity)
            claims = [claim for _, claim in records if claim is not None]
            for claim in claims:
                if claim in log.claims:
                    raise Conflict(claim)
            log.claims.update(claims)
            log.bodies += [body for body, _ in records]
            self._logs[study] = log
            return len(log.bodies)

    def read(
        self,
        study: str,
        after: int = 0,
        limit: int | None = None,
        *,
        identity: str | None = None,
    ) -> list[str]:
        """Return bodies in order; see `luthier.storage.base.Storage.read`."""
        check_range(after, limit)
        with self._lock:
            bodies = self._log(study, identity).bodies
            end = len(bodies) if limit is None else min(after + limit, len(bodies))
            for index in range(after, end):
                body = bodies[index]
                if not isinstance(body, str):
                    bodies[index] = body()
            return bodies[after:end]  # type: ignore[return-value]  # all of them are texts now

    def identity(self, study: str) -> str:
        """Return the mark of this very study; see `luthier.storage.base.Storage.identity`."""
        with self._lock:
            return self._log(study).identity

    def studies(self) -> list[str]:
        """Return the names of all studies, in order of creation."""
        with self._lock:
            return list(self._logs)

    def delete(self, study: str) -> None:
        """Delete a study; see `luthier.storage.base.Storage.delete`."""
        with self._lock:
            self._log(study)
            del self._logs[study]

    def beat(self, study: str, owner: str, *, identity: str | None = None) -> None:
        """Note that `owner` is alive now."""
        check_name("owner", owner)
        with self._lock:
            self._log(study, identity).beats[owner] = time.monotonic()

    def beats(self, study: str) -> Mapping[str, float]:
        """Return for each owner the seconds since its last beat."""
        with self._lock:
            now = time.monotonic()
            return {owner: now - at for owner, at in self._log(study).beats.items()}

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def __repr__(self) -> str:
        return "Memory()"

    def _log(self, study: str, identity: str | None = None) -> _Log:
        log = self._logs.get(study)
        if log is not None and identity in (None, log.identity):
            return log
        if identity is None:
            raise unknown(study, self.url)
        raise gone(study, self.url, again=log is not None)

    def _new(self, study: str) -> _Log:
        if study in self._logs:
            raise already(study, self.url)
        self._begun += 1
        return _Log(str(self._begun))
