# ruff: noqa: D102 - the names of tests say what they check
"""The promises of `luthier.samplers.base.Sampler` as tests, for whoever writes a sampler.

Derive a class from `SamplerContract` and give it the fixture it asks for::

    class TestMine(SamplerContract):
        @pytest.fixture
        def sampler(self):
            return Mine()
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luthier.errors import EmptySpace, SpaceExhausted
from luthier.model.events import Asked, Defined, Event, Told
from luthier.model.history import History
from luthier.model.ledger import Ledger
from luthier.model.problem import Objective, Problem
from luthier.model.trial import FINAL, Params, TrialState
from luthier.samplers.base import Chooser, Sampler, Suggestion
from luthier.samplers.registry import describe, make, name_of
from luthier.space import Categorical, Derived, Float, Forbid, Int, Permutation, Space, Subset
from luthier.testing.strategies import spaces

MIXED = Space(
    {
        "model": Categorical(["linear", "tree", "net"]),
        "alpha": Float(1e-6, 1.0, log=True, when={"model": "linear"}),
        "depth": Int(1, 12, when={"model": "tree"}),
        "leaf": Int(1, 64, log=True, when={"model": "tree"}),
        "layers": Int(1, 4, when={"model": "net"}),
        "width": Int(16, 256, log=True, step=2, when={"model": "net"}),
        "dropout": Float(0.0, 0.5, step=0.1, when="model == 'net' and layers > 1"),
        "size": Derived("layers * width"),
        "columns": Subset(["a", "b", "c"], min_size=1),
        "scale": Categorical([False, True]),
    },
    constraints=["leaf <= 2 ** depth", Forbid({"model": "linear", "scale": False})],
)
"""A space with everything that is hard: nesting, steps, a derived value, constraints."""

FINITE = Space({"a": Int(1, 4), "b": Categorical(["x", "y", "z"])})

_property = settings(
    deadline=None,
    max_examples=25,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.differing_executors,
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)


def history_of(
    problem: Problem, params: Sequence[Params], seed: int = 0, running: int = 0
) -> History:
    """Return a history in which these params were tried, with endings of all kinds.

    Parameters
    ----------
    problem : Problem
        What was tried.
    params : sequence of mapping
        One trial each.
    seed : int, default 0
        Chooses endings and values.
    running : int, default 0
        So many of the last trials have not ended.
    """
    rng = np.random.default_rng(seed)
    endings = sorted(FINAL, key=str)
    events: list[Event] = [Defined(problem)]
    for number, point in enumerate(params):
        events.append(Asked(number, point, len(events), "other", "owner"))
        if number >= len(params) - running:
            continue
        state = TrialState.COMPLETE if rng.random() < 0.7 else endings[rng.integers(4)]
        values = None
        if state is TrialState.COMPLETE:
            values = tuple(float(v) for v in rng.normal(size=len(problem.objectives)))
        events.append(Told(number, state, values))
    return Ledger().apply(events).snapshot()


class SamplerContract:
    """What every sampler promises. Give a fixture `sampler`.

    Attributes
    ----------
    objectives : int
        With how many objectives the sampler can deal at most.
    blind : bool
        Whether the sampler looks at no result; only such a one may leave a point unexplained.
    """

    objectives: ClassVar[int] = 3
    blind: ClassVar[bool] = False

    @pytest.fixture
    def sampler(self) -> Sampler:
        """Return the sampler."""
        raise NotImplementedError("give a fixture `sampler`")

    def suggest(
        self, sampler: Sampler, problem: Problem, history: History, number: int = 0, n: int = 1
    ) -> list[Suggestion]:
        """Ask for `n` points, and forbid warnings."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return list(sampler.suggest(problem, history, problem.rng(number), n))

    def test_is_a_frozen_dataclass_of_settings(self, sampler: Sampler) -> None:
        assert isinstance(sampler, Sampler)
        settings: Any = getattr(type(sampler), "__dataclass_params__", None)
        assert settings is not None
        assert settings.frozen

    def test_is_known_by_name(self, sampler: Sampler) -> None:
        spec = describe(sampler)
        assert make(json.loads(json.dumps(spec))) == sampler

    @pytest.mark.parametrize("space", [MIXED, FINITE], ids=["mixed", "finite"])
    @pytest.mark.parametrize("trials", [0, 1, 7, 40])
    def test_points_are_legal(self, sampler: Sampler, space: Space, trials: int) -> None:
        problem = Problem(space, seed=3)
        tried = space.sample(np.random.default_rng(1), min(trials, 6 if space.size else trials))
        history = history_of(problem, tried, running=min(2, len(tried)))
        for n in (1, 3):
            suggestions = self.suggest(sampler, problem, history, number=trials, n=n)
            assert len(suggestions) == n
            for suggestion in suggestions:
                space.check(suggestion.params)

    @pytest.mark.parametrize("trials", [0, 1, 7, 40])
    def test_points_are_explained(self, sampler: Sampler, trials: int) -> None:
        problem = Problem(MIXED, seed=3)
        history = history_of(problem, MIXED.sample(np.random.default_rng(1), trials))
        for _, why in self.suggest(sampler, problem, history, number=trials, n=3):
            # Equal is not enough: NumPy's numbers are, and look odd to people.
            assert repr(json.loads(json.dumps(why, allow_nan=False))) == repr(why)
            if why or not self.blind:
                assert isinstance(why["how"], str)

    def test_whom_it_leaves_the_work_to_is_told(self, sampler: Sampler) -> None:
        if not isinstance(sampler, Chooser):
            return
        problem = Problem(MIXED, seed=3)
        for trials in (0, 7, 40):
            history = history_of(problem, MIXED.sample(np.random.default_rng(1), trials))
            choice = sampler.choose(problem, history)
            assert sampler.choose(problem, history) == choice
            assert choice.because
            (suggestion,) = self.suggest(sampler, problem, history, number=trials)
            assert suggestion.why["sampler"] == name_of(describe(choice.sampler))

    @pytest.mark.parametrize("objectives", [1, 2, 3])
    def test_several_objectives(self, sampler: Sampler, objectives: int) -> None:
        if objectives > self.objectives:
            return
        names = [Objective(f"o{i}", "maximize" if i else "minimize") for i in range(objectives)]
        problem = Problem(MIXED, tuple(names), seed=3)
        history = history_of(problem, MIXED.sample(np.random.default_rng(1), 25))
        MIXED.check(self.suggest(sampler, problem, history)[0].params)

    @_property
    @given(spaces(), st.integers(0, 2**32 - 1), st.integers(0, 12))
    def test_any_space(self, sampler: Sampler, space: Space, seed: int, trials: int) -> None:
        problem = Problem(space, seed=seed)
        try:
            tried = space.sample(np.random.default_rng(seed), trials)
            point, _ = self.suggest(sampler, problem, history_of(problem, tried, seed))[0]
        except (EmptySpace, SpaceExhausted):
            return  # it said so
        assert space.contains(point)
        assert space.canonical(point) == point

    def test_is_a_function_of_its_arguments(self, sampler: Sampler) -> None:
        problem = Problem(MIXED, seed=5)
        tried = MIXED.sample(np.random.default_rng(2), 20)
        first = self.suggest(sampler, problem, history_of(problem, tried))
        # In between it sees something else, from which it must not learn in secret.
        other = Problem(FINITE, seed=9)
        self.suggest(sampler, other, history_of(other, []))
        assert self.suggest(sampler, problem, history_of(problem, tried)) == first

    def test_uses_only_the_generator_it_is_given(self, sampler: Sampler) -> None:
        problem = Problem(MIXED, seed=5)
        history = history_of(problem, MIXED.sample(np.random.default_rng(2), 20))
        state = np.random.get_state(legacy=False)  # noqa: NPY002 - to see that nobody touches it
        self.suggest(sampler, problem, history)
        after = np.random.get_state(legacy=False)  # noqa: NPY002
        np.testing.assert_equal(after, state)

    def test_knows_only_the_history_it_is_given(self, sampler: Sampler) -> None:
        problem = Problem(MIXED, seed=5)
        tried = MIXED.sample(np.random.default_rng(2), 20)
        events: list[Event] = [Defined(problem)]
        for number, point in enumerate(tried):
            events += [
                Asked(number, point, 0, "other", "owner"),
                Told(number, TrialState.COMPLETE, (float(number),)),
            ]
        early = Ledger().apply(events[:21]).snapshot()
        ledger = Ledger().apply(events[:21])
        snapshot = ledger.snapshot()
        ledger.apply(events[21:])
        ledger.snapshot().encoded()  # the columns have grown behind the snapshot's back
        expected = self.suggest(sampler, problem, early, number=10)
        assert self.suggest(sampler, problem, snapshot, number=10) == expected

    def test_what_it_remembers_may_be_forgotten(self, sampler: Sampler) -> None:
        problem = Problem(MIXED, seed=5)
        events: list[Event] = [Defined(problem)]
        for number, point in enumerate(MIXED.sample(np.random.default_rng(2), 24)):
            events += [
                Asked(number, point, 0, "other", "owner"),
                Told(number, TrialState.COMPLETE, (float(number),)),
            ]
        sizes = (1, 13, 25, 49)
        ledger = Ledger()
        grown = [ledger.apply(events[ledger.version : size]).snapshot() for size in sizes]
        expected = [self.suggest(sampler, problem, history, number=3) for history in grown]
        for history, points in zip(reversed(grown), reversed(expected), strict=True):
            assert self.suggest(sampler, problem, history, number=3) == points
        for size, points in zip(sizes, expected, strict=True):
            fresh = Ledger().apply(events[:size]).snapshot()
            assert self.suggest(sampler, problem, fresh, number=3) == points

    def test_a_space_of_one_point(self, sampler: Sampler) -> None:
        space = Space({"a": Int(3, 3), "b": Categorical(["only"])})
        problem = Problem(space, seed=1)
        point, _ = self.suggest(sampler, problem, history_of(problem, []))[0]
        assert point == {"a": 3, "b": "only"}

    def test_a_space_without_parameters(self, sampler: Sampler) -> None:
        problem = Problem(Space({}), seed=1)
        assert self.suggest(sampler, problem, history_of(problem, []))[0].params == {}

    def test_a_space_without_a_feasible_point(self, sampler: Sampler) -> None:
        space = Space({"a": Int(0, 9), "b": Int(0, 9)}, constraints=["a + b > 20"])
        problem = Problem(space, seed=1)
        with pytest.raises((EmptySpace, SpaceExhausted)):
            self.suggest(sampler, problem, history_of(problem, []))

    def test_a_narrower_space_than_the_history_s(self, sampler: Sampler) -> None:
        problem = Problem(MIXED, seed=5)
        history = history_of(problem, MIXED.sample(np.random.default_rng(2), 20))
        fixed = MIXED.freeze("model", "tree").freeze("depth", 5)
        point, _ = self.suggest(sampler, problem.with_space(fixed), history)[0]
        assert (point["model"], point["depth"]) == ("tree", 5)

    def test_many_parameters(self, sampler: Sampler) -> None:
        space = Space({f"p{i}": Permutation(["a", "b"]) for i in range(50)})
        problem = Problem(space, seed=1)
        history = history_of(problem, space.sample(np.random.default_rng(2), 5))
        space.check(self.suggest(sampler, problem, history)[0].params)
