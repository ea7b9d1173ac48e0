"""Problems of recorded tables: exact look-up, or interpolation between the levels of floats."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .spaces import Params, Space, Spec, When, choice, ordered, real, to_unit

TABLES = Path(__file__).parents[1] / "tables"


@dataclass(frozen=True, eq=False)
class Table:
    """Measures of every configuration of a grid.

    Attributes
    ----------
    axes : list of dict
        Name, kind ("float", "ordered", "categorical"), whether the scale is logarithmic, levels.
    measures : dict of str to array
        One entry per configuration; "repeats" has one more axis.
    """

    axes: list[dict[str, Any]]
    measures: dict[str, NDArray[np.float64]]

    def space(self, prefix: str = "", when: When | None = None) -> Space:
        """Return a parameter for each axis."""
        return {f"{prefix}{axis['name']}": _spec(axis, when) for axis in self.axes}

    def look_up(self, params: Params, measure: str = "loss", prefix: str = "") -> Any:
        """Return a measure, interpolated linearly along floats on their scale."""
        values: Any = self.measures[measure]
        for axis in self.axes:
            value = params[f"{prefix}{axis['name']}"]
            levels = axis["levels"]  # each step takes the first of the axes that are left
            if axis["kind"] != "float":
                values = values[levels.index(value)]
                continue
            place = to_unit(_spec(axis, None), value) * (len(levels) - 1)
            cell = min(max(math.floor(place), 0), len(levels) - 2)
            share = place - cell
            values = (1 - share) * values[cell] + share * values[cell + 1]
        return values

    def loss(self, params: Params) -> float:
        """Return the loss of a configuration."""
        return float(self.look_up(params))

    @property
    def best(self) -> float:
        """The least loss: interpolation is never below the levels around it."""
        return float(self.measures["loss"].min())


@cache
def table(name: str) -> Table:
    """Read a table that ``record_tables.py`` recorded."""
    with np.load(TABLES / f"{name}.npz") as stored:
        axes = json.loads(str(stored["axes"]))
        measures = {key: stored[key].astype(np.float64) for key in stored.files if key != "axes"}
    return Table(axes, measures)


def _spec(axis: dict[str, Any], when: When | None) -> Spec:
    levels = axis["levels"]
    if axis["kind"] == "categorical":
        return choice(*levels, when=when)
    if axis["kind"] == "ordered":
        return ordered(*levels, when=when)
    return real(levels[0], levels[-1], log=axis["log"], when=when)
