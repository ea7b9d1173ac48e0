"""Expected hypervolume improvement for two or three objectives, in logarithms; less is better.

What a front leaves undominated below a reference point is cut into boxes, 2n + 1 of them
at most for n points. In each box a new point gains the product of the lengths it covers
along the axes, and for independent Gaussian predictions the expectation of that product is
the product of the expectations, each a difference of two values of ``sd * h(z)`` (see
`luthier.numerics.log_ei`). All is kept in logarithms, so that there is a slope to follow
even where the improvement is far too small for a float.

References
----------
Yang, Emmerich, Deutz, Bäck (2019), Efficient computation of expected hypervolume
improvement using box decomposition algorithms, J. Global Optimization 75. Lacour,
Klamroth, Fonseca (2017), A box decomposition algorithm to compute the hypervolume
indicator, Computers & OR 79. The logarithm: Ament et al. (2023), arXiv:2310.20708.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfcx, log_ndtr

from luthier.errors import InvalidInput
from luthier.numerics.hypervolume import checked
from luthier.numerics.hypervolume_staircase import Staircase
from luthier.numerics.log_ei import h_terms

Array = NDArray[np.float64]

_NARROW = 0.05
"""Up to this width, in deviations, an interval is integrated by its Taylor series."""

_SURE = 9.0
"""So many deviations above the mean, Phi is 1 to rounding."""


class Cells(NamedTuple):
    """Disjoint boxes that fill what is not dominated and lies below a reference point.

    Attributes
    ----------
    lower, upper : arrays of shape ``(k, m)``
        Their corners; a lower one may be -inf.
    """

    lower: Array
    upper: Array


def cells(front: ArrayLike, reference: ArrayLike) -> Cells:
    """Cut what a front leaves undominated into boxes.

    Parameters
    ----------
    front : array of shape ``(n, m)``
        Two or three objectives. Points that are dominated, equal, or not below the
        reference in every objective change nothing.
    reference : array of shape ``(m,)``

    Returns
    -------
    Cells
        At most ``n + 1`` boxes for two objectives, ``2 n + 1`` for three, in O(n log n).

    Raises
    ------
    InvalidInput
        If there are not two or three objectives, the shapes do not fit, a point is NaN or
        -inf, or the reference is not finite.
    """
    front, reference = checked(front, reference)
    if len(reference) not in (2, 3):
        raise InvalidInput("reference", reference.tolist(), "two or three objectives")
    m = len(reference)
    front = front[(front < reference).all(axis=1)]
    if m == 2:  # as three objectives, the last of which tells nothing apart
        front = np.column_stack([front, np.full(len(front), -np.inf)])
        reference = np.append(reference, np.inf)
    right, top, end = reference.tolist()
    stairs = Staircase(right, top)
    # A strip reaches from the point that made it to the one that covers it, or to the end.
    boxes = [
        (strip, z)
        for x, y, z in front[np.argsort(front[:, 2])].tolist()
        for strip in stairs.cover(x, y, z)
        if strip.born < z
    ]
    boxes += [(strip, end) for strip in stairs.strips]
    lower = np.array([(strip.left, -np.inf, strip.born) for strip, _ in boxes])
    upper = np.array([(strip.right, strip.top, z) for strip, z in boxes])
    return Cells(lower[:, :m], upper[:, :m])


def log_ehvi(mean: ArrayLike, sd: ArrayLike, cells: Cells) -> Array:
    """Return the logarithm of the expected hypervolume improvement of each prediction.

    Parameters
    ----------
    mean, sd : arrays of shape ``(b, m)``
        Of independent Gaussian predictions; ``sd`` positive.
    cells : Cells
        Of the front to improve, as `cells` cuts them.

    Returns
    -------
    array of shape ``(b,)``
        Finite however small the improvement.

    Raises
    ------
    InvalidInput
        If the shapes do not fit, or an ``sd`` is not positive.
    """
    return log_ehvi_gradient(mean, sd, cells)[0]


def log_ehvi_gradient(mean: ArrayLike, sd: ArrayLike, cells: Cells) -> tuple[Array, Array, Array]:
    """Return `log_ehvi` and its derivatives by ``mean`` and by ``sd``.

    Takes and raises the same as `log_ehvi`.

    Returns
    -------
    value : array of shape ``(b,)``
    by_mean, by_sd : arrays of shape ``(b, m)``
    """
    mean, sd = np.asarray(mean, dtype=np.float64), np.asarray(sd, dtype=np.float64)
    m = cells.upper.shape[1]
    if mean.ndim != 2 or mean.shape != sd.shape or mean.shape[1] != m:
        raise InvalidInput("mean, sd", (mean.shape, sd.shape), f"two shapes (b, {m})")
    if not np.all(sd > 0):
        raise InvalidInput("sd", float(sd.min()), "positive numbers")
    lengths = [
        _log_lengths(mean[:, j], sd[:, j], cells.lower[:, j], cells.upper[:, j]) for j in range(m)
    ]
    logs = sum((length.log for length in lengths[1:]), start=lengths[0].log)
    largest = logs.max(axis=1, keepdims=True)
    shares = np.exp(logs - largest)
    total = shares.sum(axis=1, keepdims=True)
    shares /= total
    value = (largest + np.log(total))[:, 0]
    by_mean = np.stack([(shares * length.by_mean).sum(axis=1) for length in lengths], axis=1)
    by_sd = np.stack([(shares * length.by_sd).sum(axis=1) for length in lengths], axis=1)
    return value, by_mean, by_sd


class _LogLengths(NamedTuple):
    """``log E[max(upper - max(lower, Y), 0)]`` and its derivatives, each ``(b, k)``."""

    log: Array
    by_mean: Array
    by_sd: Array


def _log_lengths(mean: Array, sd: Array, lower: Array, upper: Array) -> _LogLengths:
    """Return how far ``Y ~ N(mean, sd^2)`` is expected to reach into intervals from above.

    With ``a`` and ``b`` the standardised ends, the length is ``sd * (h(b) - h(a))``. Its
    derivatives are ``Phi(a) - Phi(b)`` by the mean and ``phi(b) - phi(a)`` by the deviation.
    """
    mean, sd = mean[:, None], sd[:, None]
    edges, places = np.unique(np.concatenate([lower, upper]), return_inverse=True)
    at_lower, at_upper = np.split(places, 2)
    z = (edges - mean) / sd
    terms = h_terms(z)

    log_b = terms.log_h[:, at_upper]
    a, b, width = z[:, at_lower], z[:, at_upper], (upper - lower) / sd
    # Where Phi hardly bends, h(b) - h(a) would lose the digits that its integral keeps.
    smooth = (width * (1.0 + np.maximum(-b, 0.0)) < _NARROW) | (a > _SURE)
    gap = np.where(smooth, -1.0, terms.log_h[:, at_lower] - log_b)
    rise = -np.expm1(gap)  # 1 - h(a) / h(b)
    log = log_b + np.log(rise)
    fall = 1.0 - rise
    cdf = (terms.cdf_over_h[:, at_upper] - fall * terms.cdf_over_h[:, at_lower]) / rise
    pdf = (terms.pdf_over_h[:, at_upper] - fall * terms.pdf_over_h[:, at_lower]) / rise
    if smooth.any():
        width = width[smooth]
        log[smooth], cdf[smooth], pdf[smooth] = _smooth_terms(b[smooth] - 0.5 * width, width)
    return _LogLengths(np.log(sd) + log, -cdf / sd, pdf / sd)


def _smooth_terms(middle: Array, width: Array) -> tuple[Array, Array, Array]:
    """Return ``log(h(b) - h(a))``, ``(Phi(b) - Phi(a))`` and ``(phi(b) - phi(a))`` over it.

    By Taylor series about the middle of a and b, three terms each: ``h' = Phi``, and every
    derivative of ``Phi`` is a polynomial times ``phi``.
    """
    m, m2 = middle, middle * middle
    ratio = math.sqrt(2 / math.pi) / erfcx(-middle / math.sqrt(2))  # phi / Phi
    second = width * width / 24
    fourth = width**4 / 1920
    h = 1.0 + ratio * m * (-second + (3.0 - m2) * fourth)
    cdf = 1.0 + (m2 - 1.0) * second + ((m2 - 6.0) * m2 + 3.0) * fourth
    pdf = m * (-1.0 + (3.0 - m2) * second - ((m2 - 10.0) * m2 + 15.0) * fourth)
    return np.log(width) + log_ndtr(middle) + np.log(h), ratio * cdf / h, ratio * pdf / h
