"""What careless and hostile callers do, and what they get."""

import pickle
import time

import numpy as np
import pytest

import luthier
from luthier.errors import (
    EmptySpace,
    InvalidInput,
    InvalidParams,
    InvalidResult,
    SpaceExhausted,
    StudyExists,
    StudyNotFound,
)

SPACE = {"x": luthier.Float(0, 1), "n": luthier.Int(0, 10)}


def new_study(**arguments):
    return luthier.create_study(SPACE, **{"seed": 1, **arguments})


@pytest.mark.parametrize(
    "value",
    [
        {"float": "abc"},
        {"float": "nan"},
        {"float": {"is": "inf"}},
        {"float": 1.5},
        [{"float": "32"}, float("inf")],
        {"a": {"float": float("nan")}},
    ],
)
def test_any_note_comes_back_as_it_was(value, tmp_path):
    path = str(tmp_path / "s.db")
    study = new_study(storage=path)
    study.set_user_attr("a", value)
    trial = study.ask()
    trial.set_user_attr("b", value)
    study.enqueue_trial({"n": 1}, user_attrs={"c": value})
    again = luthier.load_study(storage=path)
    assert repr(again.user_attrs["a"]) == repr(value)
    assert repr(again.trials[0].user_attrs["b"]) == repr(value)
    assert repr(again.trials[1].user_attrs["c"]) == repr(value)
    assert repr(study.user_attrs) == repr(again.user_attrs)


def test_notes_are_copies():
    study = new_study()
    mine = [1, (2, 3)]
    study.set_user_attr("a", mine)
    mine.append(4)
    assert study.user_attrs == {"a": [1, [2, 3]]}
    with pytest.raises(InvalidInput, match="JSON"):
        study.set_user_attr("a", 10**5000)
    with pytest.raises(InvalidInput, match="key"):
        study.set_user_attr(3, 1)


@pytest.mark.parametrize("cost", ["x", -1, float("nan"), float("inf"), True])
def test_costs_are_checked(cost):
    study = new_study()
    trial = study.ask()
    with pytest.raises(InvalidResult, match="cost"):
        study.tell(trial, 1.0, cost=cost)
    with pytest.raises(InvalidResult, match="cost"):
        trial.set_cost(cost)
    assert study.tell(trial, 1.0, cost=2).cost == 2.0


def test_other_words_about_the_end_are_checked():
    study = new_study()
    trial = study.ask()
    with pytest.raises(InvalidInput, match="error"):
        study.tell(trial, state="FAILED", error=5)
    with pytest.raises(InvalidInput, match="metrics"):
        study.tell(trial, 1.0, metrics=[1])
    for number in ("0", True, 1.5, -1):
        with pytest.raises(InvalidInput, match="trial"):
            study.tell(number, 1.0)
    assert study.tell(np.int64(0), 1.0).value == 1.0
    for state in ("RUNNING", "WAITING", "PAUSED"):
        with pytest.raises(InvalidInput, match="state"):
            study.add_trial({"x": 0.5, "n": 1}, state=state)
    with pytest.raises(InvalidInput, match="values"):
        study.add_trial({"x": 0.5, "n": 1}, 3.0, state="PRUNED")
    assert len(study.trials) == 1


def test_a_queued_trial_that_never_started_has_no_result_but_can_be_taken_back():
    study = new_study()
    study.enqueue_trial({"n": 1})
    with pytest.raises(InvalidInput, match="waits"):
        study.tell(0, 1.0)
    assert study.tell(0, state="FAILED", error="changed my mind").error == "changed my mind"
    assert study.ask().number == 1
    points, activity = study.history.encoded()
    assert points.shape == (1, 2)
    assert not activity.any()


def test_a_point_that_no_constraint_allows_cannot_be_queued():
    space = luthier.Space(
        {"a": luthier.Int(0, 10), "b": luthier.Int(5, 10)}, constraints=["a + b <= 10"]
    )
    study = luthier.create_study(space, seed=1)
    with pytest.raises(EmptySpace):
        study.enqueue_trial({"a": 9})
    study.enqueue_trial({"a": 4})
    study.optimize(lambda trial: 0.0, n_trials=2)
    assert study.trials[0].params["a"] == 4


