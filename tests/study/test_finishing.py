"""How a run ends whose scheduler pauses trials: with a result, and able to go on."""

import pytest

import luthier
from luthier.errors import NoResult
from luthier.model.trial import TrialState
from luthier.schedulers import Finishing
from luthier.schedulers.registry import make

SPACE = {"x": luthier.Float(0, 1)}
LENGTH = 27

PAUSING = [
    {"name": "pasha", "max_step": LENGTH},
    {"name": "asha", "kind": "promote", "max_step": LENGTH},
    {"name": "asha", "kind": "promote"},
    {"name": "asha", "kind": "promote", "max_step": LENGTH, "brackets": 2},
    {"name": "hyperband", "kind": "promote", "max_step": LENGTH},
    {"name": "adaptive", "kind": "promote", "max_step": LENGTH},
    {"name": "freeze_thaw", "max_step": LENGTH},
    {"name": "pbt", "interval": 5, "population": 3, "max_step": LENGTH},
]


def objective(trial):
    state = trial.load() or {"done": 0}
    for step in range(state["done"] + 1, LENGTH + 1):
        trial.report(trial["x"] + 1 / step, step)
        trial.save({"done": step})
        trial.prune_if_hopeless()
    return trial["x"]


def create(scheduler, **arguments):
    settings = {"sampler": "random", "seed": 4, **arguments}
    return luthier.create_study(SPACE, scheduler=scheduler, **settings)


def of_state(study, state):
    return [trial for trial in study.trials if trial.state is state]


@pytest.mark.parametrize("scheduler", PAUSING, ids=str)
@pytest.mark.parametrize("n_trials", [1, 2, 5, 14])
def test_a_run_leaves_a_complete_trial(scheduler, n_trials, tmp_path):
    study = create(scheduler, checkpoints=str(tmp_path))
    study.optimize(objective, n_trials=n_trials)
    assert len(study.trials) == n_trials or study.stop_reason == "the schedule is complete"
    assert of_state(study, TrialState.COMPLETE)
    best = study.best_trial
    assert best.reports.last.step == LENGTH
    # Nothing that is paused went as far and was better there.
    for trial in of_state(study, TrialState.PAUSED):
        last = trial.reports.last
        there = next(r for r in best.reports if r.step >= last.step)
        assert last.step < LENGTH
        farthest = max(t.reports.last.step for t in of_state(study, TrialState.PAUSED))
        assert last.step < farthest or last.metrics["value"] >= there.metrics["value"]


@pytest.mark.parametrize("scheduler", PAUSING[:7], ids=str)
def test_a_larger_budget_goes_on_with_what_is_paused(scheduler, tmp_path):
    study = create(scheduler, checkpoints=str(tmp_path))
    study.optimize(objective, total_trials=5)
    first = len(of_state(study, TrialState.COMPLETE))
    study.optimize(objective, total_trials=30)
    assert len(study.trials) == 30
    assert len(of_state(study, TrialState.COMPLETE)) >= first
    resumed = [trial for trial in study.trials[:5] if trial.pauses]
    assert all(trial.restored_step for trial in resumed if trial.attempt > 1)


def test_what_is_finished_is_not_paused_on_its_way(tmp_path):
    study = create(PAUSING[0], checkpoints=str(tmp_path))
    study.optimize(objective, n_trials=4)
    (best,) = of_state(study, TrialState.COMPLETE)
    assert best.attempt == best.pauses + 1
    assert best.pauses <= 2  # as far as the scheduler let it go, and then to the end
    others = of_state(study, TrialState.PAUSED)
    assert min(t.params["x"] for t in others) > best.params["x"]


def test_a_timeout_is_a_hard_end_and_the_error_says_what_to_do():
    clock = luthier.executors.Simulated(1)

    def slow(trial):
        for step in range(1, LENGTH + 1):
            yield 1.0
            trial.report(trial["x"], step)
            trial.prune_if_hopeless()
        return trial["x"]

    study = create(PAUSING[0])
    study.optimize(slow, timeout=5, executor=clock)
    paused = len(of_state(study, TrialState.PAUSED))
    assert paused == len(study.trials) > 0
    with pytest.raises(NoResult, match=rf"{paused} are paused: study.optimize\(.*n_trials=0\)"):
        study.best_trial  # noqa: B018
    study.optimize(slow, n_trials=0, executor=luthier.executors.Simulated(1))
    assert study.best_trial.state is TrialState.COMPLETE
    assert len(study.trials) == paused


def test_the_error_says_so_if_all_were_stopped():
    study = create("median")
    trial = study.ask()
    trial.report(1.0, 1)
    study.tell(trial, state="PRUNED")
    with pytest.raises(NoResult, match="1 were stopped early"):
        study.best_trial  # noqa: B018


def test_a_finishing_trial_that_is_lost_is_finished_by_who_comes_next(tmp_path):
    url = str(tmp_path / "s.db")
    study = create(PAUSING[0], storage=url, study_name="s")

    def interrupted(trial):
        if trial.attempt > 1:
            raise KeyboardInterrupt
        return objective(trial)

    with pytest.raises(KeyboardInterrupt):
        study.optimize(interrupted, total_trials=3)
    assert not of_state(study, TrialState.COMPLETE)
    again = luthier.load_study("s", storage=url, sampler="random", scheduler=PAUSING[0])
    again.optimize(objective, total_trials=3)
    assert len(of_state(again, TrialState.COMPLETE)) == 1


def test_two_processes_do_not_both_finish_a_trial(tmp_path):
    study = create(PAUSING[0], storage=str(tmp_path / "s.db"), study_name="s")
    for _ in range(4):
        trial = study.ask()
        trial.report(trial["x"], 1)
        study.tell(trial, state="PAUSED")
    other = luthier.load_study("s", storage=study.storage, scheduler=PAUSING[0])
    mine = study._engine.finish()
    assert mine is not None
    assert other._engine.finish() is None, "what runs may turn out to be the best"


def test_with_several_objectives_the_front_is_finished():
    study = luthier.create_study(
        {"x": luthier.Categorical([0.0, 0.5, 1.0])},
        directions=["minimize", "minimize"],
        metric=["a", "b"],
        sampler="grid",
        scheduler={"name": "asha", "kind": "promote", "max_step": 3},
    )

    def both(trial):
        for step in range(1, 4):
            trial.report({"a": trial["x"], "b": 1 - trial["x"]}, step)
            trial.prune_if_hopeless()
        return trial["x"], 1 - trial["x"]

    study.optimize(both, n_trials=3)
    assert len(of_state(study, TrialState.COMPLETE)) == 3


@pytest.mark.parametrize("name", ["median", "race", "auto", "asha", "wilcoxon"])
def test_who_never_pauses_has_nothing_to_finish(name):
    scheduler = make(name)
    assert isinstance(scheduler, Finishing)
    study = create(scheduler)
    study.optimize(objective, n_trials=3)
    assert scheduler.finish(study.problem, study.history) is None
