"""Every combination of given values, once."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

from luthier.formats.optuna.notes import NOTE

if TYPE_CHECKING:
    from luthier.compat.optuna._live_trial import Trial
    from luthier.compat.optuna._study import Study
    from luthier.compat.optuna.distributions import BaseDistribution

PLACE = f"{NOTE}grid_id"
"""The note on a trial that says which combination it has."""


class Combinations:
    """The grid and how far studies have come in it.

    Parameters
    ----------
    values : mapping of str to sequence
        The values of each parameter.
    seed : int, optional
        Chooses the order.
    """

    def __init__(self, values: Mapping[str, Sequence[Any]], seed: int | None) -> None:
        for name, choices in values.items():
            for choice in choices:
                if choice is not None and not isinstance(choice, bool | int | float | str):
                    raise ValueError(
                        f"GridSampler: {name!r}: got {choice!r}; allowed: None, bool, int, float "
                        "and str"
                    )
        self._values = {name: list(values[name]) for name in sorted(values)}
        self._seed = seed

    @cached_property
    def _points(self) -> list[dict[str, Any]]:
        points = [
            dict(zip(self._values, row, strict=True)) for row in product(*self._values.values())
        ]
        random.Random(self._seed or 0).shuffle(points)
        return points

    def next(self, study: Study) -> int | None:
        """Return the first combination that no trial has, None if there is none."""
        taken = {trial.user_attrs.get(PLACE) for trial in study._native.trials}
        return next((i for i in range(len(self._points)) if i not in taken), None)

    def value(self, study: Study, trial: Trial, name: str, distribution: BaseDistribution) -> Any:
        """Return the value of a parameter in a trial's combination.

        Raises
        ------
        ValueError
            If the grid does not have the parameter, or the distribution not the value.
        """
        if name not in self._values:
            raise ValueError(
                f"parameter {name!r} is not in the grid of {', '.join(map(repr, self._values))}"
            )
        place = trial._native.user_attrs.get(PLACE)
        if place is None:
            place = self.next(study)
            # Who asks for more trials than there are combinations begins again.
            place = trial.number % len(self._points) if place is None else place
            trial._native.set_user_attr(PLACE, place)
        value = self._points[place][name]
        if not distribution._contains(distribution.to_internal_repr(value)):
            raise ValueError(f"parameter {name!r}: {value!r} lies outside of {distribution!r}")
        return value
