"""What the Gaussian process sampler does beyond the promises of all samplers."""

import numpy as np
import pytest

import luthier
from luthier.errors import InvalidInput
from luthier.samplers.gp import GP
from luthier.space import Around, Categorical, Float, Int, Space
from luthier.study.replay import replay_all

SMALL = {"members": 2, "steps": 2, "candidates": 64, "starts": 2}


def study_of(space, seed=0, **arguments):
    return luthier.create_study(space, sampler=GP(**SMALL), seed=seed, **arguments)


def run(study, objective, n):
    for _ in range(n):
        trial = study.ask()
        study.tell(trial, objective(trial.params))
    return study


def test_it_finds_the_optimum_of_a_smooth_function_in_few_trials():
    space = Space({"x": Float(-5, 10), "y": Float(0, 15)})

    def branin(p):
        x, y = p["x"], p["y"]
        bowl = (y - 5.1 / (4 * np.pi**2) * x * x + 5 / np.pi * x - 6) ** 2
        return bowl + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10

    bests = [run(study_of(space, seed), branin, 30).best_value for seed in range(5)]
    assert np.median(bests) < 0.397887 + 0.01


def test_it_shares_what_it_learns_between_choices_and_still_tries_each():
    space = Space(
        {
            "rate": Float(1e-5, 1, log=True),
            "layers": Int(1, 8),
            "optimizer": Categorical(["adam", "sgd", "rmsprop", "lion"]),
        }
    )

    def loss(p):
        lift = {"adam": 0.2, "sgd": 0.4, "rmsprop": 0.0, "lion": 0.5}[p["optimizer"]]
        return lift + 0.1 * (np.log10(p["rate"]) + 3) ** 2 + 0.02 * (p["layers"] - 3) ** 2

    study = run(study_of(space), loss, 30)
    assert study.best_params["optimizer"] == "rmsprop"
    assert study.best_value < 0.02
    assert {t.params["optimizer"] for t in study.trials} == {"adam", "sgd", "rmsprop", "lion"}


def test_why_tells_what_was_expected_in_the_objective_s_own_direction():
    space = Space({"x": Float(0, 1)})
    study = study_of(space, direction="maximize")
    run(study, lambda p: 100 - 50 * (p["x"] - 0.4) ** 2, 12)
    trial = study.ask()
    why = trial.why
    assert why["how"] == "model"
    low, high = why["interval"]
    assert low <= why["expected"] <= high
    assert abs(why["expected"] - (100 - 50 * (trial.params["x"] - 0.4) ** 2)) < 1.0
    assert 0 <= why["explore"] <= 1
    assert len(why["near"]) == 3
    distances = [abs(t.params["x"] - trial.params["x"]) for t in study.trials[:12]]
    assert why["near"][0] == int(np.argmin(distances))


def test_running_trials_are_not_proposed_again():
    space = Space({"x": Float(0, 1), "y": Float(0, 1)})
    study = run(study_of(space), lambda p: (p["x"] - 0.5) ** 2 + (p["y"] - 0.5) ** 2, 12)
    points = [study.ask().params for _ in range(8)]
    array = np.array([[p["x"], p["y"]] for p in points])
    gaps = np.linalg.norm(array[:, None] - array[None], axis=-1)[np.triu_indices(8, 1)]
    assert np.mean(gaps > 0.005) > 0.8


def test_hundreds_that_begin_at_once_try_different_points():
    study = study_of(Space({"x": Float(0, 1), "y": Float(0, 1)}))
    begun = [study.ask().params for _ in range(150)]
    assert len({tuple(params.values()) for params in begun}) == 150


def test_limits_are_learnt():
    space = Space({"x": Float(0, 1), "y": Float(0, 1)})
    study = study_of(space, limits=["latency <= 0.5"])
    for _ in range(25):
        trial = study.ask()
        p = trial.params
        study.tell(trial, -p["x"] - p["y"], metrics={"latency": p["x"] ** 2 + p["y"] ** 2})
    assert study.best_value < -0.9  # the optimum is -1


