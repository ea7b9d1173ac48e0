"""The default sampler chooses by the problem and the history, and says so."""

import logging

import pytest

import luthier
from luthier.errors import InvalidInput
from luthier.model.events import Asked, Defined, Told
from luthier.model.ledger import Ledger
from luthier.model.problem import Objective, Problem
from luthier.model.trial import TrialState
from luthier.samplers.auto import Auto
from luthier.samplers.registry import describe, name_of
from luthier.space import Categorical, Float, Space
from luthier.study.replay import replay_all

NUMBERS = Space({"x": Float(0, 1), "y": Float(0, 1)})
MIXED = Space({"x": Float(0, 1), "c": Categorical(["a", "b"])})


def past(space, trials, seconds, objectives=1, running=0):
    names = tuple(Objective(f"o{i}") for i in range(objectives))
    problem = Problem(space, names)
    events = [Defined(problem)]
    points = space.sample(problem.rng(0), trials + running)
    for number, point in enumerate(points):
        events.append(Asked(number, point, 0, "random", "me", time=float(number)))
        if number < trials:
            values = (float(number),) * objectives
            told = Told(number, TrialState.COMPLETE, values, time=number + seconds)
            events.append(told)
    return Ledger().apply(events).snapshot()


def chosen(history, **settings):
    choice = Auto(**settings).choose(history.problem, history)
    assert choice.because
    return name_of(describe(choice.sampler))


@pytest.mark.parametrize("trials", [0, 10, 299])
def test_the_first_trials_are_the_model_s_however_short_they_are(trials):
    assert chosen(past(MIXED, trials, 1e-4)) == "gp"


@pytest.mark.parametrize(
    ("space", "trials", "seconds", "running", "expected"),
    [
        (NUMBERS, 400, 60.0, 0, "gp"),
        (NUMBERS, 400, 0.01, 0, "tpe"),
        (NUMBERS, 400, 60.0, 300, "tpe"),  # so many at once that the model would be in the way
        (NUMBERS, 1200, 0.01, 0, "cmaes"),
        (MIXED, 1200, 0.01, 0, "tpe"),
        (MIXED, 1200, 60.0, 0, "gp"),
    ],
)
def test_later_it_depends_on_time(space, trials, seconds, running, expected):
    assert chosen(past(space, trials, seconds, running=running)) == expected


def test_several_objectives():
    assert chosen(past(MIXED, 50, 0.01, objectives=2)) == "gp"
    assert chosen(past(MIXED, 1200, 0.01, objectives=2)) == "nsga2"


def test_many_parameters():
    wide = Space({f"x{i}": Float(0, 1) for i in range(150)})
    assert chosen(past(wide, 5, 60.0)) == "tpe"


def test_the_share_can_be_set():
    history = past(NUMBERS, 400, 1.0)
    assert chosen(history, share=0.5) == "gp"
    assert chosen(history, share=0.001) == "tpe"
    with pytest.raises(InvalidInput, match="share"):
        Auto(share=0)


def test_the_model_need_not_be_free():
    assert chosen(past(NUMBERS, 0, 1.0), free=0) == "tpe"
    assert chosen(past(NUMBERS, 20, 0.01), free=0) == "tpe"
    assert chosen(past(NUMBERS, 20, 60.0), free=0) == "gp"
    with pytest.raises(InvalidInput, match="free"):
        Auto(free=-1)


def test_it_is_the_default_and_says_what_it_chose(caplog):
    with caplog.at_level(logging.INFO, logger="luthier"):
        study = luthier.create_study(MIXED, seed=0)
        study.optimize(lambda trial: trial.params["x"], n_trials=8)
    assert study.sampler_choice.name == "gp"
    assert "fewest trials" in study.sampler_choice.because
    assert "sampler: gp, because it needs the fewest trials" in caplog.text
    assert all(trial.why["sampler"] == "gp" for trial in study.trials)


def test_switching_loses_nothing_and_every_suggestion_can_be_computed_again(monkeypatch):
    monkeypatch.setattr("luthier.samplers.auto.LONG", 24)
    study = luthier.create_study(NUMBERS, seed=3, sampler=luthier.Auto(free=12))
    study.optimize(lambda trial: (trial.params["x"] - 0.3) ** 2, n_trials=32)
    names = [trial.why["sampler"] for trial in study.trials]
    assert set(names[:12]) == {"gp"}
    assert set(names[12:24]) == {"tpe"}
    assert set(names[24:]) == {"cmaes"}
    assert all(replayed.same for replayed in replay_all(study))
