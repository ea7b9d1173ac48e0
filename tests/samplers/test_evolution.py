"""What each evolutionary sampler is for."""

import sys

import numpy as np
import pytest

from luthier.errors import MissingExtra
from luthier.model.events import Asked, Defined, Reported
from luthier.model.trial import TrialState
from luthier.numerics.hypervolume import hypervolume
from luthier.samplers._population import standing
from luthier.samplers.cmaes import CMAES
from luthier.samplers.differential_evolution import DifferentialEvolution
from luthier.samplers.forest import Forest
from luthier.samplers.nsga2 import NSGA2
from luthier.samplers.nsga3 import NSGA3
from luthier.samplers.regularized_evolution import RegularizedEvolution
from luthier.space import Categorical, Float, Int, Space
from luthier.space.priors import Normal
from samplers.evolution_runs import best, history, history_of, problem_of, run, told

PLANE = Space({"x": Float(-5, 5), "y": Float(-5, 5)})
CUBE = Space({f"x{i}": Float(-5, 5) for i in range(5)})
MIXED = Space(
    {
        "x": Float(0, 1),
        "y": Float(1e-4, 1, log=True),
        "k": Int(0, 20),
        "m": Int(1, 64, log=True),
        "c": Categorical(list("abcde")),
    }
)
CELL = Space({f"op{i}": Categorical(["conv", "pool", "skip", "none"]) for i in range(10)})
LONG = Space({f"x{i}": Float(0, 1) for i in range(8)})


def sphere(params):
    return sum((value - 1.3) ** 2 for value in params.values())


def valley(params):
    """A turned, narrow ellipsoid: only correlated steps go down it."""
    u, v = params["x"] + params["y"] - 1, params["x"] - params["y"] - 0.5
    return u * u + 1e4 * v * v


def mixed(params):
    return (
        (params["x"] - 0.7) ** 2
        + (np.log10(params["y"]) + 2) ** 2 / 4
        + ((params["k"] - 13) / 5) ** 2
        + (np.log2(params["m"]) - 3) ** 2
        + 0.5 * "cadbe".index(params["c"])
    )


def whys(events):
    return [event.why for event in events if isinstance(event, Asked)]


# CMA-ES


@pytest.mark.parametrize(("workers", "reached"), [(1, 1e-6), (25, 1e-4)])
def test_cmaes_finds_a_minimum_to_many_digits_however_many_workers(workers, reached):
    events = run(CMAES(), problem_of(CUBE), sphere, 900, workers=workers)
    assert best(events) < reached


def test_cmaes_learns_correlations():
    assert best(run(CMAES(), problem_of(PLANE), valley, 500)) < 1e-6
    assert best(run(DifferentialEvolution(), problem_of(PLANE), valley, 500)) > 1e-6


def test_cmaes_finds_minima_at_bounds():
    events = run(CMAES(), problem_of(LONG), lambda p: sum(p.values()), 400)
    assert best(events) < 1e-9


def test_cmaes_finds_whole_numbers_and_choices_too():
    losses = [best(run(CMAES(), problem_of(MIXED, seed=seed), mixed, 600)) for seed in range(5)]
    assert np.median(losses) < 1e-3


def test_cmaes_follows_priors_at_first():
    space = Space({"x": Float(0, 100, prior=Normal(80, 2)), "y": Float(0, 1)})
    events = run(CMAES(), problem_of(space), lambda p: 0.0, 6)
    assert all(70 < e.params["x"] < 90 for e in events if isinstance(e, Asked))


def test_cmaes_begins_where_other_samplers_were_best():
    problem = problem_of(CUBE)
    rng = np.random.default_rng(0)
    near = [{f"x{i}": 1.3 + 0.3 * rng.standard_normal() for i in range(5)} for _ in range(100)]
    past = history_of(problem, near, [sphere(point) for point in near])
    found = CMAES().suggest(problem, past, problem.rng(200), 50)
    assert all(why["generation"] == 0 for _, why in found)
    assert found[0].why["sd"] < CMAES().sigma0 / 2
    assert np.median([sphere(params) for params, _ in found]) < 2
    # A history of failures tells it nothing.
    past = history_of(problem, near, [TrialState.FAILED] * 100)
    assert CMAES().suggest(problem, past, problem.rng(0), 1)[0].why["sd"] == pytest.approx(
        1 / 6, 0.01
    )


def test_trials_of_others_before_its_first_do_not_shift_its_generations():
    problem = problem_of(CUBE)
    events = run(NSGA2(population=5), problem, sphere, 23)
    events = run(CMAES(), problem, sphere, 33, before=events[1:])
    generations = [why["generation"] for why in whys(events)[23:]]
    assert generations == [*[0] * 8, *[1] * 8, *[2] * 8, *[3] * 8, 4]


