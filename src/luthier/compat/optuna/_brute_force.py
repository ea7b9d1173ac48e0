"""Every path through an objective, once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from luthier.compat.optuna._base_trial import TrialState
from luthier.compat.optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

if TYPE_CHECKING:
    from luthier.compat.optuna._frozen_trial import FrozenTrial
    from luthier.compat.optuna._live_trial import Trial
    from luthier.compat.optuna._study import Study


@dataclass(slots=True)
class _Node:
    """What was asked for behind some values: a parameter with its values, an end, or nothing yet.

    Attributes
    ----------
    name : str, optional
        The parameter.
    below : dict of float to _Node
        What follows each of its values, in numbers that stand for them.
    done : bool
        Whether trials ended here, or run.
    """

    name: str | None = None
    below: dict[float, _Node] = field(default_factory=dict)
    done: bool = False

    def branch(self, name: str, distribution: BaseDistribution) -> None:
        """Note which parameter is asked for here.

        Raises
        ------
        ValueError
            If it was another one before: the objective is not a function of its values.
        """
        values = {distribution.to_internal_repr(value) for value in _all(distribution)}
        if self.name is None:
            self.name, self.below = name, {value: _Node() for value in sorted(values)}
        elif self.name != name or self.below.keys() != values:
            raise ValueError(
                f"BruteForceSampler: {name!r} ({distribution!r}) is asked for where it was "
                f"{self.name!r} before: what is asked for has to follow from the values before"
            )

    def left(self) -> int:
        """Return how many paths from here were not tried, as far as is known."""
        if self.name is None:
            return int(not self.done)
        return sum(node.left() for node in self.below.values())


class Paths:
    """What there is to try, and what was tried.

    Parameters
    ----------
    running_count : bool
        Whether what runs counts as tried.
    """

    def __init__(self, running_count: bool) -> None:
        self._running_count = running_count

    def value(self, study: Study, trial: Trial, name: str, distribution: BaseDistribution) -> Any:
        """Return a value behind which something was not tried, each path as likely as another.

        Raises
        ------
        ValueError
            If the distribution has infinitely many values, or the objective does not follow from
            its values.
        """
        before = trial._distributions
        tree = self._tree(_others(study, trial.number))
        for known, its_distribution in before.items():
            tree.branch(known, its_distribution)
            tree = tree.below[its_distribution.to_internal_repr(trial._params[known])]
        tree.branch(name, distribution)
        weights = {value: node.left() for value, node in tree.below.items()}
        if not any(weights.values()):  # asked for although everything was tried
            weights = dict.fromkeys(weights, 1)
        rng = study._native.problem.rng(trial.number, name)
        place = int(rng.integers(sum(weights.values())))
        for value, weight in weights.items():
            place -= weight
            if place < 0:
                return distribution.to_external_repr(value)
        raise AssertionError("the weights sum up to more than the place")

    def exhausted(self, study: Study) -> bool:
        """Tell whether everything that is known was tried."""
        tree = self._tree(study.get_trials(deepcopy=False))
        return tree.name is not None and tree.left() == 0

    def _tree(self, trials: Iterable[FrozenTrial]) -> _Node:
        root = _Node()
        for trial in trials:
            running = trial.state is TrialState.RUNNING
            if trial.state is TrialState.WAITING or (running and not self._running_count):
                continue
            node = root
            for name, distribution in trial.distributions.items():
                node.branch(name, distribution)
                node = node.below.setdefault(
                    distribution.to_internal_repr(trial.params[name]), _Node()
                )
            # One that runs may ask for more.
            node.done = node.done or not running or bool(trial.params)
        return root


def _others(study: Study, number: int) -> Iterator[FrozenTrial]:
    return (trial for trial in study.get_trials(deepcopy=False) if trial.number != number)


def _all(distribution: BaseDistribution) -> Iterable[Any]:
    match distribution:
        case CategoricalDistribution(choices=choices):
            return choices
        case IntDistribution(low=low, high=high, step=step):
            return range(int(low), int(high) + 1, int(step or 1))
        case FloatDistribution(low=low, high=high, step=step):
            if step is None and low != high:
                raise ValueError(f"BruteForceSampler: {distribution!r}: a step, to be finite")
            width = step or 1.0
            return [low + i * width for i in range(round((high - low) / width) + 1)]
    raise ValueError(f"BruteForceSampler: {distribution!r} has no values that can be listed")
