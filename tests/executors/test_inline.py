"""The executor that runs jobs in the calling thread."""

import time

import pytest

from luthier.errors import ExecutorError, InvalidInput
from luthier.executors import Inline, Job, Limits
from luthier.testing.executors import ExecutorContract


class TestInline(ExecutorContract):
    @pytest.fixture
    def executor(self):
        return Inline()


def nothing(key, message):
    return None


def test_runs_in_the_calling_process_with_its_state():
    state = []
    executor = Inline()
    executor.open(lambda payload, channel: state.append(payload), nothing)
    executor.start(Job(0, "here"))
    assert state == []
    executor.poll()
    assert state == ["here"]


@pytest.mark.parametrize("limits", [Limits(seconds=1), Limits(memory=2**30)])
def test_refuses_limits_that_it_cannot_enforce(limits):
    executor = Inline()
    executor.open(lambda payload, channel: None, nothing)
    with pytest.raises(InvalidInput, match="use the executor 'processes'"):
        executor.start(Job(0, None, limits))


@pytest.mark.parametrize("signal", [KeyboardInterrupt, SystemExit])
def test_lets_the_signals_to_end_the_process_pass(signal):
    def interrupted(payload, channel):
        if payload == "interrupted":
            raise signal
        return payload

    executor = Inline()
    executor.open(interrupted, nothing)
    executor.start(Job(0, "interrupted"))
    with pytest.raises(signal):
        executor.poll()
    executor.start(Job(1, "next"))
    assert executor.poll()[0].result == "next"


def test_a_job_stopped_before_it_began_does_not_run():
    ran = []
    executor = Inline()
    executor.open(lambda payload, channel: ran.append(payload), nothing)
    executor.start(Job(3, "x"))
    executor.stop(3)
    (outcome,) = executor.poll()
    assert (outcome.key, outcome.ending, ran) == (3, "stopped", [])


def test_has_one_slot():
    executor = Inline()
    with pytest.raises(ExecutorError, match="not open"):
        executor.start(Job(0, None))
    executor.open(lambda payload, channel: None, nothing)
    executor.start(Job(0, None))
    with pytest.raises(ExecutorError, match="one slot"):
        executor.start(Job(1, None))


def test_costs_microseconds_per_job():
    executor = Inline()
    executor.open(lambda payload, channel: payload, nothing)
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for key in range(500):
            executor.start(Job(key, None))
            executor.poll()
        best = min(best, (time.perf_counter() - began) / 500)
    # Measured: 2 microseconds. The bar is wide, since a test machine may be busy.
    assert best < 50e-6
