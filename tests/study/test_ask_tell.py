"""Studies by hand: ask, tell, queue, add, look."""

import math

import pytest

import luthier
from luthier.errors import (
    InvalidInput,
    InvalidParams,
    InvalidResult,
    NoResult,
    SpaceExhausted,
    StudyExists,
    StudyNotFound,
    TrialNotFound,
)

SPACE = {"lr": luthier.Float(1e-5, 1e-1, log=True), "depth": luthier.Int(1, 9)}


@pytest.fixture(params=["memory", "sqlite"])
def storage(request, tmp_path):
    return "memory" if request.param == "memory" else str(tmp_path / "study.db")


def test_a_trial_is_asked_and_told(storage):
    study = luthier.create_study(SPACE, storage=storage, seed=1)
    trial = study.ask()
    assert set(trial.params) == {"lr", "depth"}
    assert study.trials[0].state is luthier.TrialState.RUNNING
    told = study.tell(trial, 0.25)
    assert told.state is luthier.TrialState.COMPLETE
    assert told.value == 0.25
    assert told.params == dict(trial.params)
    assert study.best_value == 0.25
    assert study.best_params == dict(trial.params)


def test_the_same_seed_gives_the_same_params():
    def points(seed):
        study = luthier.create_study(SPACE, seed=seed)
        trials = [study.ask() for _ in range(5)]
        return [dict(trial.params) for trial in trials]

    assert points(3) == points(3)
    assert points(3) != points(4)


def test_the_first_word_counts(storage):
    study = luthier.create_study(SPACE, storage=storage, seed=1)
    trial = study.ask()
    study.tell(trial, 1.0)
    assert study.tell(trial, 2.0).value == 1.0
    assert study.trials[0].value == 1.0


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, "0.5", None, True, [0.1, 0.2], [], object()]
)
def test_a_value_that_is_no_finite_number_is_refused_and_the_trial_stays_open(value):
    study = luthier.create_study(SPACE, seed=1)
    trial = study.ask()
    with pytest.raises(InvalidResult, match="got"):
        study.tell(trial, value)
    assert study.trials[0].state is luthier.TrialState.RUNNING
    assert study.tell(trial, 0.5).value == 0.5


def test_several_objectives_want_as_many_values():
    study = luthier.create_study(SPACE, directions=["minimize", "maximize"], seed=1)
    trial = study.ask()
    with pytest.raises(InvalidResult, match="2 numbers"):
        study.tell(trial, 1.0)
    with pytest.raises(InvalidResult, match="2 numbers"):
        study.tell(trial, [1.0, 2.0, 3.0])
    assert study.tell(trial, [1.0, 2.0]).values == (1.0, 2.0)
    with pytest.raises(InvalidInput, match="best_trials"):
        _ = study.best_trial


def test_the_pareto_front_keeps_what_nothing_beats():
    study = luthier.create_study(SPACE, directions=["minimize", "maximize"], seed=1)
    for values in [(1, 1), (2, 2), (2, 1), (0, 0), (1, 1)]:
        study.tell(study.ask(), values)
    assert [trial.number for trial in study.best_trials] == [0, 1, 3, 4]


def test_metrics_by_name():
    study = luthier.create_study(SPACE, metric="accuracy", direction="maximize", seed=1)
    told = study.tell(study.ask(), {"accuracy": 0.9, "seconds": 3})
    assert told.value == 0.9
    assert told.metrics == {"seconds": 3.0}
    with pytest.raises(InvalidResult, match="accuracy"):
        study.tell(study.ask(), {"seconds": 3})


def test_limits_decide_who_may_be_best():
    study = luthier.create_study(
        SPACE, metric="loss", limits=["latency <= 20"], direction="minimize", seed=1
    )
    with pytest.raises(NoResult, match="no trial"):
        _ = study.best_trial
    study.tell(study.ask(), {"loss": 0.1, "latency": 25})
    with pytest.raises(NoResult, match="latency <= 20"):
        _ = study.best_trial
    study.tell(study.ask(), {"loss": 0.3, "latency": 20})
    study.tell(study.ask(), {"loss": 0.2, "latency": 10})
    assert study.best_trial.number == 2
    with pytest.raises(InvalidResult, match="latency"):
        study.tell(study.ask(), 0.1)


def test_a_limit_on_an_objective_itself():
    study = luthier.create_study(SPACE, metric="loss", limits=["loss >= 0.2"], seed=1)
    study.tell(study.ask(), 0.1)
    study.tell(study.ask(), 0.3)
    assert study.best_value == 0.3


@pytest.mark.parametrize("state", ["PRUNED", "INFEASIBLE", "FAILED"])
def test_other_endings(state):
    study = luthier.create_study(SPACE, seed=1)
    told = study.tell(study.ask(), state=state, error="because")
    assert (told.state.value, told.values, told.error) == (state, None, "because")
    with pytest.raises(NoResult, match="none of the 1 trials"):
        _ = study.best_trial
    with pytest.raises(InvalidInput, match="values"):
        study.tell(study.ask(), 1.0, state=state)


