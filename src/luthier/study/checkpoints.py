"""Where trials keep their checkpoints, which of them stay, and from which one a trial goes on."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import Literal, Protocol, cast
from weakref import WeakKeyDictionary, finalize

from luthier.analysis.best import best_trials
from luthier.errors import InvalidInput
from luthier.model.history import History
from luthier.model.trial import FrozenTrial
from luthier.schedulers.base import Forking, Scheduler
from luthier.storage.base import Storage
from luthier.storage.memory import Memory
from luthier.study import remote_snapshots
from luthier.study.journal import Journal
from luthier.study.remote_snapshots import check_uri, is_uri, join
from luthier.study.snapshots import Kept, Restored, clear_drafts, kept_in

log = logging.getLogger("luthier")

KEPT = ("best", "all", "none")
"""What `Checkpoints.keep_ended` may say."""


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Where a study keeps the checkpoints of its trials, and which.

    Parameters
    ----------
    folder : path or URI, optional
        Each study has a folder of its own in it. All workers must reach it: a path, or a URI that
        fsspec can open, such as ``s3://bucket/checkpoints``. Default: beside an
        SQLite file, ``<file>.checkpoints``; for a study in memory a temporary folder that goes
        away with it. A study on a database server has none until it is given.
    keep_last : int, optional
        How many checkpoints of a trial that has not ended are kept, the newest ones. Default 2:
        if one turns out to be damaged, there is the one before. None keeps all.
    keep_ended : {"best", "all", "none"}, default "best"
        Of which ended trials checkpoints are kept: of the best one (those on the Pareto front,
        if there are several objectives), of all, or of none. What a trial that has not ended
        still needs, because it was forked from there, stays in any case, as does what the
        scheduler may fork.

    Raises
    ------
    InvalidInput
        If a setting is not allowed.
    """

    folder: str | os.PathLike[str] | None = None
    keep_last: int | None = 2
    keep_ended: Literal["best", "all", "none"] = "best"

    def __post_init__(self) -> None:
        if self.folder is not None and not (
            isinstance(self.folder, str | os.PathLike) and os.fspath(self.folder)
        ):
            raise InvalidInput("Checkpoints: folder", self.folder, "a path or a URI")
        if isinstance(self.folder, str) and is_uri(self.folder):
            check_uri("Checkpoints: folder", self.folder)
        last = self.keep_last
        if last is not None and (isinstance(last, bool) or not isinstance(last, int) or last < 1):
            raise InvalidInput("Checkpoints: keep_last", last, "an integer from 1 on, or None")
        if self.keep_ended not in KEPT:
            raise InvalidInput(
                "Checkpoints: keep_ended", self.keep_ended, ", ".join(map(repr, KEPT))
            )


def make_checkpoints(
    given: Checkpoints | str | os.PathLike[str] | None, last: str | None = None
) -> Checkpoints:
    """Return settings from what a caller gave: settings, a folder, or nothing.

    Parameters
    ----------
    given : Checkpoints, path or None
        As the caller gave it.
    last : str, optional
        The folder that the study used last, taken where none is given.

    Raises
    ------
    InvalidInput
        If it is something else.
    """
    if given is None:
        return Checkpoints(last)
    if isinstance(given, Checkpoints):
        return replace(given, folder=last) if given.folder is None else given
    if isinstance(given, str | os.PathLike):
        return Checkpoints(given)
    raise InvalidInput("checkpoints", given, "a folder, or luthier.Checkpoints(...)")


Places = Collection[tuple[int, int]]
"""Numbers of trials, and steps of their checkpoints."""


def kept_by(scheduler: Scheduler, history: History) -> Places:
    """Return the checkpoints that a scheduler may still need."""
    # To ask for the protocol itself takes as long as to end a trial does otherwise.
    if not hasattr(scheduler, "kept"):
        return ()
    return cast(Forking, scheduler).kept(history.problem, history)


class Keeper(Protocol):
    """What the engine asks about checkpoints."""

    def folder(self, number: int) -> str | None:
        """Return where a trial may write checkpoints; None if nowhere."""
        ...

    def restored(self, trial: FrozenTrial) -> Restored | None:
        """Return what an open trial that is started again goes on from; None if it begins anew."""
        ...

    def forked(self, parent: FrozenTrial, step: int | None) -> Restored | None:
        """Return what a new trial begins from that is forked from another one.

        It is the newest checkpoint up to a step, if one is given.
        """
        ...

    def saved(self, number: int, history: History, kept: Places) -> None:
        """Delete what is superseded by the checkpoint that a trial has just written."""
        ...

    def ended(self, number: int, history: History, kept: Places) -> None:
        """Delete what nobody needs any more, now that a trial has ended."""
        ...


