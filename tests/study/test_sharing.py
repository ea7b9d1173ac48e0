"""One study and many hands: threads, forks, copies."""

import multiprocessing
import pickle
import threading

import pytest

import luthier
from luthier.errors import InvalidInput

SPACE = {"x": luthier.Float(0, 1)}


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_threads_share_a_study(kind, tmp_path):
    storage = "memory" if kind == "memory" else str(tmp_path / "s.db")
    study = luthier.create_study(SPACE, storage=storage, sampler="random", seed=1)
    errors = []

    def work():
        try:
            for _ in range(25):
                trial = study.ask()
                trial.report(0.5, 1)
                trial.set_user_attr("thread", threading.get_ident())
                study.tell(trial, trial.params["x"])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [trial.number for trial in study.trials] == list(range(100))
    assert all(trial.value == trial.params["x"] for trial in study.trials)


def test_two_studies_of_one_process_share_a_storage(tmp_path):
    path = str(tmp_path / "s.db")
    one = luthier.create_study(SPACE, storage=path, study_name="s", seed=1)
    two = luthier.load_study("s", storage=path)
    trials = [study.ask() for study in (one, two, one, two)]
    assert [trial.number for trial in trials] == [0, 1, 2, 3]
    two.tell(trials[0], 1.0)
    assert one.best_value == 1.0


def in_child(study, queue):
    trial = study.ask()
    study.tell(trial, 2.0)
    queue.put((trial.number, study.trials[trial.number].owner))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_is_somebody_else(tmp_path):
    study = luthier.create_study(SPACE, storage=str(tmp_path / "s.db"), seed=1)
    study.tell(study.ask(), 1.0)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=in_child, args=(study, queue))
    child.start()
    number, owner = queue.get(timeout=30)
    child.join(30)
    assert number == 1
    assert owner != study.trials[0].owner
    assert study.ask().number == 2


def test_a_study_can_be_sent_to_another_process(tmp_path):
    study = luthier.create_study(SPACE, storage=str(tmp_path / "s.db"), seed=1, sampler="qmc")
    study.tell(study.ask(), 1.0)
    copy = pickle.loads(pickle.dumps(study))
    assert copy.name == study.name
    assert copy.sampler == study.sampler
    assert copy.ask().number == 1
    with pytest.raises(InvalidInput, match="reach"):
        pickle.dumps(luthier.create_study(SPACE))


def test_records_can_be_sent_to_another_process():
    study = luthier.create_study({**SPACE, "s": luthier.Subset(["a", "b"])}, seed=1)
    trial = study.ask()
    trial.report(0.5, 1)
    study.tell(trial, 1.0)
    assert pickle.loads(pickle.dumps(study.best_trial)) == study.best_trial
    assert pickle.loads(pickle.dumps(study.space)) == study.space
