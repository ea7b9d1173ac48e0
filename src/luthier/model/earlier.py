"""What earlier studies found: the tables that a study was given to start from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from luthier.model.columns import Array, encoded
from luthier.model.trial import Params
from luthier.space.base import Param
from luthier.space.composite import Derived
from luthier.space.space import Space


@dataclass(frozen=True, slots=True)
class Earlier:
    """Finished trials of an earlier study, the best first.

    Attributes
    ----------
    source : str
        The study's name.
    identity : str
        Tells it from other studies of that name.
    params : tuple of mapping
        The params of each trial as they were there: names and values may be unknown here.
    ranks : tuple of tuple of float or None
        For each trial and each objective of this study which share of the earlier study's
        trials was better, equal ones counted half: in (0, 1), less is better, whatever the
        direction and scale were. None for an objective that the earlier study did not have.
    """

    source: str
    identity: str
    params: tuple[Params, ...]
    ranks: tuple[tuple[float | None, ...], ...]

    def __hash__(self) -> int:
        # Cheap, since samplers use tables in the keys of what they remember.
        return hash((self.identity, len(self.params)))

    def encoded(self, space: Space) -> tuple[Array, Array]:
        """Return the trials as points of a space, and which coordinates are known and active.

        Parameters
        ----------
        space : Space
            Any space; that of the study, or a narrower one.

        Returns
        -------
        points, activity : arrays of shape ``(n, d)``
            As `luthier.model.history.History.encoded` returns them. What the earlier study did
            not have, or had with a value that this space does not know, is 0.5 and inactive, and
            so is what depends on it. A trial of which nothing can be placed is inactive in all
            columns.
        """
        return encoded(opened(space), self.params)

    def scores(self) -> Array:
        """Return the ranks as standard normal quantiles, ``(n, m)``: less is better.

        NaN for an objective that the earlier study did not have.
        """
        from statistics import NormalDist

        quantile = NormalDist().inv_cdf
        ranks = np.array(self.ranks, dtype=float)
        return np.array([quantile(rank) for rank in ranks.flat]).reshape(ranks.shape)


def opened(space: Space) -> Space:
    """Return a space of the same columns whose rows may lack any parameter.

    It has no constraints. What a function derives from a row that lacks too much is NaN.
    """
    return Space({name: _lenient(param) for name, param in space.params.items()}, partial=True)


def _lenient(param: Param) -> Param:
    if isinstance(param, Derived) and not param.parents:
        return replace(param, expression=_nan_if_fails(param.compute))
    return param


def _nan_if_fails(
    compute: Callable[[Mapping[str, Any]], Any],
) -> Callable[[Mapping[str, Any]], Any]:
    def computed(row: Mapping[str, Any]) -> Any:
        try:
            return compute(row)
        except Exception:
            return math.nan

    return computed
