"""Courses: how a value, such as a learning rate, changes while a model is trained."""

from __future__ import annotations

import math
from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from luthier.errors import InvalidInput
from luthier.space.base import is_number, is_whole

START = 0.1
"""Where a warm-up and the rise of one cycle begin, as a share of the peak."""

KINDS: Mapping[str, tuple[str, ...]] = {
    "constant": ("warmup",),
    "linear": ("warmup", "end"),
    "cosine": ("warmup", "end"),
    "cosine_restarts": ("warmup", "end", "restarts", "stretch"),
    "step": ("warmup", "drops", "factor"),
    "exponential": ("warmup", "end"),
    "one_cycle": ("rise", "end"),
}
"""The kinds of courses, and what each has beside its peak."""


class Rule(NamedTuple):
    """What a part of a course may be."""

    default: float
    allowed: str
    test: Callable[[Any], bool]
    whole: bool = False


PARTS: Mapping[str, Rule] = {
    "warmup": Rule(0.0, "a share of the training, from 0 to below 1", lambda x: 0 <= x < 1),
    "rise": Rule(0.45, "a share of the training, above 0 and at most 0.5", lambda x: 0 < x <= 0.5),
    "end": Rule(0.01, "a share, from 0 to 1", lambda x: 0 <= x <= 1),
    "restarts": Rule(1, "a whole number of at least 1", lambda x: x >= 1, whole=True),
    "stretch": Rule(2.0, "a number of at least 1", lambda x: 1 <= x < math.inf),
    "drops": Rule(2, "a whole number of at least 1", lambda x: x >= 1, whole=True),
    "factor": Rule(0.1, "a number above 0 and below 1", lambda x: 0 < x < 1),
}


class _Course(Mapping[str, Any]):
    """A function of the progress that is also the read-only mapping of what defines it."""

    __slots__ = ()

    @abstractmethod
    def _at(self, progress: float) -> float:
        """Return the value at a progress in [0, 1]."""

    def __call__(self, progress: float) -> float:
        """Return the value at some progress of the training.

        Parameters
        ----------
        progress : float
            From 0, the beginning, to 1, the end; such as ``epoch / epochs``.

        Raises
        ------
        InvalidInput
            If the progress is not in [0, 1].
        """
        if not (is_number(progress) and 0 <= progress <= 1):
            raise InvalidInput("progress", progress, "a number from 0 to 1, such as epoch / epochs")
        return self._at(progress)

    @property
    @abstractmethod
    def parts(self) -> tuple[str, ...]:
        """The names of what defines it."""

    def __iter__(self) -> Iterator[str]:
        return iter(self.parts)

    def __getitem__(self, name: str) -> Any:
        if name not in self.parts:
            raise KeyError(name)
        return getattr(self, name)

    def __len__(self) -> int:
        return len(self.parts)