def test_a_queued_point_that_the_space_lost_fails_and_stands_in_nobodys_way():
    study = new_study()
    study.enqueue_trial({"x": 0.9})
    study.edit_space(study.space.narrow("x", 0, 0.5))
    study.optimize(lambda trial: 0.0, n_trials=2)
    assert [trial.state.value for trial in study.trials] == ["FAILED", "COMPLETE"]
    assert "cannot be started" in study.trials[0].error


def test_computed_values_are_queued_only_with_what_they_are_computed_from():
    space = luthier.Space(
        {"x": luthier.Int(0, 5), "y": luthier.Int(0, 5), "d": luthier.Derived("2 * x")}
    )
    study = luthier.create_study(space, seed=1)
    with pytest.raises(InvalidParams, match="computed"):
        study.enqueue_trial({"d": 4})
    with pytest.raises(InvalidParams, match="d"):
        study.enqueue_trial({"x": 1, "y": 1, "d": 4})
    study.enqueue_trial({"x": 2, "y": 1, "d": 4})
    assert dict(study.ask().params) == {"x": 2, "y": 1, "d": 4}


def test_a_queued_child_decides_about_its_parent():
    space = {
        "o": luthier.Categorical(["adam", "sgd", "rms"]),
        "m": luthier.Float(0, 1, when={"o": "sgd"}),
    }
    study = luthier.create_study(space, seed=1)
    for _ in range(5):
        study.enqueue_trial({"m": 0.9})
    for _ in range(5):
        assert dict(study.ask().params) == {"o": "sgd", "m": 0.9}


def test_queued_values_are_canonical():
    study = new_study()
    study.enqueue_trial({"n": np.int64(3)})
    study.enqueue_trial({"x": 1})
    assert type(study.trials[0].params["n"]) is int
    assert type(study.ask().params["n"]) is int
    assert type(study.ask().params["x"]) is float


def test_a_partial_point_is_not_a_duplicate_if_it_can_be_another():
    space = {"a": luthier.Int(0, 3), "b": luthier.Int(0, 2)}
    study = luthier.create_study(space, seed=1)
    for _ in range(4):
        study.enqueue_trial({"a": 2})
    study.optimize(lambda trial: 0.0, n_trials=100)
    points = [tuple(trial.params.values()) for trial in study.trials]
    # Three points have a = 2; the fourth wish is granted by running one of them again.
    assert len(points) == 13
    assert len(set(points)) == 12
    assert [a for a, _ in points[:4]] == [2, 2, 2, 2]


def test_given_points_are_run_as_they_are():
    given = [{"a": 1}, {"a": 1}, {"a": 2}]
    study = luthier.create_study({"a": luthier.Int(0, 10)}, sampler=luthier.Fixed(given), seed=1)
    study.optimize(lambda trial: 0.0, n_trials=10)
    assert [dict(trial.params) for trial in study.trials] == given


@pytest.mark.parametrize(
    ("space", "sampler", "n"),
    [
        ({"n": luthier.Int(1, 2_000_000, log=True)}, "qmc", 200),
        ({"n": luthier.Int(0, 10**6, prior=luthier.Normal(500, 0.1))}, "random", 50),
        ({"n": luthier.Int(1, 64, log=True)}, "qmc", 64),
        ({"n": luthier.Int(1, 64, log=True)}, "random", 64),
    ],
)
def test_a_space_is_exhausted_when_it_is(space, sampler, n):
    study = luthier.create_study(space, sampler=sampler, seed=1)
    study.optimize(lambda trial: 0.0, n_trials=n)
    assert len({trial.params["n"] for trial in study.trials}) == n


