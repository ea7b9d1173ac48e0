"""Executors by name."""

import sys

import pytest

from luthier.errors import InvalidInput, MissingExtra
from luthier.executors import EXECUTORS, Executor, Inline, Processes, make

PACKAGES = {"ray": "ray", "dask": "distributed", "slurm": "submitit"}


@pytest.mark.parametrize("name", sorted(EXECUTORS.keys() - PACKAGES.keys()))
def test_every_name_makes_an_executor(name):
    assert isinstance(make(name), Executor)


@pytest.mark.parametrize("name", PACKAGES)
def test_an_executor_says_which_package_it_needs(name, monkeypatch):
    monkeypatch.setitem(sys.modules, PACKAGES[name], None)
    with pytest.raises(MissingExtra, match=rf"executor '{name}'.*luthier\[{name}\]"):
        make(name)


def test_options_are_passed_on():
    executor = make({"name": "processes", "threads_per_worker": 1}, 3)
    assert executor.slots == 3
    with pytest.raises(InvalidInput, match=r"'processes': got \{'thread': 1\}; .*'thread'"):
        make({"name": "processes", "thread": 1})


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
