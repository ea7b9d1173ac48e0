"""Folds, repeats and their seeds."""

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.tree import DecisionTreeClassifier

import luthier
from luthier.errors import InvalidInput, InvalidResult
from luthier.schedulers import Race, SuccessiveHalving
from luthier.study import folds as folds_module
from luthier.study.replay import replay_all

SPACE = {"x": luthier.Float(0, 1)}
COMPLETE, PRUNED, FAILED = (luthier.TrialState(s) for s in ("COMPLETE", "PRUNED", "FAILED"))
X, Y = load_breast_cancer(return_X_y=True)
TREES = {"depth": luthier.Int(1, 8), "leaf": luthier.Int(1, 200, log=True)}


def tree(trial):
    depth, leaf = trial.params["depth"], trial.params["leaf"]
    return DecisionTreeClassifier(max_depth=depth, min_samples_leaf=leaf, random_state=0)


def splits(seed):
    return StratifiedKFold(6, shuffle=True, random_state=seed)


def cross_validated(trial):
    folds = trial.folds(splits(trial.seed).split(X, Y))
    for train, test in folds:
        model = tree(trial).fit(X[train], Y[train])
        folds.report(model.score(X[test], Y[test]))
    return folds.mean()


def by_scores(scores):
    """Return an objective whose trials have these rows of scores."""

    def objective(trial):
        folds = trial.folds(scores[trial.number])
        for score in folds:
            folds.report(score)
        return folds.mean()

    return objective


def create(**settings):
    return luthier.create_study(SPACE, sampler="random", **{"seed": 1} | settings)


# Folds


def test_a_real_cross_validation():
    study = luthier.create_study(TREES, direction="maximize", metric="accuracy", seed=2)
    seeds = set()

    def objective(trial):
        seeds.add(trial.seed)
        return cross_validated(trial)

    study.optimize(objective, n_trials=3)
    (seed,) = seeds
    for trial in study.trials:
        scores = cross_val_score(tree(trial), X, Y, cv=splits(seed))
        assert trial.value == pytest.approx(scores.mean(), rel=1e-12)
        assert [r.metrics["accuracy_single"] for r in trial.reports] == list(scores)
        means = np.cumsum(scores) / np.arange(1, 7)
        assert list(trial.intermediate_values.values()) == pytest.approx(list(means))
        assert [report.step for report in trial.reports] == [1, 2, 3, 4, 5, 6]
        error = scores.std(ddof=1) / math.sqrt(6)
        assert trial.metrics["accuracy_std_error"] == pytest.approx(error)


def test_racing_a_real_cross_validation_saves_folds_and_finds_as_good_a_tree():
    values, fits = {}, {}
    for scheduler in ("full", "race"):
        study = luthier.create_study(
            TREES, direction="maximize", sampler="random", scheduler=scheduler, seed=3
        )
        study.optimize(cross_validated, n_trials=25)
        values[scheduler] = study.best_value
        fits[scheduler] = sum(len(trial.reports) for trial in study.trials)
    assert fits["full"] == 25 * 6
    assert fits["race"] < 0.9 * fits["full"]
    assert values["race"] == values["full"]


def test_workers_see_the_same_folds():
    values = []
    for jobs in (1, 2):
        study = luthier.create_study(TREES, direction="maximize", sampler="qmc", seed=2)
        study.optimize(cross_validated, n_trials=3, n_jobs=jobs)
        values.append([trial.value for trial in study.trials])
    assert values[0] == values[1]


def test_a_racing_study_is_replayed_from_its_log(tmp_path):
    storage = str(tmp_path / "s.db")
    study = luthier.create_study(
        TREES, direction="maximize", scheduler=Race(), storage=storage, study_name="s", seed=1
    )
    study.optimize(cross_validated, n_trials=8)
    loaded = luthier.load_study("s", storage=storage)
    assert loaded.scheduler == Race()
    replayed = list(replay_all(loaded))
    assert len(replayed) == 8
    assert all(one.same for one in replayed)