class Store:
    """The checkpoints of one study, in a folder that all its workers reach.

    Parameters
    ----------
    journal : Journal
        The study.
    settings : Checkpoints
        Where they are, and which are kept.
    """

    def __init__(self, journal: Journal, settings: Checkpoints) -> None:
        self.settings = settings
        self._journal = journal
        self._left: set[int] | None = None  # ended trials whose checkpoints are still there

    @cached_property
    def root(self) -> str | None:
        """The study's folder; None if its storage suggests none and none was given."""
        settings, journal = self.settings, self._journal
        home = settings.folder
        if home is None:
            home = usual_home(journal.storage)
        if home is None:
            return None
        return join(absolute(home), study_folder(journal))

    @cached_property
    def _each(self) -> str | None:
        """What the folders of all trials begin with."""
        return None if self.root is None else join(self.root, "")

    def folder(self, number: int) -> str | None:
        """Return where a trial may write checkpoints; None if nowhere."""
        return None if self._each is None else f"{self._each}{number}"

    def restored(self, trial: FrozenTrial) -> Restored | None:
        """Return the newest checkpoint of an open trial that is intact, or that of its parent."""
        folder = self.folder(trial.number)
        if folder is None:
            return None
        clear_drafts(folder, trial.attempt)
        own = kept_in(folder)
        found = _intact(own, trial.number)
        if found is None and trial.parent is not None and trial.parent_step is not None:
            found = self._of_parent(trial.parent, trial.parent_step)
            if found is None:
                log.warning(
                    "trial %d begins anew: the checkpoint of trial %d at step %d is gone",
                    trial.number,
                    trial.parent,
                    trial.parent_step,
                )
        elif found is None and own:
            log.warning("trial %d begins anew: it has no intact checkpoint", trial.number)
        return found

    def forked(self, parent: FrozenTrial, step: int | None) -> Restored | None:
        """Return the newest checkpoint of a trial that is intact, up to a step if one is given."""
        folder = self.folder(parent.number)
        if folder is None:
            return None
        found = kept_in(folder)
        return _intact(found if step is None else _up_to(step, found), parent.number)

    def _of_parent(self, parent: int, step: int) -> Restored | None:
        folder = self.folder(parent)
        if folder is None:
            return None
        return _intact([item for item in kept_in(folder) if item.step == step], parent)

    def saved(self, number: int, history: History, kept: Places) -> None:
        """Delete all but the newest checkpoints of a running trial."""
        keep = self.settings.keep_last
        folder = self.folder(number)
        if keep is None or folder is None:
            return
        found = kept_in(folder)
        if len(found) <= keep:
            return
        needed = self._needed(number, history)
        steps = [step for trial, step in kept if trial == number]
        needed |= {item.step for step in steps for item in _up_to(step, found)[:1]}
        for snapshot in found[keep:]:
            if snapshot.step not in needed:
                snapshot.delete()

    def ended(self, number: int, history: History, kept: Places) -> None:
        """Delete the checkpoints of ended trials, other than those that shall stay."""
        if self.settings.keep_ended == "all" or self.root is None:
            return
        if self._left is None:
            there = _numbers(self.root)
            if not there:
                return
            # Another process may have begun a trial that this history does not know.
            known = [history.trial(number) for number in there if number < history.count]
            self._left = {trial.number for trial in known if trial.state.final}
        self._left.add(number)
        best = self.settings.keep_ended == "best"
        stay = {trial for trial, _ in kept}
        if best:
            stay |= {trial.number for trial in best_trials(history)}
        for ended in sorted(self._left - stay):
            folder = self.folder(ended)
            assert folder is not None
            if not is_uri(folder) and not os.path.isdir(folder):
                self._left.discard(ended)
                continue
            if not self._needed(ended, history):
                _delete(folder)
                self._left.discard(ended)

    def _needed(self, parent: int, history: History) -> set[int]:
        """Return the steps of a trial's checkpoints from which open trials would begin again."""
        return {
            child.parent_step
            for child in history.open
            if child.parent == parent and child.parent_step is not None
            if not kept_in(self.folder(child.number) or "")
        }


