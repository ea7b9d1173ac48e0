"""Who counts as lost: by the process table, by silence, and never by a clock that was set."""

import os
import sys

import psutil
import pytest

import luthier
from luthier.storage.memory import Memory
from luthier.study import leases as leases_module
from luthier.study import owner as owner_module
from luthier.study.journal import Journal
from luthier.study.leases import LOOK_AGAIN, SURE, Leases
from luthier.study.owner import GRACE, HUNG

SPACE = {"x": luthier.Float(0, 1)}


class Watched:
    """A trial of an owner elsewhere, and somebody who watches over it by a clock of his own."""

    def __init__(self, monkeypatch, *, elsewhere):
        self.storage = Memory()
        self.study = luthier.create_study(SPACE, storage=self.storage, study_name="s", seed=1)
        with monkeypatch.context() as context:
            if elsewhere:
                context.setattr(owner_module, "host", lambda: "elsewhere")
            self.trial = self.study.ask()
        self.journal = Journal(self.storage, "s")
        self.now = 1000.0
        self.leases = Leases(self.journal, "watcher", lambda: self.now)
        self.silence = 0.0
        monkeypatch.setattr(
            Memory,
            "beats",
            lambda storage, name: dict.fromkeys(self.journal.history.owners, self.silence),
        )

    def look(self, after):
        self.now += after
        return self.leases.release_lost(self.journal.sync(), 0.0)


def test_silence_elsewhere_has_to_last(monkeypatch):
    watched = Watched(monkeypatch, elsewhere=True)
    assert not watched.look(0.0)
    watched.silence = GRACE + 1
    assert not watched.look(LOOK_AGAIN)
    assert not watched.look(SURE - 0.1)
    assert watched.look(0.1 + LOOK_AGAIN)
    trial = watched.journal.history.trial(0)
    assert (trial.state.value, trial.error) == ("WAITING", "its process died")


def test_after_an_outage_or_a_jump_of_the_clock_hearts_beat_before_anybody_is_lost(monkeypatch):
    watched = Watched(monkeypatch, elsewhere=True)
    watched.silence = 3600.0  # by the storage's clock
    assert not watched.look(0.0)
    watched.silence = 0.5
    assert not watched.look(SURE + 1)
    watched.silence = 3600.0
    assert not watched.look(SURE + 1), "the silence began anew"


def test_a_process_of_this_machine_that_hangs_is_lost_in_the_end(monkeypatch):
    watched = Watched(monkeypatch, elsewhere=False)
    watched.silence = HUNG - 1
    assert not watched.look(0.0)
    assert not watched.look(SURE + 1)
    watched.silence = HUNG + 1
    assert not watched.look(SURE + 1)
    assert watched.look(SURE + 1)


def test_a_process_that_is_gone_is_lost_at_once(monkeypatch):
    watched = Watched(monkeypatch, elsewhere=False)
    monkeypatch.setattr(leases_module, "is_gone", lambda owner, about: True)
    assert watched.look(0.0)


@pytest.mark.skipif(sys.platform != "linux", reason="the clock cannot be told from the boot")
def test_when_a_process_began_does_not_change_with_the_clock(monkeypatch):
    before = owner_module._began(os.getpid())
    monkeypatch.setattr(psutil._pslinux, "BOOT_TIME", 1.0, raising=False)
    assert owner_module._began(os.getpid()) == before
    assert before > 0
    assert owner_module._began(2**30) is None
