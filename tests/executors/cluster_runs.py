"""What the executors on clusters are tested with: tests for all of them, and trainings to kill."""

import logging
import os
import re
import socket
import threading
import time
from pathlib import Path

import psutil
import pytest

import luthier
from luthier.errors import ObjectiveError
from luthier.executors import Job, Limits
from luthier.testing.executors import ExecutorContract, run_jobs

PATIENCE = 60.0  # seconds; what is waited for takes a small part of it


def eventually(condition):
    """Wait for a condition, and return what it returns."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found


def run_one(executor, task, payload=None, limits=None):
    """Run one job, and return its outcome."""
    executor.open(task, lambda key, message: None)
    try:
        executor.start(Job(0, payload, limits or Limits()))
        (outcome,) = executor.poll()
    finally:
        executor.close()
    return outcome


class ClusterContract(ExecutorContract):
    """What holds on every cluster: all that holds anywhere, and isolation and limits."""

    def test_the_output_of_a_crash_is_kept(self, executor):
        def crash(payload, channel):
            print("about to crash")
            os._exit(3)

        outcome = run_one(executor, crash)
        assert (outcome.ending, outcome.output) == ("crash", "about to crash\n")
        assert outcome.error == "the worker process exited with code 3"

    def test_a_crash_costs_one_job_only(self, executor):
        def crash_first(payload, channel):
            if payload == "crash":
                os.abort()
            return payload

        executor.open(crash_first, lambda key, message: None)
        outcomes = []
        for key, payload in enumerate(["crash", "one", "two"]):
            executor.start(Job(key, payload))
            outcomes += executor.poll()
        assert [o.ending for o in outcomes] == ["crash", "done", "done"]
        assert "SIGABRT" in outcomes[0].error

    def test_limits_in_time_hold(self, executor):
        def sleep(payload, channel):
            time.sleep(60)

        outcome = run_one(executor, sleep, limits=Limits(seconds=0.2, grace=0.1))
        assert outcome.ending == "timeout"
        assert 0.2 <= outcome.seconds < 30

    def test_limits_in_memory_hold(self, executor):
        def grow(payload, channel):
            held = bytearray(600 * 2**20)
            time.sleep(60)
            return len(held)

        outcome = run_one(executor, grow, limits=Limits(memory=400 * 2**20))
        assert outcome.ending == "memory"

    def test_a_job_that_ignores_the_request_to_stop_is_killed(self, executor):
        def deaf(payload, channel):
            channel.send("here")
            time.sleep(60)

        executor.open(deaf, lambda key, message: executor.stop(key))
        executor.start(Job(0, None, Limits(grace=0.1)))
        (outcome,) = executor.poll()
        assert (outcome.ending, outcome.result) == ("stopped", None)

    def test_a_task_that_no_worker_can_load_is_an_error(self, executor):
        with pytest.raises(ObjectiveError, match="loaded in a worker process: ValueError"):
            executor.open(Unloadable(), lambda key, message: None)

    def test_trials_are_stopped_early_by_their_reports(self, executor):
        def objective(trial):
            for step in range(1, 5):
                trial.report(trial["x"], step)
                trial.prune_if_hopeless()
            return trial["x"]

        study = luthier.create_study(
            {"x": luthier.Float(0, 1)}, seed=1, sampler="random", scheduler="median"
        )
        study.optimize(objective, n_trials=16, executor=executor)
        assert {str(trial.state) for trial in study.trials} == {"COMPLETE", "PRUNED"}


def assert_that_a_cut_costs_no_message(executor, caplog):
    """Run a job, and cut its worker's connection to the study in the middle."""
    caplog.set_level(logging.INFO, "luthier")
    cuts = []

    def handler(key, message):
        if message == 50:
            cuts.append(eventually(lambda: cut_connections(caplog)))
        return message

    (outcome,) = run_jobs(executor, ask_in_turn, [200], handler)
    assert outcome.ending == "done"
    assert outcome.result == list(range(200))
    assert cuts == [1]


