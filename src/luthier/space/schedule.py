"""Schedule: the course of a value during training as one parameter."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

from luthier.errors import InvalidInput, InvalidSpace
from luthier.space.base import Param
from luthier.space.composite import Composite
from luthier.space.conditions import Condition, condition
from luthier.space.courses import KINDS, PARTS, Course, part, parts_of, read_course
from luthier.space.params import Categorical, Float, Int

Setting = float | tuple[float, float]
"""One number, or the bounds between which it is searched."""


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class Schedule(Composite):
    """How a value, such as a learning rate, changes during training. The value is a `Course`.

    The training calls it with its progress: ``trial.params["lr"](epoch / epochs)``. Samplers
    see plain parameters beneath: the kind, the peak, and each part below that is given as a pair
    of bounds, active only where the kind has it.

    Parameters
    ----------
    low, high : float
        Bounds of the peak.
    log : bool, default True
        Whether the peak is searched on the logarithmic scale.
    kinds : sequence of str, optional
        Some of ``"constant"``, ``"linear"``, ``"cosine"``, ``"cosine_restarts"``, ``"step"``,
        ``"exponential"`` and ``"one_cycle"``; by default all. See `Course` for their formulas.
    warmup : float or pair, default 0
        A number, or a pair of bounds between which it is searched; as is each of the following.
        The share of the training that the warm-up takes; one cycle has none.
    end : float or pair, default 0.01
        The last value as a share of the peak; of one cycle, of its first value. Bounds above 0
        are searched on the logarithmic scale.
    restarts : int or pair, default (1, 3)
        How often ``"cosine_restarts"`` returns to the peak.
    stretch : float or pair, default 2
        How much longer each of its periods is than the one before.
    drops : int or pair, default (1, 4)
        How often ``"step"`` drops.
    factor : float or pair, default (0.1, 0.5)
        By what it multiplies then; searched on the logarithmic scale.
    rise : float or pair, default 0.45
        The share of the training in which ``"one_cycle"`` rises, and falls again.
    when : mapping or str, optional
        The condition under which the parameter is active.
    fixed : Course or mapping, optional
        For editing: the only value that is still proposed.

    Raises
    ------
    InvalidSpace
        If this makes no sense.

    Examples
    --------
    >>> Schedule(1e-4, 1e-1, kinds=["constant", "cosine"], warmup=(0, 0.2))
    Schedule(0.0001, 0.1, kinds=('constant', 'cosine'), warmup=(0.0, 0.2))
    """

    low: float
    high: float
    log: bool = True
    kinds: tuple[str, ...] = tuple(KINDS)
    warmup: Setting = 0.0
    end: Setting = 0.01
    restarts: Setting = (1, 3)
    stretch: Setting = 2.0
    drops: Setting = (1, 4)
    factor: Setting = (0.1, 0.5)
    rise: Setting = 0.45
    when: Condition | None = None
    fixed: Course | None = None

    def __init__(
        self,
        low: float,
        high: float,
        *,
        log: bool = True,
        kinds: Iterable[str] = tuple(KINDS),
        warmup: Setting = 0.0,
        end: Setting = 0.01,
        restarts: Setting = (1, 3),
        stretch: Setting = 2.0,
        drops: Setting = (1, 4),
        factor: Setting = (0.1, 0.5),
        rise: Setting = 0.45,
        when: object = None,
        fixed: Course | Mapping[str, Any] | None = None,
    ) -> None:
        put = object.__setattr__
        try:
            peak = Float(low, high, log=log)
        except InvalidSpace as error:
            field = error.field.replace("Float", "Schedule")
            raise InvalidSpace(field, error.given, error.allowed) from None
        if peak.unbounded:
            raise InvalidSpace("Schedule: bounds", (low, high), "two finite numbers")
        put(self, "low", peak.low)
        put(self, "high", peak.high)
        put(self, "log", log)
        put(self, "kinds", _kinds(kinds))
        settings = {
            "warmup": warmup,
            "end": end,
            "restarts": restarts,
            "stretch": stretch,
            "drops": drops,
            "factor": factor,
            "rise": rise,
        }
        for name, given in settings.items():
            put(self, name, _setting(name, given))
        if "exponential" in self.kinds and self.bounds("end")[0] == 0:
            raise InvalidSpace("Schedule: end", end, "a share above 0 for kind 'exponential'")
        put(self, "when", condition(when, "Schedule: when"))
        self._fix("Schedule", read_course(fixed))

    def bounds(self, name: str) -> tuple[float, float]:
        """Return the least and the largest value of a part."""
        if name == "peak":
            return self.low, self.high
        setting = getattr(self, name)
        return setting if isinstance(setting, tuple) else (setting, setting)

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that a value may have."""
        used = (name for name in PARTS if any(name in KINDS[kind] for kind in self.kinds))
        return ("kind", "peak", *used)

    @property
    def searched(self) -> dict[str, Param]:
        """The parameters beneath, by the parts of the value; at least one."""
        found: dict[str, Param] = {}
        if len(self.kinds) > 1:
            found["kind"] = Categorical(self.kinds)
        for name in self.parts[1:]:
            low, high = self.bounds(name)
            if low < high:
                found[name] = self._param(name, low, high)
        return found or {"peak": Float(self.low, self.high)}

    def _param(self, name: str, low: float, high: float) -> Param:
        if name == "peak":
            return Float(low, high, log=self.log)
        if PARTS[name].whole:
            return Int(int(low), int(high))
        return Float(low, high, log=name == "factor" or (name == "end" and low > 0))

    def course(self, parts: Mapping[str, Any]) -> Course:
        """Return the value of these parts; those that are not searched are filled in."""
        kind = parts.get("kind", self.kinds[0])
        chosen: dict[str, Any] = {
            name: parts[name] if name in parts else self.bounds(name)[0]
            for name in parts_of(kind)[1:]
        }
        return Course(kind, **chosen)

    @property
    def cardinality(self) -> int | None:
        """How many courses there are; None for infinitely many."""
        if self.fixed is not None:
            return 1
        sizes = {name: param.cardinality for name, param in self.searched.items() if name != "kind"}
        total = 0
        for kind in self.kinds:
            found = [size for name, size in sizes.items() if name in parts_of(kind)]
            if None in found:
                return None
            total += math.prod(size for size in found if size is not None)
        return total

    def courses(self, values: Callable[[str, Param], Iterable[Any]]) -> Iterator[Course]:
        """Yield the courses of all combinations of some values of each part that is searched."""
        searched = self.searched
        options = {name: list(values(name, searched[name])) for name in searched if name != "kind"}
        for kind in self.kinds:
            names = [name for name in options if name in parts_of(kind)]
            for chosen in product(*(options[name] for name in names)):
                yield self.course({"kind": kind, **dict(zip(names, chosen, strict=True))})

    def knows(self, value: Any) -> bool:
        """Return whether `value` is a `Course` of one of the kinds, with parts within bounds."""
        if not isinstance(value, Course) or value.kind not in self.kinds:
            return False
        bounds = {name: self.bounds(name) for name in value.parts[1:]}
        return all(low <= getattr(value, name) <= high for name, (low, high) in bounds.items())

    def _describe(self) -> str:
        bounds = []
        for name in self.parts[1:]:
            low, high = self.bounds(name)
            bounds.append(f"{name} {low!r}" if low == high else f"{name} {low!r} to {high!r}")
        return f"a Course of kind {' or '.join(self.kinds)}; {', '.join(bounds)}"


def _kinds(given: Any) -> tuple[str, ...]:
    allowed = f"some of {', '.join(KINDS)}, each once"
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InvalidSpace("Schedule: kinds", given, allowed)
    kinds = tuple(given)
    if not kinds or any(kind not in tuple(KINDS) or kinds.count(kind) > 1 for kind in kinds):
        raise InvalidSpace("Schedule: kinds", kinds, allowed)
    return kinds


def _setting(name: str, given: Any) -> Setting:
    read = partial(part, f"Schedule: {name}", name)
    try:
        if not isinstance(given, (tuple, list)):
            return read(given)
        if len(given) == 2:
            low, high = map(read, given)
            if low <= high:
                return (low, high) if low < high else low
    except InvalidInput as error:
        raise InvalidSpace(error.field, error.given, error.allowed) from None
    allowed = f"{PARTS[name].allowed}, or two of them, the smaller first"
    raise InvalidSpace(f"Schedule: {name}", given, allowed)
