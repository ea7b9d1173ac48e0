"""Who this process is to all others that work on a study."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from luthier.model.events import Opened
from luthier.model.history import History
from luthier.study.heartbeat import Heartbeat
from luthier.study.journal import Journal
from luthier.study.leases import Leases
from luthier.study.owner import Owner


class Tools(NamedTuple):
    """What trials are started with, as the log says it."""

    sampler: str | Mapping[str, Any]
    scheduler: str | Mapping[str, Any]
    checkpoints: str | None


class Presence:
    """A name in the log, a sign of life, and a look at those of others.

    Parameters
    ----------
    journal : Journal
        The study's log.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.forsake()

    @property
    def owner(self) -> str:
        """The name under which trials are run here."""
        return self._owner.id

    @property
    def is_of_parent(self) -> bool:
        """Whether this process was forked: it is somebody else, and no thread beats in it."""
        return self._owner.pid != os.getpid()

    def forsake(self) -> None:
        """Become somebody else: what runs under the name so far is lost, and others take it over.

        For a forked process, and for one that could not hand its trials back, since the storage
        was away for good.
        """
        self._owner = Owner()
        self._leases = Leases(self._journal, self._owner.id)
        self._heartbeat: Heartbeat | None = None
        self._shown: tuple[Tools, Mapping[str, Any]] | None = None

    def show(self, tools: Tools, plan: Mapping[str, Any], clock: Callable[[], float]) -> None:
        """Write down who works on the study, and with what, unless the log has it; and live."""
        if self._shown == (tools, plan):
            return
        about = {**self._owner.about(), **({"plan": dict(plan)} if plan else {})}
        self._journal.append(opened(self._owner.id, about, tools, clock()))
        self._shown = tools, plan
        if self._heartbeat is None:
            self._heartbeat = Heartbeat(self._journal, self._owner)

    def release_lost(self, history: History, clock: Callable[[], float]) -> bool:
        """Hand back the trials of owners that died; tell whether there were any."""
        if history.running_of.keys() <= {self.owner}:
            return False
        return self._leases.release_lost(history, clock())


def opened(owner: str, about: Mapping[str, Any], tools: Tools, moment: float) -> Opened:
    """Return the event that says who begins to work on a study, and with what."""
    return Opened(owner, tools.sampler, about, moment, tools.scheduler, tools.checkpoints)
