"""Samplers that learn: what may happen in any study, and replays."""

from zlib import crc32

import numpy as np
import pytest

import luthier
from luthier.errors import InvalidInput
from luthier.model.events import Asked
from luthier.model.trial import TrialState
from luthier.samplers.cmaes import CMAES
from luthier.samplers.differential_evolution import DifferentialEvolution
from luthier.samplers.forest import Forest
from luthier.samplers.gp import GP
from luthier.samplers.nsga2 import NSGA2
from luthier.samplers.nsga3 import NSGA3
from luthier.samplers.regularized_evolution import RegularizedEvolution
from luthier.space import Categorical, Float, Int, Space
from samplers.evolution_runs import history, history_of, problem_of, run

SAMPLERS = {
    "cmaes": CMAES(population=4),
    "cmaes-careful": CMAES(population=4, n_startup=5, restarts="bipop", adapt_rate=True),
    "de": DifferentialEvolution(population=6),
    "regularized_evolution": RegularizedEvolution(population=8, tournament=3),
    "nsga2": NSGA2(population=8, batch=2),
    "nsga3": NSGA3(population=8, batch=3),
    "forest": Forest(n_startup=5, trees=4, candidates=30),
    "gp": GP(members=2, steps=2, candidates=32, starts=2, most=100),
}
SPACE = Space(
    {
        "x": Float(0, 1),
        "y": Float(1e-4, 1, log=True),
        "k": Int(0, 6),
        "m": Int(8, 256, log=True),
        "c": Categorical(["a", "b", "c"]),
        "z": Float(-1, 1, when={"c": {"a", "b"}}),
    },
    constraints=["x + k <= 6"],
)


@pytest.fixture(params=SAMPLERS.values(), ids=SAMPLERS.keys())
def sampler(request):
    return request.param


def loss(params):
    return (params["x"] - 0.3) ** 2 + params.get("z", 0.5) ** 2 + abs(params["k"] - 2) / 10


def suggestions(sampler, problem, past, n=5):
    found = sampler.suggest(problem, past, problem.rng(len(past)), n)
    assert len(found) == n
    for params, why in found:
        problem.space.check(params)
        assert problem.space.canonical(params) == params
        assert why["how"]
        assert why["how"] != "random" or why["because"]
    return found


RESULTS = {
    "constant": lambda i: 0.5,
    "all failed": lambda i: TrialState.FAILED,
    "all infeasible": lambda i: TrialState.INFEASIBLE,
    "all pruned": lambda i: TrialState.PRUNED,
    "huge": lambda i: (-1.0) ** i * 1e300 / (i + 1),
    "tiny": lambda i: 1e-300 * i,
    "some failed": lambda i: i if i % 3 else TrialState.FAILED,
    "beyond limits": lambda i: (i, {"latency": 10.0 + i}),
    "limit not measured": lambda i: (i, {}),
}


@pytest.mark.parametrize("results", RESULTS.values(), ids=RESULTS.keys())
def test_any_results(sampler, results):
    problem = problem_of(SPACE, limits=["latency <= 5"])
    points = SPACE.sample(np.random.default_rng(0), 40)
    past = history_of(problem, points, [results(i) for i in range(40)])
    suggestions(sampler, problem, past)


@pytest.mark.parametrize("result", [0.0, TrialState.FAILED], ids=["constant", "failed"])
def test_it_goes_on_for_long_without_anything_to_learn(sampler, result):
    events = run(sampler, problem_of(SPACE), lambda params: result, 150)
    points = {tuple(event.params.items()) for event in events if isinstance(event, Asked)}
    assert len(points) > 75


SPACES = {
    "no parameter": {},
    "one parameter": {"x": Float(0, 1)},
    "one choice": {"c": Categorical(["a", "b"])},
    "one whole number": {"k": Int(0, 3)},
    "one point": {"k": Int(3, 3), "c": Categorical(["only"])},
    "200 parameters": {f"x{i}": Float(0, 1) for i in range(200)},
    "a million choices": {"many": Categorical(range(1_000_000)), "x": Float(0, 1)},
    "a million numbers": {"wide": Int(0, 10**6), "x": Float(0, 1)},
    "nothing active": {"c": Categorical(["a"]), "x": Float(0, 1, when={"c": "a"})},
}


