"""`Study.release`: a trial goes back unharmed, and whoever asks next has it."""

from __future__ import annotations

import pytest

import luthier
from luthier.errors import InvalidInput, TrialNotFound

SPACE = {"x": luthier.Float(0, 1)}


@pytest.fixture
def study() -> luthier.Study:
    return luthier.create_study(SPACE, sampler="random", seed=3)


def test_who_asks_next_gets_it_with_its_params_as_another_attempt(study: luthier.Study) -> None:
    trial = study.ask()
    trial.report(0.5, 1)
    study.release(trial, "preempted")
    waiting = study.trials[0]
    assert (waiting.state.value, waiting.error) == ("WAITING", "preempted")
    again = study.ask()
    assert (again.number, again.attempt, again.params) == (0, 2, trial.params)
    assert study.tell(again, 0.25).values == (0.25,)
    assert len(study.trials) == 1


def test_it_goes_on_from_its_checkpoint(study: luthier.Study) -> None:
    trial = study.ask()
    trial.save({"epochs": 7}, step=7)
    study.release(trial.number)
    again = study.ask()
    assert (again.restored_step, again.load()) == (7, {"epochs": 7})


def test_what_it_has_cost_is_not_forgotten(study: luthier.Study) -> None:
    trial = study.ask()
    trial.set_cost(2.0)
    study.release(trial)
    assert study.tell(study.ask(), 1.0, cost=3.0).cost == 5.0


def test_what_it_says_afterwards_changes_nothing(study: luthier.Study) -> None:
    trial = study.ask()
    study.release(trial)
    again = study.ask()
    study.release(again)
    trial.report(0.5, 1)
    assert trial.should_prune()
    assert not len(study.trials[0].reports)


@pytest.mark.parametrize("state", ["WAITING", "COMPLETE", "PAUSED"])
def test_one_that_does_not_run_stays_as_it_is(study: luthier.Study, state: str) -> None:
    if state == "WAITING":
        study.enqueue_trial({"x": 0.5})
    else:
        value = 0.5 if state == "COMPLETE" else None
        study.tell(study.ask(), value, state=state)
    before = study.trials
    study.release(0)
    assert study.trials == before


def test_a_value_of_a_define_by_run_trial_is_written_down_before() -> None:
    study = luthier.create_study(sampler="random", seed=0)
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    study.release(trial)
    assert list(study.space.params) == ["x"]


def test_mistakes_are_named(study: luthier.Study) -> None:
    with pytest.raises(TrialNotFound):
        study.release(4)
    study.ask()
    with pytest.raises(InvalidInput, match="reason"):
        study.release(0, None)  # type: ignore[arg-type]
    assert study.trials[0].state.value == "RUNNING"