@dataclass(frozen=True, slots=True, repr=False)
class Course(_Course):
    """The course of a value during training: what a `Schedule` proposes.

    Call it with the progress of the training: ``lr(epoch / epochs)``. It is also a read-only
    mapping of its parts, so that ``dict(course)`` is plain JSON and ``Course(**data)`` reads it.
    Parts that its kind does not have are None, and not in the mapping.

    Parameters
    ----------
    kind : str
        Below, t is the progress from 0 to 1 after the warm-up, e is `end`, and every formula
        is a share of the peak.

        - ``"constant"``: 1
        - ``"linear"``: ``1 - (1 - e) t``
        - ``"cosine"``: ``e + (1 - e) (1 + cos(pi t)) / 2``: one period of [1]_
        - ``"cosine_restarts"``: `restarts` times back to the peak [1]_; t is the progress of
          the period, each period being `stretch` times as long as the one before
        - ``"step"``: ``factor ** k`` after k of the `drops`, which divide the training into equal
          stretches
        - ``"exponential"``: ``e ** t``; `end` is above 0
        - ``"one_cycle"``: up from 0.1 to 1 during the share `rise` of the training, down to 0.1
          in as long, then on to 0.1 e, all in straight lines [2]_; it has no other warm-up
    peak : float
        The largest value; any finite number, 0 and below included.
    warmup : float, default 0
        Share of the training during which the value rises linearly from a tenth of the peak:
        gradual warm-up [3]_.
    end : float, default 0.01
        The last value as a share of the peak; of one cycle, as a share of its first value.
    restarts : int, default 1
    stretch : float, default 2
        T_mult of [1]_.
    drops : int, default 2
    factor : float, default 0.1
    rise : float, default 0.45

    Raises
    ------
    InvalidInput
        If a part makes no sense, or its kind does not have it.

    References
    ----------
    .. [1] Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR
       2017, equation 5.
    .. [2] Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks Using
       Large Learning Rates", 2017, section 4.
    .. [3] Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", 2017,
       section 2.2.

    Examples
    --------
    >>> lr = Course("cosine", 0.1, warmup=0.1)
    >>> [round(lr(epoch / 4), 4) for epoch in range(5)]
    [0.01, 0.0934, 0.0591, 0.0187, 0.001]
    """

    kind: str
    peak: float
    warmup: float | None = None
    end: float | None = None
    restarts: int | None = None
    stretch: float | None = None
    drops: int | None = None
    factor: float | None = None
    rise: float | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        if not isinstance(self.kind, str) or self.kind not in KINDS:
            raise InvalidInput("Course: kind", self.kind, f"one of {', '.join(KINDS)}")
        if not is_number(self.peak) or not math.isfinite(self.peak):
            raise InvalidInput("Course: peak", self.peak, "a finite number")
        put(self, "peak", float(self.peak))
        for name, rule in PARTS.items():
            given = getattr(self, name)
            if name not in KINDS[self.kind]:
                if given is not None:
                    raise InvalidInput(f"Course: {name}", given, f"none for kind {self.kind!r}")
            else:
                value = rule.default if given is None else given
                put(self, name, part(f"Course: {name}", name, value))
        if self.kind == "exponential" and self.end == 0:
            raise InvalidInput("Course: end", self.end, "a share above 0 for kind 'exponential'")

    @property
    def parts(self) -> tuple[str, ...]:
        """``"kind"``, ``"peak"`` and what its kind has beside them."""
        return parts_of(self.kind)

    def _at(self, progress: float) -> float:
        warmup = self.warmup or 0.0
        if progress < warmup:
            return self.peak * (START + (1 - START) * progress / warmup)
        t = (progress - warmup) / (1 - warmup)
        parts = [getattr(self, name) for name in KINDS[self.kind] if name != "warmup"]
        return self.peak * _FORMULAS[self.kind](t, *parts)

    def __repr__(self) -> str:
        parts = "".join(f", {name}={self[name]!r}" for name in KINDS[self.kind])
        return f"Course({self.kind!r}, {self.peak!r}{parts})"


def _constant(t: float) -> float:
    return 1.0


def _linear(t: float, end: float) -> float:
    return 1 - (1 - end) * t


def _cosine(t: float, end: float) -> float:
    return end + (1 - end) * (1 + math.cos(math.pi * t)) / 2


def _cosine_restarts(t: float, end: float, restarts: int, stretch: float) -> float:
    lengths = [stretch**i for i in range(restarts + 1)]
    rest = t * sum(lengths)
    for length in lengths[:-1]:
        if rest < length:
            return _cosine(rest / length, end)
        rest -= length
    return _cosine(min(rest / lengths[-1], 1.0), end)


def _step(t: float, drops: int, factor: float) -> float:
    return factor ** min(math.floor(t * (drops + 1)), drops)


def _exponential(t: float, end: float) -> float:
    return math.pow(end, t)


