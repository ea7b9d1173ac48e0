"""The benchmark's problems are what they say: legal, repeatable, no better than their optimum."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from benchmarks.problems import KINDS, Measured, Problem, Progress, best_of, every, hypervolume
from benchmarks.problems.functions import (
    ACKLEY,
    BRANIN,
    GRIEWANK,
    HARTMANN3,
    HARTMANN6,
    LEVY,
    RASTRIGIN,
    ROSENBROCK,
    STYBLINSKI,
    Known,
    Placed,
)
from benchmarks.problems.lookup import table
from benchmarks.problems.ours import Ours, make_sampler, space_of
from benchmarks.problems.records import random_search, relative
from benchmarks.problems.runs import run, run_in_flight
from benchmarks.problems.spaces import (
    Spec,
    check,
    choice,
    integer,
    ordered,
    quantile,
    real,
    to_unit,
    violations,
)
from hypothesis import given
from hypothesis import strategies as st

PROBLEMS = list(every().values())
SPECS = [
    real(1e-5, 10.0, log=True),
    real(-3.0, 5.0),
    real(0.0, 0.9, step=0.1),
    integer(3, 17),
    integer(1, 1000, log=True),
    choice("a", None, True),
    ordered(16, 32, 64),
]


def test_each_kind_is_shared_equally_between_the_halves() -> None:
    counts = Counter((problem.kind, problem.split) for problem in PROBLEMS)
    assert len(PROBLEMS) >= 36
    for kind in KINDS:
        assert counts[kind, "tune"] == counts[kind, "check"] >= 3


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_a_problem(problem: Problem) -> None:
    rng = np.random.default_rng(1)
    progress = Progress(problem)
    space = space_of(problem)
    for seed in range(40):
        params = problem.sample(rng)
        outcome = problem.evaluate(params, seed)
        assert problem.evaluate(params, seed) == outcome
        progress.add(outcome)
        space.check(params)
    for params in space.sample(rng, 40):
        check(problem.space, params)
        assert problem.allows(params)
        outcome = problem.evaluate(params)
        if len(problem.directions) == 1 and outcome.eligible:
            assert outcome.truth is not None
            assert problem.signs[0] * (outcome.truth[0] - best_of(problem)) >= -1e-9
    assert progress.regret >= 0


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_random_search_is_on_record_and_leaves_something_to_win(problem: Problem) -> None:
    median = random_search()[problem.name]["median"]
    assert 0 < median["50"] <= median["20"] * 1.2  # by luck a noisy one gets worse
    assert relative(median["50"], problem.name, 50) == 1


@pytest.mark.parametrize(
    ("known", "d"),
    [
        (BRANIN, 2), (HARTMANN3, 3), (HARTMANN6, 6), (ACKLEY, 5), (RASTRIGIN, 3), (LEVY, 8),
        (ROSENBROCK, 4), (GRIEWANK, 6), (STYBLINSKI, 5),
    ],
)  # fmt: skip
def test_an_optimum_is_where_it_is_placed(known: Known, d: int) -> None:
    placed = Placed(known, d, "somewhere")
    assert placed(placed.optimum) == pytest.approx(known.value, abs=1e-5)
    nearby = placed.optimum + 0.01 * np.random.default_rng(0).normal(size=(200, d))
    assert min(map(placed, nearby)) >= known.value - 1e-9
    assert ((placed.optimum > 0.1) & (placed.optimum < 0.9)).all()


@given(st.sampled_from(SPECS), st.floats(0, 1))
def test_units_and_values(spec: Spec, unit: float) -> None:
    value = quantile(spec, unit)
    check({"p": spec}, {"p": value})
    assert 0 <= to_unit(spec, value) <= 1
    if spec["type"] == "float" and not spec["step"]:
        assert quantile(spec, to_unit(spec, value)) == pytest.approx(value)


@pytest.mark.parametrize("spec", [integer(3, 6), ordered(1, 2, 4), choice("a", "b"), SPECS[2]])
def test_levels_are_equally_likely(spec: Spec) -> None:
    drawn = Counter(quantile(spec, unit) for unit in (np.arange(1200) + 0.5) / 1200)
    assert len(set(drawn.values())) == 1
    assert {to_unit(spec, min(drawn)), to_unit(spec, max(drawn))} == {0.0, 1.0}


@pytest.mark.parametrize("wrong", [{"x": 2.0}, {}, {"x": 0.5, "y": 1}])
def test_what_is_outside_of_the_space_is_refused(wrong: dict[str, float]) -> None:
    problem = Problem("p", "synthetic", {"x": real(0, 1)}, lambda params: params["x"], "tune")
    with pytest.raises(ValueError, match=r"allowed|active"):
        problem.evaluate(wrong)


def test_a_table_is_exact_at_its_levels_and_linear_between() -> None:
    recorded = table("svm_digits")
    c, gamma = (axis["levels"] for axis in recorded.axes)
    losses = recorded.measures["loss"]
    assert recorded.loss({"C": c[3], "gamma": gamma[7]}) == pytest.approx(losses[3, 7])
    between = {"C": (c[3] * c[4]) ** 0.5, "gamma": gamma[7]}
    assert recorded.loss(between) == pytest.approx(losses[3:5, 7].mean())


coordinates = st.integers(0, 6).map(float)


@given(st.sampled_from([2, 3]).flatmap(lambda m: st.lists(st.tuples(*[coordinates] * m))))
def test_the_hypervolume_counts_the_cells_that_are_dominated(
    points: list[tuple[float, ...]],
) -> None:
    reference = (5.0, 4.0, 5.0)[: len(points[0]) if points else 2]
    cells = itertools.product(*(range(int(r)) for r in reference))
    dominated = sum(
        any(all(p <= c for p, c in zip(point, cell, strict=True)) for point in points)
        for cell in cells
    )
    assert hypervolume(points, reference) == dominated


def _followed(values: list[Measured], **options: object) -> list[float]:
    """Return the regrets of a run that is told these in turn."""
    queue = iter(values)
    known = Problem("branin", "synthetic", {}, lambda params: next(queue), "tune", **options)
    progress = Progress(known)
    return [progress.add(known.evaluate({})) for _ in values]


def test_regret_is_that_of_the_best_eligible_trial() -> None:
    told = [
        Measured((5.0,), {"cost": 2.0}),
        Measured((3.0,), {"cost": 0.5}),
        Measured((1.0,), {"cost": 2.0}),
        Measured((float("nan"),), {"cost": 0.0}),
        Measured((2.0,), {"cost": 1.0}),
    ]
    nothing, *regrets = _followed(told, limits={"cost": 1.0}, best=0.5)
    assert nothing > 100  # nothing is eligible: as bad as a bad configuration
    assert regrets == [2.5, 2.5, 2.5, 1.5]


def test_a_noisy_problem_is_judged_by_the_true_value_of_what_looked_best() -> None:
    lucky = iter([0.0, -9.0, 0.0])
    regrets = _followed(
        [Measured((3.0,)), Measured((7.0,)), Measured((1.0,))],
        best=1.0,
        noise=lambda params, truth, rng: (truth[0] + next(lucky),),
    )
    assert regrets == [2.0, 6.0, 6.0]


def test_proposals_beyond_a_known_constraint_cost_no_trial() -> None:
    problem = Problem(
        "branin", "synthetic", {"x": integer(0, 9)}, lambda params: float(params["x"]), "tune",
        constraints=("x >= 5",), best=0.0,
    )  # fmt: skip

    class Rising:
        def __init__(self) -> None:
            self.at = -1
            self.told: list[bool] = []

        def ask(self) -> dict[str, int]:
            self.at += 1
            return {"x": self.at}

        def tell(self, params: object, outcome: object) -> None:
            self.told.append(outcome.values is not None)  # type: ignore[attr-defined]

    tuner = Rising()
    records = list(run(problem, tuner, seed=0, trials=3))
    assert [record.values for record in records] == [(5.0,), (6.0,), (7.0,)]
    assert tuner.told == [False] * 5 + [True] * 3


def test_a_violation_is_the_distance_to_what_is_allowed() -> None:
    rules = ("a + b <= 1", "a <= 0.5 or b <= 0", "c <= 0")
    assert violations(rules, {"a": 0.25, "b": 0.5}) == [0.0, 0.0, 0.0]
    assert violations(rules, {"a": 1.0, "b": 0.5, "c": -1}) == [0.5, 1.0, 0.0]


def test_a_single_trial_in_flight_is_a_run_in_sequence() -> None:
    problem = every()["branin"]

    def tuner() -> Ours:
        return Ours(problem, make_sampler("tpe", {}), seed=3)

    alone = [record.values for record in run_in_flight(problem, tuner(), 3, 20, in_flight=1)]
    assert alone == [record.values for record in run(problem, tuner(), 3, 20)]
    side_by_side = [record.values for record in run_in_flight(problem, tuner(), 3, 20, in_flight=4)]
    assert len(side_by_side) == 20
    assert side_by_side != alone  # from the eleventh on, suggestions know less