def test_cmaes_begins_at_a_given_point():
    start = {f"x{i}": 4.0 for i in range(5)}
    found = CMAES(x0=start, sigma0=0.01).suggest(
        problem_of(CUBE), history_of(problem_of(CUBE), [], []), np.random.default_rng(0), 20
    )
    assert np.abs([list(params.values()) for params, _ in found]).mean() == pytest.approx(
        4, abs=0.1
    )


@pytest.mark.parametrize(("restarts", "some"), [("ipop", True), ("bipop", True), ("none", False)])
def test_cmaes_begins_anew_where_nothing_improves(restarts, some):
    events = run(CMAES(restarts=restarts), problem_of(PLANE), lambda p: 1.0, 900)
    counts = np.bincount([why["restart"] for why in whys(events)])
    assert (len(counts) > 1) == some
    if some:
        # A constant is known as one after 10 + 60 / population generations.
        assert counts[0] == 6 * 20
        assert counts[1] == 12 * 15


def test_noise_alone_does_not_close_in_a_search_that_adapts_its_rates():
    def width(adapt):
        noise = np.random.default_rng(0)
        sampler = CMAES(adapt_rate=adapt, restarts="none")
        events = run(sampler, problem_of(CUBE), lambda p: noise.normal(), 2000)
        return whys(events)[-1]["sd"]

    assert width(adapt=True) > 10 * width(adapt=False)


# Differential and regularized evolution


def test_differential_evolution_finds_minima_of_mixed_spaces():
    events = run(DifferentialEvolution(), problem_of(MIXED, seed=1), mixed, 600)
    assert best(events) < 0.05


def test_differential_evolution_learns_which_steps_succeed():
    events = run(DifferentialEvolution(), problem_of(CUBE), sphere, 600)
    steps = [(why["f"], why["cr"]) for why in whys(events) if "f" in why]
    early, late = np.mean(steps[:30], axis=0), np.mean(steps[-100:], axis=0)
    assert np.abs(late - early).max() > 0.1


def test_a_better_trial_of_another_origin_joins_the_population():
    problem = problem_of(CUBE)
    sampler = DifferentialEvolution(population=4)
    events = run(sampler, problem, sphere, 40)
    known = history(events)
    gift = {f"x{i}": 1.3 for i in range(5)}
    points = [trial.params for trial in known.ended] + [gift]
    past = history_of(problem, points, [sphere(p) for p in points], [*whys(events), {}])
    pulled = [sphere(s.params) for s in sampler.suggest(problem, past, problem.rng(90), 50)]
    without = [sphere(s.params) for s in sampler.suggest(problem, known, problem.rng(90), 50)]
    assert np.median(pulled) < 0.5 * np.median(without)


def test_regularized_evolution_finds_the_best_cell():
    def cell(params):
        return sum(op != ("conv", "skip")[i % 2] for i, op in enumerate(params.values()))

    events = run(RegularizedEvolution(30, 10), problem_of(CELL), cell, 300)
    assert best(events) == 0


def test_a_child_differs_from_its_parent_in_one_parameter():
    problem = problem_of(CELL)
    events = run(RegularizedEvolution(10, 3), problem, lambda p: p["op0"] != "conv", 40)
    asked = [event for event in events if isinstance(event, Asked)]
    for event in asked[10:]:
        parent = asked[event.why["parents"][0]].params
        assert sum(event.params[name] != parent[name] for name in parent) == 1


def test_the_old_die_however_good_they_were():
    events = run(RegularizedEvolution(10, 10), problem_of(CELL), lambda p: 1.0, 60)
    for event in (e for e in events if isinstance(e, Asked) and "parents" in e.why):
        assert event.number - event.why["parents"][0] <= 10


# Genetic algorithms


def zdt1(params):
    first, *rest = params.values()
    g = 1 + 9 * sum(rest) / len(rest)
    return first, g * (1 - np.sqrt(first / g))


@pytest.mark.parametrize("kind", [NSGA2, NSGA3])
def test_fronts_are_found_and_covered(kind):
    problem = problem_of(LONG, objectives=2, seed=2)
    losses = history(run(kind(), problem, zdt1, 800)).losses
    random = [zdt1(p) for p in LONG.sample(np.random.default_rng(0), 800)]
    reference = np.array([1.1, 10.0])
    ideal = 1.1 * 10 - 1 / 3  # of the true front, up to the strip beyond it
    assert hypervolume(losses, reference) > 0.97 * ideal
    assert hypervolume(np.array(random), reference) < 0.90 * ideal


