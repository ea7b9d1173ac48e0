"""TPE keeps every sampler's promises, learns what it should, and bears what it must."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from luthier.errors import InvalidInput
from luthier.model.events import Asked, Defined, Reported, Told
from luthier.model.ledger import Ledger
from luthier.model.problem import Limit, Objective, Problem
from luthier.model.trial import TrialState
from luthier.samplers.tpe import TPE
from luthier.space import Around, Categorical, Float, Int, Normal, Permutation, Space
from luthier.testing.samplers import SamplerContract

COMPLETE, PRUNED = TrialState.COMPLETE, TrialState.PRUNED
INFEASIBLE, FAILED = TrialState.INFEASIBLE, TrialState.FAILED


class TestTPE(SamplerContract):
    @pytest.fixture(
        params=[TPE(), TPE(n_startup=1, candidates=4, most_bad=8)], ids=["as is", "few"]
    )
    def sampler(self, request):
        return request.param


def told(problem, params, values=None, states=None, metrics=None, running=()):
    """Return a history in which each point ended like this, and some are running."""
    events = [Defined(problem)]
    for number, point in enumerate(params):
        state = COMPLETE if states is None else states[number]
        events.append(Asked(number, point, 0, "tpe", "owner"))
        value = None
        if state is COMPLETE:
            given = values[number]
            value = tuple(given) if isinstance(given, (tuple, list)) else (float(given),)
        measured = {} if metrics is None else metrics[number]
        events.append(Told(number, state, value, metrics=measured))
    for number, point in enumerate(running, start=len(params)):
        events.append(Asked(number, point, 0, "tpe", "owner"))
    return Ledger().apply(events).snapshot()


def ask(problem, history, n=1, number=None, sampler=None):
    number = history.count if number is None else number
    return (sampler or TPE()).suggest(problem, history, problem.rng(number), n)


def many(problem, history, count=40, sampler=None):
    """Return what is proposed for one history by the randomness of many trials."""
    return [
        dict(ask(problem, history, number=1000 + i, sampler=sampler)[0].params)
        for i in range(count)
    ]


def solve(space, objective, trials, seed, sampler):
    """Return the values that a study finds."""
    problem = Problem(space, seed=seed)
    ledger = Ledger().apply([Defined(problem)])
    found = []
    for number in range(trials):
        params = sampler.suggest(problem, ledger.snapshot(), problem.rng(number))[0].params
        found.append(objective(params))
        ledger.apply(
            [
                Asked(number, params, ledger.version, "tpe", "owner"),
                Told(number, COMPLETE, (found[-1],)),
            ]
        )
    return found


LINE = Space({"x": Float(0.0, 1.0)})
SQUARE = Space({"x": Float(0.0, 1.0), "y": Float(0.0, 1.0)})


def sampled(space, n, seed=0):
    return space.sample(np.random.default_rng(seed), n)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("n_startup", 0),
        ("n_startup", True),
        ("most_good", 0),
        ("most_bad", 3),
        ("candidates", 1.5),
        ("share", 0.0),
        ("share", 1.0),
        ("share", float("nan")),
        ("belief_strength", -1.0),
        ("belief_strength", float("inf")),
    ],
)
def test_settings_out_of_range_are_refused(setting, value):
    with pytest.raises(InvalidInput, match=f"TPE: {setting}"):
        TPE(**{setting: value})


class TestStartup:
    def test_it_fills_the_space_evenly(self):
        problem = Problem(SQUARE, seed=4)
        ledger = Ledger().apply([Defined(problem)])
        for number in range(10):
            ((params, why),) = ask(problem, ledger.snapshot())
            assert why == {"how": "startup"}
            ledger.apply([Asked(number, params, 0, "tpe", "owner")])
        points = [trial.params for trial in ledger.snapshot().trials]
        for name in SQUARE.names:
            assert sorted(int(point[name] * 10) for point in points) == list(range(10))

    def test_several_at_once_are_the_same_as_one_by_one(self):
        problem = Problem(SQUARE, seed=4)
        at_once = ask(problem, told(problem, []), n=12)
        points = [dict(suggestion.params) for suggestion in at_once]
        assert dict(ask(problem, told(problem, [], running=points[:11]))[0].params) == points[11]

    def test_where_the_design_is_of_no_use_it_draws_and_says_so(self):
        space = Space({"x": Float(0, 1), "y": Float(0, 1)}, constraints=["x + y < 0.3"])
        problem = Problem(space, seed=0)
        suggestions = ask(problem, told(problem, []), n=10)
        assert any("violates a constraint" in why.get("because", "") for _, why in suggestions)
        one = Space({"c": Categorical(["a", "b"])})
        problem = Problem(one, seed=0)
        suggestions = ask(problem, told(problem, [{"c": "a"}, {"c": "b"}], [0, 0]))
        assert suggestions[0].why["because"] == "the design's point was tried before"


class TestLearning:
    @pytest.mark.parametrize("space", [SQUARE, Space({"x": Int(0, 99), "y": Float(0, 1)})])
    def test_it_goes_where_it_was_good(self, space):
        top = 99 if space is not SQUARE else 1
        values = [(p["x"] / top - 0.7) ** 2 + (p["y"] - 0.2) ** 2 for p in sampled(space, 60)]
        problem = Problem(space)
        points = many(problem, told(problem, sampled(space, 60), values))
        assert np.median([abs(p["x"] / top - 0.7) for p in points]) < 0.15
        assert np.median([abs(p["y"] - 0.2) for p in points]) < 0.15

    def test_it_maximizes_as_it_minimizes(self):
        points, values = sampled(SQUARE, 40), [p["x"] for p in sampled(SQUARE, 40)]
        low, high = Problem(SQUARE), Problem(SQUARE, (Objective("value", "maximize"),))
        down = ask(low, told(low, points, values))[0]
        up = ask(high, told(high, points, [-value for value in values]))[0]
        assert down == up
        assert down.params["x"] < 0.3

    def test_it_finds_more_than_chance(self):
        space = Space(
            {
                "kind": Categorical(["a", "b", "c"]),
                "n": Int(1, 32, log=True),
                "x": Float(1e-4, 1.0, log=True),
            }
        )

        def objective(p):
            return (np.log10(p["x"]) + 2) ** 2 + abs(np.log2(p["n"]) - 3) + (p["kind"] != "b")

        ours = [min(solve(space, objective, 60, seed, TPE())) for seed in range(8)]
        chance = [
            min(objective(p) for p in sampled(space, 60, seed=100 + seed)) for seed in range(8)
        ]
        assert np.mean(ours) < 0.4 * np.mean(chance)

    def test_why_says_how_and_of_what(self):
        problem = Problem(SQUARE)
        history = told(problem, sampled(SQUARE, 40), range(40), running=sampled(SQUARE, 2, 1))
        why = ask(problem, history)[0].why
        assert (why["how"], why["good"], why["bad"]) == ("model", 6, 36)
        assert why["drawn_from"] == "good trials"
        assert why["log_ratio"] > 0

    def test_most_bad_bounds_what_is_looked_at(self):
        problem = Problem(SQUARE)
        history = told(problem, sampled(SQUARE, 300), range(300))
        why = ask(problem, history, sampler=TPE(most_bad=100, most_good=20))[0].why
        assert (why["good"], why["bad"]) == (20, 100)

    def test_running_trials_keep_others_away(self):
        problem = Problem(LINE)
        points = [{"x": x} for x in np.linspace(0, 1, 41)]
        values = [abs(p["x"] - 0.5) for p in points]
        alone = told(problem, points, values)
        beside = told(problem, points, values, running=[{"x": 0.5 + i / 500} for i in range(-8, 9)])

        def near(history):
            return sum(abs(p["x"] - 0.5) < 0.02 for p in many(problem, history))

        assert near(beside) < 0.6 * near(alone)

    def test_several_at_once_keep_apart(self):
        problem = Problem(LINE)
        points = [{"x": x} for x in np.linspace(0, 1, 41)]
        history = told(problem, points, [abs(p["x"] - 0.5) for p in points])
        together = [s.params["x"] for s in ask(problem, history, n=20)]
        apart = [p["x"] for p in many(problem, history, 20)]
        assert np.std(together) > np.std(apart)


class TestConditions:
    SPACE = Space(
        {
            "model": Categorical(["small", "large"]),
            "s": Float(0, 1, when={"model": "small"}),
            **{f"l{i}": Float(0, 1, when={"model": "large"}) for i in range(8)},
        }
    )

    def history(self, problem, offset):
        """Return trials of both branches, the large one worse by `offset`."""
        points = sampled(self.SPACE, 60)
        values = [
            (p["s"] - 0.3) ** 2
            if p["model"] == "small"
            else offset + sum((p[f"l{i}"] - 0.7) ** 2 for i in range(8)) / 8
            for p in points
        ]
        return told(problem, points, values)

    def test_a_branch_with_many_parameters_has_no_advantage(self):
        problem = Problem(self.SPACE)
        chosen = [p["model"] for p in many(problem, self.history(problem, offset=1.0))]
        assert chosen.count("small") > 30

    def test_children_learn_from_their_own_branch(self):
        problem = Problem(self.SPACE)
        history = self.history(problem, offset=1.0)
        large = problem.with_space(self.SPACE.freeze("model", "large"))
        points = many(large, history)
        means = [np.mean([p[f"l{i}"] for p in points]) for i in range(8)]
        assert np.mean(means) == pytest.approx(0.7, abs=0.12)


class TestEndings:
    def test_pruned_trials_rank_by_their_last_report_behind_complete_ones(self):
        problem = Problem(LINE)
        rng = np.random.default_rng(0)
        events = [Defined(problem)]
        # The longer they ran the better they were, and low x ran long; what was complete is high.
        for number, x in enumerate(rng.random(60)):
            events.append(Asked(number, {"x": x}, 0, "tpe", "owner"))
            for step in range(1 + int(10 * (1 - x))):
                events.append(Reported(number, step, {"value": x}))  # noqa: PERF401
            events.append(Told(number, PRUNED))
        pruned = Ledger().apply(events).snapshot()
        assert np.median([p["x"] for p in many(problem, pruned)]) < 0.25
        for number, x in enumerate(0.9 + 0.1 * rng.random(12), start=60):
            events.append(Asked(number, {"x": x}, 0, "tpe", "owner"))
            events.append(Told(number, COMPLETE, (5.0,)))
        mixed = Ledger().apply(events).snapshot()
        assert np.median([p["x"] for p in many(problem, mixed)]) > 0.85

    @pytest.mark.parametrize("state", [FAILED, INFEASIBLE])
    def test_it_avoids_what_failed(self, state):
        problem = Problem(SQUARE)
        points = sampled(SQUARE, 80)
        states = [state if p["x"] > 0.5 else COMPLETE for p in points]
        history = told(problem, points, [p["y"] for p in points], states)
        assert np.mean([p["x"] > 0.5 for p in many(problem, history)]) < 0.1

    @pytest.mark.parametrize("state", [FAILED, INFEASIBLE, PRUNED])
    def test_where_nothing_has_a_result_it_goes_where_nobody_was(self, state):
        problem = Problem(LINE)
        points = [{"x": x} for x in np.linspace(0, 0.6, 30)]
        found = many(problem, told(problem, points, states=[state] * 30))
        assert min(p["x"] for p in found) > 0.6


class TestLimits:
    def test_it_finds_the_best_within_the_limits(self):
        problem = Problem(SQUARE, limits=(Limit("cost", high=0.5),))
        points = sampled(SQUARE, 100)
        values = [p["x"] + 0.2 * p["y"] for p in points]  # best at 0, where the limit is not met
        metrics = [{"cost": 1 - p["x"]} for p in points]
        found = [p["x"] for p in many(problem, told(problem, points, values, metrics=metrics))]
        assert np.mean([x >= 0.5 for x in found]) > 0.7
        assert np.median(found) < 0.65

    def test_without_a_trial_within_them_it_comes_nearer(self):
        problem = Problem(SQUARE, limits=(Limit("cost", high=0.0),))
        points = sampled(SQUARE, 60)
        metrics = [{"cost": 2 - p["x"]} for p in points]
        found = many(problem, told(problem, points, [p["x"] for p in points], metrics=metrics))
        assert np.median([p["x"] for p in found]) > 0.85

    def test_limits_that_all_meet_change_little(self):
        points = sampled(SQUARE, 60)
        values = [(p["x"] - 0.3) ** 2 for p in points]
        problem = Problem(SQUARE, limits=(Limit("cost", high=1.0),))
        found = many(problem, told(problem, points, values, metrics=[{"cost": 0.0}] * 60))
        assert np.median([abs(p["x"] - 0.3) for p in found]) < 0.1

    def test_infeasible_trials_are_beyond_them(self):
        problem = Problem(SQUARE, limits=(Limit("cost", high=1.0),))
        points = sampled(SQUARE, 80)
        states = [INFEASIBLE if p["x"] > 0.5 else COMPLETE for p in points]
        metrics = [{"cost": 0.0} for _ in points]
        history = told(problem, points, [-p["x"] for p in points], states, metrics)
        assert np.mean([p["x"] > 0.5 for p in many(problem, history)]) < 0.25


@pytest.mark.parametrize("m", [2, 3])
def test_several_objectives_lead_to_their_front(m):
    space = Space({f"x{i}": Float(0, 1) for i in range(4)})
    problem = Problem(space, tuple(Objective(f"f{i}") for i in range(m)))
    points = sampled(space, 80)
    # The last coordinates only make everything worse: the front is where they are 0.2.
    values = [
        [
            abs(p["x0"] - i / (m - 1)) + 2 * abs(p["x2"] - 0.2) + 2 * abs(p["x3"] - 0.2)
            for i in range(m)
        ]
        for p in points
    ]
    found = many(problem, told(problem, points, values))
    assert np.median([abs(p["x2"] - 0.2) for p in found]) < 0.2
    assert np.ptp([p["x0"] for p in found]) > 0.6


class TestPriorsAndBeliefs:
    def test_a_prior_of_choices_and_numbers_shapes_what_is_not_known(self):
        space = Space(
            {
                "c": Categorical(["usual", "rare"], weights=[20.0, 1.0]),
                "o": Categorical([1, 2, 3, 4], ordered=True, weights=[30.0, 1.0, 1.0, 1.0]),
                "x": Float(-10, 10, prior=Normal(2.0, 0.5)),
            }
        )
        problem = Problem(space)
        history = told(problem, sampled(space, 15), states=[FAILED] * 15)
        drawn = many(problem, history, 200, TPE(candidates=1))
        assert np.mean([p["c"] == "usual" for p in drawn]) == pytest.approx(20 / 21, abs=0.05)
        assert np.mean([p["o"] == 1 for p in drawn]) == pytest.approx(30 / 33, abs=0.06)
        assert np.mean([p["x"] for p in drawn]) == pytest.approx(2.0, abs=0.12)
        assert np.std([p["x"] for p in drawn]) == pytest.approx(0.5, abs=0.1)
        # The prior limits where it looks for what has not failed.
        assert all(abs(p["x"] - 2) < 2.5 for p in many(problem, history))

    def test_beliefs_attract_at_first_and_fade(self):
        wrong = Space({"x": Float(0, 1, belief=Around(0.9, sd=0.03)), "y": Float(0, 1)})

        def share(trials, sampler=None):
            points = sampled(wrong, trials)
            problem = Problem(wrong)
            history = told(problem, points, [abs(p["x"] - 0.3) for p in points])
            return np.mean([p["x"] > 0.75 for p in many(problem, history, sampler=sampler)])

        assert share(12) > 0.5
        assert share(12, TPE(belief_strength=0.0)) < 0.2
        assert share(300) < 0.1

    def test_half_of_the_first_points_are_what_is_believed(self):
        space = Space({"x": Float(0, 1, belief=Around(0.9, sd=0.01))})
        problem = Problem(space)
        near = [abs(s.params["x"] - 0.9) < 0.05 for s in ask(problem, told(problem, []), n=10)]
        assert 5 <= sum(near) <= 7


class TestOtherSpaces:
    def test_one_parameter_of_the_history(self):
        problem = Problem(SQUARE)
        points = sampled(SQUARE, 60)
        history = told(problem, points, [(p["x"] - 0.7) ** 2 for p in points])
        alone = problem.with_space(Space({"x": Float(0, 2)}))
        found = [p["x"] for p in many(alone, history)]
        assert np.median(np.abs(np.array(found) - 0.7)) < 0.1

    def test_a_parameter_that_the_history_does_not_know(self):
        problem = Problem(SQUARE)
        history = told(problem, sampled(SQUARE, 60), range(60))
        alone = problem.with_space(Space({"new": Float(0, 1)}))
        found = [p["new"] for p in many(alone, history)]
        assert np.ptp(found) > 0.8
        assert ask(alone, history)[0].why["how"] == "random"

    def test_values_from_beyond_narrower_bounds(self):
        problem = Problem(SQUARE)
        points = sampled(SQUARE, 60)
        history = told(problem, points, [p["x"] for p in points])
        upper = problem.with_space(SQUARE.narrow("x", low=0.6))
        found = [p["x"] for p in many(upper, history)]
        assert min(found) >= 0.6
        assert np.median(found) < 0.7

    def test_trials_that_the_space_cannot_place_are_left_out(self):
        problem = Problem(SQUARE)
        points = sampled(SQUARE, 60)
        history = told(problem, points, [p["x"] for p in points])
        closer = problem.with_space(Space({"x": Float(0.5, 1.0), "y": Float(0, 1)}))
        suggestion = ask(closer, history)[0]
        placed = sum(p["x"] >= 0.5 for p in points)
        assert suggestion.why["good"] + suggestion.why["bad"] == placed

    def test_retired_choices_are_not_proposed(self):
        space = Space({"c": Categorical(list("abcd")), "o": Categorical([1, 2, 3], ordered=True)})
        problem = Problem(space, duplicates="replicate")
        points = sampled(space, 40)
        history = told(problem, points, [p["c"] != "b" for p in points])
        fewer = problem.with_space(
            space.narrow("c", choices=["a", "d"]).narrow("o", choices=[1, 3])
        )
        found = many(fewer, history)
        assert {p["c"] for p in found} <= {"a", "d"}
        assert {p["o"] for p in found} <= {1, 3}


class TestConstraints:
    def test_where_the_good_trials_do_not_lead_it_takes_feasible_points(self):
        space = Space({"a": Int(0, 10**6), "b": Int(0, 9)}, constraints=["a % 1000 == b"])
        problem = Problem(space)
        rng = np.random.default_rng(0)
        points = [{"a": int(i) * 1000 + 3, "b": 3} for i in rng.integers(0, 1000, 12)]
        history = told(problem, points, [p["a"] for p in points])
        params, why = ask(problem, history)[0]
        space.check(params)
        assert why["drawn_from"] == "feasible points"

    def test_it_proposes_what_is_left_of_a_finite_space(self):
        space = Space({"a": Int(1, 4), "b": Categorical(list("xyz"))})
        problem = Problem(space)
        *tried, last = space.grid()
        assert ask(problem, told(problem, tried, range(11)))[0].params == last


class TestBadInput:
    def check(self, space, values, states=None, n=3):
        problem = Problem(space, seed=2)
        points = sampled(space, len(values))
        for suggestion in ask(problem, told(problem, points, values, states), n=n):
            space.check(suggestion.params)
            assert suggestion.why["how"] == "model"

    @pytest.mark.parametrize("value", [0.0, 1e300, 1e-300, -1.7e308])
    def test_a_constant_objective(self, value):
        self.check(SQUARE, [value] * 50)

    def test_losses_of_all_sizes(self):
        self.check(SQUARE, [10.0**e * s for e in range(-300, 301, 20) for s in (1, -1)])

    @pytest.mark.parametrize("state", [FAILED, INFEASIBLE, PRUNED])
    def test_nothing_has_a_result(self, state):
        self.check(SQUARE, [None] * 30, [state] * 30)

    def test_one_parameter(self):
        self.check(LINE, range(30))

    def test_two_hundred_parameters(self):
        space = Space({f"x{i}": Float(0, 1) if i % 2 else Int(0, 5) for i in range(200)})
        self.check(space, range(60))

    def test_a_million_choices(self):
        space = Space({"c": Categorical(range(10**6)), "x": Float(0, 1)})
        problem = Problem(space, seed=2)
        points = sampled(space, 300)
        history = told(problem, points, range(300))
        ask(problem, history)
        tracemalloc.start()
        try:
            ask(problem, history)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 10**7

    def test_thousands_of_identical_points(self):
        problem = Problem(SQUARE, seed=2)
        history = told(problem, [{"x": 0.25, "y": 0.75}] * 2000, range(2000))
        SQUARE.check(ask(problem, history)[0].params)

    def test_a_space_of_one_point(self):
        space = Space({"a": Int(3, 3), "b": Categorical(["only"])})
        problem = Problem(space)
        params, why = ask(problem, told(problem, [{"a": 3, "b": "only"}] * 12, range(12)))[0]
        assert params == {"a": 3, "b": "only"}
        assert why["how"] == "only"

    def test_permutations(self):
        self.check(Space({"order": Permutation(list("abcde"))}), range(30))


def test_a_first_suggestion_imports_no_scipy():
    code = (
        "import sys, luthier\n"
        "from luthier.samplers.tpe import TPE\n"
        "study = luthier.create_study({'x': luthier.Float(0, 1)}, sampler=TPE(n_startup=1))\n"
        "study.optimize(lambda p: p['x'], n_trials=3)\n"
        "assert len(study.trials) == 3\n"
        "assert 'scipy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
