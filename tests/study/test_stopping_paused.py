"""Paused trials that a scheduler stops, and forks from checkpoints other than the newest."""

import pytest

import luthier
from luthier.errors import InvalidInput
from luthier.schedulers import Decision, Done, Resume, Start, Stop, Wait
from luthier.study.replay import replay_all

SPACE = {"x": luthier.Float(0, 1)}


class Plan:
    """Says one step after the other."""

    def __init__(self, steps, keeps=()):
        self.steps = list(steps)
        self.keeps = keeps

    def next(self, problem, history):
        return self.steps.pop(0) if self.steps else Done()

    def decide(self, problem, history, trial):
        return Decision.PAUSE if trial.reports.last.step % 2 == 0 else Decision.CONTINUE

    def kept(self, problem, history):
        return self.keeps


def train(trial):
    trail = (trial.load() or {"trail": []})["trail"]
    for step in range((trial.restored_step or 0) + 1, 9):
        trail.append([trial.number, step])
        trial.report(float(step), step)
        trial.save({"trail": trail})
        trial.prune_if_hopeless()
    trial.set_user_attr("trail", trail)
    return 0.0


def planned(*steps, keeps=(), **settings):
    plan = Plan(steps, keeps)
    return luthier.create_study(SPACE, scheduler=plan, sampler="random", seed=1, **settings)


def test_a_stopped_trial_ends_pruned():
    study = planned(Start(), Stop(0), Start())
    seen = []
    study.optimize(train, callbacks=[lambda _, trial: seen.append(trial.number)])
    first, second = study.trials
    assert (first.state, second.state) == (luthier.TrialState.PRUNED, luthier.TrialState.PAUSED)
    assert "stopped by the scheduler" in first.error
    assert first.intermediate_values == {1: 1.0, 2: 2.0}
    assert seen == [0]
    assert first.ended >= first.reports.last.time


def test_it_does_not_count_as_a_trial_of_the_budget():
    study = planned(Start(), Stop(0), Start(), Stop(1), Start())
    study.optimize(train, n_trials=3)
    assert len(study.trials) == 3
    assert study.stop_reason == "the schedule is complete"


def test_ask_goes_on_behind_it():
    study = planned(Start(), Stop(0), Start())
    trial = study.ask()
    trial.report(1.0, 2)
    study.tell(trial, state="PAUSED")
    assert study.ask().number == 1
    assert study.trials[0].state is luthier.TrialState.PRUNED


@pytest.mark.parametrize("step", [Stop(7), Stop(1)])
def test_only_a_paused_trial_can_be_stopped(step):
    study = planned(Start(), Start(), step)
    study.ask()
    study.ask()
    with pytest.raises(InvalidInput, match="Stop"):
        study.ask()


def test_a_trial_that_another_worker_resumes_is_not_stopped(tmp_path):
    storage = str(tmp_path / "s.db")
    mine = planned(Start(), Stop(0), Wait(), storage=storage, study_name="s")
    trial = mine.ask()
    trial.report(1.0, 2)
    mine.tell(trial, state="PAUSED")
    theirs = luthier.load_study("s", storage=storage, scheduler=Plan((Resume(0),)))
    deciding = mine.scheduler.next

    def late(problem, history):
        step = deciding(problem, history)
        if step == Stop(0):
            assert theirs.ask().number == 0  # just after mine has looked
        return step

    mine.scheduler.next = late
    with pytest.raises(luthier.errors.SpaceExhausted, match="waits"):
        mine.ask()
    assert mine.trials[0].state is luthier.TrialState.RUNNING


def test_a_fork_begins_from_the_checkpoint_that_was_named(tmp_path):
    fork = Start({"x": 0.5}, fork=0, step=3, why={"because": "test"})
    steps = (Start(), Resume(0), Resume(0), fork, Resume(1), Resume(1), Resume(1))
    study = planned(*steps, keeps=[(0, 3)], checkpoints=tmp_path)
    study.optimize(train)
    child = study.trials[1]
    assert (child.parent, child.parent_step, child.params) == (0, 3, {"x": 0.5})
    assert child.why == {"how": "scheduler", "because": "test"}
    assert child.user_attrs["trail"] == [[0, 1], [0, 2], [0, 3], *([1, s] for s in range(4, 9))]


def test_without_being_kept_it_is_gone(tmp_path):
    steps = (Start(), Resume(0), Resume(0), Start({"x": 0.5}, fork=0, step=3))
    study = planned(*steps, checkpoints=tmp_path)
    study.optimize(train)
    assert study.trials[1].parent_step is None


def test_the_newest_before_the_named_one_is_taken(tmp_path):
    study = planned(Start(), Start({"x": 0.5}, fork=0, step=100), checkpoints=tmp_path)
    study.optimize(train)
    assert study.trials[1].parent_step == 2


@pytest.mark.parametrize("keeps", [(), ((0, 2),)])
def test_an_ended_trial_keeps_what_the_scheduler_needs(tmp_path, keeps):
    steps = (Start(), Stop(0), Start({"x": 0.5}, fork=0, step=2))
    study = planned(*steps, keeps=keeps, checkpoints=tmp_path)
    study.optimize(train)
    assert study.trials[1].parent_step == (2 if keeps else None)


def test_what_a_scheduler_explained_is_replayed():
    study = luthier.create_study(
        SPACE,
        scheduler={"name": "pbt", "interval": 2, "max_step": 8, "population": 4},
        sampler="random",
        seed=1,
    )

    def objective(trial):
        for step in range((trial.restored_step or 0) + 1, 9):
            trial.report(trial["x"] / step, step)
            if trial.should_prune():
                trial.save({"step": step})
                raise luthier.TrialPruned
        return trial["x"]

    study.optimize(objective)
    forked = [trial for trial in study.trials if trial.parent is not None]
    assert forked
    assert all(replayed.same for replayed in replay_all(study))


@pytest.mark.parametrize("decision", [Decision.PAUSE, Decision.STOP])
def test_what_was_decided_before_a_trial_was_lost_stands(tmp_path, decision):
    """It saved its checkpoint and died, before it could say that it pauses."""

    class Deciding(Plan):
        def decide(self, problem, history, trial):
            return decision if trial.reports.last.step == 2 else Decision.CONTINUE

    seen = []
    scheduler = Deciding((Start(), Wait()))
    study = luthier.create_study(SPACE, scheduler=scheduler, sampler="random", seed=1)
    trial = study.ask()
    trial.report(1.0, 1)
    trial.report(2.0, 2)
    assert trial.should_prune()
    trial.save({"trail": [[0, 1], [0, 2]]})
    study._engine.release(0, "its process died")
    scheduler.steps = [Wait()]
    study.optimize(train, callbacks=[lambda _, trial: seen.append(trial.number)])
    lost = study.trials[0]
    assert lost.intermediate_values == {1: 1.0, 2: 2.0}
    if decision is Decision.STOP:
        assert (lost.state, seen) == (luthier.TrialState.PRUNED, [0])
    else:
        assert (lost.state, lost.pauses, seen) == (luthier.TrialState.PAUSED, 1, [])
        scheduler.steps = [Resume(0)]
        study.optimize(train)
        assert study.trials[0].user_attrs["trail"][1:3] == [[0, 2], [0, 3]]


def test_a_lost_trial_that_was_to_go_on_goes_on():
    study = planned(Start(), Wait())
    trial = study.ask()
    trial.report(1.0, 1)
    trial.save({"trail": [[0, 1]]})
    study._engine.release(0, "its process died")
    study.optimize(train)
    assert study.trials[0].restored_step == 1
    assert list(study.trials[0].intermediate_values) == [1, 2]
