"""What scikit-learn's words mean as a space."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.model_selection import ParameterGrid
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from luthier import Beta, Categorical, Float, Int, LogNormal, Normal, Space, Subset
from luthier.errors import InvalidSpace
from luthier.integrations.sklearn.distributions import candidates

DRAWS = 400


@pytest.mark.parametrize(
    ("given", "param"),
    [
        (stats.uniform(2, 3), Float(2.0, 5.0)),
        (stats.loguniform(1e-3, 10), Float(1e-3, 10.0, log=True)),
        (stats.randint(1, 5), Int(1, 4)),
        (stats.randint(low=1, high=5, loc=2), Int(3, 6)),
        (stats.norm(1, 2), Float(prior=Normal(1.0, 2.0))),
        (stats.truncnorm(-1, 2, loc=5, scale=2), Float(3.0, 9.0, prior=Normal(5.0, 2.0))),
        (stats.lognorm(0.5, scale=np.e), Float(prior=LogNormal(1.0, 0.5))),
        (stats.beta(2, 3, loc=1, scale=4), Float(1.0, 5.0, prior=Beta(2.0, 3.0))),
        (stats.bernoulli(0.25), Categorical([0, 1], ordered=True, weights=[0.75, 0.25])),
        ([0.1, 1, 10], Categorical([0.1, 1, 10], ordered=True)),
        ([3, 1, 2], Categorical([3, 1, 2])),
        (["a", None], Categorical(["a", None])),
        (np.array([1, 2]), Categorical([1, 2])),
        (Int(1, 8, log=True), Int(1, 8, log=True)),
    ],
    ids=str,
)
def test_what_is_known_becomes_a_parameter(given: Any, param: Any) -> None:
    assert candidates({"a": given}).space == Space({"a": param})


@pytest.mark.parametrize(
    "distribution",
    [
        stats.uniform(2, 3),
        stats.loguniform(1e-3, 10),
        stats.norm(1, 2),
        stats.truncnorm(-1, 2, loc=5, scale=2),
        stats.lognorm(0.5, scale=2),
        stats.beta(2, 3, loc=1, scale=4),
        stats.expon(scale=3),
        stats.gamma(2, loc=1),
        stats.rayleigh(),
    ],
    ids=lambda d: d.dist.name,
)
def test_draws_have_the_distribution(distribution: Any) -> None:
    found = candidates({"a": distribution})
    points = found.space.sample(np.random.default_rng(0), DRAWS)
    values = [found.params(point)["a"] for point in points]
    assert stats.kstest(values, distribution.cdf).pvalue > 0.01


def test_a_discrete_distribution_keeps_its_values() -> None:
    found = candidates({"a": stats.poisson(3)})
    points = found.space.sample(np.random.default_rng(0), DRAWS)
    values = [found.params(point)["a"] for point in points]
    assert all(float(value).is_integer() for value in values)
    assert abs(np.mean(values) - 3) < 0.3


class Pairs:
    """Something that only has a method rvs, and draws no numbers."""

    def rvs(self, random_state: Any = None) -> tuple[float, float]:
        rng = np.random.RandomState(random_state)
        return tuple(rng.uniform(size=2))


def test_what_can_only_be_drawn_is_drawn() -> None:
    found = candidates({"a": Pairs()})
    first, second = found.space.sample(np.random.default_rng(0), 2)
    assert len(found.params(first)["a"]) == 2
    assert found.params(first) == found.params(first)
    assert found.params(first) != found.params(second)


def test_objects_come_back_as_they_were() -> None:
    svc, tree, array = SVC(), DecisionTreeClassifier(), np.arange(3)
    found = candidates({"a": [svc, tree, "passthrough", array, SVC(C=2)]})
    labels = found.space.params["a"].choices
    assert labels[:3] == ("SVC", "DecisionTreeClassifier", "passthrough")
    values = [found.params({"a": label})["a"] for label in labels]
    assert values[0] is svc
    assert values[3] is array
    assert values[4].C == 2


@pytest.mark.parametrize(
    "grid",
    [
        {"b": [1, 2, 3], "a": ["x", "y"]},
        {"a": [1, 1, True, 1.0]},
        {"a": [1], "b": [2]},
        {},
        [{"k": ["linear"], "C": [1, 2]}, {"k": ["rbf"], "C": [1, 2], "g": [0.1, 0.2]}],
        [{"k": ["a", "b"]}, {"k": ["c", "a"]}, {}],
        {"a": [[1], [2, 3]], "b": [(1, 2), (1,)]},
        {"a": [float("nan"), float("inf"), None]},
    ],
    ids=str,
)
def test_a_grid_is_scikit_learn_s_in_its_order(grid: Any) -> None:
    found = candidates(grid, grid=True)
    ours = [found.params(point) for point in found.space.grid()]
    assert repr([sorted(p.items()) for p in ours]) == repr(
        [sorted(p.items()) for p in ParameterGrid(grid)]
    )


def test_what_alternatives_have_in_common_is_one_parameter() -> None:
    found = candidates(
        [
            {"kernel": ["linear"], "C": stats.loguniform(1, 10)},
            {"kernel": ["rbf"], "C": stats.loguniform(1, 10), "gamma": Float(0, 1)},
            {"kernel": ["poly"], "C": Float(5, 6), "degree": [2, 3, 4]},
        ]
    )
    assert list(found.space.params) == ["alternative", "C", "C@1", "degree", "gamma"]
    for point in found.space.sample(np.random.default_rng(0), 50):
        params = found.params(point)
        extra = {"linear": set(), "rbf": {"gamma"}, "poly": {"degree"}}[params["kernel"]]
        assert params.keys() == {"kernel", "C"} | extra
        assert params["kernel"] != "poly" or 5 <= params["C"] <= 6


def test_conditions_name_estimators_by_their_class() -> None:
    found = candidates(
        {
            "model": [SVC(), DecisionTreeClassifier()],
            "model__C": Float(1, 10, when={"model": "SVC"}),
            "model__max_depth": Int(1, 9, when={"model": "DecisionTreeClassifier"}),
        }
    )
    for point in found.space.sample(np.random.default_rng(0), 20):
        params = found.params(point)
        kind = "model__C" if isinstance(params["model"], SVC) else "model__max_depth"
        assert params.keys() == {"model", kind}


def test_a_space_is_taken_as_it_is() -> None:
    space = Space({"a": Subset(["x", "y"], min_size=1), "b": Int(1, 3)}, constraints=["b < 3"])
    found = candidates(space)
    assert found.space is space
    assert found.params({"a": ("x",), "b": 1}) == {"a": ("x",), "b": 1}


@pytest.mark.parametrize(
    ("given", "grid", "error", "message"),
    [
        ({"a": 1.0}, True, TypeError, "needs to be a list"),
        ({"a": "abc"}, True, TypeError, "needs to be a list"),
        ({"a": []}, True, ValueError, "non-empty"),
        ({"a": np.ones((2, 2))}, True, ValueError, "one-dimensional"),
        ([{"a": [1]}, "b"], True, TypeError, "not a dict"),
        ({"a": 1.0}, False, TypeError, "not iterable"),
        ({"a": []}, False, ValueError, "at least one value"),
        (3, False, TypeError, "not a dict or a list"),
        ([{"a": [1]}, {"b": Float(0, 1, when={"a": 1})}], False, InvalidSpace, "several dicts"),
    ],
    ids=str,
)
def test_bad_input_gets_scikit_learn_s_exception(
    given: Any, grid: bool, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        candidates(given, grid=grid)