def test_metrics_by_name_are_averaged_each():
    study = luthier.create_study(SPACE, directions=["minimize", "maximize"], metric=["a", "b"])
    rows = [{"a": 1.0, "b": 2.0, "size": 3.0}, {"a": 2.0, "b": 4.0, "size": 5.0}]
    study.optimize(by_scores([rows]), n_trials=1)
    (trial,) = study.trials
    assert trial.values == (1.5, 3.0)
    assert trial.metrics == {"size": 4.0, "a_std_error": 0.5, "b_std_error": 1.0}
    assert trial.reports[1].metrics == {
        "a": 1.5, "b": 3.0, "size": 4.0, "a_single": 2.0, "b_single": 4.0
    }  # fmt: skip


@pytest.mark.parametrize(
    ("objective", "error"),
    [
        (lambda trial: [0.0 for _ in trial.folds("ab")], "no score of fold 0"),
        (lambda trial: trial.folds("").mean(), "at least one report"),
        (by_scores([[{"value": 1.0}, {"other": 1.0}]]), "the metrics value"),
        (by_scores([[1.0, "two"]]), "fold 1: value"),
        (by_scores([[1.0, math.nan]]), "a finite number"),
    ],
    ids=["unreported", "empty", "other metrics", "no number", "not finite"],
)
def test_what_is_wrong_fails_the_trial(objective, error):
    study = create()
    study.optimize(objective, n_trials=1)
    assert study.trials[0].state is FAILED
    assert error in study.trials[0].error


def test_a_trial_of_folds_reports_nothing_else():
    trial = create().ask()
    for _ in trial.folds([1]):
        with pytest.raises(InvalidResult, match="each fold or repeat is a step"):
            trial.report(1.0, 1)
        break


def test_a_fold_is_reported_once():
    folds = create().ask().folds([1, 2])
    with pytest.raises(InvalidResult, match="in the loop"):
        folds.report(1.0)
    next(iter(folds))
    folds.report(1.0)
    with pytest.raises(InvalidResult, match="one report of each fold"):
        folds.report(2.0)


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_scores_that_are_not_finite_survive_an_interruption(monkeypatch, score):
    monkeypatch.setattr(folds_module, "WORTH", -1.0)
    study, seen = create(), []

    def objective(trial):
        folds = trial.folds([score, 1.0, 2.0])
        for part in folds:
            seen.append(part)
            if trial.attempt == 1 and part == 1.0:
                raise RuntimeError
            folds.report(part)
        raise luthier.TrialPruned

    study.optimize(objective, n_trials=1, retries=1)
    assert seen[1:] == [1.0, 1.0, 2.0]
    assert len(study.trials[0].reports) == 3


def test_folds_with_ask_and_tell():
    study = create(scheduler="race")
    study.tell(first := study.ask(), by_scores([[1.0, 2.0, 3.0]])(first))
    trial = study.ask()
    folds = trial.folds([5.0, 6.0, 7.0])
    scores = iter(folds)
    folds.report(next(scores))
    folds.report(next(scores))
    with pytest.raises(luthier.TrialPruned):
        next(scores)
    assert len(folds) == 2
    assert folds.std_error() == pytest.approx(0.5)
    assert study.tell(trial, state="PRUNED").metrics == {"value_std_error": 0.5}


# Folds that are interrupted


