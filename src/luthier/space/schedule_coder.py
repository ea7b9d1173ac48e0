"""The coder of a schedule: a column for each part that is searched, active with its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from luthier.space.coding import Coder
from luthier.space.composite_coders import CompositeCoder
from luthier.space.courses import Course, parts_of
from luthier.space.scales import FloatArray
from luthier.space.schedule import Schedule

_INACTIVE = 0.5


class ScheduleCoder(CompositeCoder):
    """The columns of the parameters beneath a schedule.

    Parameters
    ----------
    name : str
    param : Schedule
    coders : mapping
        The coder of each part that is searched.

    Attributes
    ----------
    conditional : bool
        Whether some columns are inactive for some kinds.
    """

    param: Schedule

    def __init__(self, name: str, param: Schedule, coders: Mapping[str, Coder]) -> None:
        self._coders = coders
        self._by_kind = {kind: [part in parts_of(kind) for part in coders] for kind in param.kinds}
        self._kinds = np.array([self._by_kind[kind] for kind in param.kinds])
        self.conditional = not self._kinds.all()
        columns = [
            replace(column, param=name, part=part)
            for part, coder in coders.items()
            for column in coder.columns
        ]
        super().__init__(name, param, columns)

    def _units(self, value: Course) -> list[float]:
        return [
            coder.one_to_unit(getattr(value, part)) if active else _INACTIVE
            for (part, coder), active in zip(
                self._coders.items(), self._by_kind[value.kind], strict=True
            )
        ]

    def _value(self, units: list[float]) -> Course:
        parts = zip(self._coders.items(), units, strict=True)
        return self.param.course({part: coder.one_to_value(u) for (part, coder), u in parts})

    def one_active(self, units: list[float]) -> list[bool]:
        """Return which parts are active at one point."""
        if "kind" not in self._coders:
            return self._by_kind[self.param.kinds[0]]
        return self._by_kind[self._coders["kind"].one_to_value(units[0])]

    def active(self, units: FloatArray) -> NDArray[np.bool_]:
        """Return which parts are active at each point, shape (n, m)."""
        count = len(self.param.kinds)
        kinds = np.minimum((units[:, 0] * count).astype(np.int64), count - 1)
        mask: NDArray[np.bool_] = self._kinds[kinds if "kind" in self._coders else 0 * kinds]
        return mask

    def legal(self, units: FloatArray) -> FloatArray:
        """Return the points, where the value is fixed its own."""
        if self.param.fixed is None:
            return units
        return np.tile(self._units(self.param.fixed), (len(units), 1))
