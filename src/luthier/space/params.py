"""Parameters of one value: Float, Int and Categorical.

All are frozen and validated when they are made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from luthier.errors import InvalidParams, InvalidSpace
from luthier.space.base import Param, distinct, is_number, is_whole, listing
from luthier.space.conditions import Condition, condition
from luthier.space.grids import (
    MAX_CELLS,
    MAX_INTEGER,
    Grid,
    TableGrid,
    even_grid,
    factor_grid,
    is_on_grid,
)
from luthier.space.numeric import Number
from luthier.space.priors import Around, LogNormal, Prior, Uniform, number

MAX_LOG_INTEGER = 2**40


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class Float(Number):
    """A real number.

    Parameters
    ----------
    low, high : float, optional
        Bounds, both included. None (no bound on that side) needs a `Normal` or `LogNormal`
        prior; the value then stays within 30 standard deviations of the prior's mean. A
        log-normal value is positive: where `high` is None, a `low` of 0 is none either.
    log : bool, default False
        Short for ``scale="log"``.
    scale : str, default "linear"
        Where values are spread evenly: ``"linear"``; ``"log"`` (``low > 0``);
        ``"reverse_log"``, the logarithm of ``1 - x``, for what is near 1 such as a momentum
        (``high < 1``); ``"logit"`` for both ends (``0 < low``, ``high < 1``).
    step : float, optional
        On the linear scale the distance of the values ``low, low + step, ..., high``; on the
        log scale the factor, above 1, between them.
    prior : Uniform, Normal, LogNormal or Beta, optional
        What random search draws from, truncated to the bounds. Default `Uniform`, on the scale.
    belief : Around, optional
        Where an expert expects the optimum; changes neither bounds nor prior.
    when : mapping or str, optional
        The condition under which the parameter is active.
    frame : tuple of float, optional
        For editing: wider bounds that define the unit coordinate, so that trials from before a
        narrowing keep their place in it.

    Raises
    ------
    InvalidSpace
        If this makes no sense.
    """

    low: float | None
    high: float | None
    scale: str = "linear"
    step: float | None = None
    prior: Prior = Uniform()  # noqa: RUF009 - immutable
    belief: Around | None = None
    when: Condition | None = None
    frame: tuple[float | None, float | None] | None = None

    whole: ClassVar[bool] = False

    def __init__(
        self,
        low: float | None = None,
        high: float | None = None,
        *,
        log: bool = False,
        scale: str | None = None,
        step: float | None = None,
        prior: Prior | None = None,
        belief: Around | None = None,
        when: object = None,
        frame: tuple[float | None, float | None] | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "low", _bound("Float: low", low))
        put(self, "high", _bound("Float: high", high))
        put(self, "prior", Uniform() if prior is None else prior)
        put(self, "belief", belief)
        put(self, "when", condition(when, "Float: when"))
        put(self, "frame", _frame("Float: frame", frame, _bound))
        self._drop_zero()
        put(self, "step", None)
        put(self, "scale", self._check_common("Float", log, scale))
        self._check_order("Float")
        self._check_frame("Float")
        self._check_scale("Float")
        bounds = self.support
        if not math.isfinite(bounds[1] - bounds[0]):
            allowed = "bounds whose difference is finite; perhaps scale='log'"
            raise InvalidSpace("Float: high", high, allowed)
        if step is not None:
            put(self, "step", _step(self, "Float", step))
        self._check_grid("Float")
        self._check_belief("Float")

    def _drop_zero(self) -> None:
        """Take zero as no lower bound where a log-normal prior stands for a bound."""
        if not (self.unbounded and isinstance(self.prior, LogNormal)):
            return
        if self.low == 0:
            object.__setattr__(self, "low", None)
        if self.frame is not None and self.frame[0] == 0:
            object.__setattr__(self, "frame", (None, self.frame[1]))

    def grid(self) -> Grid | None:
        """Return the grid of all values within the outer bounds, None if there are no steps."""
        low, high = self.outer
        if low is not None and low == high:
            return TableGrid((low,))
        if self.step is None:
            return None
        if self.scale == "log":
            return factor_grid("Float", low, high, self.step, whole=False)
        return even_grid("Float", low, high, self.step, whole=False)

    @property
    def cardinality(self) -> int | None:
        """How many values there are; None for infinitely many."""
        if self.low is not None and self.low == self.high:
            return 1
        grid = self.grid()
        return None if grid is None else grid.index(self.high) - grid.index(self.low) + 1  # type: ignore[arg-type]

    def check(self, value: Any, field: str) -> None:
        """Raise `InvalidParams` unless `value` is a number within bounds, on a step."""
        low, high = self.range
        if is_number(value) and low <= value <= high:
            grid = self.grid()
            if grid is None or is_on_grid(grid, value):
                return
        raise InvalidParams(field, value, f"a number {self._describe()}")


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class Int(Number):
    """A whole number.

    Parameters
    ----------
    low, high : int, optional
        Bounds, both included, of size at most 2**53, and at most 2**50 values; with ``log`` at
        most 2**40. None needs a `Normal` or `LogNormal` prior, see `Float`.
    log : bool, default False
        Short for ``scale="log"``.
    scale : str, default "linear"
        ``"linear"`` or ``"log"``.
    step : int, default 1
        On the linear scale the distance of the values; on the log scale a step of 2 or more
        is the factor between them: ``Int(16, 128, log=True, step=2)`` is 16, 32, 64, 128.
    prior, belief, when, frame
        As for `Float`.

    Raises
    ------
    InvalidSpace
        If this makes no sense.
    """

    low: int | None
    high: int | None
    scale: str = "linear"
    step: int = 1
    prior: Prior = Uniform()  # noqa: RUF009 - immutable
    belief: Around | None = None
    when: Condition | None = None
    frame: tuple[int | None, int | None] | None = None

    whole: ClassVar[bool] = True

    def __init__(
        self,
        low: int | None = None,
        high: int | None = None,
        *,
        log: bool = False,
        scale: str | None = None,
        step: int = 1,
        prior: Prior | None = None,
        belief: Around | None = None,
        when: object = None,
        frame: tuple[int | None, int | None] | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "low", _whole_bound("Int: low", low))
        put(self, "high", _whole_bound("Int: high", high))
        put(self, "prior", Uniform() if prior is None else prior)
        put(self, "belief", belief)
        put(self, "when", condition(when, "Int: when"))
        put(self, "frame", _frame("Int: frame", frame, _whole_bound))
        put(self, "step", 1)
        put(self, "scale", self._check_common("Int", log, scale))
        if self.scale not in ("linear", "log"):
            raise InvalidSpace("Int: scale", scale, "'linear' or 'log'")
        self._check_order("Int")
        self._check_frame("Int")
        self._check_scale("Int")
        if step != 1:
            put(self, "step", int(_step(self, "Int", step)))
        self._check_size()
        self._check_grid("Int")
        self._check_belief("Int")

    def _check_size(self) -> None:
        low, high = self.outer
        if self.unbounded:
            return
        if self.scale == "log" and high > MAX_LOG_INTEGER and self.step == 1:
            raise InvalidSpace("Int: high", high, "at most 2**40, for scale 'log'")
        if high - low >= MAX_CELLS and self.scale == "linear" and self.step == 1:
            raise InvalidSpace("Int: high", high, "a range of at most 2**50 values")

    def grid(self) -> Grid | None:
        """Return the grid of equal cells, None where cells have unequal width."""
        low, high = self.outer
        if self.unbounded:
            return None
        if low == high:
            return TableGrid((low,))
        if self.scale == "linear":
            return even_grid("Int", low, high, self.step, whole=True)
        return factor_grid("Int", low, high, self.step, whole=True) if self.step > 1 else None

    @property
    def cardinality(self) -> int | None:
        """How many values there are; None for infinitely many."""
        if self.low is None or self.high is None:
            return None
        grid = self.grid()
        if grid is None:
            return self.high - self.low + 1
        return grid.index(self.high) - grid.index(self.low) + 1

    def knows(self, value: Any) -> bool:
        """Return whether `value` is a whole number in the outer bounds, on a step."""
        return is_whole(value) and Number.knows(self, int(value))

    def check(self, value: Any, field: str) -> None:
        """Raise `InvalidParams` unless `value` is a whole number within bounds, on a step."""
        low, high = self.range
        if not (is_whole(value) and low <= value <= high and self.knows(value)):
            raise InvalidParams(field, value, f"a whole number {self._describe()}")


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class Categorical(Param):
    """One of some choices.

    Parameters
    ----------
    choices : sequence
        None, bool, int, float, str, and tuples of those; distinct under ``==``. For other
        objects use a name here and look the object up in the objective.
    ordered : bool, default False
        Whether neighbouring choices are similar.
    weights : sequence of float, optional
        The prior: one positive number for each choice.
    belief : mapping, optional
        From every choice to a positive weight: how likely an expert thinks it is best.
    when : mapping or str, optional
        The condition under which the parameter is active.
    retired : sequence, optional
        For editing: those of `choices` that old trials may have and that are never proposed.

    Attributes
    ----------
    index : mapping
        From each choice to its place among them, from 0.

    Raises
    ------
    InvalidSpace
        If this makes no sense.
    """

    choices: tuple[Any, ...]
    ordered: bool = False
    weights: tuple[float, ...] | None = None
    belief: tuple[tuple[Any, float], ...] | None = None
    when: Condition | None = None
    retired: tuple[Any, ...] = ()
    index: Mapping[Any, int] = field(init=False, repr=False, compare=False)
    _retired: frozenset[Any] = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        choices: Iterable[Any],
        *,
        ordered: bool = False,
        weights: Sequence[float] | None = None,
        belief: Mapping[Any, float] | Iterable[tuple[Any, float]] | None = None,
        when: object = None,
        retired: Iterable[Any] = (),
    ) -> None:
        put = object.__setattr__
        put(self, "choices", distinct("Categorical: choices", choices))
        put(self, "index", {choice: i for i, choice in enumerate(self.choices)})
        if not isinstance(ordered, bool):
            raise InvalidSpace("Categorical: ordered", ordered, "True or False")
        put(self, "ordered", ordered)
        put(self, "when", condition(when, "Categorical: when"))
        allowed = "some of the choices, not all"
        put(self, "retired", _values("Categorical: retired", retired, allowed))
        if not all(map(self.knows, self.retired)):
            raise InvalidSpace("Categorical: retired", self.retired, allowed)
        put(self, "_retired", frozenset(self.retired))
        if not self.live:
            raise InvalidSpace("Categorical: retired", self.retired, allowed)
        put(self, "weights", None)
        if weights is not None:
            allowed = f"{len(self.choices)} positive numbers, one for each choice"
            given = _values("Categorical: weights", weights, allowed)
            if len(given) != len(self.choices):
                raise InvalidSpace("Categorical: weights", given, allowed)
            put(self, "weights", tuple(_weight("Categorical: weights", w) for w in given))
        put(self, "belief", None)
        if belief is not None:
            allowed = f"a weight for each of {listing(self.choices)}"
            try:
                pairs = dict(belief)
            except (TypeError, ValueError):
                raise InvalidSpace("Categorical: belief", belief, allowed) from None
            if pairs.keys() != self.index.keys():
                raise InvalidSpace("Categorical: belief", pairs, allowed)
            weighed = ((c, _weight("Categorical: belief", pairs[c])) for c in self.choices)
            put(self, "belief", tuple(weighed))

    @property
    def live(self) -> tuple[Any, ...]:
        """The choices that may be proposed."""
        if not self._retired:
            return self.choices
        return tuple(choice for choice in self.choices if choice not in self._retired)

    @property
    def cardinality(self) -> int:
        """How many choices may be proposed."""
        return len(self.live)

    @property
    def plain(self) -> bool:
        """Whether JSON gives every choice back as it was."""
        return not any(
            isinstance(c, tuple) or (isinstance(c, float) and math.isinf(c)) for c in self.choices
        )

    def knows(self, value: Any) -> bool:
        """Return whether `value` is one of the choices, retired or not."""
        try:
            return value in self.index
        except TypeError:  # unhashable
            return False

    def proposes(self, value: Any) -> bool:
        """Return whether `value` is a choice that is not retired."""
        return self.knows(value) and value not in self._retired

    def check(self, value: Any, field: str) -> None:
        """Raise `InvalidParams` unless `value` is a choice that is not retired."""
        if not self.proposes(value):
            raise InvalidParams(field, value, f"one of {listing(self.live)}")


def _bound(field: str, given: Any) -> float | None:
    if given is None:
        return None
    return number(field, given, "a finite number", lambda _: True)


def _whole_bound(field: str, given: Any) -> int | None:
    if given is None:
        return None
    if is_whole(given) and abs(given) <= MAX_INTEGER:
        return int(given)
    raise InvalidSpace(field, given, "a whole number of size at most 2**53")


def _frame(field: str, given: Any, read: Callable[[str, Any], Any]) -> Any:
    if given is None:
        return None
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise InvalidSpace(field, given, "a pair (low, high)")
    return tuple(read(field, side) for side in given)


def _values(field: str, given: Any, allowed: str) -> tuple[Any, ...]:
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise InvalidSpace(field, given, allowed)
    return tuple(given)


def _weight(field: str, given: Any) -> float:
    return number(field, given, "positive numbers", lambda w: w > 0)


def _step(param: Float | Int, kind: str, given: Any) -> float:
    field = f"{kind}: step"
    if param.unbounded:
        raise InvalidSpace(field, given, "no step for a parameter without both bounds")
    if param.scale not in ("linear", "log"):
        raise InvalidSpace(field, given, f"no step for scale {param.scale!r}")
    if kind == "Int" and not is_whole(given):
        raise InvalidSpace(field, given, "a whole number of at least 1")
    if param.scale == "log":
        return number(field, given, "a factor above 1, for scale 'log'", lambda s: s > 1)
    return number(field, given, "a positive number", lambda s: s > 0)