def test_what_turns_out_to_be_infeasible_is_avoided():
    space = Space({"x": Float(0, 1), "y": Float(0, 1)})
    study = study_of(space)
    for _ in range(17):
        trial = study.ask()
        if trial.params["x"] > 0.6:
            study.tell(trial, state="INFEASIBLE")
        else:
            # Rising towards where trials turn out to be infeasible, with the optimum before it.
            study.tell(
                trial,
                -trial.params["x"]
                - max(trial.params["x"] - 0.5, 0) * -9
                + (trial.params["y"] - 0.2) ** 2,
            )
    late = [t.state.name for t in study.trials[5:]]
    assert late.count("INFEASIBLE") <= 3  # two in five of all points are
    assert study.best_value < -0.4


def test_no_infeasible_point_under_known_constraints():
    space = Space(
        {"a": Int(1, 64, log=True), "b": Int(1, 64, log=True), "c": Categorical(["u", "v", "w"])},
        constraints=["a * b <= 128", "c != 'w' or a < b"],
    )
    study = run(study_of(space), lambda p: -p["a"] - p["b"], 40)
    assert all(space.contains(trial.params) for trial in study.trials)
    assert study.best_value == -66  # 2 and 64


def test_a_finite_space_is_searched_without_repetition():
    space = Space({"a": Int(1, 5), "b": Categorical(["x", "y", "z"])})
    study = run(study_of(space), lambda p: p["a"], 15)
    assert len({tuple(t.params.items()) for t in study.trials}) == 15


def test_cost_is_weighed_against_improvement():
    space = Space({"x": Float(0, 1), "size": Float(0, 1)})
    dear, cheap = [], []
    for costs, sizes in ((True, cheap), (False, dear)):
        study = study_of(space)
        for _ in range(25):
            trial = study.ask()
            p = trial.params
            cost = 100 ** p["size"] if costs else None
            study.tell(trial, (p["x"] - 0.3) ** 2, cost=cost)
        sizes += [t.params["size"] for t in study.trials[8:]]
    assert np.mean(cheap) < np.mean(dear) - 0.2


def test_a_belief_helps_where_it_is_right_and_fades_where_it_is_wrong():
    def space(at):
        return Space({f"x{i}": Float(0, 1, belief=Around(at, sd=0.05)) for i in range(4)})

    def loss(p):
        return sum((v - 0.8) ** 2 for v in p.values())

    right = [run(study_of(space(0.8), s), loss, 8).best_value for s in range(3)]
    wrong = [run(study_of(space(0.2), s), loss, 30).best_value for s in range(3)]
    assert np.median(right) < 0.02
    assert np.median(wrong) < 0.02


def test_several_objectives_fill_the_front():
    space = Space({"x": Float(0, 1), "y": Float(0, 1)})
    study = study_of(space, directions=["minimize", "maximize"])
    run(study, lambda p: (p["x"] ** 2 + p["y"], 1 - (p["x"] - 1) ** 2 - p["y"]), 30)
    front = study.best_trials
    assert len(front) >= 10
    assert all(t.params["y"] < 0.1 for t in front)
    assert len(study.trials[-1].why["expected"]) == 2


def test_four_objectives():
    space = Space({f"x{i}": Float(0, 1) for i in range(3)})
    study = study_of(space, directions=["minimize"] * 4)
    run(study, lambda p: (p["x0"], p["x1"], p["x2"], 3 - sum(p.values())), 12)
    assert study.trials[-1].why["how"] == "model"


def test_noise_is_seen_and_the_recommendation_is_not_the_luckiest():
    space = Space({"x": Float(0, 1)})
    rng = np.random.default_rng(0)
    study = run(study_of(space), lambda p: (p["x"] - 0.5) ** 2 + 0.1 * rng.normal(), 40)
    found = study.recommend()
    assert found.noise > 0.1
    assert abs(found.trial.params["x"] - 0.5) < 0.25
    assert found.value > study.best_value
    assert found.interval[0] < found.value < found.interval[1]
    assert any(trial.why["how"] == "replicate" for trial in study.trials)


