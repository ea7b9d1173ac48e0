"""Thin workers: functions and programs, stops, interrupts, and a service that goes away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import luthier
from luthier.executors import Command, Inline, Processes
from luthier.service import Client, Settings
from luthier.service.worker import Worker
from luthier.storage import SQLite
from luthier.storage._http_client import HttpClient
from service import worker_objectives
from service.service_runs import SPACE, Killable, served


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with served(SQLite(tmp_path / "s.db"), settings=Settings(rate=0)) as url:
        yield url


def create(url: str, **settings: object) -> None:
    study = {"name": "s", "space": SPACE, "sampler": "tpe", "seed": 1, **settings}
    HttpClient(url).request("POST", ("studies",), study)


def study(tmp_path: Path) -> luthier.Study:
    return luthier.load_study("s", storage=SQLite(tmp_path / "s.db"))


def test_a_function_runs_as_it_does_in_the_study(url: str, tmp_path: Path) -> None:
    create(url)
    worker = Worker(Client(url, "s"), worker_objectives.square, Inline(), total_trials=12)
    assert worker.run() == 12
    here = luthier.create_study(luthier.Space.from_dict(SPACE), sampler="tpe", seed=1)
    here.optimize(worker_objectives.square, n_trials=12)
    assert [t.params for t in study(tmp_path).trials] == [t.params for t in here.trials]
    assert [t.values for t in study(tmp_path).trials] == [t.values for t in here.trials]


def test_several_workers_run_a_program_and_stop_together(url: str, tmp_path: Path) -> None:
    create(url)
    program = tmp_path / "program.py"
    program.write_text("import json, sys; print(json.dumps({'value': float(sys.argv[1])}))")
    done = []

    def work() -> None:
        command = Command([sys.executable, str(program), "{x}"])
        worker = Worker(Client(url, "s"), command, Processes(2), total_trials=10)
        done.append(worker.run())

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(done) == 10
    trials = study(tmp_path).trials
    assert [trial.value for trial in trials] == [trial.params["x"] for trial in trials]


def test_a_failure_is_told_with_its_traceback(url: str, tmp_path: Path) -> None:
    create(url)
    Worker(Client(url, "s"), worker_objectives.failing, Inline(), n_trials=1).run()
    (trial,) = study(tmp_path).trials
    assert trial.state is luthier.TrialState.FAILED
    assert "no such GPU" in trial.error
    assert "worker_objectives" in trial.traceback


def test_the_scheduler_of_the_service_stops_trials(url: str, tmp_path: Path) -> None:
    create(url, scheduler={"name": "threshold", "upper": 0.0})
    Worker(Client(url, "s"), worker_objectives.slowly, Inline(), n_trials=1).run()
    (trial,) = study(tmp_path).trials
    assert trial.state is luthier.TrialState.PRUNED
    assert [report.step for report in trial.reports] == [1]


def test_a_trial_that_was_set_aside_goes_on_from_its_checkpoint(url: str, tmp_path: Path) -> None:
    asha = {"name": "asha", "min_step": 2, "max_step": 10, "eta": 2, "kind": "promote"}
    create(url, scheduler=asha)
    Worker(Client(url, "s"), worker_objectives.slowly, Inline(), total_trials=4).run()
    resumed = [trial for trial in study(tmp_path).trials if trial.attempt > 1]
    assert resumed
    for trial in resumed:
        assert trial.restored_step is not None
        steps = [report.step for report in trial.reports]
        assert steps == list(range(1, len(steps) + 1))


def test_a_study_whose_trials_all_wait_comes_to_an_end(url: str, tmp_path: Path) -> None:
    create(url, scheduler={"name": "asha", "min_step": 1, "max_step": 10, "kind": "promote"})
    Worker(Client(url, "s"), worker_objectives.slowly, Inline(), total_trials=2).run()
    states = [trial.state for trial in study(tmp_path).trials]
    assert states.count(luthier.TrialState.COMPLETE) == 1


def start_worker(url: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "luthier", "worker", url, "--study", "s", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def wait_for_reports(client: Client, least: int) -> None:
    for _ in range(300):
        if client.info()["trials"] and len(client.trial(0)["reports"]) >= least:
            return
        time.sleep(0.05)
    raise AssertionError("the trial did not report")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_worker_that_is_terminated_hands_back_with_a_checkpoint(
    url: str, tmp_path: Path, workers: str
) -> None:
    create(url)
    client = Client(url, "s")
    arguments = ("--objective", "worker_objectives:slowly", "-n", workers, "--max-trials", "1")
    worker = start_worker(url, *arguments)
    wait_for_reports(client, 2)
    worker.send_signal(signal.SIGTERM)
    _, errors = worker.communicate(timeout=30)
    trial = client.trial(0)
    assert trial["state"] == "WAITING", errors
    done = len(trial["reports"])
    assert 2 <= done < 10
    again = start_worker(url, *arguments)
    again.communicate(timeout=30)
    trial = client.trial(0)
    assert trial["state"] == "COMPLETE"
    assert trial["attempt"] == 2
    assert trial["restored_step"] >= 2
    assert [report["step"] for report in trial["reports"]] == list(range(1, 11))


def test_a_service_that_goes_away_is_waited_for(tmp_path: Path) -> None:
    with Killable(tmp_path / "s.db") as service:
        create(service.url)
        worker = start_worker(
            service.url, "--objective", "worker_objectives:slowly", "--trials", "2"
        )
        wait_for_reports(Client(service.url, "s"), 3)
        service.end(signal.SIGKILL)
        time.sleep(1.0)
        service.start()
        _, errors = worker.communicate(timeout=60)
        assert worker.returncode == 0, errors
        assert "the service is back" in errors
    trials = study(tmp_path).trials
    assert [(trial.state.value, trial.attempt) for trial in trials] == [("COMPLETE", 1)] * 2
    assert [len(trial.reports) for trial in trials] == [10, 10]


def test_a_worker_gives_up_when_it_was_told_how_long_to_wait(tmp_path: Path) -> None:
    worker = start_worker(
        "http://127.0.0.1:9", "--objective", "worker_objectives:square", "--patience", "0.3"
    )
    _, errors = worker.communicate(timeout=30)
    assert worker.returncode == 1
    assert "127.0.0.1:9 cannot be reached" in errors