def test_records_do_not_change():
    study = new_study()
    study.tell(study.ask(), 1.0, metrics={"m": 1.0})
    study.set_user_attr("a", 1)
    for record in (study.trials[0].params, study.trials[0].metrics, study.user_attrs):
        for change in (lambda r: r.update(x=2), lambda r: r.pop("x", None), lambda r: r.clear()):
            with pytest.raises(TypeError, match="copy"):
                change(record)
        with pytest.raises(TypeError, match="copy"):
            record["x"] = 2
    mine = study.best_params
    mine["extra"] = 1
    assert "extra" not in study.best_params
    assert pickle.loads(pickle.dumps(study.trials[0])) == study.trials[0]
    assert len({study.trials[0], study.trials[0]}) == 1


def test_a_mixture_that_the_objective_changes_stays_in_the_record(tmp_path):
    def rude(trial):
        mix = trial.suggest("mix", luthier.Simplex(["a", "b"]))
        share = mix["a"]
        mix["a"] = 5.0
        return share

    study = luthier.create_study(storage=str(tmp_path / "s.db"), seed=1)
    study.optimize(rude, n_trials=2)
    again = luthier.load_study(storage=study.storage.url)
    for trial in (*study.trials, *again.trials):
        assert trial.params["mix"]["a"] == trial.value


def test_a_callback_that_raises_loses_no_result():
    def broken(study, trial):
        time.sleep(0.3)  # so that the other jobs end meanwhile
        raise RuntimeError("by hand")

    study = new_study()
    with pytest.raises(RuntimeError, match="by hand"):
        study.optimize(lambda trial: trial.params["x"], n_trials=4, n_jobs=4, callbacks=[broken])
    states = [trial.state.value for trial in study.trials]
    assert states.count("COMPLETE") == len(states) == 4


def test_a_retry_is_run_although_the_others_are_through():
    def slow_and_flaky(trial):
        if trial.number == 0 and trial.attempt == 1:
            time.sleep(0.3)
            raise ValueError("once")
        return 1.0

    study = new_study()
    study.optimize(slow_and_flaky, n_trials=2, n_jobs=2, retries=3)
    assert [(t.state.value, t.attempt) for t in study.trials] == [("COMPLETE", 2), ("COMPLETE", 1)]
    assert study.stop_reason == "2 trials of this call"


def test_a_retry_that_does_not_fit_the_time_is_a_failure():
    def failing(trial):
        time.sleep(0.15)
        raise ValueError("always")

    study = new_study()
    study.optimize(failing, timeout=0.1, retries=5)
    assert [trial.state.value for trial in study.trials] == ["FAILED"]


def test_an_interruption_uses_up_no_retry():
    study = new_study()

    def objective(trial):
        if trial.attempt == 1:
            raise KeyboardInterrupt
        if trial.attempt == 2:
            raise ValueError("once")
        return 1.0

    with pytest.raises(KeyboardInterrupt):
        study.optimize(objective, n_trials=1, retries=1)
    study.optimize(objective, n_trials=1, retries=1)
    assert study.trials[0].value == 1.0


def test_a_trial_that_obeys_its_time_limit_keeps_what_it_has():
    def obedient(trial):
        trial.measure("size", 3)
        trial.set_cost(2)
        while not trial.should_prune():
            time.sleep(0.01)
        raise luthier.TrialPruned("out of time")

    study = new_study()
    study.optimize(obedient, n_trials=1, trial_timeout=0.3)
    trial = study.trials[0]
    assert (trial.state.value, trial.cost, trial.metrics) == ("PRUNED", 2.0, {"size": 3.0})


