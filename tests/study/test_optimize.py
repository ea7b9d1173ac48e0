"""The loop: budgets, failures, interrupts, workers."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

import luthier
from luthier.errors import InvalidInput, TooManyFailures

SPACE = {"x": luthier.Float(-1, 1), "y": luthier.Float(-1, 1)}


def bowl(trial):
    return trial.params["x"] ** 2 + trial.params["y"] ** 2


def new_study(**arguments):
    return luthier.create_study(SPACE, **{"seed": 1, **arguments})


def test_n_trials_counts_this_call_and_total_trials_the_study():
    study = new_study()
    study.optimize(bowl, n_trials=5)
    study.optimize(bowl, n_trials=5)
    assert len(study.trials) == 10
    assert study.stop_reason == "5 trials of this call"
    study.optimize(bowl, total_trials=12)
    study.optimize(bowl, total_trials=12)
    assert len(study.trials) == 12
    assert study.stop_reason == "12 trials in all"


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_the_count_is_exact_with_workers(n_jobs):
    study = new_study()
    study.optimize(bowl, n_trials=17, n_jobs=n_jobs)
    assert [trial.number for trial in study.trials] == list(range(17))
    assert all(trial.state is luthier.TrialState.COMPLETE for trial in study.trials)


def test_queued_trials_count_in_the_total():
    study = new_study()
    for x in (0.1, 0.2, 0.3):
        study.enqueue_trial({"x": x})
    study.optimize(bowl, total_trials=3)
    assert [trial.params["x"] for trial in study.trials] == [0.1, 0.2, 0.3]


def test_the_target_ends_it():
    study = new_study()
    study.optimize(bowl, n_trials=10_000, target=0.05)
    assert study.best_value <= 0.05
    assert study.best_trial.number == len(study.trials) - 1
    maximised = new_study(direction="maximize")
    maximised.optimize(bowl, n_trials=10_000, target=1.5)
    assert maximised.best_value >= 1.5
    assert all(trial.value < 1.5 for trial in maximised.trials[:-1])


def test_patience_ends_it():
    study = new_study()
    study.optimize(lambda trial: float(max(10 - trial.number, 5)), n_trials=100, patience=4)
    # Trial 5 is the last that improved.
    assert len(study.trials) == 10
    assert "last 4" in study.stop_reason


def test_patience_with_several_objectives():
    study = luthier.create_study(SPACE, directions=["minimize", "minimize"], seed=1)
    study.optimize(lambda trial: (trial.number, -min(trial.number, 3)), n_trials=50, patience=5)
    assert len(study.trials) == 9
    with pytest.raises(InvalidInput, match="target"):
        study.optimize(lambda trial: (0, 0), n_trials=1, target=1.0)


def test_cost_ends_it():
    def costly(trial):
        trial.set_cost(2.5)
        return 0.0

    study = new_study()
    study.optimize(costly, n_trials=100, max_cost=10)
    assert len(study.trials) == 4
    assert [trial.cost for trial in study.trials] == [2.5] * 4
    study.optimize(costly, n_trials=100, max_cost=10)
    assert len(study.trials) == 4


def test_time_ends_it():
    study = new_study()
    study.optimize(bowl, timeout=0.0)
    assert len(study.trials) == 0
    assert "timeout" in study.stop_reason


def test_a_callback_ends_it():
    seen = []

    def callback(study, trial):
        seen.append(trial.number)
        if len(seen) == 4:
            study.stop()

    study = new_study()
    study.optimize(bowl, n_trials=100, callbacks=[callback])
    assert seen == [0, 1, 2, 3]
    assert study.stop_reason == "stopped by request"
    study.optimize(bowl, n_trials=2)
    assert len(study.trials) == 6


def test_a_finite_space_ends_the_study_and_says_so():
    study = luthier.create_study({"a": luthier.Int(1, 4)}, seed=1)
    study.optimize(lambda trial: trial.params["a"], n_trials=100)
    assert sorted(trial.params["a"] for trial in study.trials) == [1, 2, 3, 4]
    assert "all 4 points" in study.stop_reason


def test_a_failing_trial_is_recorded_and_the_study_goes_on():
    def sometimes(trial):
        if trial.number == 1:
            raise ZeroDivisionError("by hand")
        return bowl(trial)

    study = new_study()
    study.optimize(sometimes, n_trials=3)
    states = [trial.state.value for trial in study.trials]
    assert states == ["COMPLETE", "FAILED", "COMPLETE"]
    assert "by hand" in study.trials[1].error
    assert "sometimes" in study.trials[1].traceback


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "text", [1.0, 2.0]])
def test_a_result_that_is_none_fails_the_trial(value):
    study = new_study()
    study.optimize(lambda trial: value, n_trials=1)
    assert study.trials[0].state is luthier.TrialState.FAILED
    assert "result" in study.trials[0].error or "value" in study.trials[0].error


def test_too_many_failures_in_a_row():
    study = new_study()
    with pytest.raises(TooManyFailures, match=r"3 trials in a row.*wrong"):
        study.optimize(lambda trial: int("wrong"), n_trials=100, max_failures=3)
    assert len(study.trials) == 3


def test_infeasible_trials_are_no_failures():
    def never(trial):
        raise luthier.Infeasible("too wide")

    study = new_study()
    study.optimize(never, n_trials=30, max_failures=3)
    assert {trial.state.value for trial in study.trials} == {"INFEASIBLE"}
    assert study.trials[0].error == "too wide"


def test_pruned_trials_keep_their_reports():
    def stopping(trial):
        for step in range(10):
            trial.report(1.0 / (step + 1), step)
            if step == 3:
                raise luthier.TrialPruned("enough")
        return 0.0

    study = new_study()
    study.optimize(stopping, n_trials=2)
    trial = study.trials[0]
    assert trial.state is luthier.TrialState.PRUNED
    assert trial.intermediate_values == {0: 1.0, 1: 0.5, 2: 1 / 3, 3: 0.25}


@pytest.mark.parametrize(
    ("arguments", "field"),
    [((1.0, -1), "step"), ((1.0, 1.5), "step"), (("a", 0), "report"), (({}, 0), "report")],
)
def test_reports_are_checked(arguments, field):
    study = new_study()
    trial = study.ask()
    with pytest.raises(InvalidInput, match=field):
        trial.report(*arguments)


def test_steps_must_grow():
    trial = new_study().ask()
    trial.report(1.0, 0)
    with pytest.raises(InvalidInput, match="a step after 0"):
        trial.report(1.0, 0)


def test_a_diverging_run_may_report_what_is_not_finite(tmp_path):
    study = new_study(storage=str(tmp_path / "s.db"))
    trial = study.ask()
    trial.report({"loss": float("inf"), "grad": float("nan")}, 0)
    again = luthier.load_study(storage=study.storage.url)
    metrics = again.trials[0].reports[0].metrics
    assert metrics["loss"] == float("inf")
    assert metrics["grad"] != metrics["grad"]


def test_retries(tmp_path):
    def flaky(trial):
        if trial.attempt < 3:
            raise OSError("network")
        return 1.0

    study = new_study()
    study.optimize(flaky, n_trials=2, retries=2)
    assert [(t.number, t.attempt, t.value) for t in study.trials] == [(0, 3, 1.0), (1, 3, 1.0)]
    study = new_study()
    study.optimize(flaky, n_trials=2, retries=1)
    assert [(t.number, t.attempt, t.state.value) for t in study.trials] == [
        (0, 2, "FAILED"),
        (1, 2, "FAILED"),
    ]


def test_limits_on_time_really_kill():
    def endless(trial):
        while True:
            time.sleep(0.01)

    study = new_study()
    study.optimize(endless, n_trials=1, trial_timeout=0.3)
    trial = study.trials[0]
    assert trial.state is luthier.TrialState.FAILED
    assert "0.3" in trial.error


def test_limits_on_memory_really_kill():
    def greedy(trial):
        hoard = []
        while True:
            hoard.append(b"x" * 10_000_000)
            time.sleep(0.005)

    study = new_study()
    study.optimize(greedy, n_trials=1, trial_memory="400MB")
    trial = study.trials[0]
    assert trial.state is luthier.TrialState.FAILED
    assert "memory" in trial.error


def test_a_crash_is_one_trial_s():
    def crashing(trial):
        if trial.number == 1:
            print("last words", flush=True)
            os._exit(7)
        return bowl(trial)

    study = new_study()
    study.optimize(crashing, n_trials=4, n_jobs=2)
    states = [trial.state.value for trial in study.trials]
    assert states == ["COMPLETE", "FAILED", "COMPLETE", "COMPLETE"]
    assert "7" in study.trials[1].error
    assert "last words" in study.trials[1].output


def test_reports_and_notes_from_workers():
    def reporting(trial):
        for step in range(3):
            trial.report({"loss": step, "rate": 0.1}, step)
        trial.set_user_attr("pid", os.getpid())
        trial.measure("size", 5)
        return {"loss": 0.5, "memory": 3}

    study = new_study(metric="loss")
    study.optimize(reporting, n_trials=4, n_jobs=2)
    for trial in study.trials:
        assert [dict(report.metrics) for report in trial.reports][1] == {"loss": 1.0, "rate": 0.1}
        assert trial.user_attrs["pid"] != os.getpid()
        assert trial.metrics == {"size": 5.0, "memory": 3.0}


def test_a_command_is_an_objective(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "import json, sys\n"
        "x = float(sys.argv[1].partition('=')[2])\n"
        "print(json.dumps({'loss': x * x}))\n"
    )
    study = luthier.create_study({"x": luthier.Float(-1, 1)}, metric="loss", seed=1)
    study.optimize(luthier.Command([sys.executable, str(script), "--x={x}"]), n_trials=4, n_jobs=2)
    assert all(t.value == pytest.approx(t.params["x"] ** 2) for t in study.trials)
    dynamic = luthier.create_study(seed=1)
    with pytest.raises(InvalidInput, match="declared"):
        dynamic.optimize(luthier.Command(["true"]), n_trials=1)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"n_trials": -1}, "n_trials"),
        ({"n_trials": 1.5}, "n_trials"),
        ({"total_trials": "5"}, "total_trials"),
        ({"timeout": -1}, "timeout"),
        ({"patience": 0}, "patience"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"n_jobs": -2}, "n_jobs"),
        ({"retries": -1}, "retries"),
        ({"trial_timeout": 0}, "trial_timeout"),
        ({"trial_memory": "lots"}, "trial_memory"),
        ({"trial_memory": 0}, "trial_memory"),
        ({"executor": "cloud"}, "executor"),
        ({"executor": luthier.Inline(), "n_jobs": 2}, "n_jobs"),
        ({"executor": "inline", "gpus": [0]}, "gpus"),
        ({"objective": 3}, "objective"),
    ],
)
def test_bad_arguments_are_refused_before_anything_runs(arguments, field):
    study = new_study()
    with pytest.raises(InvalidInput, match=field):
        study.optimize(**{"objective": bowl, "n_trials": 3, **arguments})
    assert study.trials == []


SCRIPT = """
import signal, sys, time
import luthier

