"""The codec: the only encoding in the project, between params and points of the unit cube."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from luthier.errors import EmptySpace, InvalidInput, InvalidParams
from luthier.space.base import MISSING, Param
from luthier.space.coding import Column
from luthier.space.composite import Derived
from luthier.space.counting import count
from luthier.space.listing import listed
from luthier.space.sampling import reject
from luthier.space.scales import FloatArray
from luthier.space.schedule_coder import ScheduleCoder
from luthier.space.structure import Structure
from luthier.space.table import ABSENT, BoolArray, Table

Params = dict[str, Any]
INACTIVE = 0.5
"""The coordinate of what is inactive."""


class Codec:
    """Turns params into rows of ``[0, 1]`` and back.

    Numbers lie evenly on their scale between their bounds; values in steps, whole numbers and
    choices are cells, encoded by their centres; composite parameters have several columns.
    What is inactive is 0.5. ``decode(encode([p])) == [space.canonical(p)]`` always holds.

    Parameters
    ----------
    space : Space

    Attributes
    ----------
    columns : tuple of Column
    d : int
        Number of columns.
    """

    __slots__ = (
        "_always",
        "_edited",
        "_one_of",
        "_ones",
        "_places",
        "_schedules",
        "_uniform",
        "columns",
        "d",
        "space",
    )

    def __init__(self, space: Structure) -> None:
        self.space = space
        self.columns: tuple[Column, ...] = ()
        self._places: dict[str, slice] = {}
        # For one row: name, to unit, to value, place of the unit, what marks the place as active.
        self._ones: list[tuple[str, Any, Any, Any, Any]] = []
        for name, coder in space.coders.items():
            start = len(self.columns)
            self.columns += coder.columns
            place = slice(start, len(self.columns))
            self._places[name] = place
            alone = len(coder.columns) == 1 and coder.columns[0].part is None
            one = (start, True) if alone else (place, [True] * len(coder.columns))
            self._ones.append((name, coder.one_to_unit, coder.one_to_value, *one))
        self._one_of = {one[0]: one for one in self._ones}
        self.d = len(self.columns)
        self._uniform = all(coder.uniform for coder in space.coders.values())
        self._edited = frozenset(n for n, param in space.params.items() if _is_edited(param))
        self._schedules = {
            name: coder
            for name, coder in space.coders.items()
            if isinstance(coder, ScheduleCoder) and coder.conditional
        }
        plain = len(space.coders) == len(space.params) and not self._schedules
        self._always = plain and not space.conditional

    def encode(self, rows: Sequence[Mapping[str, Any]]) -> FloatArray:
        """Return the rows as points, shape (n, d).

        Names that the space does not have are ignored, as are values of what is inactive; a
        parameter that was added later has the value it is deemed to have had.

        Raises
        ------
        InvalidParams
            If a value is missing that should be there, or lies outside the frame.
        """
        return self.encode_with_activity(rows)[0]

    def activity(self, rows: Sequence[Mapping[str, Any]]) -> BoolArray:
        """Return for each row and column whether it is active, shape (n, d)."""
        return self.encode_with_activity(rows)[1]

    def encode_with_activity(
        self, rows: Sequence[Mapping[str, Any]]
    ) -> tuple[FloatArray, BoolArray]:
        """Return what `encode` and `activity` return, at the cost of one of them."""
        n = len(rows)
        if self._always:
            try:
                parts = [
                    coder.to_units([row[name] for row in rows])
                    for name, coder in self.space.coders.items()
                ]
            except KeyError:
                pass  # a value is missing: the longer way knows what to do
            else:
                return _beside(parts, n), np.ones((n, self.d), np.bool_)
        points = np.full((n, self.d), INACTIVE)
        present = np.zeros((n, self.d), np.bool_)
        given: dict[str, list[Any]] = {}
        for name, coder in self.space.coders.items():
            deemed = self.space.deemed.get(name, ABSENT)
            given[name] = [row.get(name, deemed) for row in rows]
            where = [i for i, value in enumerate(given[name]) if value is not ABSENT]
            place = self._places[name]
            points[where, place] = coder.to_units([given[name][i] for i in where])
            present[where, place] = True
        table = self._table(points, present if self.space.partial else None)
        for name in self._edited:
            table.replace(name, given[name])
        active = self._activity(table, points)
        missing = active & ~present
        if missing.any():
            row, column = np.argwhere(missing)[0]
            raise _missing(f"row {row}: {self.columns[column].param}", rows[row])
        points[~active] = INACTIVE
        return points, active

    def decode(self, X: ArrayLike) -> list[Params]:
        """Return the nearest legal params for each point, with derived values.

        Parameters
        ----------
        X : array_like, shape (n, d)
            In [0, 1].
        """
        return self._table(self._points(X)).rows()

    def snap(self, X: ArrayLike) -> FloatArray:
        """Return the points of the nearest legal params, ``encode(decode(X))``."""
        return self.snap_with_activity(X)[0]

    def snap_with_activity(self, X: ArrayLike) -> tuple[FloatArray, BoolArray]:
        """Return the points of the nearest legal params, and where each column is active."""
        points = self._points(X)
        parts = [
            coder.snapped(points[:, self._places[name]])
            for name, coder in self.space.coders.items()
        ]
        snapped = _beside(parts, len(points))
        active = self._activity(self._table(points), snapped)
        snapped[~active] = INACTIVE
        return snapped, active

    def active(self, X: ArrayLike) -> BoolArray:
        """Return for each point and column whether it is active, shape (n, d)."""
        points = self._points(X)
        return self._activity(self._table(points), points, decoded=True)

    def feasible(self, X: ArrayLike) -> BoolArray:
        """Return for each point whether its params satisfy all constraints, shape (n,)."""
        points = self._points(X)
        result = np.ones(len(points), np.bool_)
        for held in self.constraints_held(points):
            result &= held
        return result

    def constraints_held(self, X: ArrayLike) -> list[BoolArray]:
        """Return for each constraint of the space which points satisfy it, each of shape (n,)."""
        table = self._table(self._points(X))
        return [table.held(rule) for rule in self.space.constraints]

    def from_uniform(self, U: ArrayLike, belief: bool = False) -> FloatArray:
        """Map uniform numbers to points drawn from the priors.

        Parameters
        ----------
        U : array_like, shape (n, d)
            Uniform in [0, 1); pseudo-random or quasi-random.
        belief : bool, default False
            Draw from the belief instead wherever there is one.

        Returns
        -------
        ndarray, shape (n, d)
            ``U`` itself for uniform priors. ``decode`` of it is a sample of the prior.
        """
        uniform = self._points(U)
        points = uniform.copy()
        for name, coder in self.space.coders.items():
            if belief or not coder.uniform:
                place = self._places[name]
                points[:, place] = coder.from_uniform(uniform[:, place], belief)
        return points

    def log_belief(self, X: ArrayLike) -> FloatArray:
        """Return the sum of the log densities of the beliefs over what is active, shape (n,).

        The density is over the unit coordinate. Zero where nothing is believed.
        """
        points = self._points(X)
        total = np.zeros(len(points))
        active = self.active(points)
        for name, coder in self.space.coders.items():
            place = self._places[name]
            total += np.where(active[:, place.start], coder.log_belief(points[:, place]), 0.0)
        return total

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw `n` feasible points from the priors.

        Where fewer than one draw in 10,000 is feasible, a space of at most a million
        configurations is listed instead, and each feasible one is equally likely.

        Raises
        ------
        EmptySpace
            If no point satisfies the constraints, or too few to be found.
        """
        if not self.space.constraints or n == 0:
            return self.from_uniform(rng.random((n, self.d)))

        def draw(size: int) -> tuple[FloatArray, list[BoolArray]]:
            points = self.from_uniform(rng.random((size, self.d)))
            return points, self.constraints_held(points)

        try:
            return reject(draw, n, [rule.name for rule in self.space.constraints])
        except EmptySpace:
            if count(self.space) is None:
                raise
        rows = [row for table in listed(self.space) for row in table.rows()]
        if not rows:
            raise EmptySpace("no configuration of this finite space satisfies its constraints")
        return self.encode([rows[i] for i in rng.integers(len(rows), size=n)])

    def draw_one(self, rng: np.random.Generator) -> list[float]:
        """Draw one point from the priors, whether feasible or not."""
        uniform = rng.random(self.d)
        if self._uniform:
            point: list[float] = uniform.tolist()
        else:
            point = self.from_uniform(uniform[None, :])[0].tolist()
        return point

    def encode_one(self, row: Mapping[str, Any]) -> list[float]:
        """Return the point of one row, the same as `encode` gives, without arrays."""
        return self.encode_one_with_activity(row)[0]

    def encode_one_with_activity(self, row: Mapping[str, Any]) -> tuple[list[float], list[bool]]:
        """Return the point of one row and which of its columns are active, without arrays.

        They are the same as `encode_with_activity` gives, at a twentieth of its price for a row
        alone. Values of what is inactive are not even looked at.
        """
        point: list[Any] = [INACTIVE] * self.d
        if self._always:
            try:
                for name, to_unit, _, place, _ in self._ones:
                    point[place] = to_unit(row[name])
            except KeyError:
                pass  # a value is missing: the longer way knows what to do
            else:
                return point, [True] * self.d
        active: list[Any] = [False] * self.d
        present: Params = {}  # conditions see canonical values
        for name, param in self.space.params.items():
            if not self.space.is_active(name, present):
                continue
            if isinstance(param, Derived):
                present[name] = param.compute(present)
                continue
            value = row[name] if name in row else self.space.deemed.get(name, ABSENT)
            if value is not ABSENT:
                _, to_unit, to_value, place, mark = self._one_of[name]
                point[place] = unit = to_unit(value)
                some = self._schedules.get(name)
                active[place] = mark if some is None else some.one_active(unit)
                present[name] = value if name in self._edited else to_value(unit)
            elif not self.space.partial:
                raise _missing(name, row)
        return point, active

    def decode_one(self, point: Sequence[float]) -> Params:
        """Return the params of one point, the same as `decode` gives, without arrays."""
        if self._always:
            return {name: to_value(point[place]) for name, _, to_value, place, _ in self._ones}
        row: Params = {}
        for name, param in self.space.params.items():
            if self.space.is_active(name, row):
                if isinstance(param, Derived):
                    row[name] = param.compute(row)
                else:
                    _, _, to_value, place, _ = self._one_of[name]
                    row[name] = to_value(point[place])
        return row

    def _table(self, points: FloatArray, present: BoolArray | None = None) -> Table:
        """Return what the points mean; `present` says which columns are there at all."""
        masks: dict[str, BoolArray] = {}
        if present is not None:
            masks = {name: present[:, place.start] for name, place in self._places.items()}
        coders, places = self.space.coders, self._places
        return Table(
            self.space,
            len(points),
            lambda name: coders[name].to_values(points[:, places[name]]),
            masks,
        )

    def _activity(self, table: Table, points: FloatArray, *, decoded: bool = False) -> BoolArray:
        """Return where each column is active, shape (n, d).

        `decoded` says that points mean what they decode to, and not what they were encoded from.
        """
        result = np.ones((table.n, self.d), np.bool_)
        for name, place in self._places.items():
            mask = table.active(name)
            if mask is not None:
                result[:, place] = mask[:, None]
        for name, coder in self._schedules.items():
            units = points[:, self._places[name]]
            result[:, self._places[name]] &= coder.active(coder.legal(units) if decoded else units)
        return result

    def _points(self, X: ArrayLike) -> FloatArray:
        points = np.asarray(X, np.float64)
        if points.ndim != 2 or points.shape[1] != self.d:
            raise InvalidInput("points", points.shape, f"shape (n, {self.d})")
        if not ((points >= 0) & (points <= 1)).all():
            raise InvalidInput("points", points, "coordinates in [0, 1]")
        return points


def _is_edited(param: Param) -> bool:
    """Tell whether older trials may have values that are not proposed any more."""
    return any(getattr(param, mark, None) for mark in ("frame", "retired", "fixed"))


def _missing(field: str, row: Mapping[str, Any]) -> InvalidParams:
    return InvalidParams(field, MISSING, f"a value, as other values are {dict(row)!r}")


def _beside(parts: list[FloatArray], n: int) -> FloatArray:
    return np.hstack(parts) if parts else np.zeros((n, 0))
