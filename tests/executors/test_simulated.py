"""The executor on a virtual clock: times, ends, deaths, and studies on it."""

import gc
import math
import time
import weakref

import numpy as np
import pytest

import luthier
from luthier.errors import ExecutorError, InvalidInput, InvalidParams
from luthier.executors import Job, Limits, Simulated, Table
from luthier.schedulers.successive_halving import SuccessiveHalving
from luthier.testing.executors import ExecutorContract, run_jobs


class TestSimulated(ExecutorContract):
    @pytest.fixture
    def executor(self):
        return Simulated(2)


class TestSimulatedWithTimes(ExecutorContract):
    @pytest.fixture
    def executor(self):
        return Simulated(3, seconds=7.0, delay=0.5, startup=20)


def nothing(key, message):
    return None


def work(payload, channel):
    yield from payload
    return sum(payload)


def test_the_clock_jumps_over_the_work():
    executor = Simulated()
    began = time.monotonic()
    (outcome,) = run_jobs(executor, work, [[3600.0] * 24 * 365])
    assert executor.now == outcome.seconds == outcome.result == 3600 * 24 * 365
    assert time.monotonic() - began < 10


def test_jobs_run_beside_each_other_and_end_in_the_order_of_their_times():
    executor = Simulated(2)
    outcomes = run_jobs(executor, work, [[10], [3], [4], [1, 1]])
    # One worker: 0..10; the other one: 0..3, 3..7, 7..9.
    assert [(o.key, o.seconds) for o in outcomes] == [(1, 3), (2, 4), (3, 2), (0, 10)]
    assert executor.now == 10
    assert executor.worked == 19
    assert executor.busy == 19 / 20


def test_what_happens_at_the_same_time_happens_in_the_order_in_which_its_work_began():
    outcomes = run_jobs(Simulated(3), work, [[2, 2], [4], [1, 3]])
    assert [o.key for o in outcomes] == [1, 2, 0]


def test_a_job_that_does_not_say_how_long_it_takes_takes_what_the_executor_says():
    executor = Simulated(seconds=lambda payload: 10.0 * payload)
    outcomes = run_jobs(executor, lambda payload, channel: payload, [1, 2])
    assert [o.seconds for o in outcomes] == [10, 20]
    executor = Simulated(seconds=5)
    assert [o.seconds for o in run_jobs(executor, work, [[], [8]])] == [5, 8]


def test_delays_are_no_work():
    executor = Simulated(1, delay=1.0, startup=10.0)
    outcomes = run_jobs(executor, work, [[4], [4]])
    assert [o.seconds for o in outcomes] == [4, 4]
    assert executor.now == 10 + 1 + 4 + 1 + 4
    assert executor.worked == 8


def test_poll_lets_no_more_time_pass_than_it_may():
    executor = Simulated()
    executor.open(work, nothing)
    executor.start(Job(0, [100]))
    assert executor.poll(30) == []
    assert executor.now == executor.worked == 30
    assert executor.poll(69.5) == []
    (outcome,) = executor.poll(1)
    assert outcome.seconds == executor.now == 100


def test_a_limit_in_seconds_ends_a_job_by_itself_or_by_force():
    def until_told(payload, channel):
        while not channel.stopping:
            yield payload
        return "saved"

    limits = Limits(seconds=10, grace=5)
    ended = {}
    for pace in (4, 12, 20):
        executor = Simulated()
        executor.open(until_told, nothing)
        executor.start(Job(0, pace, limits))
        (outcome,) = executor.poll()
        ended[pace] = outcome.ending, outcome.result, outcome.seconds
        executor.close()
    assert ended == {
        4: ("timeout", "saved", 12),
        12: ("timeout", "saved", 12),
        20: ("timeout", None, 15),  # killed in the middle
    }
    assert outcome.error == "ran longer than its limit of 10 seconds"


def test_a_stop_in_the_middle_of_work_kills_after_the_grace():
    closed = []

    def stubborn(payload, channel):
        try:
            yield 1000
        finally:
            closed.append(payload)

    executor = Simulated(2)
    executor.open(stubborn, nothing)
    executor.start(Job(0, "a", Limits(grace=5)))
    executor.start(Job(1, "b"))
    executor.poll(100)
    executor.stop(0)
    (outcome,) = executor.poll()
    assert (outcome.ending, outcome.result, outcome.seconds) == ("stopped", None, 105)
    assert closed == ["a"]
    (other,) = executor.poll()
    assert (other.key, other.ending, other.seconds) == (1, "done", 1000)


