"""The best trials are measured again before one is called the best."""

import numpy as np
import pytest

import luthier
from luthier.analysis.confirmed import confirmed, remaining
from luthier.errors import InvalidInput, NoResult
from luthier.study.replay import replay_all

SPACE = {"x": luthier.Float(0, 1)}
COMPLETE = luthier.TrialState.COMPLETE


def create(**settings):
    return luthier.create_study(SPACE, sampler="random", **{"seed": 1} | settings)


def level(trial):
    return trial.params["x"]


def noisy(trial):
    """Noise that all trials share at a seed, and less that is each one's own."""
    shared = np.random.default_rng(trial.seed).standard_normal()
    own = np.random.default_rng((trial.seed, int(1e6 * trial.params["x"]))).standard_normal()
    return trial.params["x"] + 3 * shared + 0.1 * own


def lucky(trial):
    """A function whose single measurements mislead: all that is below 0.5 looks the same."""
    rng = np.random.default_rng((trial.seed, int(1e6 * trial.params["x"])))
    return trial.params["x"] + 0.3 * rng.standard_normal()


def test_without_noise_two_rounds_are_enough():
    study = create()
    study.optimize(level, n_trials=8)
    best = study.best_trial
    found = study.confirm(level, top=3, repeats=9)
    assert found[0].trial.params == best.params
    assert [row.repeats for row in found] == [2, 2, 2]
    assert [row.value for row in found] == sorted(trial.value for trial in study.trials[:8])[:3]
    assert [row.p_value for row in found] == [None, 0.0, 0.0]
    assert found[0].std_error == 0.0
    assert study.stop_reason == "one trial is left"
    assert len(study.trials) == 8 + 6
    assert study.best_value == best.value


def test_rounds_are_paired_and_seeds_are_new():
    study, seeds = create(), {}

    def objective(trial):
        seeds.setdefault(trial.number, trial.seed)
        return noisy(trial)

    study.optimize(objective, n_trials=6)
    study.confirm(objective, top=2, repeats=4)
    assert len({seeds[n] for n in range(6)}) == 1
    by_round = {}
    for trial in study.trials[6:]:
        note = trial.user_attrs["confirms"]
        assert trial.params == study.trials[note["trial"]].params
        by_round.setdefault(note["round"], set()).add(seeds[trial.number])
    assert all(len(found) == 1 for found in by_round.values())
    assert len({seeds[0], *(seed for found in by_round.values() for seed in found)}) == 1 + len(
        by_round
    )


def test_confirmation_finds_the_better_ones_of_what_was_lucky():
    worse = better = 0.0
    for seed in range(12):
        study = create(seed=seed)
        study.optimize(lucky, n_trials=20)
        worse += study.best_trial.params["x"]
        better += study.confirm(lucky, top=4, repeats=8)[0].trial.params["x"]
    assert better < 0.8 * worse


def test_the_estimate_is_not_that_of_the_lucky_measurement():
    gaps = []
    for seed in range(12):
        study = create(seed=seed)
        study.optimize(lucky, n_trials=20)
        row = study.confirm(lucky, top=1, repeats=5)[0]
        assert row.repeats == 5
        gaps.append((row.trial.value - row.trial.params["x"], row.value - row.trial.params["x"]))
    lucky_gap, gap = np.mean(gaps, axis=0)
    assert lucky_gap < -0.2
    assert abs(gap) < 0.15


def test_recommendations_use_all_repeats_of_the_same_params():
    study = create(seed=3)
    rng = np.random.default_rng(0)
    for x in np.linspace(0, 1, 15):
        study.add_trial({"x": float(x)}, 1 + 0.3 * float(rng.standard_normal()))
    lucky = study.add_trial({"x": 0.95}, -1.0)
    assert study.recommend().trial.params["x"] > 0.9
    for value in (1.3, 1.5, 1.1, 1.4, 1.2, 1.3):
        study.add_trial({"x": 0.95}, value)
    assert study.best_trial.number == lucky.number
    assert study.recommend().trial.params["x"] < 0.9


@pytest.mark.parametrize("at", [0, 1, 2, 3, 4, 5])
def test_goes_on_where_it_was_interrupted(at, tmp_path):
    storage = str(tmp_path / "s.db")
    study = create(storage=storage, study_name="s")
    study.optimize(noisy, n_trials=6)
    calls = []

    def interrupted(trial):
        if len(calls) == at:
            raise KeyboardInterrupt
        calls.append(trial.number)
        return noisy(trial)

    with pytest.raises(KeyboardInterrupt):
        study.confirm(interrupted, top=2, repeats=4)
    assert study.scheduler == luthier.schedulers.Full()
    again = luthier.load_study("s", storage=storage)
    found = again.confirm(noisy, top=2, repeats=4)
    whole = create()
    whole.optimize(noisy, n_trials=6)
    expected = whole.confirm(noisy, top=2, repeats=4)
    assert [row[1:] for row in found] == [row[1:] for row in expected]
    assert len(again.trials) == len(whole.trials)
    assert all(one.same for one in replay_all(again) if one.comparable)