def test_an_optimize_inside_another_does_not_swallow_its_stop():
    outer, inner = new_study(), new_study()

    def objective(trial):
        outer.stop()
        inner.optimize(lambda t: 0.0, n_trials=2)
        outer.optimize(lambda t: 0.0, n_trials=1)
        return 0.0

    outer.optimize(objective, n_trials=50)
    assert outer.stop_reason == "stopped by request"
    assert len(outer.trials) == 2


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"scheduler": "ash"}, "scheduler"),
        ({"scheduler": 3}, "scheduler"),
        ({"checkpoints": 3}, "checkpoints"),
        ({"sampler": luthier.Random}, "sampler"),
        ({"limits": "lat <= 20"}, "limits"),
    ],
)
def test_arguments_of_create_study(arguments, field):
    with pytest.raises(InvalidInput, match=field):
        new_study(**arguments)
    assert new_study(limits=None).problem.limits == ()


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"timeout": True}, "timeout"),
        ({"target": True}, "target"),
        ({"target": float("nan")}, "target"),
        ({"target": "x"}, "target"),
        ({"trial_timeout": "5"}, "trial_timeout"),
        ({"trial_timeout": True}, "trial_timeout"),
        ({"trial_memory": "1.2.3GB"}, "trial_memory"),
        ({"trial_memory": True}, "trial_memory"),
    ],
)
def test_arguments_of_optimize(arguments, field):
    with pytest.raises(InvalidInput, match=field):
        new_study().optimize(lambda trial: 0.0, n_trials=1, **arguments)


def test_what_differs_is_named(tmp_path):
    path = str(tmp_path / "s.db")
    new_study(storage=path, study_name="s")
    changed = {"x": luthier.Float(0, 2), "n": luthier.Int(0, 10), "new": luthier.Int(0, 1)}
    with pytest.raises(StudyExists, match="x, new differ"):
        luthier.create_study(changed, storage=path, study_name="s", load_if_exists=True)
    reordered = dict(reversed(SPACE.items()))
    with pytest.raises(StudyExists, match="order"):
        luthier.create_study(reordered, storage=path, study_name="s", load_if_exists=True)
    constrained = luthier.Space(SPACE, constraints=["x < n"])
    with pytest.raises(StudyExists, match="constraints"):
        luthier.create_study(constrained, storage=path, study_name="s", load_if_exists=True)


def test_an_empty_storage_says_so(tmp_path):
    with pytest.raises(StudyNotFound, match="no study in"):
        luthier.load_study(storage=str(tmp_path / "typo.db"))
    assert not (tmp_path / "typo.db").exists()


def test_a_queued_name_that_a_trial_never_asks_for_is_told(caplog):
    study = luthier.create_study(seed=1)
    study.enqueue_trial({"lrr": 0.1})
    study.optimize(lambda trial: trial.suggest_float("lr", 0, 1), n_trials=1)
    assert "lrr" in caplog.text


def test_known_results_do_not_fill_the_log():
    study = luthier.create_study({"a": luthier.Int(1, 2)}, seed=1, duplicates="reuse")
    study.optimize(lambda trial: 0.0, n_trials=6)
    before = len(study.trials)
    with pytest.raises(SpaceExhausted, match="known"):
        study.ask()
    assert len(study.trials) <= before + 1


def test_a_live_trial_stays_where_it_is():
    with pytest.raises(InvalidInput, match="record"):
        pickle.dumps(new_study().ask())


def test_suggest_arguments_that_are_nothing():
    trial = luthier.create_study(seed=1).ask()
    with pytest.raises(luthier.LuthierError):
        trial.suggest_float("z", [0], 1)
    assert trial.suggest_int("a", 0, 1) in (0, 1)
    with pytest.raises(luthier.LuthierError):
        trial.suggest_int("b", False, True)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_study_that_was_created_again_is_another_one(kind, tmp_path):
    from luthier.storage import Memory

    storage = Memory() if kind == "memory" else str(tmp_path / "s.db")
    old = new_study(storage=storage, study_name="s")
    old.optimize(lambda trial: 0.0, n_trials=2)
    trial = old.ask()
    luthier.delete_study("s", storage=storage)
    for word in (old.ask, lambda: old.tell(trial, 1.0), lambda: old.trials):
        with pytest.raises(StudyNotFound):
            word()
    new = new_study(storage=storage, study_name="s")
    for _ in range(5):
        new.ask()
    for word in (old.ask, lambda: old.tell(trial, 123.0), lambda: old.trials):
        with pytest.raises(StudyNotFound, match="created again"):
            word()
    assert [t.state.value for t in new.trials] == ["RUNNING"] * 5
