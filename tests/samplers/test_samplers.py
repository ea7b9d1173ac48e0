"""What each sampler is for."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.stats import qmc

import luthier
from luthier.errors import EmptySpace, InvalidInput, InvalidParams
from luthier.samplers import Suggestion, registry
from luthier.samplers.qmc import Points
from luthier.samplers.random import Random

CONDITIONAL = {
    "model": luthier.Categorical(["svm", "tree"]),
    "kernel": luthier.Categorical(["rbf", "poly"], when={"model": "svm"}),
    "degree": luthier.Int(2, 4, when={"kernel": "poly"}),
    "depth": luthier.Int(1, 9, step=4, when={"model": "tree"}),
}
POINTS = [
    {"model": "svm", "kernel": "rbf"},
    {"model": "svm", "kernel": "poly", "degree": 2},
    {"model": "svm", "kernel": "poly", "degree": 3},
    {"model": "svm", "kernel": "poly", "degree": 4},
    {"model": "tree", "depth": 1},
    {"model": "tree", "depth": 5},
    {"model": "tree", "depth": 9},
]


def run(study, n):
    study.optimize(lambda trial: 0.0, n_trials=n)
    return [trial.params for trial in study.trials]


def test_the_grid_tries_every_combination_once():
    study = luthier.create_study(CONDITIONAL, sampler="grid", seed=1)
    assert run(study, 100) == POINTS
    assert "all 7 points" in study.stop_reason


def test_a_grid_in_two_processes_neither_repeats_nor_skips(tmp_path):
    study = luthier.create_study(
        CONDITIONAL, sampler="grid", seed=1, storage=str(tmp_path / "s.db")
    )
    study.optimize(lambda trial: 0.0, n_trials=3, n_jobs=2)
    again = luthier.load_study(storage=study.storage.url)
    again.optimize(lambda trial: 0.0, n_jobs=2)
    assert [trial.params for trial in again.trials] == POINTS


def test_a_grid_leaves_out_what_was_tried_otherwise():
    study = luthier.create_study(CONDITIONAL, sampler="grid", seed=1)
    study.enqueue_trial(POINTS[2])
    study.enqueue_trial({"model": "tree"})
    points = run(study, 100)
    assert points[0] == POINTS[2]
    assert points[1]["model"] == "tree"
    assert len(points) == 7
    assert all(point in points for point in POINTS)


def test_a_grid_over_continuous_parameters_needs_a_resolution():
    space = {"x": luthier.Float(0, 1), "y": luthier.Float(1, 100, log=True)}
    study = luthier.create_study(space, sampler="grid", seed=1)
    with pytest.raises(InvalidInput, match="x"):
        study.ask()
    study.sampler = luthier.Grid(resolution={"x": 2, "y": 3})
    assert run(study, 100) == [{"x": x, "y": y} for x in (0.0, 1.0) for y in (1.0, 10.0, 100.0)]
    assert study.trials[0].by == {"name": "grid", "resolution": {"x": 2, "y": 3}}


def test_a_grid_honours_constraints():
    space = luthier.Space({"a": luthier.Int(1, 3), "b": luthier.Int(1, 3)}, constraints=["a < b"])
    study = luthier.create_study(space, sampler="grid", seed=1)
    assert run(study, 100) == [{"a": 1, "b": 2}, {"a": 1, "b": 3}, {"a": 2, "b": 3}]


@pytest.mark.parametrize("kind", ["sobol", "halton"])
def test_quasi_random_points_are_more_even_than_random_ones(kind):
    space = {"x": luthier.Float(0, 1), "y": luthier.Float(0, 1)}
    study = luthier.create_study(space, sampler={"name": "qmc", "kind": kind}, seed=1)
    points = np.array([list(params.values()) for params in run(study, 64)])
    study = luthier.create_study(space, sampler="random", seed=1)
    random = np.array([list(params.values()) for params in run(study, 64)])
    assert qmc.discrepancy(points) < qmc.discrepancy(random) / 4


def test_quasi_random_search_follows_priors_and_constraints():
    space = luthier.Space(
        {"x": luthier.Float(prior=luthier.Normal(5, 2)), "y": luthier.Float(0, 1)},
        constraints=["x > 5"],
    )
    study = luthier.create_study(space, sampler="qmc", seed=1)
    values = [params["x"] for params in run(study, 200)]
    assert min(values) > 5
    # The upper half of a normal distribution has its mean at sqrt(2 / pi) deviations.
    assert np.mean(values) == pytest.approx(5 + 2 * np.sqrt(2 / np.pi), abs=0.1)


def test_a_sequence_without_feasible_points_ends():
    space = luthier.Space({"x": luthier.Float(0, 1)}, constraints=["x > 2"])
    study = luthier.create_study(space, sampler="qmc", seed=1)
    for _ in range(2):
        with pytest.raises(EmptySpace, match="sequence"):
            study.ask()


def test_threads_that_share_a_sequence_get_the_same_points():
    space = luthier.Space({"x": luthier.Float(0, 1)}, constraints=["x < 0.3"])
    alone = Points(space, "sobol", 1)
    expected = [alone.at(index) for index in range(0, 2000, 50)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # let threads take turns as often as possible
    try:
        for _ in range(5):
            shared = Points(space, "sobol", 1)
            with ThreadPoolExecutor(4) as pool:
                assert list(pool.map(shared.at, range(0, 2000, 50))) == expected
    finally:
        sys.setswitchinterval(interval)


def test_the_sequence_goes_on_after_a_restart(tmp_path):
    path = str(tmp_path / "s.db")
    space = {"x": luthier.Float(0, 1)}
    whole = run(luthier.create_study(space, sampler="qmc", seed=1), 20)
    study = luthier.create_study(space, sampler="qmc", seed=1, storage=path)
    run(study, 7)
    assert run(luthier.load_study(storage=path), 13) == whole


def test_random_search_draws_half_of_the_trials_from_beliefs():
    belief = luthier.Around(3e-4, factor=1.5)
    space = luthier.Space({"lr": luthier.Float(1e-6, 1, log=True, belief=belief)})

    def share_near(sampler):
        study = luthier.create_study(space, sampler=sampler, seed=1)
        values = np.array([params["lr"] for params in run(study, 400)])
        return np.mean((values > 1e-4) & (values < 9e-4))

    everywhere = share_near(Random(belief_share=0))
    assert everywhere == pytest.approx(np.log(9) / np.log(1e6), abs=0.05)
    assert share_near(Random(belief_share=1)) > 0.95
    assert share_near(Random()) == pytest.approx((1 + everywhere) / 2, abs=0.08)


def test_beliefs_that_the_constraints_rule_out_are_ignored():
    belief = luthier.Around(0.1, sd=0.001)
    space = luthier.Space({"x": luthier.Float(0, 1, belief=belief)}, constraints=["x > 0.5"])
    study = luthier.create_study(space, sampler=Random(belief_share=1), seed=1)
    assert all(params["x"] > 0.5 for params in run(study, 20))


def test_given_points_in_order():
    points = [{"model": "tree", "depth": 5}, {"model": "svm", "kernel": "rbf"}]
    study = luthier.create_study(CONDITIONAL, sampler=luthier.Fixed(points), seed=1)
    assert run(study, 10) == points
    assert "all 2 given points" in study.stop_reason
    wrong = luthier.Fixed([{"model": "tree", "depth": 6}])
    study = luthier.create_study(CONDITIONAL, sampler=wrong, seed=1)
    with pytest.raises(InvalidParams, match="depth"):
        study.ask()


def test_samplers_are_described_and_made_by_name():
    assert registry.describe(luthier.QMC()) == "qmc"
    assert registry.describe(luthier.QMC("halton")) == {"name": "qmc", "kind": "halton"}
    assert registry.make({"name": "qmc", "kind": "halton"}) == luthier.QMC("halton")
    assert {"random", "grid", "qmc", "fixed"} <= set(registry.names())
    with pytest.raises(InvalidInput, match="did you mean 'random'"):
        registry.make("randon")
    with pytest.raises(InvalidInput, match="sobol"):
        luthier.QMC("latin")
    with pytest.raises(InvalidInput, match="belief_share"):
        Random(belief_share=2)


def test_the_sampler_may_change_during_the_study():
    study = luthier.create_study({"x": luthier.Float(0, 1)}, sampler="random", seed=1)
    run(study, 2)
    study.sampler = "qmc"
    run(study, 2)
    assert [trial.by for trial in study.trials] == ["random", "random", "qmc", "qmc"]


def test_a_sampler_that_leaves_the_space_is_found_out():
    class Rogue:
        def suggest(self, problem, history, rng, n=1):
            return [Suggestion({"x": 5.0})] * n

    study = luthier.create_study({"x": luthier.Float(0, 1)}, seed=1)
    study.sampler = Rogue()
    with pytest.raises(InvalidParams, match="x"):
        study.ask()
    assert study.trials == []


def test_a_sampler_of_another_package_is_found_by_its_entry_point(tmp_path, monkeypatch):
    (tmp_path / "other.py").write_text(
        "from dataclasses import dataclass\n"
        "from luthier.samplers import Suggestion\n"
        "@dataclass(frozen=True)\n"
        "class Middle:\n"
        "    place: float = 0.5\n"
        "    def suggest(self, problem, history, rng, n=1):\n"
        "        return [Suggestion({'x': self.place})] * n\n"
    )
    about = tmp_path / "other-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    entries = "[luthier.samplers]\nedge = other:Edge\nmiddle = other:Middle\n"
    (about / "entry_points.txt").write_text(entries)
    monkeypatch.syspath_prepend(tmp_path)
    assert "middle" in registry.names()
    sampler = registry.make({"name": "middle", "place": 0.25})
    assert registry.describe(sampler) == {"name": "middle", "place": 0.25}
    study = luthier.create_study({"x": luthier.Float(0, 1)}, sampler="middle", seed=1)
    assert dict(study.ask().params) == {"x": 0.5}
