"""Executors by name."""

import pytest

from luthier.errors import InvalidInput
from luthier.executors import EXECUTORS, Executor, Inline, Processes, make


@pytest.mark.parametrize("name", list(EXECUTORS))
def test_every_name_makes_an_executor(name):
    assert isinstance(make(name), Executor)


def test_workers_are_passed_on():
    assert make("processes", 3).slots == 3
    assert make("inline", 1).slots == 1
    with pytest.raises(InvalidInput, match="use the executor 'processes'"):
        make("inline", 2)


def test_an_executor_is_returned_as_it_is():
    executor = Processes(2)
    assert make(executor) is make(executor, 2) is executor
    with pytest.raises(InvalidInput, match="None or 2"):
        make(executor, 3)


@pytest.mark.parametrize("wrong", ["procesess", 3, Inline])
def test_anything_else_is_refused(wrong):
    with pytest.raises(InvalidInput, match="executor: got"):
        make(wrong)