def slow(trial):
    print("running", trial.number, flush=True)
    time.sleep({seconds})
    return trial.params["x"]

study = luthier.create_study(
    {{"x": luthier.Float(0, 1)}}, study_name="s", storage=sys.argv[1], seed=1, load_if_exists=True
)
study.optimize(slow, total_trials=5, n_jobs=int(sys.argv[2]))
print(study.stop_reason)
"""


def start(tmp_path, seconds, jobs):
    code = textwrap.dedent(SCRIPT.format(seconds=seconds))
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "s.db"), str(jobs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if jobs == 1:
        assert process.stdout.readline() == "running 0\n"
    else:
        wait_until(lambda: running(tmp_path) == jobs)
    return process


def running(tmp_path):
    try:
        study = luthier.load_study(storage=str(tmp_path / "s.db"))
    except luthier.LuthierError:
        return 0
    return len(study.history.running)


def wait_until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_first_ctrl_c_finishes_what_runs(tmp_path, jobs):
    process = start(tmp_path, 1.0, jobs)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert out.splitlines()[-1] == "interrupted"
    trials = luthier.load_study(storage=str(tmp_path / "s.db")).trials
    assert [trial.state.value for trial in trials] == ["COMPLETE"] * jobs


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_second_ctrl_c_hands_back_at_once(tmp_path, jobs):
    process = start(tmp_path, 60.0, jobs)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode != 0
    study = luthier.load_study(storage=str(tmp_path / "s.db"))
    assert [trial.state.value for trial in study.trials] == ["WAITING"] * jobs
    params = [trial.params for trial in study.trials]
    study.optimize(lambda trial: trial.params["x"], total_trials=5)
    assert [trial.params for trial in study.trials][:jobs] == params
    assert len(study.trials) == 5
    assert study.trials[0].attempt == 2


def test_sigterm_hands_back(tmp_path):
    process = start(tmp_path, 60.0, 2)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 143
    study = luthier.load_study(storage=str(tmp_path / "s.db"))
    assert [trial.state.value for trial in study.trials] == ["WAITING", "WAITING"]


def test_a_process_that_died_is_recognised_at_once(tmp_path):
    process = start(tmp_path, 60.0, 2)
    before = [trial.params for trial in luthier.load_study(storage=str(tmp_path / "s.db")).trials]
    process.kill()
    process.communicate()
    study = luthier.load_study(storage=str(tmp_path / "s.db"))
    began = time.monotonic()
    study.optimize(lambda trial: trial.params["x"], total_trials=5)
    assert time.monotonic() - began < 5
    assert [trial.number for trial in study.trials] == [0, 1, 2, 3, 4]
    assert [trial.params for trial in study.trials][:2] == before
    assert [trial.attempt for trial in study.trials] == [2, 2, 1, 1, 1]
