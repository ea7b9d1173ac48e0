"""A storage that lives and dies with the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from luthier.errors import Conflict
from luthier.storage._checks import already, check_append, check_name, check_range, unknown
from luthier.storage.base import Record


@dataclass(slots=True)
class _Log:
    bodies: list[str] = field(default_factory=list)
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

    def append(self, study: str, records: Sequence[Record], *, create: bool = False) -> int:
        """Append all records or none; see `luthier.storage.base.Storage.append`."""
        check_append(study, records)
        with self._lock:
            log = self._begun(study) if create else self._log(study)
            claims = [claim for _, claim in records if claim is not None]
            for claim in claims:
                if claim in log.claims:
                    raise Conflict(claim)
            log.claims.update(claims)
            log.bodies.extend(body for body, _ in records)
            self._logs[study] = log
            return len(log.bodies)

    def read(self, study: str, after: int = 0, limit: int | None = None) -> list[str]:
        """Return bodies in order; see `luthier.storage.base.Storage.read`."""
        check_range(after, limit)
        with self._lock:
            return self._log(study).bodies[after : None if limit is None else after + limit]

    def studies(self) -> list[str]:
        """Return the names of all studies, in order of creation."""
        with self._lock:
            return list(self._logs)

    def delete(self, study: str) -> None:
        """Delete a study; see `luthier.storage.base.Storage.delete`."""
        with self._lock:
            self._log(study)
            del self._logs[study]

    def beat(self, study: str, owner: str) -> None:
        """Note that `owner` is alive now."""
        check_name("owner", owner)
        with self._lock:
            self._log(study).beats[owner] = time.monotonic()

    def beats(self, study: str) -> Mapping[str, float]:
        """Return for each owner the seconds since its last beat."""
        with self._lock:
            now = time.monotonic()
            return {owner: now - at for owner, at in self._log(study).beats.items()}

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def __repr__(self) -> str:
        return "Memory()"

    def _log(self, study: str) -> _Log:
        try:
            return self._logs[study]
        except KeyError:
            raise unknown(study, self.url) from None

    def _begun(self, study: str) -> _Log:
        if study in self._logs:
            raise already(study, self.url)
        return _Log()
