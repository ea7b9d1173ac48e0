"""What every executor must do, as tests: subclass `ExecutorContract` and provide `executor`."""

# ruff: noqa: D102 - the name of a test says what it is about.

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from luthier.executors import Executor, Handler, Job, Outcome, Task
from luthier.testing import _tasks


def run_jobs(
    executor: Executor,
    task: Task,
    payloads: Iterable[Any],
    handler: Handler = lambda key, message: None,
) -> list[Outcome]:
    """Open an executor, run a job for each payload with all slots busy, and close it.

    The keys count from 0. The outcomes come in the order in which the jobs ended.
    """
    jobs = (Job(key, payload) for key, payload in enumerate(payloads))
    outcomes: list[Outcome] = []
    executor.open(task, handler)
    try:
        free = executor.slots
        running = 0
        while True:
            while free and (job := next(jobs, None)) is not None:
                executor.start(job)
                free, running = free - 1, running + 1
            if not running:
                return outcomes
            ended = executor.poll()
            assert ended, "poll() without a timeout returned nothing while jobs were running"
            outcomes += ended
            free, running = free + len(ended), running - len(ended)
    finally:
        executor.close()


class ExecutorContract:
    """Tests that hold for every executor.

    Subclasses override the fixture `executor`::

        class TestMine(ExecutorContract):
            @pytest.fixture
            def executor(self):
                return Mine(workers=2)
    """

    @pytest.fixture
    def executor(self) -> Executor:
        """Return a fresh executor that is not open."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _closed_at_the_end(self, executor: Executor) -> Iterator[None]:
        yield
        executor.close()

    def test_follows_the_protocol(self, executor: Executor) -> None:
        assert isinstance(executor, Executor)
        assert executor.slots >= 1

    def test_returns_what_the_task_returns(self, executor: Executor) -> None:
        payload = {"number": 0, "params": {"x": 0.1, "layers": [1, (2, None)], "name": "ü"}}
        (outcome,) = run_jobs(executor, _tasks.echo, [payload])
        assert outcome.key == 0
        assert outcome.ending == "done"
        assert outcome.result == payload
        assert outcome.error == ""
        assert 0 <= outcome.seconds < 60

    def test_runs_closures(self, executor: Executor) -> None:
        offset = 10
        outcomes = run_jobs(executor, lambda payload, channel: payload + offset, [1, 2])
        assert sorted(outcome.result for outcome in outcomes) == [11, 12]

    def test_loses_and_doubles_no_job(self, executor: Executor) -> None:
        outcomes = run_jobs(executor, _tasks.echo, [f"payload {key}" for key in range(300)])
        assert {o.key: o.result for o in outcomes} == {k: f"payload {k}" for k in range(300)}
        assert len(outcomes) == 300

    def test_hands_over_messages_in_order_in_the_polling_thread(self, executor: Executor) -> None:
        heard: dict[int, list[Any]] = {0: [], 1: [], 2: []}
        threads = set()

        def handler(key: int, message: Any) -> None:
            heard[key].append(message)
            threads.add(threading.get_ident())

        payloads = [[f"{key}.{i}" for i in range(50)] for key in heard]
        outcomes = run_jobs(executor, _tasks.send_all, payloads, handler)
        assert [o.ending for o in outcomes] == ["done"] * 3
        assert list(heard.values()) == payloads
        assert threads == {threading.get_ident()}

    def test_gives_each_job_the_answers_to_its_own_questions(self, executor: Executor) -> None:
        payloads = [list(range(20))] * 4
        outcomes = run_jobs(executor, _tasks.ask_all, payloads, lambda key, n: (key, n * n))
        for outcome in outcomes:
            assert outcome.result == [(outcome.key, n * n) for n in range(20)]

    def test_an_exception_ends_its_job_only(self, executor: Executor) -> None:
        outcomes = run_jobs(executor, _tasks.fail_if_odd, range(10))
        for outcome in outcomes:
            if outcome.key % 2 == 0:
                assert (outcome.ending, outcome.result) == ("done", outcome.key)
                continue
            assert outcome.ending == "error"
            assert outcome.error == f"ValueError: {outcome.key} is odd and that is bad"
            assert "in fail_if_odd" in outcome.traceback
            assert outcome.result is None
        assert len(outcomes) == 10

    def test_signals_of_the_study_are_exceptions_to_it(self, executor: Executor) -> None:
        (outcome,) = run_jobs(executor, _tasks.infeasible, [None])
        assert (outcome.ending, outcome.error) == ("error", "Infeasible: not here")

    def test_a_stopped_job_may_end_by_itself(self, executor: Executor) -> None:
        asked = []

        def handler(key: int, message: Any) -> None:
            asked.append(message)
            executor.stop(key)

        (outcome,) = run_jobs(executor, _tasks.ask_until_stopped, [None], handler)
        assert outcome.ending == "stopped"
        assert outcome.result == "saved"
        assert outcome.error == "stopped"
        assert set(asked) == {"shall I stop?"}

    def test_stopping_one_job_does_not_stop_the_next(self, executor: Executor) -> None:
        payloads = ["stop", "look"] * 5
        outcomes = run_jobs(
            executor, _tasks.stop_or_look, payloads, lambda key, message: executor.stop(key)
        )
        endings = {o.key: (o.ending, o.result) for o in outcomes}
        expected = [("stopped", "saved"), ("done", False)] * 5
        assert endings == dict(enumerate(expected))

    def test_ignores_stops_that_come_too_late(self, executor: Executor) -> None:
        executor.open(_tasks.echo, lambda key, message: None)
        executor.stop(12)
        executor.start(Job(0, "first"))
        (first,) = executor.poll()
        executor.stop(0)
        executor.start(Job(1, "second"))
        (second,) = executor.poll()
        assert (first.result, second.result) == ("first", "second")

    def test_has_nothing_to_wait_for_without_jobs(self, executor: Executor) -> None:
        executor.open(_tasks.echo, lambda key, message: None)
        began = time.monotonic()
        assert executor.poll() == []
        assert executor.poll(30.0) == []
        assert time.monotonic() - began < 10

    def test_an_exception_of_the_handler_leaves_poll(self, executor: Executor) -> None:
        def handler(key: int, message: Any) -> None:
            raise LookupError("the handler is broken")

        executor.open(_tasks.send_all, handler)
        executor.start(Job(0, ["message"]))
        with pytest.raises(LookupError, match="the handler is broken"):
            executor.poll()

    def test_closes_twice_and_with_a_job_running(self, executor: Executor) -> None:
        executor.open(_tasks.ask_until_stopped, lambda key, message: None)
        executor.start(Job(0, None))
        executor.close()
        executor.close()

    def test_opens_again_after_it_was_closed(self, executor: Executor) -> None:
        for value in ("one", "two"):
            (outcome,) = run_jobs(executor, _tasks.echo, [value])
            assert outcome.result == value
