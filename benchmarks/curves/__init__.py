"""Recorded learning curves of real trainings, to judge early stopping without training anew.

Each table has a curve for every configuration of a finite space: params are looked up, not
interpolated. `record_*.py` made the tables (14 minutes of one core for all); `summary.py` says
what is in them.

>>> source = get("perceptron_digits")
>>> source.curves[source.row(next(source.space.grid()))]
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier import Float, Int, Space
from luthier.model.columns import point_key

__all__ = ["Array", "Source", "get", "sources"]

FOLDER = Path(__file__).parent

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Source:
    """The learning curves of all configurations of a space.

    Attributes
    ----------
    name, metric : str
    space : Space
        Finite; its configurations in the order of ``space.grid()`` are the rows of the table.
    curves : array of shape (n, steps)
        The metric on validation data after steps 1, 2, ...; NaN from where training diverged.
    test : array of shape (n,)
        The metric on test data after the last step.
    seconds_per_step : array of shape (n,)
        CPU time of a step, on one core.
    direction : str
        "minimize": all metrics are losses or errors.
    """

    name: str
    metric: str
    space: Space
    curves: Array
    test: Array
    seconds_per_step: Array
    direction: str = "minimize"

    @cached_property
    def configs(self) -> list[dict[str, Any]]:
        """The params of each row."""
        return list(self.space.grid())

    @property
    def steps(self) -> int:
        """How many steps a curve has."""
        return self.curves.shape[1]

    @cached_property
    def final(self) -> Array:
        """The metric after the last step, shape (n,); infinite where training diverged."""
        return np.where(np.isnan(self.curves[:, -1]), np.inf, self.curves[:, -1])

    @property
    def best(self) -> float:
        """The best metric after the last step."""
        return float(self.final.min())

    @cached_property
    def continuous(self) -> Space:
        """The same bounds without steps between the numbers; `row` then takes the nearest."""
        return Space(
            {
                name: replace(param, step=None) if isinstance(param, Float)
                else replace(param, step=1) if isinstance(param, Int)
                else param
                for name, param in self.space.params.items()
            }
        )  # fmt: skip

    def row(self, params: Mapping[str, Any]) -> int:
        """Return the row of some params.

        Params of `space` have a row of their own. Of a number between two levels it is that of
        the nearer one, on the scale of the parameter.
        """
        row = self._rows.get(point_key(params))
        if row is not None:
            return row
        return self._rows[point_key({name: self._nearest(name, x) for name, x in params.items()})]

    def _nearest(self, name: str, value: Any) -> Any:
        """Return the level of a number that is nearest in its unit coordinate."""
        if not isinstance(self.space.params[name], Float | Int):
            return value
        to_unit = self.continuous.coders[name].one_to_unit
        return min(self._levels[name], key=lambda level: abs(to_unit(level) - to_unit(value)))

    @cached_property
    def _levels(self) -> dict[str, list[Any]]:
        names = self.space.names
        return {
            name: sorted({c[name] for c in self.configs if name in c}, key=str) for name in names
        }

    @cached_property
    def _rows(self) -> dict[Any, int]:
        return {point_key(config): row for row, config in enumerate(self.configs)}


@cache
def get(name: str) -> Source:
    """Return the source of a name."""
    with np.load(FOLDER / f"{name}.npz") as table:
        return Source(
            name,
            str(table["metric"]),
            Space.from_json(json.loads(str(table["space"]))),
            table["curves"].astype(np.float64),
            table["test"].astype(np.float64),
            table["seconds"].astype(np.float64),
        )


def sources() -> dict[str, Source]:
    """Return all sources by name."""
    return {path.stem: get(path.stem) for path in sorted(FOLDER.glob("*.npz"))}
