"""Probabilities of choices that follow the natural gradient, with a step size that adapts.

References
----------
Akimoto et al. (2019), Adaptive Stochastic Natural Gradient Method for One-Shot Neural
Architecture Search, PMLR 97; Hamano et al. (2025), CatCMA with Margin, arXiv:2504.07884.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SIGNAL = 1.5
"""The ratio of signal to noise that the step size keeps."""


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """Independent distributions over the options of several choices.

    Attributes
    ----------
    probabilities : array of shape ``(total,)``
        Of all options, one choice after the other.
    starts : tuple of int
        Where each choice begins, and the end of the last one.
    path : array of shape ``(total - choices,)``
        Running sum of the steps, in coordinates in which the Fisher information is 1.
    spread : float
        How long the path may be without a signal.
    caution : float
        Inverse of the step size.
    """

    probabilities: Array
    starts: tuple[int, ...]
    path: Array
    spread: float = 0.0
    caution: float = 1.0

    @classmethod
    def start(cls, probabilities: list[Array]) -> Choices:
        """Return distributions without a past, of at least two options each."""
        starts = (0, *np.cumsum([len(p) for p in probabilities]).tolist())
        return cls(
            probabilities=np.concatenate(probabilities),
            starts=starts,
            path=np.zeros(starts[-1] - len(probabilities)),
        )

    def sample(self, uniform: Array) -> NDArray[np.int64]:
        """Return options for uniform numbers in [0, 1), both of shape ``(n, choices)``."""
        drawn = np.empty(uniform.shape, np.int64)
        for j, (start, stop) in enumerate(pairwise(self.starts)):
            sums = np.cumsum(self.probabilities[start:stop])
            drawn[:, j] = np.searchsorted(sums[:-1], uniform[:, j], side="right")
        return drawn


def updated(before: Choices, options: NDArray[np.int64], weights: Array, least: float) -> Choices:
    """Return the distributions after one generation.

    Parameters
    ----------
    before : Choices
        From which most points were drawn.
    options : array of int, shape ``(mu, choices)``
        What the best points chose; -1 where the choice was not active.
    weights : array of shape ``(mu,)``
        Of these points, sum 1.
    least : float
        The least probability of all options but one together.
    """
    q = before.probabilities
    gradient = np.zeros(len(q))
    own = []
    for j, (start, stop) in enumerate(pairwise(before.starts)):
        chosen = options[:, j] >= 0
        part = q[start:stop]
        g = -weights[chosen].sum() * part
        np.add.at(g, options[chosen, j], weights[chosen])
        gradient[start:stop] = g
        # Square root of the Fisher information times the gradient (Akimoto 2019, appendix B).
        own.append(
            g[:-1] / np.sqrt(part[:-1])
            + np.sqrt(part[:-1]) * g[:-1].sum() / (part[-1] + math.sqrt(part[-1]))
        )
    natural = np.concatenate(own)
    length = float(np.linalg.norm(natural))
    if length < 1e-12:
        return before  # the points say nothing about the choices
    step = 1 / before.caution
    beta = step / math.sqrt(len(natural))
    path = (1 - beta) * before.path + math.sqrt(beta * (2 - beta)) * natural / length
    spread = (1 - beta) ** 2 * before.spread + beta * (2 - beta)
    caution = before.caution * math.exp(beta * (spread - float(path @ path) / SIGNAL))
    moved = q + step * gradient / length
    for start, stop in pairwise(before.starts):
        moved[start:stop] = _with_margin(moved[start:stop], least / (stop - start - 1))
    # The published algorithm lets caution fall without bound; a step may not leave the simplex.
    return Choices(moved, before.starts, path, spread, max(caution, 1.0))


def _with_margin(probabilities: Array, least: float) -> Array:
    """Raise each probability to a least one, and take the excess from the others."""
    raised = np.maximum(probabilities, least)
    total = raised.sum()
    raised -= (total - 1) * (raised - least) / (total - least * len(raised))
    normal: Array = raised / raised.sum()
    return normal
