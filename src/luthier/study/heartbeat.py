"""A sign of life for trials that run long, from a thread of its own."""

from __future__ import annotations

import threading
from weakref import finalize

from luthier.errors import StorageError, StudyNotFound
from luthier.storage.base import Storage
from luthier.study.journal import Journal
from luthier.study.owner import HEARTBEAT, Owner


class Heartbeat:
    """Beats for an owner until stopped, or until the owner is gone."""

    def __init__(self, journal: Journal, owner: Owner) -> None:
        journal.beat(owner.id)
        storage, study = journal.storage, journal.study
        self._quiet = threading.Event()
        thread = threading.Thread(
            target=_beat, args=(storage, study, owner.id, self._quiet), daemon=True
        )
        thread.start()
        finalize(owner, self._quiet.set)

    def stop(self) -> None:
        """End the thread."""
        self._quiet.set()


def _beat(storage: Storage, study: str, owner: str, quiet: threading.Event) -> None:
    while not quiet.wait(HEARTBEAT):
        try:
            storage.beat(study, owner)
        except StudyNotFound:
            return
        except StorageError:
            continue  # a storage that is away for a while: the next beat tries again