@pytest.mark.parametrize("kind", [NSGA2, NSGA3])
@pytest.mark.parametrize("objectives", [1, 5])
def test_any_number_of_objectives(kind, objectives):
    def many(params):
        return tuple(abs(params[f"x{i}"] - 0.5) + params["x7"] for i in range(objectives))

    problem = problem_of(LONG, objectives=objectives)
    losses = history(run(kind(), problem, many, 400)).losses
    assert np.median(losses[-100:].sum(axis=1)) < 0.6 * np.median(losses[:50].sum(axis=1))


@pytest.mark.parametrize("kind", [NSGA2, NSGA3])
def test_limits_are_met_before_losses_fall(kind):
    def fast(params):
        return (params["x0"], -params["x1"]), {"latency": 10 * sum(params.values())}

    problem = problem_of(LONG, objectives=2, limits=["latency <= 10"])
    found = history(run(kind(), problem, fast, 400))
    assert (found.violations[:50] == 0).mean() < 0.1
    assert (found.violations[-100:] == 0).mean() > 0.5


def test_failed_trials_have_no_children_while_others_live():
    def half(params):
        return TrialState.FAILED if params["x0"] > 0.5 else (params["x1"], params["x2"])

    problem = problem_of(LONG, objectives=2)
    found = history(run(NSGA2(population=10, batch=5), problem, half, 200))
    states = [trial.state for trial in found.ended]
    assert states[:50].count(TrialState.FAILED) > 5
    assert states[-100:].count(TrialState.FAILED) < 5


def test_pruned_trials_stand_between_complete_and_failed_ones_by_their_last_report():
    problem = problem_of(PLANE)
    ends = [TrialState.PRUNED, TrialState.FAILED, TrialState.PRUNED, 1e9, TrialState.PRUNED]
    events = [Defined(problem)]
    for number, end in enumerate(ends):
        events.append(Asked(number, {"x": 0.0, "y": 0.0}, 0, "other", "owner"))
        if number in (0, 2):
            events += [
                Reported(number, 1, {"o0": 100.0}),
                Reported(number, 2, {"o0": 5.0 - number}),
            ]
        events.append(told(number, end))
    assert standing(history(events), np.arange(5)).order.tolist() == [3, 2, 0, 1, 4]


def test_parents_of_different_branches_have_legal_children():
    space = Space(
        {
            "model": Categorical(["tree", "net"]),
            "depth": Int(1, 12, when={"model": "tree"}),
            "width": Int(8, 512, log=True, when={"model": "net"}),
        }
    )
    events = run(NSGA2(population=8, batch=2), problem_of(space), lambda p: len(p["model"]), 100)
    nets = [e.params["width"] for e in events if isinstance(e, Asked) and "width" in e.params]
    # A width that neither parent has is drawn, and not taken from the middle.
    assert len(set(nets)) > 10


# Forest


def test_the_forest_needs_fewer_trials_than_evolution():
    forest = [best(run(Forest(), problem_of(MIXED, seed=s), mixed, 60)) for s in range(3)]
    evolution = [best(run(NSGA2(), problem_of(MIXED, seed=s), mixed, 60)) for s in range(3)]
    assert np.median(forest) < 0.7 * np.median(evolution)


def test_points_near_running_ones_are_held_for_taken():
    problem = problem_of(PLANE)
    points = PLANE.sample(np.random.default_rng(0), 40)
    past = history_of(problem, points, [sphere(point) for point in points])
    sampler = Forest(random_share=0.0)
    together = sampler.suggest(problem, past, problem.rng(50), 6)
    values = [why["log_ei"] for _, why in together]
    assert len({tuple(params.values()) for params, _ in together}) == 6
    assert values[-1] < values[0]


def test_the_forest_avoids_where_trials_fail():
    def half(params):
        return TrialState.FAILED if params["x"] > 0 else (params["x"] - 0.5) ** 2

    found = history(run(Forest(random_share=0.0), problem_of(PLANE), half, 60))
    late = [trial.params["x"] > 0 for trial in found.ended[30:]]
    assert np.mean(late) < 0.3


def test_a_share_of_the_forest_s_points_is_random_and_says_so():
    events = run(Forest(random_share=0.5, candidates=20), problem_of(PLANE), sphere, 60)
    hows = [why["how"] for why in whys(events)[10:]]
    assert 10 < hows.count("random") < 40
    assert set(hows) == {"random", "model"}


def test_the_forest_says_what_it_misses(monkeypatch):
    problem = problem_of(PLANE)
    past = history_of(problem, PLANE.sample(np.random.default_rng(0), 20), range(20))
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(MissingExtra, match=r"luthier\[forest\]"):
        Forest(random_share=0.0).suggest(problem, past, problem.rng(0), 1)