def test_a_paused_trial_goes_on_with_its_next_fold(tmp_path):
    scheduler = SuccessiveHalving(kind="promote", eta=2, max_step=4)
    storage = str(tmp_path / "s.db")
    study = create(scheduler=scheduler, storage=storage)
    measured = []

    def objective(trial):
        folds = trial.folds(range(4))
        for fold in folds:
            measured.append((trial.number, fold, trial.repeat, trial.seed))
            folds.report(trial.params["x"] + fold)
        return folds.mean()

    study.optimize(objective, n_trials=30)
    assert len(set(measured)) == len(measured)  # no fold twice
    assert all(fold == repeat for _, fold, repeat, _ in measured)
    assert len({(fold, seed) for _, fold, _, seed in measured}) == 4
    done = [trial for trial in study.trials if trial.state is COMPLETE]
    assert any(trial.attempt > 1 for trial in done)
    for trial in done:
        assert trial.value == pytest.approx(trial.params["x"] + 1.5)
        assert [report.step for report in trial.reports] == [1, 2, 3, 4]


def failing_once(seen, at, save=None):
    def objective(trial):
        folds = trial.folds(range(4))
        for fold in folds:
            seen.append(fold)
            if save is not None:
                trial.save(save, step=fold)
            if trial.attempt == 1 and fold == at:
                raise RuntimeError
            folds.report({"value": float(fold), "size": 1.0})
        return folds.mean()

    return objective


@pytest.mark.parametrize(("worth", "expected"), [(-1.0, [0, 1, 2, 2, 3]), (60.0, [0, 1, 2, 0, 1])])
def test_folds_that_took_long_are_not_measured_again(monkeypatch, worth, expected):
    monkeypatch.setattr(folds_module, "WORTH", worth)
    study, seen = create(), []
    study.optimize(failing_once(seen, at=2), n_trials=1, retries=1)
    assert seen[:5] == expected
    (trial,) = study.trials
    assert trial.value == 1.5
    assert trial.metrics["size"] == 1.0
    assert len(trial.reports) == 4


def test_other_checkpoints_beside_those_of_folds_are_an_error():
    study = create()
    study.optimize(failing_once([], at=2, save={"epoch": 3}), n_trials=1, retries=1)
    assert study.trials[0].state is FAILED
    assert "no other checkpoints" in study.trials[0].error


# Seeds


@given(st.integers(0, 2**40), st.integers(0, 5))
def test_seeds_are_paired_over_trials_and_independent_over_repeats(seed, n):
    def seeds(study):
        rows = []
        for _ in range(3):
            trial = study.ask()
            row = [(trial.seed, trial.own_seed)]
            for _ in (folds := trial.folds(range(n + 1))):
                row.append((trial.seed, trial.own_seed))
                folds.report(0.0)
            assert (trial.repeat, trial.seed) == (0, row[0][0])
            rows.append(row)
        return rows

    one, two = seeds(create(seed=seed)), seeds(create(seed=seed))
    assert one == two
    paired = [[seed for seed, _ in row] for row in one]
    assert paired[0] == paired[1] == paired[2]
    assert paired[0][0] == paired[0][1]  # outside it is that of the first fold
    own = [seed for row in one for _, seed in row[1:]]
    assert len({*own, *paired[0]}) == 4 * (n + 1)
    assert all(0 <= s < 2**32 for s in own + paired[0])
    assert seeds(create(seed=seed + 1))[0][0] != one[0][0]


# Repeats


