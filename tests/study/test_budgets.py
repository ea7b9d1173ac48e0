"""What time and money are left, and what still fits in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import luthier
from luthier.errors import InvalidInput
from luthier.executors import Simulated
from luthier.study.forecast import Forecast, forecast, planned
from luthier.study.spending import spent

SPACE = {"x": luthier.Float(0, 1)}


def create(**arguments):
    return luthier.create_study(SPACE, sampler="random", seed=1, **arguments)


def takes(seconds, cost=None):
    def objective(trial):
        if cost is not None:
            trial.set_cost(cost)
        yield seconds
        return trial["x"]

    return objective


def run(objective, workers=1, **budget):
    study = create()
    study.optimize(objective, executor=Simulated(workers), **budget)
    return study


def test_a_trial_that_would_not_end_in_time_does_not_begin():
    study = run(takes(10.0), timeout=35)
    assert len(study.trials) == 3
    assert study.stop_reason == "5 s left of the timeout of 35 s, and a trial takes 10 s"


def test_what_just_fits_in_begins():
    assert len(run(takes(10.0), timeout=40).trials) == 4


def test_too_few_trials_say_nothing():
    study = run(takes(10.0), timeout=15)
    assert len(study.trials) == 2
    assert study.stop_reason == "timeout of 15 s"


def test_the_median_says_how_long_a_trial_takes():
    def objective(trial):
        yield 100.0 if trial.number == 1 else 10.0
        return 0.0

    # After 10, 100, 10, 10 s: there is room for a run of 10 s, not for one of the mean.
    study = run(objective, timeout=145)
    assert len(study.trials) == 5


def test_failures_do_not_say_how_long_a_trial_takes():
    def objective(trial):
        yield 0.001 if trial.number % 2 else 10.0
        if trial.number % 2:
            raise RuntimeError
        return 0.0

    assert len([t for t in run(objective, timeout=35).trials if t.values]) == 3


def test_no_money_is_spent_beyond_the_budget():
    study = run(takes(1.0, cost=3.0), max_cost=10)
    assert len(study.trials) == 3
    assert study.stop_reason == "cost 9 of 10 used, and a trial costs 3"


def test_what_runs_counts_in_full():
    study = run(takes(1.0), workers=4, cost=3.0, max_cost=22)
    assert sum(trial.cost for trial in study.trials) == 21.0


def test_the_cost_of_earlier_calls_and_of_paused_trials_counts():
    study = create()
    trial = study.ask()
    study.tell(trial, state="PAUSED", cost=4.0)
    study.tell(study.ask(), 1.0, cost=5.0)
    study.optimize(lambda trial: 0.0, max_cost=9)
    assert (len(study.trials), study.stop_reason) == (2, "cost 9 of 9 used")


def test_a_price_each_or_per_second():
    assert {t.cost for t in run(takes(10.0), n_trials=2, cost=0.5).trials} == {0.5}
    per_second = run(takes(10.0), n_trials=2, cost={"per_second": 0.25})
    assert {t.cost for t in per_second.trials} == {2.5}
    both = run(takes(10.0), n_trials=2, cost={"each": 1.0, "per_second": 0.25})
    assert {t.cost for t in both.trials} == {3.5}


def test_what_a_trial_says_itself_goes_first():
    assert {t.cost for t in run(takes(1.0, cost=7.0), n_trials=2, cost=0.5).trials} == {7.0}


def test_a_trial_that_goes_on_is_not_paid_for_twice():
    study = luthier.create_study(
        SPACE, sampler="random", seed=1, scheduler={"name": "asha", "kind": "promote", "eta": 2}
    )

    def objective(trial):
        for step in range(trial.restored_step or 0, 4):
            yield 1.0
            trial.report(trial["x"], step + 1)
            trial.prune_if_hopeless()
        return trial["x"]

    prices = {"each": 100.0, "per_second": 1.0}
    study.optimize(objective, n_trials=20, executor=Simulated(1), cost=prices)
    resumed = [t for t in study.trials if t.attempt > 1]
    assert resumed
    assert all(100.0 <= t.cost < 200.0 for t in study.trials)


def test_attempts_that_are_run_again_have_cost_something():
    def objective(trial):
        yield 10.0
        if trial.attempt == 1:
            raise RuntimeError
        return 0.0

    prices = {"each": 100.0, "per_second": 1.0}
    study = run(objective, n_trials=2, retries=1, cost=prices)
    assert [(t.attempt, t.cost) for t in study.trials] == [(2, 120.0)] * 2
    assert spent(study.history).cost == 240.0


@pytest.mark.parametrize(
    "cost",
    [-1, float("inf"), "cheap", True, {}, {"per_hour": 1}, {"each": -1}, {"per_second": None}],
)
def test_a_price_that_makes_no_sense_is_refused(cost):
    with pytest.raises(InvalidInput, match="cost"):
        create().optimize(lambda trial: 0.0, n_trials=1, cost=cost)


@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(0, 10)), min_size=3, max_size=20))
def test_what_was_spent_is_the_sum_whoever_asks(runs):
    study = create()

    def objective(trial):
        seconds, cost = runs[trial.number]
        trial.set_cost(cost)
        yield seconds
        return 0.0

    study.optimize(objective, n_trials=len(runs), executor=Simulated(1))
    found = spent(study.history)
    assert found.cost == pytest.approx(sum(cost for _, cost in runs))
    times = sorted(seconds for seconds, _ in runs)
    assert times[0] <= found.run_seconds + 1e-5
    assert found.run_seconds <= times[-1] + 1e-5


# ------------------------------------------------------------------ the expected end


def test_the_expected_end_by_trials_time_and_money():
    study = run(takes(10.0), n_trials=5, cost=2.0)
    history = study.history
    assert forecast(history, 5, 50.0, total_trials=8) == Forecast(3, 30.0)
    assert forecast(history, 5, 50.0, seconds_left=45.0) == Forecast(4, 45.0)
    assert forecast(history, 5, 50.0, max_cost=14.0) == Forecast(2, 20.0)
    assert forecast(history, 5, 50.0, max_cost=14.0, seconds_left=10.0) == Forecast(1, 10.0)
    assert forecast(history, 5, 50.0) is None
    assert forecast(history, 0, 50.0, total_trials=8) is None
    assert str(Forecast(12, 3725.0)) == "about 12 more trials, 1:02:05 left"


def test_another_process_sees_when_a_study_ends():
    study = create()
    seen = []

    def look(trial):
        if trial.number == 2:
            history = study.history
            running = history.trial(2)
            seen.append(planned(history, running.started + 1.0))
        return 0.0

    study.optimize(look, total_trials=6)
    assert seen[0].trials == 4
    assert planned(study.history, 0.0) is None, "nothing runs"
