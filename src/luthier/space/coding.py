"""What a coder is: it turns the values of one parameter into unit coordinates and back.

Every coder works on one value and on arrays, and both ways give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from luthier.space.scales import FloatArray

Kind = Literal["continuous", "integer", "ordered", "categorical"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the encoded table.

    Attributes
    ----------
    param : str
        The parameter it belongs to.
    part : str, optional
        Which part of a composite parameter; None for a parameter of one column.
    kind : str
        ``"continuous"``; ``"integer"``, ordered levels of a number; ``"ordered"``, ordered
        choices; ``"categorical"``, choices without order.
    levels : int, optional
        How many levels; None if continuous, or where levels have unequal width.
    low, high : float
        The legal part of [0, 1]: all of it, except after a narrowing.
    """

    param: str
    part: str | None
    kind: Kind
    levels: int | None
    low: float = 0.0
    high: float = 1.0


class Coder(Protocol):
    """Turns the values of one parameter into m unit coordinates and back."""

    columns: tuple[Column, ...]
    uniform: bool
    """Whether `from_uniform` changes nothing."""

    @property
    def one_to_unit(self) -> Callable[[Any], Any]:
        """From a value to its coordinate; to a list of them if there are several columns."""
        ...

    @property
    def one_to_value(self) -> Callable[[Any], Any]:
        """And back."""
        ...

    def to_units(self, values: list[Any]) -> FloatArray:
        """Return the coordinates, shape (n, m); `InvalidParams` for unknown values."""
        ...

    def to_values(self, units: FloatArray) -> NDArray[Any]:
        """Return the nearest legal value for each row of shape (n, m), as an array (n,)."""
        ...

    def snapped(self, units: FloatArray) -> FloatArray:
        """Return the coordinates of the nearest legal values, both of shape (n, m)."""
        ...

    def from_uniform(self, p: FloatArray, belief: bool) -> FloatArray:
        """Map uniform numbers of shape (n, m) to coordinates drawn from prior or belief."""
        ...

    def log_belief(self, units: FloatArray) -> FloatArray:
        """Return the log density of the belief over the unit coordinate, shape (n,)."""
        ...