def noisy(trial):
    rng = np.random.default_rng(trial.seed)
    trial.measure("noise", float(rng.standard_normal()))
    trial.set_cost(trial.repeat + 1.0)
    return trial.params["x"] + trial.measured["noise"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_repeats_are_averaged(jobs):
    study = create()
    study.optimize(noisy, n_trials=3, repeats=4, n_jobs=jobs)
    for trial in study.trials:
        noise = study.trials[0].metrics["noise"]  # paired: the same for all
        assert trial.metrics["noise"] == noise
        assert trial.value == pytest.approx(trial.params["x"] + noise)
        assert trial.cost == 1 + 2 + 3 + 4
        singles = [report.metrics["value_single"] for report in trial.reports]
        assert len(set(singles)) == 4
        error = np.std(singles, ddof=1) / 2
        assert trial.metrics["value_std_error"] == pytest.approx(error)


def test_repeats_race():
    study = create(scheduler="race")
    study.optimize(noisy, n_trials=12, repeats=5)
    # The noise is the same for all trials, so that the race is without noise.
    assert study.best_params["x"] == min(trial.params["x"] for trial in study.trials)
    pruned = [trial for trial in study.trials if trial.state is PRUNED]
    assert {len(trial.reports) for trial in pruned} == {2}
    assert {trial.cost for trial in pruned} == {3.0}


def test_once_is_as_always():
    study = create()
    study.optimize(noisy, n_trials=1)
    assert not study.trials[0].reports
    assert set(study.trials[0].metrics) == {"noise"}


def test_repeats_of_several_objectives_in_a_study_by_run():
    study = luthier.create_study(directions=["minimize", "maximize"], seed=1)

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        return x + trial.repeat, x - trial.repeat

    study.optimize(objective, n_trials=2, repeats=3)
    for trial in study.trials:
        x = trial.params["x"]
        assert trial.values == pytest.approx((x + 1, x - 1))


def test_repeats_on_a_virtual_clock():
    def objective(trial):
        yield 10.0 * (trial.repeat + 1)
        return trial.params["x"] + trial.repeat

    study = create(scheduler="race")
    study.optimize(objective, n_trials=6, repeats=3, executor=luthier.Simulated(2))
    done = [trial for trial in study.trials if trial.state is COMPLETE]
    assert {trial.duration for trial in done} == {60.0}
    pruned = [trial for trial in study.trials if trial.state is PRUNED]
    assert {trial.duration for trial in pruned} == {30.0}


def test_what_a_repeat_does_not_measure_is_not_taken_from_the_one_before():
    def objective(trial):
        if trial.repeat == 0:
            trial.measure("size", 1.0)
        return 0.0

    study = create()
    study.optimize(objective, n_trials=1, repeats=2)
    assert "the metrics value, size" in study.trials[0].error


@pytest.mark.parametrize("repeats", [0, -1, True, 1.5, "2"])
def test_repeats_are_a_positive_number(repeats):
    with pytest.raises(InvalidInput, match="repeats"):
        create().optimize(noisy, n_trials=1, repeats=repeats)


REPEATED = """
import json, os, sys
x, seed, repeat = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
assert os.environ["LUTHIER_TRIAL_SEED"] == sys.argv[2]
assert os.environ["LUTHIER_REPEAT"] == sys.argv[3]
print(json.dumps({"step": 7, "value": 1e9}))
print(json.dumps({"value": x + repeat, "seed": seed % 1000}))
"""


def repeated_command(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(REPEATED)
    return luthier.Command([sys.executable, str(script), "{x}", "{trial_seed}", "{repeat}"])


def test_commands_are_repeated_with_seeds_that_all_trials_share(tmp_path):
    command = repeated_command(tmp_path)
    study = create()
    study.optimize(command, n_trials=2, repeats=3)
    for trial in study.trials:
        assert trial.value == pytest.approx(trial.params["x"] + 1.0)
        assert [r.step for r in trial.reports] == [1, 2, 3]
        singles = [r.metrics["value_single"] - trial.params["x"] for r in trial.reports]
        assert singles == pytest.approx([0, 1, 2])
        assert trial.metrics["value_std_error"] == pytest.approx(3**-0.5)
    assert len({trial.metrics["seed"] for trial in study.trials}) == 1


def test_a_repeated_command_stops_between_two_repeats(tmp_path):
    command = repeated_command(tmp_path)
    study = create(scheduler={"name": "threshold", "upper": 0.0})
    study.optimize(command, n_trials=2, repeats=3)
    assert {trial.state.value for trial in study.trials} == {"PRUNED"}
    assert {len(trial.reports) for trial in study.trials} == {1}


def test_a_repeated_command_names_only_what_there_is():
    command = luthier.Command([sys.executable, "train.py", "--x={y}"])
    with pytest.raises(InvalidInput, match="y"):
        create().optimize(command, n_trials=1, repeats=2)