class AtReports:
    """What a simulation keeps instead: whatever a trial reported, it can go on from there."""

    def folder(self, number: int) -> str | None:
        """Return None: nothing is written."""
        return None

    def restored(self, trial: FrozenTrial) -> Restored | None:
        """Return the step of the trial's last report, or that at which it was forked."""
        last = trial.reports.last
        step = trial.parent_step if last is None else last.step
        return None if step is None else Restored(step, None)

    def forked(self, parent: FrozenTrial, step: int | None) -> Restored | None:
        """Return the step of the last report of the other trial, or an earlier one."""
        found = self.restored(parent)
        if found is None or step is None:
            return found
        return Restored(min(step, found.step), None)

    def saved(self, number: int, history: History, kept: Places) -> None:
        """Do nothing."""

    def ended(self, number: int, history: History, kept: Places) -> None:
        """Do nothing."""


_temporary: WeakKeyDictionary[Storage, tuple[str, int]] = WeakKeyDictionary()
"""The folder of each storage in memory, and the process that it belongs to."""


def usual_home(storage: Storage) -> str | None:
    """Return the folder in which the studies of a storage keep checkpoints, if none is chosen."""
    if isinstance(storage, Memory):
        home, pid = _temporary.get(storage, ("", 0))
        if pid != os.getpid():  # the copy that a fork has is a storage of its own
            pid = os.getpid()
            name = f"luthier-checkpoints-{os.urandom(8).hex()}"
            home = os.path.join(tempfile.gettempdir(), name)
            _temporary[storage] = home, pid
            finalize(storage, _remove, home, pid)
        return home
    path = getattr(storage, "path", None)
    return f"{path}.checkpoints" if isinstance(path, str) else None


def study_folder(journal: Journal) -> str:
    """Return the name of a study's folder: told by people, and never that of another study."""
    identity, first = journal.identity, journal.first
    mark = sha256(f"{identity}\n{first}".encode()).hexdigest()[:12]
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", journal.study).strip("-.")[:40]
    return f"{name}-{mark}" if name else mark


def checkpoint_folders(journal: Journal, homes: Iterable[str]) -> list[str]:
    """Return the folders of a study's checkpoints: in the usual place and in others."""
    usual = usual_home(journal.storage)
    name = study_folder(journal)
    return [join(home, name) for home in {usual, *homes} if home is not None]


def remove_folders(folders: Iterable[str]) -> None:
    """Delete folders with all that is in them, and those around them that are empty then."""
    for folder in folders:
        _delete(folder)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(folder))


def absolute(home: str | os.PathLike[str]) -> str:
    """Return a place for checkpoints in a form that means the same to all processes."""
    return os.fspath(home).rstrip("/") if is_uri(home) else os.path.abspath(home)


def _numbers(root: str) -> list[int]:
    """Return the trials that have a folder in a study's folder."""
    if is_uri(root):
        return remote_snapshots.numbers(root)
    if not os.access(root, os.F_OK):  # as a rule; to list it and to fail takes longer
        return []
    try:
        return [int(name) for name in os.listdir(root) if name.isdecimal()]
    except OSError:
        return []


def _delete(folder: str) -> None:
    if is_uri(folder):
        remote_snapshots.remove(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _remove(home: str, pid: int) -> None:
    if os.getpid() == pid:  # a fork ends without taking its parent's files along
        shutil.rmtree(home, ignore_errors=True)


def _up_to(step: int, found: Iterable[Kept]) -> list[Kept]:
    """Return the checkpoints up to a step, that of the latest step first."""
    before = (snapshot for snapshot in found if snapshot.step <= step)
    return sorted(before, key=lambda item: (item.step, item.attempt, item.serial), reverse=True)


def _intact(found: Iterable[Kept], number: int) -> Restored | None:
    """Return the first checkpoint of these, newest first, whose files are as they were written."""
    for snapshot in found:
        damage = snapshot.damage()
        if damage is None:
            return Restored(snapshot.step, str(snapshot.data))
        log.warning(
            "the checkpoint of trial %d at step %d is not used: %s", number, snapshot.step, damage
        )
    return None
