"""A storage that is away for a while costs nothing, and an answer that got lost doubles nothing."""

import logging
import os
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import luthier
from luthier.errors import InvalidInput, StorageFull, StorageUnavailable, StudyExists
from luthier.storage.memory import Memory
from luthier.study import outage

SPACE = {"x": luthier.Float(0, 1)}
N = 6


class Flaky(Memory):
    """Fails as told: each call takes the next word, and works when there is none.

    "cut": nothing was done. "lost": it was done, and nobody heard. "full": no room.
    """

    def __init__(self):
        super().__init__()
        self.words = []

    def _stumble(self, do, lasting):
        word = self.words.pop(0) if self.words else "works"
        if word == "full" and lasting:
            raise StorageFull("no room")
        if word == "cut" or (word == "full" and not lasting):
            raise StorageUnavailable("not there")
        done = do()
        if word == "lost":
            raise StorageUnavailable("no answer")
        return done

    def append(self, study, records, **how):
        return self._stumble(lambda: super(Flaky, self).append(study, records, **how), True)

    def read(self, study, after=0, limit=None, *, identity=None):
        return self._stumble(
            lambda: super(Flaky, self).read(study, after, limit, identity=identity), False
        )


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(outage, "PAUSES", (0.0, 0.0))


def objective(trial):
    for step in range(3):
        trial.report(trial["x"] + step, step)
    return trial["x"]


def optimize(storage, words, **arguments):
    study = luthier.create_study(SPACE, sampler="random", seed=3, storage=storage, study_name="s")
    storage.words = list(words)
    study.optimize(objective, n_trials=N, **arguments)
    storage.words = []
    return study


def events(storage):
    """Return what the log says, without when and by whom."""
    lines = Memory.read(storage, "s")
    return [line.partition('"time"')[0].partition('"owner"')[0] for line in lines]


@given(st.lists(st.sampled_from(["works", "cut", "lost", "full"]), max_size=60))
def test_the_log_is_that_of_a_storage_that_was_never_away(words):
    sound, flaky = Memory(), Flaky()
    whole = luthier.create_study(SPACE, sampler="random", seed=3, storage=sound, study_name="s")
    whole.optimize(objective, n_trials=N)
    study = optimize(flaky, words)
    assert [t.params for t in study.trials] == [t.params for t in whole.trials]
    assert [t.values for t in study.trials] == [t.values for t in whole.trials]
    assert events(flaky) == events(sound)


def test_a_study_whose_creation_got_no_answer_is_there_once():
    storage = Flaky()
    storage.words = ["lost"]
    study = luthier.create_study(SPACE, storage=storage, study_name="s", seed=1)
    assert study.ask().number == 0
    with pytest.raises(StudyExists):
        luthier.create_study(SPACE, storage=storage, study_name="s", seed=1)


def test_a_name_that_was_taken_is_taken_although_the_answer_got_lost():
    storage = Flaky()
    luthier.create_study(SPACE, storage=storage, study_name="s", seed=1)
    storage.words = ["cut"]
    with pytest.raises(StudyExists):
        luthier.create_study(SPACE, storage=storage, study_name="s", seed=2)


def test_a_claim_that_another_worker_won_in_the_outage_is_its_own():
    storage = Flaky()
    one = luthier.create_study(SPACE, storage=storage, study_name="s", sampler="random", seed=1)
    other = luthier.load_study("s", storage=storage, sampler="random")
    one.ask()
    other.ask()
    append, taken = storage.append, []

    def overtaken(study, records, **how):
        if not taken and '"asked"' in records[0].body:
            taken.append(None)
            taken[0] = other.ask().number  # while the answer to ours gets lost
            raise StorageUnavailable("not there")
        return append(study, records, **how)

    storage.append = overtaken
    mine = one.ask().number
    assert (taken, mine) == ([2], 3)
    assert len({t.owner for t in one.trials}) == 2


def test_an_outage_is_said_once_and_so_is_its_end(caplog):
    with caplog.at_level(logging.WARNING, "luthier"):
        optimize(Flaky(), ["works"] * 8 + ["cut"] * 5)
    said = [record.message for record in caplog.records]
    assert len(said) == 2
    assert said[0] == "not there; waiting for up to 3600 s until it is back"
    assert said[1].startswith("the storage is back after")


def test_an_outage_that_lasts_is_an_error_and_others_go_on_at_once():
    storage = Flaky()
    with pytest.raises(StorageUnavailable):
        optimize(storage, ["works"] * 8 + ["cut"] * 9, max_outage=0.0)
    storage.words = []
    lost = luthier.load_study("s", storage=storage).trials
    assert [trial.state.value for trial in lost] == ["RUNNING"]
    again = luthier.load_study("s", storage=storage, sampler="random")
    again.optimize(objective, total_trials=N)
    assert [trial.attempt for trial in again.trials] == [2] + [1] * (N - 1)
    assert all(trial.state.value == "COMPLETE" for trial in again.trials)


def test_a_second_interrupt_ends_the_wait():
    storage = Flaky()
    append, signalled = storage.append, []

    def away(study, records, **how):
        if '"told"' not in records[0].body and not signalled:
            return append(study, records, **how)
        if len(signalled) < 2:
            signalled.append(os.kill(os.getpid(), signal.SIGINT))
        raise StorageUnavailable("not there")

    storage.append = away
    with pytest.raises(KeyboardInterrupt):
        optimize(storage, [])
    assert len(signalled) == 2


def test_who_is_in_a_hurry_waits_no_more():
    outages = outage.Outages()
    outages.gives_up = lambda: True

    def away(uncertain):
        raise StorageUnavailable("not there")

    with pytest.raises(StorageUnavailable):
        outages.outlast(away)


@pytest.mark.parametrize("given", [-1, float("nan"), "1h", True])
def test_a_patience_that_makes_no_sense_is_refused(given):
    study = luthier.create_study(SPACE)
    with pytest.raises(InvalidInput, match="max_outage"):
        study.optimize(objective, n_trials=1, max_outage=given)