@pytest.mark.parametrize("params", SPACES.values(), ids=SPACES.keys())
def test_any_space(sampler, params):
    problem = problem_of(Space(params))
    events = run(sampler, problem, lambda point: float(crc32(str(point).encode()) % 2), 30)
    suggestions(sampler, problem, history(events))


def test_thousands_of_identical_points(sampler):
    problem = problem_of(SPACE)
    point = SPACE.sample(np.random.default_rng(0))[0]
    suggestions(sampler, problem, history_of(problem, [point] * 2000, [1.0] * 2000))


def test_a_space_of_which_the_history_knows_nothing(sampler):
    problem = problem_of(SPACE)
    past = history_of(problem, SPACE.sample(np.random.default_rng(0), 40), range(40))
    unknown = problem.with_space(Space({"new": Float(10, 20)}))
    for _, why in suggestions(sampler, unknown, past):
        assert why["how"] == "random"


def test_constraints_that_hardly_any_child_satisfies(sampler):
    space = Space({f"x{i}": Float(0, 1) for i in range(4)}, constraints=["x0 + x1 > 1.98"])
    problem = problem_of(space)
    events = run(sampler, problem, lambda p: p["x2"], 40)
    suggestions(sampler, problem, history(events))


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_every_suggestion_can_be_computed_again_from_the_log_alone(sampler, workers):
    problem = problem_of(SPACE, seed=7)
    events = run(sampler, problem, loss, 60, workers=workers)
    for position in range(1, len(events)):
        event = events[position]
        if isinstance(event, Asked) and event.number % 7 == 3:
            cold = history(events[:position])
            (again,) = sampler.suggest(problem, cold, problem.rng(event.number), 1)
            assert again == (event.params, event.why)


def test_it_learns(sampler):
    problem = problem_of(SPACE, seed=3)
    events = run(sampler, problem, loss, 300)
    ended = [loss(event.params) for event in events if isinstance(event, Asked)]
    random = [loss(p) for p in SPACE.sample(np.random.default_rng(0), 300)]
    assert np.median(ended[-50:]) < 0.7 * np.median(random)
    assert min(ended) < min(random)


@pytest.mark.parametrize("name", ["de", "regularized_evolution", "nsga2", "forest"])
def test_a_finite_space_is_walked_through_without_repeats(name):
    space = Space({"a": Int(0, 4), "c": Categorical(["x", "y", "z"])})
    study = luthier.create_study(space, sampler=SAMPLERS[name], seed=1)
    study.optimize(lambda trial: trial["a"], n_trials=20)
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 15
    assert "15" in study.stop_reason
    assert not any(trial.why["how"] == "random" for trial in study.trials[:5])


@pytest.mark.parametrize("name", ["cmaes", "de", "regularized_evolution", "forest"])
def test_several_objectives_are_refused_by_those_for_one(name):
    problem = problem_of(SPACE, objectives=2)
    with pytest.raises(InvalidInput, match=r"objectives.*NSGA2"):
        SAMPLERS[name].suggest(problem, history_of(problem, [], []), problem.rng(0), 1)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (CMAES, {"population": 3}),
        (CMAES, {"population": 8.0}),
        (CMAES, {"sigma0": 0.0}),
        (CMAES, {"sigma0": float("nan")}),
        (CMAES, {"sigma0": "wide"}),
        (CMAES, {"n_startup": -1}),
        (CMAES, {"restarts": "often"}),
        (DifferentialEvolution, {"population": 3}),
        (RegularizedEvolution, {"population": 0}),
        (RegularizedEvolution, {"population": 10, "tournament": 11}),
        (RegularizedEvolution, {"step": 0}),
        (NSGA2, {"population": 1}),
        (NSGA2, {"batch": 0}),
        (NSGA2, {"swap": 1.5}),
        (NSGA3, {"mutation": -0.1}),
        (NSGA3, {"step": "wide"}),
        (Forest, {"trees": 1}),
        (Forest, {"candidates": True}),
        (Forest, {"n_startup": 1}),
        (Forest, {"random_share": 2}),
    ],
)
def test_settings_that_make_no_sense(kind, settings):
    (field,) = [name for name in settings if name != "population"] or ["population"]
    with pytest.raises(InvalidInput, match=f"{kind.__name__}: {field}"):
        kind(**settings)