def assert_that_calls_do(executor, caplog):
    """Run jobs with an executor whose workers must not connect."""
    caplog.set_level(logging.INFO, "luthier")
    heard = []
    outcomes = run_jobs(
        executor, ask_in_turn, [20] * 10, lambda key, message: heard.append((key, message))
    )
    assert [(outcome.ending, len(outcome.result)) for outcome in outcomes] == [("done", 20)] * 10
    assert sorted(heard) == [(key, number) for key in range(10) for number in range(20)]
    for key in range(10):
        assert [number for by, number in heard if by == key] == list(range(20))
    assert "may connect" not in caplog.text


def cut_connections(caplog):
    """Cut the connections of workers to this process; return how many."""
    host, port = re.findall(r"workers may connect to (.+), port (\d+)", caplog.text)[-1]
    found = [
        connection.fd
        for connection in psutil.Process().net_connections("tcp")
        if connection.laddr == (host, int(port)) and connection.status == psutil.CONN_ESTABLISHED
    ]
    for number in found:
        with socket.socket(fileno=os.dup(number)) as connection:
            connection.shutdown(socket.SHUT_RDWR)
    return len(found)


def ask_in_turn(payload, channel):
    """Ask so many numbers, until told to stop, and return the answers."""
    answers = []
    while len(answers) < payload and not channel.stopping:
        answers.append(channel.ask(len(answers)))
    return answers


class Unloadable:
    """A task whose pickle cannot be read."""

    def __reduce__(self):
        return (int, ("not a number",))

    def __call__(self, payload, channel):
        """Never called."""


def training(folder, steps=8):
    """Return an objective that notes each step in a file, and saves a checkpoint after it.

    At step 4 its first attempt waits until the test has done what it came for.
    """

    def objective(trial):
        state = trial.load()
        value, first = (0.0, 1) if state is None else (state["value"], trial.restored_step + 1)
        for step in range(first, steps + 1):
            value += trial["x"]
            trial.report(value, step)
            trial.save({"value": value})
            with open(Path(folder, "notes"), "a") as file:
                file.write(f"{trial.number} {trial.attempt} {step} {os.getpid()}\n")
            while step == 4 and trial.attempt == 1 and not Path(folder, "go").exists():
                trial.prune_if_hopeless()
                time.sleep(0.01)
            trial.prune_if_hopeless()
        return value

    return objective


def notes(folder):
    """Return what trainings noted: trial, attempt, step, process."""
    try:
        lines = Path(folder, "notes").read_text().splitlines()
    except FileNotFoundError:
        return []
    return [tuple(map(int, line.split())) for line in lines]


def disturbed(folder, executor, disturb, trials):
    """Train until so many trials wait at step 4, disturb them, and return the study.

    `disturb` gets the ids of their processes.
    """
    study = luthier.create_study(
        {"x": luthier.Float(0, 1)}, seed=1, sampler="random", checkpoints=folder / "checkpoints"
    )
    failures = []

    def interfere():
        try:
            waiting = eventually(lambda: _waiting(folder, trials))
            disturb([process for _, _, _, process in waiting])
        except BaseException as error:
            failures.append(error)
        finally:
            (folder / "go").touch()

    thread = threading.Thread(target=interfere)
    thread.start()
    study.optimize(training(folder), n_trials=trials, executor=executor)
    thread.join()
    assert not failures
    return study


def _waiting(folder, trials):
    found = [note for note in notes(folder) if note[1:3] == (1, 4)]
    return found if len(found) == trials else None


def assert_resumed(study, folder):
    """Assert that all trials are complete, some in a second attempt, and no step was done twice."""
    for trial in study.trials:
        assert str(trial.state) == "COMPLETE"
        assert trial.value == pytest.approx(8 * trial.params["x"])
        steps = [step for number, _, step, _ in notes(folder) if number == trial.number]
        assert steps == list(range(1, 9))
    assert 2 in {trial.attempt for trial in study.trials}