def _one_cycle(t: float, rise: float, end: float) -> float:
    if t < rise:
        return START + (1 - START) * t / rise
    if t < 2 * rise:
        return 1 - (1 - START) * (t - rise) / rise
    rest = 1 - 2 * rise
    return START if rest == 0 else START * _linear((t - 2 * rise) / rest, end)


_FORMULAS: Mapping[str, Callable[..., float]] = {
    "constant": _constant,
    "linear": _linear,
    "cosine": _cosine,
    "cosine_restarts": _cosine_restarts,
    "step": _step,
    "exponential": _exponential,
    "one_cycle": _one_cycle,
}
"""The share of the peak after the warm-up, given the progress and the other parts."""


@dataclass(frozen=True, slots=True, repr=False)
class Piecewise(_Course):
    """A course through given points, to train again with a schedule that was found.

    Call it with the progress of the training, as a `Course`. ``dict(piecewise)`` is plain data,
    and ``Piecewise(**data)`` reads it.

    Parameters
    ----------
    points : iterable of pairs
        Progress and value; progress rises from one to the next, and the first is 0.
    between : {"hold", "linear"}, default "hold"
        Whether a value stays until the next point, or moves there in a straight line. After
        the last point it stays in either case.

    Raises
    ------
    InvalidInput
        If these are not such points.

    Examples
    --------
    >>> lr = Piecewise([(0, 0.1), (0.5, 0.02)])
    >>> lr(0.3), lr(0.5), lr(1)
    (0.1, 0.02, 0.02)
    """

    points: tuple[tuple[float, float], ...]
    between: Literal["hold", "linear"] = "hold"

    def __init__(
        self,
        points: Iterable[tuple[float, float]],
        between: Literal["hold", "linear"] = "hold",
    ) -> None:
        allowed = "pairs of progress and value; progress rises, from 0 to at most 1"
        try:
            pairs = tuple((float(at), float(value)) for at, value in points)
        except (TypeError, ValueError):
            raise InvalidInput("Piecewise: points", points, allowed) from None
        rises = all(one[0] < two[0] for one, two in pairwise(pairs))
        finite = all(math.isfinite(value) for _, value in pairs)
        if not (pairs and pairs[0][0] == 0 and pairs[-1][0] <= 1 and rises and finite):
            raise InvalidInput("Piecewise: points", pairs, allowed)
        if between not in ("hold", "linear"):
            raise InvalidInput("Piecewise: between", between, "'hold' or 'linear'")
        object.__setattr__(self, "points", pairs)
        object.__setattr__(self, "between", between)

    @property
    def parts(self) -> tuple[str, ...]:
        """``"points"`` and ``"between"``."""
        return "points", "between"

    def _at(self, progress: float) -> float:
        after = bisect_right(self.points, progress, key=lambda point: point[0])
        at, value = self.points[after - 1]
        if self.between == "hold" or after == len(self.points):
            return value
        next_at, next_value = self.points[after]
        share = (progress - at) / (next_at - at)
        return value * (1 - share) + next_value * share

    def __repr__(self) -> str:
        between = "" if self.between == "hold" else f", between={self.between!r}"
        return f"Piecewise({list(self.points)!r}{between})"


@cache
def parts_of(kind: str) -> tuple[str, ...]:
    """Return the parts of a course of a kind."""
    return ("kind", "peak", *KINDS[kind])


def part(field: str, name: str, given: Any) -> float:
    """Return a part of a course as a number, or raise `InvalidInput`."""
    rule = PARTS[name]
    if is_number(given) and rule.test(given) and (not rule.whole or is_whole(given)):
        return int(given) if rule.whole else float(given)
    raise InvalidInput(field, given, rule.allowed)


def read_course(given: Any) -> Any:
    """Return the course that a mapping describes; anything else as it is."""
    if type(given) is not Course and isinstance(given, Mapping) and "kind" in given:
        try:
            return Course(**given)
        except (InvalidInput, TypeError):
            return given  # whoever checks it says what is allowed
    return given
