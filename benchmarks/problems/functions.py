"""Test functions of the optimisation literature, each with its optimum, over plain vectors.

`Placed` puts one into the unit cube with its optimum at a random place and its axes turned, so
that neither the centre nor a coordinate-wise search is lucky.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """A function, where its optimum lies, its value there, and how wide its domain is."""

    function: Callable[[Array], float]
    optimum: float | tuple[float, ...]
    value: float
    width: float | tuple[float, ...]


def branin(x: Array) -> float:
    a, b = x
    return float(
        (b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6) ** 2
        + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a)
        + 10
    )


_WEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
_A3 = np.array([[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]])
_P3 = 1e-4 * np.array(
    [[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]]
)
_A6 = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_P6 = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann3(x: Array) -> float:
    return float(-_WEIGHTS @ np.exp(-(_A3 * (x - _P3) ** 2).sum(1)))


def hartmann6(x: Array) -> float:
    return float(-_WEIGHTS @ np.exp(-(_A6 * (x - _P6) ** 2).sum(1)))


def ackley(x: Array) -> float:
    return float(
        20 * (1 - np.exp(-0.2 * np.sqrt(np.mean(x**2))))
        + np.e
        - np.exp(np.mean(np.cos(2 * np.pi * x)))
    )


def rastrigin(x: Array) -> float:
    return float(np.sum(x**2 - 10 * np.cos(2 * np.pi * x) + 10))


def levy(x: Array) -> float:
    w = 1 + (x - 1) / 4
    first = np.sin(np.pi * w[0]) ** 2
    middle = np.sum((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2))
    return float(first + middle + (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2))


def rosenbrock(x: Array) -> float:
    return float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


def griewank(x: Array) -> float:
    scale = np.sqrt(np.arange(1, len(x) + 1))
    return float(np.sum(x**2) / 4000 - np.prod(np.cos(x / scale)) + 1)


def styblinski(x: Array) -> float:
    """Styblinski and Tang's function, per dimension."""
    return float(0.5 * np.mean(x**4 - 16 * x**2 + 5 * x))


def michalewicz(x: Array) -> float:
    index = np.arange(1, len(x) + 1)
    return float(-np.sum(np.sin(x) * np.sin(index * x**2 / np.pi) ** 20))


def sphere(x: Array) -> float:
    return float(np.sum(x**2))


BRANIN = Known(branin, (np.pi, 2.275), 0.39788735772973816, 15.0)
HARTMANN3 = Known(hartmann3, (0.114614, 0.555649, 0.852547), -3.8627797869493365, 1.0)
HARTMANN6 = Known(
    hartmann6, (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573), -3.322368011415512, 1.0
)
ACKLEY = Known(ackley, 0.0, 0.0, 16.0)
RASTRIGIN = Known(rastrigin, 0.0, 0.0, 6.0)
LEVY = Known(levy, 1.0, 0.0, 14.0)
ROSENBROCK = Known(rosenbrock, 1.0, 0.0, 4.0)
GRIEWANK = Known(griewank, 0.0, 0.0, 60.0)
STYBLINSKI = Known(styblinski, -2.9035340277, -39.16616570377142, 9.0)
SPHERE = Known(sphere, 0.0, 0.0, 2.0)


@dataclass(frozen=True)
class Placed:
    """A known function over the unit cube, turned and shifted by its name.

    The optimum lies somewhere in the middle 70 % of each axis.

    Parameters
    ----------
    known : Known
        The function.
    d : int
        Number of dimensions.
    name : str
        Chooses the place and the rotation.
    turned : bool, default True
        Whether the axes are turned.
    """

    known: Known
    d: int
    name: str
    turned: bool = True

    @cached_property
    def optimum(self) -> Array:
        """Where in the unit cube the optimum lies."""
        return 0.15 + 0.7 * self._rng.random(self.d)

    @cached_property
    def rotation(self) -> Array:
        """The matrix that turns the axes."""
        self.optimum  # noqa: B018 - drawn first, whichever is asked for first
        if not self.turned:
            return np.eye(self.d)
        q, r = np.linalg.qr(self._rng.normal(size=(self.d, self.d)))
        return np.asarray(q * np.sign(np.diag(r)))

    @cached_property
    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(crc32(self.name.encode()))

    def __call__(self, unit: Array) -> float:
        known = self.known
        moved = np.asarray(known.width) * (self.rotation @ (unit - self.optimum))
        return known.function(np.asarray(known.optimum) + moved)