def test_a_job_stopped_before_it_began_does_not_run():
    executor = Simulated(delay=10)
    ran = []
    executor.open(lambda payload, channel: ran.append(payload), nothing)
    executor.start(Job(0, "x"))
    executor.stop(0)
    (outcome,) = executor.poll()
    assert (outcome.ending, outcome.seconds, ran) == ("stopped", 0.0, [])


@pytest.mark.parametrize("given", [-1, math.nan, math.inf, "3", None, True])
def test_what_is_no_time_is_an_error_of_the_job(given):
    (outcome,) = run_jobs(Simulated(), work, [[1, given]])
    assert outcome.ending == "error"
    assert "yield" in outcome.error
    assert "in work" in outcome.traceback


def test_numpy_numbers_are_times():
    (outcome,) = run_jobs(Simulated(), work, [[np.float32(2), np.int64(3)]])
    assert outcome.seconds == 5


def test_workers_die_as_often_as_they_should_and_always_alike():
    def lost(seed):
        executor = Simulated(10, mean_life=100, seed=seed)
        outcomes = run_jobs(executor, work, [[10] * 5] * 2000)
        assert all(0 <= o.seconds < 50.001 for o in outcomes)
        return [o.key for o in outcomes if o.ending == "crash"]

    dead = lost(1)
    assert dead == lost(1)
    assert dead != lost(2)
    expected = 2000 * (1 - math.exp(-0.5))
    assert abs(len(dead) - expected) < 4 * math.sqrt(2000 * 0.25)


def test_a_dead_worker_has_to_come_up_again():
    executor = Simulated(1, mean_life=100, startup=1000, seed=0)
    outcomes = run_jobs(executor, work, [[50]] * 40)
    dead = sum(o.ending == "crash" for o in outcomes)
    assert 0 < dead < 40
    starts = 1 + dead - (outcomes[-1].ending == "crash")
    assert executor.now == pytest.approx(1000 * starts + sum(o.seconds for o in outcomes))


def test_thinking_takes_the_workers_time():
    executor = Simulated(2, thinking=True)
    slept = 0.02

    def handler(key, message):
        time.sleep(slept)

    def asking(payload, channel):
        for _ in range(5):
            yield 0.001
            channel.ask("?")

    run_jobs(executor, asking, [None, None], handler)
    assert executor.now >= 10 * slept  # one after the other, whoever waits
    assert executor.worked == pytest.approx(0.01)
    assert executor.busy < 0.05


def test_a_worker_that_dies_while_it_waits_has_not_worked_meanwhile():
    executor = Simulated(20, thinking=True, mean_life=0.001)
    run_jobs(executor, lambda p, channel: iter_asking(channel), range(40), slowly)
    assert 0 <= executor.worked < 0.2
    assert executor.now > 0.01


def slowly(key, message):
    time.sleep(0.002)


def iter_asking(channel):
    for _ in range(3):
        channel.ask("?")
        yield 0.0005


def test_with_a_free_worker_and_a_timeout_poll_returns_when_a_job_says_something():
    heard = []

    def talking(payload, channel):
        for minute in range(3):
            yield 60
            channel.send(minute)

    executor = Simulated(2)
    executor.open(talking, lambda key, message: heard.append(message))
    executor.start(Job(0, None))
    assert executor.poll(math.inf) == []
    assert (heard, executor.now) == ([0], 60)
    executor.start(Job(1, None))  # no worker is free any more
    (outcome,) = executor.poll(math.inf)
    assert (outcome.key, executor.now) == (0, 180)


def test_refuses_what_makes_no_sense():
    for settings in (
        {"seconds": -1},
        {"delay": math.inf},
        {"startup": "1"},
        {"mean_life": 0},
        {"seed": -1},
        {"begin": math.nan},
    ):
        with pytest.raises(InvalidInput, match=f"Simulated: {next(iter(settings))}"):
            Simulated(**settings)
    executor = Simulated()
    with pytest.raises(ExecutorError):
        executor.start(Job(0, []))
    executor.open(work, nothing)
    with pytest.raises(InvalidInput, match="no limit in memory"):
        executor.start(Job(0, [], Limits(memory=1)))
    executor.start(Job(0, []))
    with pytest.raises(InvalidInput, match="not running"):
        executor.start(Job(0, []))
    with pytest.raises(ExecutorError, match="taken"):
        executor.start(Job(1, []))


# ---------------------------------------------------------------- studies


def train(trial):
    for epoch in range(1, 6):
        yield 60.0
        trial.report(trial.params["x"] / epoch, epoch)
    return trial.params["x"]