def test_states_that_are_none():
    study = luthier.create_study(SPACE, seed=1)
    trial = study.ask()
    with pytest.raises(InvalidInput, match="COMPLETE"):
        study.tell(trial, state="RUNNING")
    with pytest.raises(InvalidInput, match="WAITING"):
        study.tell(trial, state="DONE")


def test_a_trial_that_is_not_there():
    study = luthier.create_study(SPACE, seed=1)
    with pytest.raises(TrialNotFound, match="no trial 7"):
        study.tell(7, 1.0)
    assert study.trials == []


def test_queued_trials_come_first_and_the_sampler_fills_the_rest(storage):
    study = luthier.create_study(SPACE, storage=storage, seed=1)
    assert study.enqueue_trial({"lr": 0.001, "depth": 3}) == 0
    assert study.enqueue_trial({"depth": 4}, user_attrs={"why": "a hunch"}) == 1
    assert study.enqueue_trial({"depth": 4}, skip_if_exists=True) is None
    assert [trial.state.value for trial in study.trials] == ["WAITING", "WAITING"]
    first, second, third = study.ask(), study.ask(), study.ask()
    assert dict(first.params) == {"lr": 0.001, "depth": 3}
    assert second.params["depth"] == 4
    assert 1e-5 <= second.params["lr"] <= 1e-1
    assert second.user_attrs == {"why": "a hunch"}
    assert third.number == 2
    assert study.trials[0].by == "user"


def test_a_queued_value_must_be_in_the_space():
    study = luthier.create_study(SPACE, seed=1)
    with pytest.raises(InvalidParams, match="depth"):
        study.enqueue_trial({"depth": 10})
    with pytest.raises(InvalidParams, match="dept"):
        study.enqueue_trial({"dept": 1})
    assert study.trials == []


def test_a_queued_child_brings_its_parent_into_the_right_branch():
    space = {
        "model": luthier.Categorical(["svm", "tree"]),
        "C": luthier.Float(0.1, 10, when={"model": "svm"}),
        "depth": luthier.Int(1, 5, when={"model": "tree"}),
    }
    study = luthier.create_study(space, seed=1)
    for _ in range(10):
        study.enqueue_trial({"model": "tree"})
    for _ in range(10):
        params = study.ask().params
        assert params["model"] == "tree"
        assert set(params) == {"model", "depth"}


def test_added_trials_are_part_of_the_study(storage):
    study = luthier.create_study(SPACE, storage=storage, seed=1)
    added = study.add_trial({"lr": 0.01, "depth": 2}, 0.5, user_attrs={"from": "a paper"})
    assert (added.number, added.value, added.user_attrs) == (0, 0.5, {"from": "a paper"})
    assert study.best_value == 0.5
    with pytest.raises(InvalidParams):
        study.add_trial({"lr": 0.01}, 0.5)
    with pytest.raises(InvalidResult):
        study.add_trial({"lr": 0.01, "depth": 2}, math.nan)
    assert study.ask().number == 1


def test_notes(storage):
    study = luthier.create_study(SPACE, storage=storage, seed=1, study_name="noted")
    study.set_user_attr("data", {"rows": 10, "names": ["a", "b"]})
    trial = study.ask()
    trial.set_user_attr("host", "here")
    study.tell(trial, 1.0)
    study.set_user_attr("comment", "fine", trial=0)
    assert study.user_attrs == {"data": {"rows": 10, "names": ["a", "b"]}}
    assert study.trials[0].user_attrs == {"host": "here", "comment": "fine"}
    with pytest.raises(TrialNotFound):
        study.set_user_attr("comment", "fine", trial=1)
    with pytest.raises(InvalidInput, match="JSON"):
        study.set_user_attr("object", object())


