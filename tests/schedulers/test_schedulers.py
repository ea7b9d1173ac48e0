"""Schedulers keep their promises, and the study does what they say."""

from dataclasses import dataclass

import pytest

import luthier
from luthier.errors import SpaceExhausted
from luthier.schedulers import Decision, Done, Full, Start
from luthier.testing.schedulers import SchedulerContract


@dataclass(frozen=True)
class StopBad:
    """Stop whatever reports more than one half; start five trials."""

    def next(self, problem, history):
        return Start() if history.count < 5 else Done()

    def decide(self, problem, history, trial):
        worst = trial.reports.last.metrics["value"]
        return Decision.STOP if worst > 0.5 else Decision.CONTINUE


class TestFull(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return Full()


def curve(trial):
    for step in range(4):
        trial.report(trial.params["x"], step)
        trial.prune_if_hopeless()
    return trial.params["x"]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_study_does_what_the_scheduler_says(n_jobs):
    study = luthier.create_study({"x": luthier.Float(0, 1)}, scheduler=StopBad(), seed=1)
    study.optimize(curve, n_trials=20, n_jobs=n_jobs)
    assert len(study.trials) == 5
    assert study.stop_reason == "the schedule is complete"
    for trial in study.trials:
        bad = trial.params["x"] > 0.5
        assert trial.state.value == ("PRUNED" if bad else "COMPLETE")
        assert len(trial.reports) == (1 if bad else 4)
    with pytest.raises(SpaceExhausted, match="the schedule is complete"):
        study.ask()


def test_a_full_schedule_stops_nothing():
    study = luthier.create_study({"x": luthier.Float(0, 1)}, seed=1)
    study.optimize(curve, n_trials=5)
    assert {trial.state.value for trial in study.trials} == {"COMPLETE"}


def test_a_full_schedule_goes_on_after_every_report():
    study = luthier.create_study({"x": luthier.Float(0, 1)}, scheduler=Full(), seed=1)
    trial = study.ask()
    trial.report(1.0, 1)
    assert not trial.should_prune()
