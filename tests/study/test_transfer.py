"""Start from earlier studies: same space or another, one or several, and nothing forgotten."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

import luthier
from luthier.errors import InvalidInput, NewerStorage, StudyNotFound
from luthier.model.serde import from_texts
from luthier.samplers import Suggestion
from luthier.storage import Memory
from luthier.storage.base import Record
from luthier.study.replay import replay_all
from luthier.study.transfer import BEST, OTHERS

SPACE = {
    "x": luthier.Float(0, 1),
    "lr": luthier.Float(1e-5, 1, log=True),
    "kind": luthier.Categorical(["a", "b"]),
}


def bowl(params, x=0.3):
    """Return a loss that is best at x, 0.01 and 'a'."""
    return (params["x"] - x) ** 2 + (np.log10(params["lr"]) + 2) ** 2 / 4 + (params["kind"] == "b")


def create(space=None, **settings):
    return luthier.create_study(space, **{"sampler": "random", **settings})


def run(space=SPACE, loss=bowl, n=40, **settings):
    study = create(space, **{"seed": 1, **settings})
    study.optimize(lambda trial: loss(trial.params), n_trials=n)
    return study


def fixed(study):
    return [dict(trial.fixed) for trial in study.history.waiting]


@pytest.fixture(scope="module")
def old():
    return run(study_name="old")


def test_the_same_space(old):
    study = create(SPACE, seed=2)
    done = study.transfer_from(old)
    assert (done.sources, done.rows, done.enqueued) == (("old",), (40,), (0, 1, 2, 3, 4))
    points = fixed(study)
    assert points[0] == old.best_params
    assert {trial.user_attrs["transferred_from"] for trial in study.trials} == {"old"}
    tried = [trial.params for trial in old.trials]
    assert all(point in tried for point in points)
    assert len({json.dumps(point) for point in points}) == 5
    losses = sorted(trial.value for trial in old.trials)
    assert np.mean([bowl(point) for point in points]) < np.median(losses)
    study.optimize(lambda trial: bowl(trial.params), n_trials=6)
    assert [trial.by for trial in study.trials] == ["user"] * 5 + ["random"]


def test_the_table_is_in_the_history(old):
    study = create(SPACE, seed=2)
    assert study.history.transferred == ()
    study.transfer_from(old, n_start=0)
    (table,) = study.history.transferred
    assert study.trials == []
    assert table.source == "old"
    ranks = np.array(table.ranks)
    assert ranks.shape == (40, 1)
    assert np.allclose(ranks[:, 0], (np.arange(40) + 0.5) / 40)
    ordered = sorted(old.trials, key=lambda trial: trial.value)
    assert [dict(row) for row in table.params] == [trial.params for trial in ordered]
    points, activity = table.encoded(study.space)
    assert points.tolist() == study.space.codec.encode(table.params).tolist()
    assert activity.all()


def test_equal_results_share_their_rank():
    source = run({"x": luthier.Int(0, 3)}, lambda params: params["x"] // 2, 4, sampler="grid")
    study = create({"x": luthier.Int(0, 3)})
    study.transfer_from(source)
    assert study.history.transferred[0].ranks == ((0.25,), (0.25,), (0.75,), (0.75,))


def test_only_results_within_the_limits_count():
    source = create({"x": luthier.Int(0, 9)}, limits=["size <= 5"], study_name="s")
    for x in range(10):
        source.add_trial({"x": x}, -x, metrics={"size": x})
    source.add_trial({"x": 0}, state="FAILED")
    source.add_trial({"x": 1}, state="PRUNED")
    study = create({"x": luthier.Int(0, 9)})
    assert study.transfer_from(source, n_start=1).rows == (6,)
    assert fixed(study) == [{"x": 5}]


def test_of_a_long_study_the_best_and_a_spread_of_the_others():
    source = create({"x": luthier.Float(0, 1000)})
    for x in range(500):
        source.add_trial({"x": x}, x)
    study = create({"x": luthier.Float(0, 1000)})
    assert study.transfer_from(source).rows == (BEST + OTHERS,)
    (table,) = study.history.transferred
    taken = [row["x"] for row in table.params]
    assert taken[:BEST] == list(range(BEST))
    assert (taken[BEST], taken[-1]) == (BEST, 499)
    assert np.diff(taken[BEST:]).max() <= 5
    assert table.ranks[-1] == (499.5 / 500,)


# ---------------------------------------------------------------- other spaces


def test_parameters_that_are_new_here_are_left_to_the_sampler(old):
    study = create({**SPACE, "new": luthier.Float(0, 1)}, seed=2)
    study.transfer_from(old, n_start=2)
    assert fixed(study)[0] == old.best_params
    study.optimize(lambda trial: bowl(trial.params) + trial["new"], n_trials=2)
    first = study.trials[0]
    assert {**first.params, "new": None} == {**old.best_params, "new": None}
    assert first.by == "random"


def test_parameters_that_are_gone_are_left_out(old):
    study = create({"lr": SPACE["lr"]}, seed=2)
    study.transfer_from(old, n_start=1)
    assert fixed(study) == [{"lr": old.best_params["lr"]}]
    assert all(row.keys() == {"lr"} for row in study.history.transferred[0].params)


def test_values_that_this_space_does_not_have_are_not_bent():
    source = create(SPACE, study_name="wide")
    source.add_trial({"x": 0.9, "lr": 0.5, "kind": "b"}, 0.0)
    source.add_trial({"x": 0.1, "lr": 0.01, "kind": "a"}, 1.0)
    study = create(
        {
            "x": luthier.Float(0.8, 2),
            "lr": luthier.Float(1e-4, 0.1, log=True),
            "kind": luthier.Categorical(["b", "c"]),
        },
        seed=2,
    )
    study.transfer_from(source)
    assert fixed(study) == [{"x": 0.9, "kind": "b"}, {"lr": 0.01}]
    points, activity = study.history.transferred[0].encoded(study.space)
    assert activity.tolist() == [[1, 0, 1], [0, 1, 0]]
    assert points[activity == 0].tolist() == [0.5] * 3


def test_values_become_usable_when_the_space_grows():
    source = create({"x": luthier.Float(0, 10)})
    source.add_trial({"x": 7}, 0.0)
    source.add_trial({"x": 1}, 0.5)
    source.add_trial({"x": 0.5}, 1.0)
    study = create({"x": luthier.Float(0, 5), "k": luthier.Int(0, 1)})
    study.transfer_from(source, n_start=0)
    assert study.history.transferred[0].encoded(study.space)[1][:, 0].tolist() == [1, 1]
    study.edit_space(study.space.widen("x", high=10))
    assert study.transfer_from(source, n_start=1).rows == (3,)
    assert fixed(study) == [{"x": 7.0}]


def test_conditions_of_this_space_decide_what_counts():
    source = create({"kind": ["a", "b"], "depth": luthier.Int(1, 9)})
    source.add_trial({"kind": "a", "depth": 3}, 0.0)
    source.add_trial({"kind": "b", "depth": 4}, 1.0)
    study = create({"kind": ["a", "b"], "depth": luthier.Int(1, 9, when={"kind": "b"})}, seed=2)
    study.transfer_from(source)
    assert fixed(study) == [{"kind": "a"}, {"kind": "b", "depth": 4}]


def test_points_that_break_a_constraint_are_not_queued():
    source = create({"a": luthier.Int(0, 9), "b": luthier.Int(0, 9)})
    for a, b, loss in [(9, 9, 0.0), (4, 9, 0.1), (2, 3, 0.5)]:
        source.add_trial({"a": a, "b": b}, loss)
    space = luthier.Space(
        {**source.space.params, "c": luthier.Int(1, 2), "sum": luthier.Derived("a + b")},
        constraints=["a + b + c < 14"],
    )
    study = create(space, seed=2)
    assert study.transfer_from(source).rows == (3,)
    assert fixed(study) == [{"a": 2, "b": 3}]


def test_what_may_not_be_queued_stands_for_nothing():
    source = create({"x": luthier.Float(0, 1)})
    for place, x in enumerate([0.81, 0.79, 0.1, 0.2, 0.6, 0.4, 0.5, 0.3]):
        source.add_trial({"x": x}, place)
    study = create(luthier.Space({"x": luthier.Float(0, 1)}, constraints=["x < 0.8"]))
    study.transfer_from(source, n_start=1)
    assert fixed(study) == [{"x": 0.79}]


def test_trials_from_before_an_edit_have_the_values_they_are_deemed_to_have():
    source = create({"x": luthier.Float(0, 1)})
    source.add_trial({"x": 0.2}, 0.0)
    source.edit_space(source.space.add("k", luthier.Int(1, 5), deemed=3))
    source.add_trial({"x": 0.4, "k": 4}, 1.0)
    study = create(source.space)
    study.transfer_from(source)
    assert fixed(study) == [{"x": 0.2, "k": 3}, {"x": 0.4, "k": 4}]


def test_composite_values_and_lists_come_back(tmp_path):
    space = {
        "order": luthier.Permutation(["u", "v", "w"]),
        "mix": luthier.Simplex(["p", "q"]),
        "shape": luthier.Categorical([(1, 2), (3, 4), float("inf")]),
    }
    source = run(space, lambda params: params["mix"]["p"], 10)
    study = create(space, storage=str(tmp_path / "s.db"), study_name="new", seed=2)
    study.transfer_from(source, n_start=2)
    again = luthier.load_study("new", storage=str(tmp_path / "s.db"))
    assert again.history.transferred == study.history.transferred
    assert fixed(again)[0] == source.best_params
    points, _ = again.history.transferred[0].encoded(again.space)
    assert points.tolist() == again.space.codec.encode(study.history.transferred[0].params).tolist()


# ---------------------------------------------------------------- several studies and objectives


def test_several_studies(old):
    other = run(loss=lambda params: bowl(params, x=0.9), study_name="other", seed=3)
    study = create(SPACE, seed=2)
    done = study.transfer_from(old, other, old)
    assert (done.sources, done.rows) == (("old", "other"), (40, 40))
    assert [table.source for table in study.history.transferred] == ["old", "other"]
    attrs = {trial.user_attrs["transferred_from"] for trial in study.trials}
    assert attrs == {"old", "other"}
    both = min(bowl(p) for p in fixed(study)), min(bowl(p, x=0.9) for p in fixed(study))
    assert max(both) < 0.3


def test_two_studies_of_one_name_are_two():
    spaces = {"x": luthier.Float(0, 1)}
    first, second = (run(spaces, lambda p: p["x"], 3, study_name="same", seed=s) for s in (1, 2))
    study = create(spaces)
    study.transfer_from(first)
    study.transfer_from(second)
    assert [table.source for table in study.history.transferred] == ["same", "same"]


def test_better_there_is_better_here(old):
    study = create(SPACE, direction="maximize", metric="accuracy", seed=2)
    study.transfer_from(old, n_start=1)
    assert fixed(study) == [old.best_params]


def two(params):
    return params["x"], (1 - params["x"]) ** 2


def test_objectives_are_matched_by_name_else_by_place():
    space = {"x": luthier.Float(0, 1)}
    source = run(space, two, 20, metric=["loss", "latency"], directions=["minimize", "minimize"])

    def ranks(**settings):
        study = create(space, **settings)
        study.transfer_from(source)
        (table,) = study.history.transferred
        return {row["x"]: rank for row, rank in zip(table.params, table.ranks, strict=True)}

    low = min(trial.params["x"] for trial in source.trials)
    way = {"directions": ["minimize", "maximize"]}
    assert ranks(metric=["a", "b"], **way)[low] == (0.025, 0.975)
    assert ranks(metric=["latency", "loss"], **way)[low] == (0.975, 0.025)
    assert ranks(metric=["size", "loss"], **way)[low] == (None, 0.025)
    assert ranks(metric="latency")[low] == (0.975,)
    with pytest.raises(InvalidInput, match="an objective named value, or with 1"):
        ranks()


def test_a_front_is_covered():
    space = {"x": luthier.Float(0, 1), "y": luthier.Float(0, 1)}

    def front(params):
        return params["x"] + params["y"], 1 - params["x"] + params["y"]

    names = {"metric": ["a", "b"], "directions": ["minimize"] * 2}
    source = run(space, front, 100, sampler="qmc", **names)
    study = create(space, seed=2, **names)
    study.transfer_from(source, n_start=4)
    points = fixed(study)
    assert max(point["y"] for point in points) < 0.3
    assert np.ptp([point["x"] for point in points]) > 0.5


def test_both_ends_of_a_long_front_are_kept():
    names = {"metric": ["a", "b"], "directions": ["minimize"] * 2}
    source = create({"x": luthier.Int(0, 999)}, **names)
    for x in range(600):
        source.add_trial({"x": x}, [x, -x])
    study = create({"x": luthier.Int(0, 999)}, **names)
    study.transfer_from(source)
    taken = [row["x"] for row in study.history.transferred[0].params[:BEST]]
    assert {0, 599} <= set(taken)


# ---------------------------------------------------------------- again and again


def test_the_same_call_again_changes_nothing(old):
    study = create(SPACE, seed=2)
    study.transfer_from(old)
    version = study.history.version
    assert study.transfer_from(old).enqueued == ()
    assert study.history.version == version
    study.optimize(lambda trial: bowl(trial.params), n_trials=7)
    version = study.history.version
    assert study.transfer_from(old).enqueued == ()
    assert study.history.version == version


def test_what_was_tried_here_is_not_queued_again(old):
    study = create(SPACE, seed=2)
    study.add_trial(old.best_params, old.best_value)
    assert len(study.transfer_from(old).enqueued) == 4
    assert old.best_params not in fixed(study)


def test_an_earlier_study_that_went_on_replaces_its_table():
    source = run(study_name="old", n=10)
    study = create(SPACE, seed=2)
    study.transfer_from(source)
    source.optimize(lambda trial: bowl(trial.params), n_trials=10)
    assert study.transfer_from(source, n_start=0).rows == (20,)
    (table,) = study.history.transferred
    assert len(table.params) == 20


@pytest.mark.parametrize("space", [SPACE, None])
def test_a_script_that_is_started_again_goes_on(old, tmp_path, space):
    def objective(trial):
        if space is None:
            trial.suggest_float("x", 0, 1)
            trial.suggest_float("lr", 1e-5, 1, log=True)
            return trial.number  # it never asks for the kind
        return bowl(trial.params)

    def script(total):
        study = create(
            space, study_name="new", storage=str(tmp_path / "s.db"), seed=2, load_if_exists=True
        )
        study.transfer_from(old, n_start=3)
        study.optimize(objective, total_trials=total)
        return study

    script(2)
    study = script(5)
    whole = create(space, seed=2)
    whole.transfer_from(old, n_start=3)
    whole.optimize(objective, total_trials=5)
    assert [t.params for t in study.trials] == [t.params for t in whole.trials]
    assert ["transferred_from" in t.user_attrs for t in study.trials] == [True] * 3 + [False] * 2


# ---------------------------------------------------------------- the log


@dataclass(frozen=True)
class Neighbour:
    """Goes to a place that depends on the tables of earlier studies, and on what they hold."""

    def suggest(self, problem, history, rng, n=1):
        def mean():
            tables = [table.encoded(problem.space)[0] for table in history.transferred]
            return np.vstack([np.full((1, problem.space.codec.d), 0.5), *tables]).mean(axis=0)

        centre = history.remember((self, problem.space, history.transferred), mean)
        jitter = rng.uniform(-0.1, 0.1, (n, len(centre)))
        points = problem.space.codec.decode(np.clip(centre + jitter, 0, 1))
        return [Suggestion(point, {"tables": len(history.transferred)}) for point in points]


def test_replay_sees_the_tables_that_the_sampler_saw(old):
    other = run({**SPACE, "more": luthier.Int(1, 3)}, study_name="other", n=5)
    study = create(SPACE, sampler=Neighbour(), seed=2)
    for source in (None, old, other):
        if source is not None:
            study.transfer_from(source, n_start=1)
        study.optimize(lambda trial: bowl(trial.params), n_trials=3)
    seen = [trial.why.get("tables") for trial in study.trials]
    assert seen == [0, 0, 0, None, 1, 1, None, 2, 2]
    replayed = replay_all(study)
    assert [one.same for one in replayed] == [None if s is None else True for s in seen]


@pytest.mark.parametrize("url", ["sqlite:///{}/s.db", "memory"])
def test_the_log_keeps_it(old, tmp_path, url):
    storage = luthier.storage.registry.open_storage(url.format(tmp_path))
    study = create(SPACE, storage=storage, study_name="new", seed=2)
    study.transfer_from(old)
    again = luthier.load_study("new", storage=storage)
    assert again.history.transferred == study.history.transferred
    assert again.trials == study.trials


def test_a_log_without_the_event_reads_as_before(old):
    texts = old.storage.read("old")
    assert not any('"transferred"' in text for text in texts)
    copy = Memory()
    copy.append("copy", [Record(text) for text in texts], create=True)
    read = luthier.load_study("copy", storage=copy)
    assert read.history.transferred == ()
    assert [t.params for t in read.trials] == [t.params for t in old.trials]


def test_an_older_version_would_say_that_it_is_too_old(old):
    study = create(SPACE, study_name="new")
    study.transfer_from(old)
    (text,) = [t for t in study.storage.read("new") if t.startswith('{"event":"transferred"')]
    assert json.loads(text).keys() == {"event", "source", "identity", "params", "ranks", "time"}
    with pytest.raises(NewerStorage, match="newer"):
        from_texts([text.replace("transferred", "not yet known", 1)])


# ---------------------------------------------------------------- define-by-run


def dynamic(trial):
    x, lr = trial.suggest_float("x", 0, 1), trial.suggest_float("lr", 1e-5, 1, log=True)
    return bowl({"x": x, "lr": lr, "kind": trial.suggest_categorical("kind", ["a", "b"])})


def test_define_by_run_before_anything_is_known(old):
    study = create(seed=2)
    assert study.transfer_from(old, n_start=3).rows == (40,)
    study.optimize(dynamic, n_trials=4)
    assert study.trials[0].params == old.best_params
    assert study.trials[0].value == old.best_value
    points, activity = study.history.transferred[0].encoded(study.space)
    assert points.shape == (40, 3)
    assert activity.all()


def test_a_point_outside_of_what_the_objective_asks_for_is_left_to_the_sampler(old):
    def narrow(trial):
        return trial.suggest_float("lr", 0.6, 0.9) + trial.suggest_int("units", 1, 8)

    study = create(seed=2)
    study.transfer_from(old, n_start=3)
    study.optimize(narrow, n_trials=3)
    assert {trial.state.value for trial in study.trials} == {"COMPLETE"}
    assert all(0.6 <= trial.params["lr"] <= 0.9 for trial in study.trials)


def test_define_by_run_on_both_sides():
    source = create(seed=1)
    source.optimize(dynamic, n_trials=20)
    study = create(seed=2)
    study.transfer_from(source, n_start=2)
    study.optimize(dynamic, n_trials=3)
    assert study.trials[0].params == source.best_params


def test_define_by_run_that_knows_its_parameters(old):
    def narrow(trial):
        return trial.suggest_float("lr", 0.1, 0.5) + trial.suggest_int("units", 1, 8)

    study = create(seed=2)
    study.optimize(narrow, n_trials=1)
    study.transfer_from(old)
    points = fixed(study)
    assert points
    assert all(point.keys() == {"lr"} and 0.1 <= point["lr"] <= 0.5 for point in points)
    study.optimize(narrow, n_trials=len(points))
    assert {trial.state.value for trial in study.trials} == {"COMPLETE"}
    alien = create({"z": luthier.Float(0, 1)}, study_name="alien")
    alien.add_trial({"z": 0.5}, 1.0)
    with pytest.raises(InvalidInput, match="shares parameters and values with lr, units"):
        study.transfer_from(alien)


# ---------------------------------------------------------------- errors


def test_names_are_of_the_same_storage():
    storage = Memory()
    run(study_name="old", storage=storage)
    study = create(SPACE, storage=storage)
    assert study.transfer_from("old").rows == (40,)
    with pytest.raises(StudyNotFound, match="nobody"):
        study.transfer_from("nobody")


def test_a_study_that_was_deleted(tmp_path):
    path = str(tmp_path / "s.db")
    source = run(study_name="old", storage=path)
    study = create(SPACE, study_name="new", storage=path)
    study.transfer_from(source)
    luthier.delete_study("old", storage=path)
    with pytest.raises(StudyNotFound, match="old"):
        study.transfer_from(source)
    with pytest.raises(StudyNotFound, match="old"):
        study.transfer_from("old")
    assert [table.source for table in study.history.transferred] == ["old"]


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"other": luthier.Float(0, 1)}, "shares parameters and values with x, lr, kind"),
        ({"kind": ["c", "d"]}, "shares parameters and values"),
        ({"x": luthier.Categorical(["small", "large"])}, "shares parameters and values"),
    ],
)
def test_nothing_in_common(space, message):
    study = create(SPACE, study_name="new")
    source = run(space, lambda params: 1.0, n=1)
    with pytest.raises(InvalidInput, match=message):
        study.transfer_from(source)
    assert study.history.version == 1


def test_a_study_without_a_result(old):
    study = create(SPACE)
    empty = create(SPACE, study_name="empty")
    with pytest.raises(InvalidInput, match=r"'empty'.*a finished trial"):
        study.transfer_from(old, empty)
    assert study.history.version == 1


def test_not_from_itself(tmp_path):
    study = run(study_name="one", n=2)
    with pytest.raises(InvalidInput, match="other studies than this one"):
        study.transfer_from(study)
    copy = Memory()
    texts = study.storage.read("one")
    copy.append("copy", [Record(text) for text in texts], create=True)
    with pytest.raises(InvalidInput, match="other studies than this one"):
        study.transfer_from(luthier.load_study("copy", storage=copy))


@pytest.mark.parametrize("n_start", [-1, 1.5, True, None])
def test_n_start_is_checked(old, n_start):
    with pytest.raises(InvalidInput, match="n_start"):
        create(SPACE).transfer_from(old, n_start=n_start)


@pytest.mark.parametrize("given", [(), (3,), (None,)])
def test_what_is_no_study(given):
    with pytest.raises(InvalidInput, match="transfer_from"):
        create(SPACE).transfer_from(*given)


def test_unrelated_studies_cost_no_more_than_their_points():
    source = run(loss=lambda params: -bowl(params), study_name="contrary")
    alone = create(SPACE, seed=2)
    study = create(SPACE, seed=2)
    study.transfer_from(source, n_start=3)
    for one in (alone, study):
        one.optimize(lambda trial: bowl(trial.params), n_trials=12)
    assert [t.params for t in study.trials[3:]] == [t.params for t in alone.trials[3:]]
