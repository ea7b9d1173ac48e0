"""How much of objective space a set of points dominates, exactly; less is better.

The hypervolume of points is the volume of all that lies above one of them and below a
reference point. Two objectives need a sort. Three are swept along the third: the points
met so far form a staircase in the first two, and each new point covers a few more strips
of that plane, from its own height up to the reference. More objectives are peeled off one
by one in the same way, down to three.

References
----------
Fonseca, Paquete, Lopez-Ibanez (2006), An improved dimension-sweep algorithm for the
hypervolume indicator, CEC. While, Bradstreet, Barone (2012), A fast way of calculating
exact hypervolumes, IEEE TEC 16(1). Emmerich, Fonseca (2011), Computing hypervolume
contributions in low dimensions, EMO.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luthier.errors import InvalidInput
from luthier.numerics.hypervolume_shares import shares_of_three
from luthier.numerics.hypervolume_staircase import Staircase
from luthier.numerics.pareto import nondominated

Array = NDArray[np.float64]


def hypervolume(points: ArrayLike, reference: ArrayLike) -> float:
    """Return the volume that is dominated by the points and bounded by the reference.

    Parameters
    ----------
    points : array of shape ``(n, m)``
        In any order, dominated and equal ones among them. A point that is not below the
        reference in every objective adds nothing.
    reference : array of shape ``(m,)``

    Raises
    ------
    InvalidInput
        If the shapes do not fit, a point is NaN or -inf, or the reference is not finite.

    Notes
    -----
    Takes O(n log n) for up to three objectives, and up to O(n^(m-2) log n) for more.
    """
    points, reference = checked(points, reference)
    return _volume(points[(points < reference).all(axis=1)], reference)


def contributions(points: ArrayLike, reference: ArrayLike) -> Array:
    """Return by how much the hypervolume of the front would shrink without each point.

    Points that are dominated do not count. Takes and raises the same as `hypervolume`.

    Returns
    -------
    array of shape ``(n,)``
        Zero for points that are dominated, occur twice or are not below the reference.

    Notes
    -----
    Takes O(n log n) on the front for up to three objectives, and n hypervolumes for more.
    """
    points, reference = checked(points, reference)
    shares = np.zeros(len(points))
    inside = np.flatnonzero((points < reference).all(axis=1))
    front, first, counts = np.unique(points[inside], axis=0, return_index=True, return_counts=True)
    kept = nondominated(front)
    alone = counts[kept] == 1
    shares[inside[first[kept][alone]]] = _contributions(front[kept], reference)[alone]
    return shares


def infer_reference(losses: ArrayLike) -> Array:
    """Return a reference point for points that come without one.

    It lies a tenth of the front's range beyond the front's worst value of each objective.
    An objective in which the front has no range takes the range of all points instead,
    and one in which all points are equal takes 1.

    Parameters
    ----------
    losses : array of shape ``(n, m)``
        Finite, ``n >= 1``.

    Raises
    ------
    InvalidInput
        If there is no point, or one that is not finite.
    """
    losses = np.asarray(losses, dtype=np.float64)
    if losses.ndim != 2 or not losses.size or not np.isfinite(losses).all():
        raise InvalidInput("losses", losses, "at least one row of finite numbers")
    front = losses[nondominated(losses)]
    span = np.ptp(front, axis=0)
    span = np.where(span > 0, span, np.ptp(losses, axis=0))
    return np.asarray(front.max(axis=0) + 0.1 * np.where(span > 0, span, 1.0))


def checked(points: ArrayLike, reference: ArrayLike) -> tuple[Array, Array]:
    """Return both as arrays of shapes ``(n, m)`` and ``(m,)``.

    Raises
    ------
    InvalidInput
        If the shapes do not fit, a point is NaN or -inf, or the reference is not finite.
    """
    points = np.asarray(points, dtype=np.float64)
    reference = np.asarray(reference, dtype=np.float64)
    if reference.ndim != 1 or not reference.size or not np.isfinite(reference).all():
        raise InvalidInput("reference", reference, "one finite number for each objective")
    if points.ndim != 2 or points.shape[1] != len(reference):
        raise InvalidInput(
            "points", f"shape {points.shape}", f"rows of {len(reference)} numbers, as the reference"
        )
    if not (points > -np.inf).all():
        worst = points[~(points > -np.inf).all(axis=1)][0]
        raise InvalidInput("points", worst.tolist(), "numbers that are not NaN or -inf")
    return points, reference


def _volume(points: Array, reference: Array) -> float:
    """Return the hypervolume of points that all lie below the reference."""
    n, m = points.shape
    if n == 0:
        return 0.0
    if n == 1:
        return float(np.prod(reference - points[0]))
    if m == 1:
        return float(reference[0] - points.min())
    if m == 2:
        return _area(points, reference)
    if m == 3:
        return _volume_by_sweep(points, reference)
    return _volume_by_peeling(points, reference)


def _area(points: Array, reference: Array) -> float:
    x, y = points[np.argsort(points[:, 0])].T
    widths = np.diff(x, append=reference[0])
    heights = reference[1] - np.minimum.accumulate(y)
    return float(widths @ heights)


def _volume_by_sweep(points: Array, reference: Array) -> float:
    stairs = Staircase(*reference[:2].tolist())
    top = float(reference[2])
    volume = 0.0
    for x, y, z in points[np.argsort(points[:, 2])].tolist():
        for strip in stairs.cover(x, y, z):
            volume += (strip.right - strip.left) * (strip.top - y) * (top - z)
    return volume


def _volume_by_peeling(points: Array, reference: Array) -> float:
    """Add up what each point covers of the first ``m - 1`` objectives that none before it did."""
    points = points[nondominated(points)]
    points = points[np.argsort(points[:, -1])]
    base, heights = points[:, :-1], reference[-1] - points[:, -1]
    volume = 0.0
    for i, height in enumerate(heights.tolist()):
        volume += height * _exclusive(base[:i], base[i], reference[:-1])
    return volume


def _exclusive(others: Array, point: Array, reference: Array) -> float:
    """Return the volume that this point dominates and none of the others does."""
    shared = _volume(np.maximum(others, point), reference)
    return max(0.0, float(np.prod(reference - point)) - shared)  # rounding may go below


def _contributions(front: Array, reference: Array) -> Array:
    """Return the contributions of distinct points that do not dominate each other.

    They are in lexicographic order.
    """
    n, m = front.shape
    if m == 2:
        widths = np.diff(front[:, 0], append=reference[0])
        heights = -np.diff(front[:, 1], prepend=reference[1])
        return widths * heights
    if m == 3:
        return shares_of_three(front, reference)
    return np.array(
        [_exclusive(np.delete(front, i, axis=0), front[i], reference) for i in range(n)]
    )