def test_a_study_is_found_again_by_name(tmp_path):
    path = str(tmp_path / "s.db")
    study = luthier.create_study(SPACE, storage=path, study_name="a", seed=5, sampler="qmc")
    asked = study.ask()
    study.tell(asked, 1.0)
    again = luthier.load_study("a", storage=path)
    assert again.best_params == dict(asked.params)
    assert isinstance(again.sampler, luthier.QMC)
    assert luthier.load_study(storage=path).name == "a"
    with pytest.raises(StudyExists):
        luthier.create_study(SPACE, storage=path, study_name="a")
    with pytest.raises(StudyNotFound, match="b"):
        luthier.load_study("b", storage=path)
    luthier.create_study(SPACE, storage=path, study_name="b")
    assert luthier.study_names(path) == ["a", "b"]
    with pytest.raises(StudyNotFound, match="name one of a, b"):
        luthier.load_study(storage=path)
    luthier.delete_study("a", storage=path)
    assert luthier.study_names(path) == ["b"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"space": {"lr": luthier.Float(0, 1)}}, "space"),
        ({"direction": "maximize"}, "objectives"),
        ({"limits": ["x <= 1"]}, "limits"),
        ({"seed": 2}, "seed 1"),
        ({"duplicates": "reuse"}, "duplicate"),
    ],
)
def test_a_study_that_exists_with_another_problem(tmp_path, change, word):
    path = str(tmp_path / "s.db")
    given = {"space": SPACE, "storage": path, "study_name": "a", "seed": 1}
    luthier.create_study(**given)
    luthier.create_study(**given, load_if_exists=True)
    luthier.create_study(**{**given, "seed": None}, load_if_exists=True)
    with pytest.raises(StudyExists, match=word):
        luthier.create_study(**{**given, **change}, load_if_exists=True)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"direction": "up"}, "direction"),
        ({"direction": "minimize", "directions": ["minimize"]}, "direction"),
        ({"directions": "minimize"}, "directions"),
        ({"directions": []}, "directions"),
        ({"metric": ["a", "b"]}, "directions"),
        ({"metric": ["a", "a"], "directions": ["minimize", "minimize"]}, "metric"),
        ({"metric": ["a", "b"], "directions": ["minimize"]}, "metric"),
        ({"metric": ""}, "metric"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"duplicates": "maybe"}, "duplicates"),
        ({"limits": ["latency < 20"]}, "limit"),
        ({"limits": [luthier.Limit]}, "limit"),
        ({"sampler": "randm"}, "sampler"),
        ({"sampler": {"name": "qmc", "kin": "halton"}}, "qmc"),
        ({"sampler": {"kind": "halton"}}, "sampler"),
        ({"sampler": 3}, "sampler"),
        ({"study_name": " "}, "study_name"),
        ({"storage": "oracle://x"}, "storage"),
        ({"space": 3}, "space"),
    ],
)
def test_bad_arguments_are_refused_at_once(arguments, field):
    with pytest.raises(InvalidInput) as caught:
        luthier.create_study(**{"space": SPACE, **arguments})
    assert field in str(caught.value)


def test_a_finite_space_is_tried_once_and_then_exhausted():
    space = {"a": luthier.Int(1, 3), "b": luthier.Categorical(["x", "y"])}
    study = luthier.create_study(space, seed=1)
    points = set()
    for _ in range(6):
        trial = study.ask()
        points.add(tuple(trial.params.values()))
        study.tell(trial, 1.0)
    assert len(points) == 6
    with pytest.raises(SpaceExhausted, match="all 6 points"):
        study.ask()


def test_a_known_result_is_taken_over():
    study = luthier.create_study({"a": luthier.Int(1, 2)}, seed=1, duplicates="reuse")
    calls = []

    def objective(trial):
        calls.append(trial.params["a"])
        return float(trial.params["a"])

    study.optimize(objective, n_trials=12)
    assert sorted(calls) == [1, 2]
    assert len(study.trials) == 12
    assert all(trial.value == trial.params["a"] for trial in study.trials)
    reused = [trial for trial in study.trials if "reused_from" in trial.user_attrs]
    assert len(reused) == 10
    with pytest.raises(SpaceExhausted, match="known"):
        study.ask()


def test_points_are_run_again_if_asked_for():
    study = luthier.create_study({"a": luthier.Int(1, 2)}, seed=1, duplicates="replicate")
    study.optimize(lambda trial: float(trial.number), n_trials=12)
    assert [trial.value for trial in study.trials] == [float(i) for i in range(12)]


def test_the_space_is_edited_and_old_trials_stay():
    study = luthier.create_study(SPACE, seed=1)
    study.tell(study.ask(), 1.0)
    wider = study.space.add("dropout", luthier.Float(0, 0.5), deemed=0.0)
    study.edit_space(wider.narrow("depth", low=2, high=4))
    for _ in range(10):
        trial = study.ask()
        assert 2 <= trial.params["depth"] <= 4
        assert 0 <= trial.params["dropout"] <= 0.5
    points, activity = study.history.encoded()
    assert points.shape == (1, 3)
    assert activity.all()


def test_a_space_that_cannot_place_the_old_trials_is_refused():
    study = luthier.create_study(SPACE, seed=1)
    study.tell(study.ask(), 1.0)
    for space in (
        luthier.Space({**SPACE, "dropout": luthier.Float(0, 0.5)}),
        luthier.Space({**SPACE, "depth": luthier.Int(20, 30)}),
    ):
        with pytest.raises(InvalidParams):
            study.edit_space(space)
    assert list(study.space.params) == ["lr", "depth"]


def test_a_snapshot_does_not_change():
    study = luthier.create_study(SPACE, seed=1)
    trial = study.ask()
    before = study.history
    study.tell(trial, 1.0)
    study.tell(study.ask(), 2.0)
    assert (before.count, len(before.ended), len(before.running)) == (1, 0, 1)
    assert before.losses.shape == (0, 1)
    assert study.history.losses.tolist() == [[1.0], [2.0]]
