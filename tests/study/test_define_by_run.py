"""Studies whose space is what the objective asks for."""

import pytest

import luthier
from luthier.errors import InvalidInput, InvalidParams, InvalidSpace, TooManyFailures


def objective(trial):
    kind = trial.suggest_categorical("kind", ["svm", "tree"])
    if kind == "svm":
        return trial.suggest_float("C", 1e-3, 1e3, log=True)
    return float(trial.suggest_int("depth", 1, 9))


@pytest.mark.parametrize("sampler", ["random", "qmc", {"name": "grid", "resolution": 3}])
def test_the_code_path_decides_what_is_asked(sampler, tmp_path):
    study = luthier.create_study(storage=str(tmp_path / "s.db"), sampler=sampler, seed=1)
    study.optimize(objective, n_trials=30)
    names = {frozenset(trial.params) for trial in study.trials}
    assert names == {frozenset({"kind", "C"}), frozenset({"kind", "depth"})}
    assert list(study.space.params) == ["kind", *[n for n in study.space.params if n != "kind"]]
    loaded = luthier.load_study(storage=study.storage)
    assert [t.params for t in loaded.trials] == [t.params for t in study.trials]


def test_the_same_seed_gives_the_same_study():
    def run():
        study = luthier.create_study(seed=7)
        study.optimize(objective, n_trials=15)
        return [trial.params for trial in study.trials]

    assert run() == run()


def test_a_value_asked_for_twice_stays_the_same():
    def twice(trial):
        first = trial.suggest_float("x", 0, 1)
        assert trial.suggest_float("x", 0, 1) == first
        return first

    study = luthier.create_study(seed=1)
    study.optimize(twice, n_trials=3)
    assert all(trial.value == trial.params["x"] for trial in study.trials)


def test_one_name_for_two_things_in_one_trial():
    def confused(trial):
        trial.suggest_float("x", 0, 1)
        return trial.suggest_int("x", 0, 5)

    study = luthier.create_study(seed=1)
    with pytest.raises(TooManyFailures, match="asked before"):
        study.optimize(confused, n_trials=30)


def test_ranges_may_change_between_trials():
    def moving(trial):
        high = 1.0 + trial.number
        return trial.suggest_float("x", 0, high)

    study = luthier.create_study(seed=1)
    study.optimize(moving, n_trials=10)
    assert all(0 <= t.params["x"] <= 1 + t.number for t in study.trials)
    points, _ = study.history.encoded()
    assert points.min() >= 0
    assert points.max() <= 1


def test_a_scale_that_has_no_place_for_old_values():
    study = luthier.create_study(seed=1)
    study.enqueue_trial({"x": 0.0})
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    study.optimize(lambda trial: trial.suggest_float("x", 0.001, 1, log=True), n_trials=2)
    points, activity = study.history.encoded()
    assert activity[0] == 0.0
    assert activity[2:].tolist() == [[1.0], [1.0]]
    assert points.shape == (4, 1)


def test_a_parameter_cannot_change_its_kind():
    study = luthier.create_study(seed=1)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    trial = study.ask()
    with pytest.raises(InvalidSpace, match="Float"):
        trial.suggest_int("x", 0, 1)


def test_ask_and_tell():
    study = luthier.create_study(seed=1)
    trial = study.ask()
    x = trial.suggest_float("x", -1, 1)
    study.tell(trial, x**2)
    assert study.trials[0].params == {"x": x}


def test_queued_values_are_used():
    study = luthier.create_study(seed=1)
    study.enqueue_trial({"kind": "tree", "depth": 3})
    study.enqueue_trial({"kind": "svm"})
    study.optimize(objective, n_trials=3)
    assert study.trials[0].params == {"kind": "tree", "depth": 3}
    assert study.trials[1].params["kind"] == "svm"


def test_a_queued_value_outside_the_range_fails_the_trial_clearly():
    study = luthier.create_study(seed=1)
    study.enqueue_trial({"kind": "tree", "depth": 30})
    study.optimize(objective, n_trials=1)
    assert study.trials[0].state is luthier.TrialState.FAILED
    assert "depth" in study.trials[0].error
    assert "30" in study.trials[0].error


def test_added_trials_say_what_they_were_chosen_from():
    study = luthier.create_study(seed=1)
    with pytest.raises(InvalidParams, match="distributions"):
        study.add_trial({"x": 0.5}, 1.0)
    study.add_trial({"x": 0.5}, 1.0, distributions={"x": luthier.Float(0, 1)})
    assert study.best_params == {"x": 0.5}
    with pytest.raises(InvalidParams):
        study.add_trial({"x": 5.0}, 1.0)


def test_any_kind_of_parameter():
    study = luthier.create_study(seed=1)
    trial = study.ask()
    order = trial.suggest("order", luthier.Permutation(["a", "b", "c"]))
    assert sorted(order) == ["a", "b", "c"]
    shares = trial.suggest("mix", luthier.Simplex(["x", "y"]))
    assert sum(shares.values()) == pytest.approx(1)
    study.tell(trial, 0.0)
    assert study.trials[0].params == {"order": order, "mix": shares}


def test_a_declared_space_keeps_define_by_run_code_honest():
    study = luthier.create_study({"x": luthier.Float(0, 1)}, seed=1)
    trial = study.ask()
    assert trial.suggest_float("x", 0, 1) == trial.params["x"]
    with pytest.raises(InvalidParams, match="declares"):
        trial.suggest_float("x", 0, 2)
    with pytest.raises(InvalidParams, match="one of the study's space"):
        trial.suggest_float("y", 0, 1)


def test_edit_space_needs_a_declared_one():
    study = luthier.create_study(seed=1)
    with pytest.raises(InvalidInput, match="declared"):
        study.edit_space(luthier.Space({"x": luthier.Float(0, 1)}))


def test_in_worker_processes(tmp_path):
    study = luthier.create_study(storage=str(tmp_path / "s.db"), seed=1)
    study.optimize(objective, n_trials=12, n_jobs=2)
    assert len(study.trials) == 12
    for trial in study.trials:
        expected = trial.params.get("C", trial.params.get("depth"))
        assert trial.value == expected