def study_of(objective, executor, n_trials=20, **settings):
    study = luthier.create_study({"x": luthier.Float(0, 1)}, sampler="random", seed=3)
    study.optimize(objective, n_trials, executor=executor, **settings)
    return study


def test_events_of_a_study_carry_virtual_time():
    executor = Simulated(4, begin=1000.0)
    study = study_of(train, executor)
    assert study.history.last_opened.time == 1000
    trial = study.trials[5]
    assert (trial.started, trial.ended) == (1300, 1600)
    assert [report.time for report in trial.reports] == [1360, 1420, 1480, 1540, 1600]
    assert executor.now == 20 / 4 * 300
    assert executor.busy == 1


def test_a_study_on_a_virtual_clock_repeats_itself():
    def records():
        study = study_of(train, Simulated(7, mean_life=500, seed=2), retries=3, max_failures=None)
        return [(t.state, t.params, t.started, t.ended, t.attempt) for t in study.trials]

    assert records() == records()


def test_lost_trials_are_run_again():
    study = study_of(train, Simulated(4, mean_life=600), n_trials=40, retries=20)
    assert all(trial.state is luthier.TrialState.COMPLETE for trial in study.trials)
    assert any(trial.attempt > 1 for trial in study.trials)


def test_a_lost_trial_goes_on_where_it_was_or_repeats_what_it_did():
    def times(objective):
        executor = Simulated(1, mean_life=500, seed=4)
        study = study_of(objective, executor, n_trials=5, retries=50, max_failures=None)
        assert [len(trial.reports) for trial in study.trials] == [5] * 5
        assert {trial.state for trial in study.trials} == {luthier.TrialState.COMPLETE}
        assert max(trial.attempt for trial in study.trials) > 1
        return executor.now

    def goes_on(trial):
        for epoch in range((trial.restored_step or 0) + 1, 6):
            yield 60.0
            trial.report(trial.params["x"] / epoch, epoch)
        return trial.params["x"]

    assert times(goes_on) < times(train)


@pytest.mark.parametrize("kind", ["stop", "promote"])
def test_successive_halving_on_a_table(kind):
    rng = np.random.default_rng(0)
    curves = rng.random((200, 1)) + np.arange(1, 28) ** -0.5
    table = Table(curves, lambda params: params["row"], seconds=60.0)
    study = luthier.create_study(
        {"row": luthier.Int(0, 199)},
        sampler="grid",
        scheduler=SuccessiveHalving(max_step=27, kind=kind),
    )
    executor = Simulated(8)
    study.optimize(table, 200, executor=executor)
    assert {trial.reports[0].step for trial in study.trials} == {1}
    for trial in study.trials:
        steps = [report.step for report in trial.reports]
        assert steps == list(range(1, len(steps) + 1))  # whatever was paused went on behind it
        assert len(steps) in (1, 3, 9, 27)
    done = sum(len(trial.reports) for trial in study.trials)
    assert executor.worked == pytest.approx(60 * done)  # no step was done twice
    assert study.best_trial.params["row"] == int(np.argmin(curves[:, -1]))
    assert done < 0.3 * curves.size


def test_the_timeout_is_one_of_virtual_time():
    study = study_of(train, Simulated(2), n_trials=None, timeout=3600)
    assert study.stop_reason == "timeout of 3600 s"
    assert len(study.trials) == 2 * 3600 / 300


def test_a_trial_may_not_take_longer_than_its_limit():
    study = study_of(train, Simulated(2), n_trials=2, trial_timeout=100, max_failures=None)
    assert {trial.error for trial in study.trials} == {"ran longer than its limit of 100 seconds"}
    assert {trial.duration for trial in study.trials} == {105}  # with its grace


def test_a_plain_function_takes_what_its_trial_costs():
    def measured(trial):
        trial.set_cost(25.0)
        if trial.number == 1:
            raise luthier.TrialPruned
        return trial.params["x"]

    study = study_of(measured, Simulated(seconds=10), n_trials=3)
    assert [trial.duration for trial in study.trials] == [25, 25, 25]

    study = study_of(lambda trial: trial.params["x"], Simulated(seconds=10), n_trials=3)
    assert [trial.duration for trial in study.trials] == [10, 10, 10]
    by_params = Simulated(seconds=lambda ticket: 100 * ticket.params["x"])
    study = study_of(lambda trial: trial.params["x"], by_params, n_trials=3)
    for trial in study.trials:
        assert trial.duration == pytest.approx(100 * trial.params["x"], abs=1e-5)


