"""SIGTERM: the machine is wanted back. Trials save what they have, and are handed back."""

import os
import signal
import subprocess
import sys
import time

import pytest

import luthier

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM")

STUDY = """
import os, sys, time
import luthier

def objective(trial):
    state = trial.load() or {{"step": 0}}
    for step in range(state["step"] + 1, 41):
        time.sleep(0.05)
        trial.report(trial["x"], step)
        if trial.should_prune():
            {saves}
            raise luthier.TrialPruned
        if step == 2:
            print("running", flush=True)
    return trial["x"]

study = luthier.create_study(
    {{"x": luthier.Float(0, 1)}}, sampler="random", seed=1, storage={url!r}, study_name="s",
    load_if_exists=True,
)
study.optimize(objective, total_trials=2, n_jobs={jobs}, grace={grace})
"""


def start(url, jobs, *, saves="trial.save({'step': step})", grace=5.0):
    code = STUDY.format(url=url, jobs=jobs, saves=saves, grace=grace)
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_until_running(url, process):
    """Return when a trial has reported twice."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        if os.path.exists(url):
            try:
                running = luthier.load_study("s", storage=url).history.running
            except luthier.LuthierError:
                running = []
            if running and all(len(trial.reports) >= 2 for trial in running):
                return len(running)
        time.sleep(0.05)
    raise TimeoutError


@pytest.mark.parametrize("jobs", [1, 2])
def test_running_trials_save_and_are_handed_back(tmp_path, jobs):
    url = str(tmp_path / "s.db")
    with start(url, jobs) as process:
        running = wait_until_running(url, process)
        process.terminate()
        said = process.communicate(timeout=30)[1]
    assert process.returncode == 143
    assert "terminated: the running trials have" in said
    waiting = luthier.load_study("s", storage=url).history.waiting
    assert [trial.state.value for trial in waiting] == ["WAITING"] * running
    assert all(trial.error == "preempted" for trial in waiting)
    with start(url, jobs) as again:
        again.communicate(timeout=60)
    assert again.returncode == 0
    trials = luthier.load_study("s", storage=url).trials
    assert [trial.state.value for trial in trials] == ["COMPLETE"] * 2
    assert all(trial.restored_step >= 2 for trial in trials[:running])
    assert all([r.step for r in trial.reports] == list(range(1, 41)) for trial in trials)


@pytest.mark.parametrize("jobs", [1, 2])
def test_who_does_not_listen_is_ended_when_the_grace_is_over(tmp_path, jobs):
    url = str(tmp_path / "s.db")
    with start(url, jobs, saves="time.sleep(60)", grace=0.2) as process:
        running = wait_until_running(url, process)
        process.terminate()
        began = time.monotonic()
        process.communicate(timeout=30)
    assert time.monotonic() - began < 20
    assert process.returncode == 143
    waiting = luthier.load_study("s", storage=url).history.waiting
    assert [trial.error for trial in waiting] == ["interrupted"] * running


def test_a_second_signal_ends_at_once(tmp_path):
    url = str(tmp_path / "s.db")
    with start(url, 1, saves="time.sleep(60)", grace=1000.0) as process:
        wait_until_running(url, process)
        process.terminate()
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 143
    assert luthier.load_study("s", storage=url).history.n_waiting == 1
