"""Schedulers by name, as files and the log have them."""

import json

import pytest

from luthier.errors import InvalidInput
from luthier.schedulers import (
    Auto,
    Full,
    Hyperband,
    Median,
    Patience,
    SuccessiveHalving,
    Truncation,
)
from luthier.schedulers.registry import BUILT_IN, describe, make, name_of, names

NEEDED = {
    "percentile": {"percentile": 25},
    "bandit": {"slack_factor": 0.1},
    "truncation": {"percentage": 20},
    "threshold": {"upper": 1.0},
    "patience": {"patience": 3},
    "pbt": {"interval": 5},
    "any": {"of": ["median", {"name": "patience", "patience": 5}]},
    "all": {"of": [{"name": "any", "of": ["auto"]}, "asha"]},
}


@pytest.mark.parametrize("name", names())
def test_what_is_made_is_described_by_what_made_it(name):
    spec = {"name": name, **NEEDED[name]} if name in NEEDED else name
    scheduler = make(spec)
    assert describe(scheduler) == spec
    assert make(json.loads(json.dumps(describe(scheduler)))) == scheduler
    assert name_of(describe(scheduler)) == name


def test_settings_are_taken_over():
    assert make("asha") == SuccessiveHalving()
    assert make({"name": "hyperband", "eta": 4}) == Hyperband(eta=4)
    assert describe(Hyperband(1, 81)) == {"name": "hyperband", "max_step": 81}
    combined = Patience(5) | SuccessiveHalving(eta=4)
    assert describe(combined) == {
        "name": "any",
        "of": [{"name": "patience", "patience": 5}, {"name": "asha", "eta": 4}],
    }
    assert make(describe(combined)) == combined


def test_a_scheduler_is_taken_as_it_is():
    scheduler = Full()
    assert make(scheduler) is scheduler


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ("hyperbnad", "did you mean 'hyperband'"),
        ({"eta": 3}, "a mapping with a 'name'"),
        ({"name": "asha", "ate": 3}, "setting: got 'ate'"),
        ({"name": "median", "percentile": 20}, "setting: got 'percentile'"),
        ("truncation", "a mapping with 'percentage'"),
        (Median, "an instance of it"),
        (3, "a scheduler, or one of the names"),
        ({"name": "any", "of": ["nothing"]}, "nothing"),
    ],
)
def test_what_makes_no_scheduler_is_named(spec, named):
    with pytest.raises(InvalidInput, match=named):
        make(spec)


class EntryPoint:
    name, value = "mine", f"{__name__}:Mine"

    def load(self):
        return Mine


class Mine(Truncation):
    pass


def test_installed_packages_register_theirs(monkeypatch):
    def entry_points(group):
        return [EntryPoint] if group == "luthier.schedulers" else []

    monkeypatch.setattr("luthier.model.registry.entry_points", entry_points)
    assert set(names()) == {*BUILT_IN, "mine"}
    monkeypatch.setattr(EntryPoint, "load", staticmethod(lambda: Mine))
    assert make({"name": "mine", "percentage": 5}) == Mine(5)
    assert describe(Mine(5)) == {"name": "mine", "percentage": 5}


def test_a_scheduler_of_nobody_is_described_by_its_class():
    class Own:
        pass

    assert describe(Own()) == "test_a_scheduler_of_nobody_is_described_by_its_class.<locals>.Own"
    assert describe(Auto(slack=1.0)) == {"name": "auto", "slack": 1.0}