def test_signals_and_errors_end_generators_as_they_end_functions():
    def ends(trial):
        yield 1
        if trial.number == 0:
            raise luthier.TrialPruned("hopeless")
        if trial.number == 1:
            raise luthier.Infeasible("not here")
        if trial.number == 2:
            raise ValueError("broken")
        return 1.0

    study = study_of(ends, Simulated(), n_trials=None, total_trials=4)
    assert [trial.state.value for trial in study.trials] == [
        "PRUNED",
        "INFEASIBLE",
        "FAILED",
        "COMPLETE",
    ]
    assert [trial.error for trial in study.trials[:3]] == [
        "hopeless",
        "not here",
        "ValueError: broken",
    ]


class Loaded:
    """Something big that an objective holds."""


@pytest.mark.parametrize("ending", [luthier.TrialPruned, luthier.Infeasible, ValueError])
@pytest.mark.parametrize("yields", [False, True])
def test_what_a_trial_held_is_gone_when_it_has_ended(ending, yields):
    held = []

    def hold():
        model = Loaded()
        held.append(weakref.ref(model))
        raise ending("enough")

    def generator(trial):
        yield 1
        hold()

    def function(trial):
        hold()

    gc.disable()
    try:
        if yields:
            study_of(generator, Simulated(), n_trials=None, total_trials=2)
        else:
            study_of(function, "inline", n_trials=None, total_trials=2)
        assert [reference() for reference in held] == [None, None]
    finally:
        gc.enable()


class Callable:
    def __call__(self, trial):
        yield 1
        return 1.0


@pytest.mark.parametrize("objective", [train, Callable()])
def test_generators_run_nowhere_else(objective):
    with pytest.raises(InvalidInput, match="one that yields runs on Simulated"):
        study_of(objective, "inline", n_trials=1)


def test_the_executor_has_a_name():
    study = luthier.create_study({"x": luthier.Float(0, 1)}, sampler="random", seed=3)
    study.optimize(train, 4, n_jobs=4, executor="simulated")
    assert {trial.ended for trial in study.trials} == {300}


def test_other_studies_keep_the_real_clock():
    study = study_of(train, Simulated(), n_trials=1)
    before = time.time()
    study.optimize(lambda trial: trial.params["x"], 1)
    assert study.trials[1].started >= before - 1


# ---------------------------------------------------------------- tables

ROWS = [{"x": 0}, {"x": 1}, {"x": 2}]
CURVES = [[3.0, 2.0], [5.0, 1.0], [4.0, 4.5]]


def replay(table, **settings):
    study = luthier.create_study({"x": luthier.Int(0, 2)}, sampler="grid", **settings)
    study.optimize(table, 3, executor=Simulated())
    return {trial.params["x"]: trial for trial in study.trials}


def test_a_table_replays_its_curves_in_their_time():
    trials = replay(Table(CURVES, ROWS, seconds=[1.0, 10.0, 100.0]))
    for x, curve in enumerate(CURVES):
        assert trials[x].value == curve[-1]
        assert trials[x].intermediate_values == {1: curve[0], 2: curve[1]}
        assert trials[x].duration == 2 * 10**x


def test_a_table_may_have_several_metrics_and_its_own_way_to_find_rows():
    curves = np.stack([np.array(CURVES), 1 - np.array(CURVES)], axis=2)
    table = Table(
        curves, lambda params: 2 - params["x"], seconds=[[1, 2]] * 3, metrics=("loss", "gain")
    )
    trials = replay(table, metric=["loss", "gain"], directions=["minimize", "maximize"])
    assert trials[0].values == (4.5, -3.5)
    assert trials[0].reports[0].metrics == {"loss": 4.0, "gain": -3.0}
    assert trials[0].duration == 3


def test_a_table_says_what_it_does_not_hold():
    trial = replay(Table(CURVES[:2], ROWS[:2]))[2]
    assert trial.state is luthier.TrialState.FAILED
    assert trial.error.startswith(InvalidParams.__name__)


@pytest.mark.parametrize(
    ("curves", "rows", "settings", "field"),
    [
        ([1.0, 2.0], ROWS, {}, "curves"),
        (np.zeros((3, 2, 2)), ROWS, {}, "curves"),
        (np.zeros((3, 0)), ROWS, {}, "curves"),
        (CURVES, ROWS[:2], {}, "rows"),
        (CURVES, [ROWS[0]] * 3, {}, "rows"),
        (CURVES, ROWS, {"seconds": [1.0, 2.0]}, "seconds"),
        (CURVES, ROWS, {"seconds": -1.0}, "seconds"),
    ],
)
def test_a_table_refuses_what_does_not_fit(curves, rows, settings, field):
    with pytest.raises(InvalidInput, match=f"Table: {field}"):
        Table(curves, rows, **settings)
