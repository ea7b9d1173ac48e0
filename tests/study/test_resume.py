"""Nothing is lost, and everything repeats: a study broken off anywhere goes on as if whole."""

import gc
import subprocess
import sys
import textwrap

import pytest

import luthier
from luthier.storage import Memory
from luthier.storage.base import Record
from luthier.study.owner import is_silent

SPACE = {
    "kind": luthier.Categorical(["a", "b"]),
    "x": luthier.Float(1e-3, 1, log=True, when={"kind": "a"}),
    "k": luthier.Int(1, 9, when={"kind": "b"}),
}


def objective(trial):
    value = trial.params.get("x", trial.params.get("k"))
    trial.report(value, 1)
    if trial.number % 5 == 3:
        raise luthier.TrialPruned
    return float(value)


def dynamic(trial):
    if trial.suggest_categorical("kind", ["a", "b"]) == "a":
        return trial.suggest_float("x", 1e-3, 1, log=True)
    return float(trial.suggest_int("k", 1, 9))


def claims(records):
    """Give records the claims they had, so that a copy of the log is a whole log."""
    return [Record(body) for body in records]


@pytest.mark.parametrize(("space", "run"), [(SPACE, objective), (None, dynamic)])
@pytest.mark.parametrize("sampler", ["random", "qmc", "auto"])
def test_broken_off_after_any_event(space, run, sampler):
    storage = Memory()
    study = luthier.create_study(space, storage=storage, study_name="s", sampler=sampler, seed=4)
    study.enqueue_trial({"kind": "b"})
    study.optimize(run, total_trials=9)
    whole = [(trial.number, trial.state, trial.params, trial.values) for trial in study.trials]
    log = storage.read("s")
    del study
    gc.collect()  # the first owner is gone, as after a kill
    for cut in range(1, len(log)):
        copy = Memory()
        copy.append("s", [Record(body) for body in log[:cut]], create=True)
        again = luthier.load_study(storage=copy, sampler=sampler)
        if again.history.count == 0:
            again.enqueue_trial({"kind": "b"})
        again.optimize(run, total_trials=9)
        rest = [(trial.number, trial.state, trial.params, trial.values) for trial in again.trials]
        assert rest == whole, f"broken off after event {cut}: {log[cut - 1]}"


WORKER = """
import sys
import luthier
study = luthier.create_study(
    {"x": luthier.Float(0, 1)},
    study_name="s",
    storage=sys.argv[1],
    sampler="random",
    seed=3,
    load_if_exists=True,
)
study.optimize(lambda trial: trial.params["x"], total_trials=200)
"""


def test_four_processes_on_one_file_number_without_hole_or_double(tmp_path):
    path = str(tmp_path / "s.db")
    code = textwrap.dedent(WORKER)
    workers = [subprocess.Popen([sys.executable, "-c", code, path]) for _ in range(4)]
    assert [worker.wait(60) for worker in workers] == [0] * 4
    study = luthier.load_study(storage=path)
    assert [trial.number for trial in study.trials] == list(range(200))
    assert {trial.state.value for trial in study.trials} == {"COMPLETE"}
    alone = luthier.create_study({"x": luthier.Float(0, 1)}, sampler="random", seed=3)
    alone.optimize(lambda trial: trial.params["x"], total_trials=200)
    assert [t.params for t in study.trials] == [t.params for t in alone.trials]


def test_an_owner_elsewhere_is_judged_by_its_heartbeat():
    about = {"host": "elsewhere", "pid": 1, "began": 0.0}
    assert not is_silent(about, silence=5.0)
    assert is_silent(about, silence=120.0)
    assert is_silent(about, silence=None)


def test_a_lost_trial_elsewhere_is_taken_over(monkeypatch):
    storage = Memory()
    study = luthier.create_study(SPACE, storage=storage, study_name="s", seed=4)
    with monkeypatch.context() as context:
        context.setattr("luthier.study.owner.host", lambda: "elsewhere")
        trial = study.ask()
    here = luthier.load_study("s", storage=storage)
    assert here.ask().number == 1, "its heart beats"
    with monkeypatch.context() as context:
        context.setattr(Memory, "beats", lambda self, name: dict.fromkeys(here.history.owners, 99))
        context.setattr("luthier.study.leases.LOOK_AGAIN", 0.0)
        assert here.ask().number == 2, "that everybody is silent may be for lack of a storage"
        context.setattr("luthier.study.leases.SURE", 0.0)
        taken = here.ask()
    assert (taken.number, taken.attempt) == (0, 2)
    assert taken.params == trial.params
    study.tell(trial, 0.5)
    assert here.tell(taken, 0.7).value == 0.5, "the first word counts"


def test_a_trial_that_kills_its_process_again_and_again_fails():
    storage = Memory()
    luthier.create_study(SPACE, storage=storage, study_name="s", seed=4)
    for attempt in range(1, 11):
        study = luthier.load_study("s", storage=storage)
        assert study.ask().attempt == attempt
        del study
        gc.collect()
    study = luthier.load_study("s", storage=storage)
    assert study.ask().number == 1
    assert study.trials[0].state is luthier.TrialState.FAILED
    assert "10 attempts" in study.trials[0].error


def test_a_scheduler_that_is_changed_on_the_way_is_the_one_that_a_load_goes_on_with(tmp_path):
    url = str(tmp_path / "s.db")
    study = luthier.create_study({"x": luthier.Float(0, 1)}, study_name="s", storage=url)
    study.tell(study.ask(), 1.0)
    study.scheduler = "median"
    study.sampler = "random"
    study.tell(study.ask(), 1.0)
    loaded = luthier.load_study("s", storage=url)
    assert type(loaded.scheduler) is type(study.scheduler)
    assert type(loaded.sampler) is type(study.sampler)
    assert len(list(loaded._journal.openings())) == 2