def test_without_noise_the_best_trial_is_recommended():
    study = run(study_of(Space({"x": Float(0, 1)})), lambda p: (p["x"] - 0.5) ** 2, 15)
    assert study.recommend().trial.value < study.best_value + 1e-6


def test_bent_axes_help_where_a_function_is_rough_at_one_end():
    def loss(params):
        return np.sin(14 * params["x"] ** 6) + (params["y"] - 0.3) ** 2

    space = {"x": Float(0, 1), "y": Float(0, 1)}
    found = {}
    for bend in (0.0, 0.5):
        study = luthier.create_study(space, sampler=GP(**SMALL, bend=bend), seed=2)
        study.optimize(lambda trial: loss(trial.params), n_trials=32)
        found[bend] = [trial.params for trial in study.trials]
        assert study.best_value < -0.99
    # Until there is enough to learn from, both go the same way.
    assert found[0.0][:20] == found[0.5][:20]
    assert found[0.0] != found[0.5]


def test_nothing_to_recommend():
    study = study_of(Space({"x": Float(0, 1)}))
    assert study.recommend() is None
    several = study_of(Space({"x": Float(0, 1)}), directions=["minimize", "maximize"])
    with pytest.raises(InvalidInput, match="one objective"):
        several.recommend()


def test_many_trials_are_searched_locally():
    space = Space({"x": Float(0, 1), "y": Float(0, 1), "c": Categorical(["a", "b"])})
    sampler = GP(**SMALL, most=40)
    study = luthier.create_study(space, sampler=sampler, seed=0)
    run(study, lambda p: (p["x"] - 0.7) ** 2 + (p["y"] - 0.1) ** 2 + (p["c"] == "a"), 80)
    late = study.trials[50:]
    assert np.mean([abs(t.params["x"] - 0.7) for t in late]) < 0.3
    assert study.best_value < 1e-4


SHARED = Space({"x": Float(0, 1), "y": Float(0, 1), "c": Categorical(["a", "b", "c"])})


def bowl(p):
    return (p["x"] - 0.8) ** 2 + (p["y"] - 0.15) ** 2 + (p["c"] != "c") * 0.3


def after_transfer(source, n, seeds=4):
    """Return the best value after some trials, the median over seeds."""
    bests = []
    for seed in range(seeds):
        study = study_of(SHARED, seed)
        if source is not None:
            earlier = luthier.create_study(SHARED, sampler="random", seed=100 + seed)
            study.transfer_from(run(earlier, source, 40), n_start=1)
        bests.append(run(study, bowl, n).best_value)
    return np.median(bests)


def test_related_studies_help_and_unrelated_ones_do_not_hurt_for_long():
    alone = after_transfer(None, 5)
    assert after_transfer(lambda p: 10 + 5 * bowl(p), 5) < 0.5 * alone
    assert after_transfer(lambda p: -bowl(p), 25) < 0.01
    assert after_transfer(lambda p: hash((p["x"], p["y"])) % 1000, 25) < 0.01


def test_suggestions_after_a_transfer_can_be_computed_again():
    earlier = run(luthier.create_study(SHARED, sampler="random", seed=1), bowl, 30)
    study = study_of(SHARED)
    run(study, bowl, 4)
    study.transfer_from(earlier)
    run(study, bowl, 8)
    assert all(replayed.same in (True, None) for replayed in replay_all(study))


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"n_startup": 0}, "n_startup"),
        ({"members": 1.5}, "members"),
        ({"warps": ()}, "warps"),
        ({"warps": ("log",)}, "warps"),
        ({"volume_warp": "log"}, "volume_warp"),
        ({"kernel": "rbf"}, "kernel"),
        ({"length": 0.0}, "length"),
        ({"explore_every": -1}, "explore_every"),
    ],
)
def test_settings_are_checked(settings, name):
    with pytest.raises(InvalidInput, match=name):
        GP(**settings)
