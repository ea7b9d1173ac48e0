"""The codec: the only encoding in the project, between params and points of the unit cube."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luthier.errors import EmptySpace, InvalidInput, InvalidParams
from luthier.space.base import MISSING, Param
from luthier.space.coding import Column
from luthier.space.composite import Derived
from luthier.space.enumeration import configurations, count, finite_options
from luthier.space.sampling import reject
from luthier.space.scales import FloatArray
from luthier.space.structure import Structure
from luthier.space.wiring import parents

Params = dict[str, Any]
BoolArray = NDArray[np.bool_]
INACTIVE = 0.5
"""The coordinate of what is inactive."""
_ABSENT: Any = object()


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
        "_uniform",
        "columns",
        "d",
        "space",
    )

    def __init__(self, space: Structure) -> None:
        self.space = space
        self.columns: tuple[Column, ...] = ()
        self._places: dict[str, slice] = {}
        self._ones: list[tuple[str, Any, Any, int | slice]] = []
        for name, coder in space.coders.items():
            start = len(self.columns)
            self.columns += coder.columns
            place = slice(start, len(self.columns))
            self._places[name] = place
            one = start if len(coder.columns) == 1 and coder.columns[0].part is None else place
            self._ones.append((name, coder.one_to_unit, coder.one_to_value, one))
        self._one_of = {one[0]: one for one in self._ones}
        self.d = len(self.columns)
        self._uniform = all(coder.uniform for coder in space.coders.values())
        self._edited = frozenset(n for n, param in space.params.items() if _is_edited(param))
        self._always = not space.conditional and len(space.coders) == len(space.params)

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
        for name, coder in self.space.coders.items():
            deemed = self.space.deemed.get(name, _ABSENT)
            values = [row.get(name, deemed) for row in rows]
            where = [i for i, value in enumerate(values) if value is not _ABSENT]
            place = self._places[name]
            points[where, place] = coder.to_units([values[i] for i in where])
            present[where, place] = True
        table = _Table(self, points, present if self.space.partial else None)
        for name in self._edited:
            table.keep(name, [row.get(name, _ABSENT) for row in rows])
        active = table.activity()
        missing = active & ~present
        if missing.any():
            row, column = np.argwhere(missing)[0]
            field = f"row {row}: {self.columns[column].param}"
            raise InvalidParams(field, MISSING, f"a value, as other values are {dict(rows[row])!r}")
        points[~active] = INACTIVE
        return points, active

    def decode(self, X: ArrayLike) -> list[Params]:
        """Return the nearest legal params for each point, with derived values.

        Parameters
        ----------
        X : array_like, shape (n, d)
            In [0, 1].
        """
        table = _Table(self, self._points(X))
        return table.rows()

    def snap(self, X: ArrayLike) -> FloatArray:
        """Return the points of the nearest legal params, ``encode(decode(X))``."""
        return _Table(self, self._points(X)).snapped()

    def active(self, X: ArrayLike) -> BoolArray:
        """Return for each point and column whether it is active, shape (n, d)."""
        return _Table(self, self._points(X)).activity()

    def feasible(self, X: ArrayLike) -> BoolArray:
        """Return for each point whether its params satisfy all constraints, shape (n,)."""
        points = self._points(X)
        result = np.ones(len(points), np.bool_)
        for held in self.constraints_held(points):
            result &= held
        return result

    def constraints_held(self, X: ArrayLike) -> list[BoolArray]:
        """Return for each constraint of the space which points satisfy it, each of shape (n,)."""
        table = _Table(self, self._points(X))
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
        rows = list(configurations(self.space, finite_options(self.space)))
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
        point: list[Any] = [INACTIVE] * self.d
        try:
            if self._always:
                for name, to_unit, _, place in self._ones:
                    point[place] = to_unit(row[name])
            else:
                self._fill(point, row)
        except KeyError:
            # A value is missing: `encode` knows whether it may be, or what it is deemed to be.
            whole: list[float] = self.encode([row])[0].tolist()
            return whole
        return point

    def _fill(self, point: list[Any], row: Mapping[str, Any]) -> None:
        """Set the coordinates of what is active; conditions see canonical values."""
        present: Params = {}
        for name, param in self.space.params.items():
            if not self.space.is_active(name, present):
                continue
            if isinstance(param, Derived):
                present[name] = param.compute(present)
            else:
                _, to_unit, to_value, place = self._one_of[name]
                point[place] = unit = to_unit(row[name])
                present[name] = row[name] if name in self._edited else to_value(unit)

    def decode_one(self, point: Sequence[float]) -> Params:
        """Return the params of one point, the same as `decode` gives, without arrays."""
        if self._always:
            return {name: to_value(point[place]) for name, _, to_value, place in self._ones}
        row: Params = {}
        for name, param in self.space.params.items():
            if self.space.is_active(name, row):
                if isinstance(param, Derived):
                    row[name] = param.compute(row)
                else:
                    _, _, to_value, place = self._one_of[name]
                    row[name] = to_value(point[place])
        return row

    def _points(self, X: ArrayLike) -> FloatArray:
        points = np.asarray(X, np.float64)
        if points.ndim != 2 or points.shape[1] != self.d:
            raise InvalidInput("points", points.shape, f"shape (n, {self.d})")
        if not ((points >= 0) & (points <= 1)).all():
            raise InvalidInput("points", points, "coordinates in [0, 1]")
        return points


class _Table:
    """Points of the cube, and what they mean; each column is decoded when first needed."""

    def __init__(self, codec: Codec, points: FloatArray, present: BoolArray | None = None) -> None:
        self.codec, self.points, self.present = codec, points, present
        self.n = len(points)
        self._values: dict[str, NDArray[Any]] = {}
        self._active: dict[str, BoolArray | None] = {}

    def keep(self, name: str, values: Sequence[Any]) -> None:
        """Let conditions see these values, where an edited space would show the nearest legal."""
        nearest = self.values(name)
        # Texts of a constant have just its length: only numbers can stay in their array.
        own = nearest.copy() if nearest.dtype.kind in "if" else nearest.astype(object)
        for i, value in enumerate(values):
            if value is not _ABSENT:
                own[i] = value
        self._values[name] = own

    def values(self, name: str) -> NDArray[Any]:
        """Return the values of a parameter, shape (n,); meaningless where it is inactive."""
        if name not in self._values:
            param = self.codec.space.params[name]
            if isinstance(param, Derived):
                self._values[name] = self._computed(name, param)
            else:
                place = self.codec._places[name]
                self._values[name] = self.codec.space.coders[name].to_values(self.points[:, place])
        return self._values[name]

    def active(self, name: str) -> BoolArray | None:
        """Return where a parameter is active, shape (n,); None if everywhere."""
        if name not in self._active:
            param = self.codec.space.params[name]
            names = parents(param)
            mask: BoolArray | None = None
            if self.present is not None and name in self.codec._places:
                mask = self.present[:, self.codec._places[name].start]
            mask = self._all_active(names, mask)
            if param.when is not None:
                mask = self._apply(param.when, names, mask, otherwise=False)
            self._active[name] = mask
        return self._active[name]

    def activity(self) -> BoolArray:
        """Return where each column is active, shape (n, d)."""
        result = np.ones(self.points.shape, np.bool_)
        for name, place in self.codec._places.items():
            mask = self.active(name)
            if mask is not None:
                result[:, place] = mask[:, None]
        return result

    def held(self, rule: Any) -> BoolArray:
        """Return where a constraint is satisfied or does not apply, shape (n,)."""
        if rule.names is None:
            return np.fromiter(map(rule.holds, self.rows()), np.bool_, self.n)
        return self._apply(rule, rule.names, self._all_active(rule.names, None), otherwise=True)

    def rows(self) -> list[Params]:
        """Return the params of each point."""
        names = self.codec.space.names
        masks = [self.active(name) for name in names]
        columns = []
        for name, mask in zip(names, masks, strict=True):
            values = self.values(name).tolist()
            if mask is not None:
                values = [v if a else _ABSENT for v, a in zip(values, mask.tolist(), strict=True)]
            columns.append(values)
        if not columns:
            return [{} for _ in range(self.n)]
        table = zip(*columns, strict=True)
        if all(mask is None for mask in masks):
            return [dict(zip(names, row, strict=True)) for row in table]
        return [
            {name: value for name, value in zip(names, row, strict=True) if value is not _ABSENT}
            for row in table
        ]

    def snapped(self) -> FloatArray:
        """Return the points of the nearest legal params."""
        parts = []
        for name, coder in self.codec.space.coders.items():
            units = coder.to_units(self.values(name).tolist())
            mask = self.active(name)
            if mask is not None:
                units[~mask] = INACTIVE
            parts.append(units)
        return _beside(parts, self.n)

    def _all_active(self, names: Sequence[str], mask: BoolArray | None) -> BoolArray | None:
        for name in names:
            other = self.active(name)
            if other is not None:
                mask = other if mask is None else mask & other
        return mask

    def _apply(
        self, test: Any, names: Sequence[str], mask: BoolArray | None, *, otherwise: bool
    ) -> BoolArray:
        """Return where a test holds; `otherwise` where `mask` is false."""
        columns = {name: self.values(name) for name in names}
        if mask is None:
            return test.holds_each(columns, self.n)  # type: ignore[no-any-return]
        result = np.full(self.n, otherwise)
        part = {name: column[mask] for name, column in columns.items()}
        result[mask] = test.holds_each(part, int(mask.sum()))
        return result

    def _computed(self, name: str, param: Derived) -> NDArray[Any]:
        """Return a derived column. A function may look at all the parameters before it."""
        before = self.codec.space.names[: self.codec.space.names.index(name)]
        names = param.parents or before
        masks = [self.active(other) for other in names]
        lists = [self.values(other).tolist() for other in names]
        mine = self.active(name)
        values = np.empty(self.n, object)
        for i in range(self.n):
            if mine is None or mine[i]:
                row = {
                    other: values_[i]
                    for other, values_, mask in zip(names, lists, masks, strict=True)
                    if mask is None or mask[i]
                }
                values[i] = param.compute(row)
        return values


def _is_edited(param: Param) -> bool:
    """Tell whether older trials may have values that are not proposed any more."""
    return any(getattr(param, mark, None) for mark in ("frame", "retired", "fixed"))


def _beside(parts: list[FloatArray], n: int) -> FloatArray:
    return np.hstack(parts) if parts else np.zeros((n, 0))
