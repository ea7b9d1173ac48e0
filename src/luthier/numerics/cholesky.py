"""Cholesky factors of covariances, and what is solved with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dtrsm
from scipy.linalg.lapack import dpotrf, dpotri

Array = NDArray[np.float64]

JITTERS = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
"""Shares of the mean variance, added to all until the covariance is positive definite."""


def factored(covariance: Array, noise: float, scale: float | None = None) -> Array:
    """Return the lower Cholesky factor of a covariance plus noise, in Fortran's order.

    Parameters
    ----------
    covariance : ndarray, shape (n, n)
        Symmetric; left as it is.
    noise : float
        Added to the diagonal, and with it the smallest of `JITTERS` that helps.
    scale : float, optional
        What the jitter is relative to; by default the mean of the diagonal.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite, whatever the jitter, or not finite.
    """
    n = len(covariance)
    if scale is None:
        scale = float(np.trace(covariance)) / max(n, 1)
    for jitter in JITTERS:
        noisy = covariance.copy(order="F")
        noisy[np.diag_indices(n)] += noise + jitter * scale
        factor, failed = dpotrf(noisy, lower=1, overwrite_a=1)
        # A NaN passes through OpenBLAS unnoticed, down to the last number.
        if not failed and np.isfinite(factor[-1:, -1:]).all():
            lower: Array = factor
            return lower
    raise np.linalg.LinAlgError("a covariance is not positive definite")


def solved(factor: Array, right: Array, transposed: bool = False, overwrite: bool = False) -> Array:
    """Return ``L^-1 B``, or ``L^-T B`` if `transposed`.

    A triangular solve loses fewer digits than a product with the inverse, and
    costs no more.

    Parameters
    ----------
    factor : ndarray, shape (n, n)
        L, from `factored`.
    right : ndarray, shape (n, k)
        B; fastest in Fortran's order.
    transposed : bool, default False
        Whether L is transposed.
    overwrite : bool, default False
        Whether B may be overwritten.
    """
    solution: Array = dtrsm(
        1.0, factor, right, lower=1, trans_a=int(transposed), overwrite_b=int(overwrite)
    )
    return solution


def inverse(factor: Array) -> Array:
    """Return the inverse of the matrix whose lower factor this is, shape ``(n, n)``."""
    if not len(factor):
        return np.zeros_like(factor)
    lower: Array = dpotri(factor, lower=1)[0]
    whole: Array = lower + lower.T
    whole[np.diag_indices(len(whole))] *= 0.5
    return whole