def test_one_that_fails_again_is_out():
    study = create()
    study.optimize(level, n_trials=5)
    best, second = sorted(study.trials, key=lambda trial: trial.value)[:2]

    def objective(trial):
        if trial.params == best.params:
            raise ValueError
        return level(trial)

    found = study.confirm(objective, top=2, repeats=3)
    assert [row.trial.number for row in found] == [second.number, best.number]
    assert found[1].value == float("inf")
    assert found[1].std_error is None


def test_limits_hold_in_each_repeat():
    study = create(limits=["size <= 1"], direction="maximize")

    def objective(trial):
        trial.measure("size", 0.0 if trial.number < 5 or trial.params["x"] < 0.6 else 2.0)
        return level(trial)

    study.optimize(objective, n_trials=5)
    assert study.best_value > 0.6
    found = study.confirm(objective, top=5, repeats=2)
    assert found[0].trial.params["x"] < 0.6
    assert found[-1].value == float("-inf")


def test_no_scheduler_stops_a_repeat_and_it_is_given_back():
    study = create(scheduler={"name": "threshold", "upper": 0.5})

    def objective(trial):
        trial.report(9.0 if trial.number >= 6 else 0.0, 1)
        trial.prune_if_hopeless()
        return level(trial)

    study.optimize(objective, n_trials=6)
    before = study.scheduler
    found = study.confirm(objective, top=2, repeats=2)
    assert found[0].repeats == 2
    assert study.scheduler == before
    assert {trial.state for trial in study.trials} == {COMPLETE}


def test_nothing_new_is_tried_and_other_points_of_the_queue_run_too():
    study = create()
    study.optimize(level, n_trials=4)
    study.enqueue_trial({"x": 0.25})
    (row,) = study.confirm(level, top=1, repeats=3)
    assert row.repeats == 3
    assert study.trials[4].value == 0.25
    assert len(study.trials) == 5 + 3


def test_equal_params_count_once():
    study = create(duplicates="replicate")
    for x in (0.1, 0.1, 0.1, 0.2, 0.3):
        study.enqueue_trial({"x": x})
    study.optimize(level, n_trials=5)
    found = study.confirm(level, top=3, repeats=2)
    assert [row.trial.number for row in found] == [0, 3, 4]


def test_by_run_with_workers():
    study = luthier.create_study(seed=1)

    def objective(trial):
        return trial.suggest_float("x", 0, 1) + (trial.suggest_int("n", 1, 5) > 2)

    study.optimize(objective, n_trials=6)
    found = study.confirm(objective, top=2, repeats=3, n_jobs=2)
    assert found[0].trial.params == study.best_params
    assert confirmed(study.history) == found


def test_notes_of_others_are_not_taken_for_repeats():
    study = create()
    for note in ({"trial": 99, "round": 1}, "trial 3", {"trial": "0", "round": 1}):
        study.add_trial({"x": 0.5}, 1.0, user_attrs={"confirms": note})
    assert confirmed(study.history) == []


# Which ones are left, without a study


def test_remaining_by_hand():
    losses = {1: {1: 5.0, 2: 1.0, 3: 3.0}, 2: {1: 5.1, 2: 1.4, 3: 3.2}, 3: {1: 9.0, 2: 4.9}}
    assert remaining(losses, [1, 2, 3], 6, 0.05) == ([1, 2], 4)
    assert remaining(losses, [1, 2, 3], 3, 0.05) == ([1, 2], None)
    assert remaining(losses, [1], 3, 0.05) == ([1], None)
    assert remaining(losses, [1], 4, 0.05) == ([1], 4)
    assert remaining({}, [4, 5], 6, 0.05) == ([4, 5], 1)
    assert remaining({4: {1: float("inf")}}, [4, 5, 6], 6, 0.05) == ([5, 6], 1)
    # One that came later has to catch up first.
    assert remaining(losses, [1, 2, 7], 6, 0.05) == ([1, 2, 7], 1)


def test_what_can_be_wrong():
    study = create()
    with pytest.raises(NoResult):
        study.confirm(level)
    study.optimize(level, n_trials=2)
    for settings in ({"top": 0}, {"repeats": 1}, {"repeats": True}, {"p_threshold": 2.0}):
        (name,) = settings
        with pytest.raises(InvalidInput, match=f"confirm: {name}"):
            study.confirm(level, **settings)
    with pytest.raises(TypeError):
        study.confirm(level, unknown=1)
    several = luthier.create_study(SPACE, directions=["minimize", "maximize"])
    with pytest.raises(InvalidInput, match="one objective"):
        several.confirm(level)
