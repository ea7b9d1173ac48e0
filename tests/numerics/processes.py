"""Kernels, points and priors for the tests of Gaussian processes, and covariances by definition."""

from math import exp, log, sqrt

import numpy as np

from luthier.numerics.evidence import Prior
from luthier.numerics.kernels import Kernel, Term

NUMERIC = Kernel((Term((0, 1, 2)),))
MIXED = Kernel((Term((0, 2), (1, 3)),))
TREE = Kernel(
    (
        Term((0,), (3,)),
        Term((0, 1), (3,), gate=1),
        Term((0, 2), (), gate=2),
    )
)
"""Column 3 has the values 1/6, 1/2, 5/6; the first switches column 1 on, the last column 2."""


def with_trend(kernel):
    return Kernel(kernel.terms, kernel.correlation, trend=True)


def gaussian(kernel):
    return Kernel(kernel.terms, "gaussian", kernel.trend)


KERNELS = {
    "numeric": NUMERIC,
    "mixed": MIXED,
    "mixed, trend": with_trend(MIXED),
    "mixed, gaussian": gaussian(MIXED),
    "tree": TREE,
    "tree, trend": with_trend(TREE),
    "tree, gaussian, trend": gaussian(with_trend(TREE)),
    "choices only, trend": with_trend(Kernel((Term((), (1, 3)),))),
}


def points(rng, n, kernel):
    """Return points of four columns that the kernel may compare, and their activity."""
    X, A = rng.random((n, 4)), np.ones((n, 4))
    X[:, 3] = (rng.integers(3, size=n) + 0.5) / 3
    if any(1 in term.choices for term in kernel.terms):
        X[:, 1] = (rng.integers(5, size=n) + 0.5) / 5
    if any(term.gate for term in kernel.terms):
        A[:, 1], A[:, 2] = X[:, 3] < 0.3, X[:, 3] > 0.7
        X[A == 0] = 0.5
    return X, A


def function(X):
    return np.sin(5 * X[:, 0]) + X[:, 1] ** 2 + np.where(X[:, 3] < 0.4, X[:, 2], -0.5)


def settings(rng, kernel, m, noise=1e-3):
    """Return m settings of the hyperparameters around lengths and variances of one."""
    thetas = 0.6 * rng.standard_normal((m, kernel.n_parameters + 1))
    thetas[:, -1] += log(noise)
    return thetas


def prior_of(kernel, noise=1e-3):
    p = kernel.n_parameters
    return Prior(
        mean=np.append(np.full(p, -0.3), log(noise)),
        sd=np.append(np.full(p, 0.8), 1.5),
        low=np.append(np.full(p, -4.0), log(1e-6)),
        high=np.append(np.full(p, 4.0), 0.0),
    )


def covariance(kernel, theta, x, a, y, b):
    """The covariance of two points, term by term and column by column, as it is defined."""
    values = [exp(t) for t in theta]
    lengths, rest = values[: kernel.n_lengths], values[kernel.n_lengths :]
    total = 0.0
    for term, amplitude in zip(kernel.terms, rest, strict=False):
        mine, lengths = lengths[: len(term.columns)], lengths[len(term.columns) :]
        if term.gate is not None and not a[term.gate] * b[term.gate]:
            continue
        squared = 0.0
        for j, length in zip(term.columns, mine, strict=True):
            difference = x[j] - y[j] if j in term.numeric else float(x[j] != y[j])
            squared += (difference / length) ** 2
        r = sqrt(5 * squared)
        matern = (1 + r + r * r / 3) * exp(-r)
        total += amplitude * (exp(-squared / 2) if kernel.correlation == "gaussian" else matern)
    if kernel.trend:
        linear, quadratic, offsets = rest[len(kernel.terms) : len(kernel.terms) + 3]
        for j in kernel.numeric:
            both = a[j] * b[j] / len(kernel.numeric)
            total += linear * both * 3 * (2 * x[j] - 1) * (2 * y[j] - 1)
            waves = [6 * z * z - 6 * z + 1 for z in (x[j], y[j])]
            total += quadratic * both * 5 * waves[0] * waves[1]
        for j in kernel.choices:
            total += offsets * (x[j] == y[j]) / len(kernel.choices)
    return total


def covariances(kernel, theta, X, A, Y, B):
    return np.array(
        [
            [covariance(kernel, theta, x, a, y, b) for y, b in zip(Y, B, strict=True)]
            for x, a in zip(X, A, strict=True)
        ]
    ).reshape(len(X), len(Y))


def slopes(f, x, step=1e-5):
    """The derivative of f by each coordinate of x, from differences of fourth order."""
    columns = []
    for j in range(len(x)):
        e = np.zeros(len(x))
        e[j] = step
        near, far = f(x + e) - f(x - e), f(x + 2 * e) - f(x - 2 * e)
        columns.append((8 * near - far) / (12 * step))
    return np.stack(columns, axis=-1)
