"""The model of a study: kernel, prior, and hyperparameters drawn from the posterior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from luthier.numerics.evidence import Evidence, Prior, fit
from luthier.numerics.kernels import TREND, Correlation, Kernel, Term
from luthier.numerics.slice_sampling import sample
from luthier.space.codec import Codec

Array = NDArray[np.float64]

DOUBT = 3.0
"""Up to this difference of log posterior densities two explanations are both kept."""

LONGER, NOISE = 0.7, 0.3
"""The second start of the search for the mode: longer scales, and this share of noise."""

PATTERNS = 512
"""Points drawn to see which columns are active together."""


@dataclass(frozen=True, slots=True)
class Beliefs:
    """What is believed about a function before any of its values is known.

    Attributes
    ----------
    length : float
        Median of the length-scales in a space of one column; grows with the root of the columns.
    spread : float
        Standard deviation of the logarithm of a length-scale.
    noise : float
        Median of the noise variance, as a share of the variance of what is observed.
    noise_spread : float
        Standard deviation of its logarithm.
    """

    length: float = 0.5
    spread: float = 1.0
    noise: float = 3e-3
    trend: float = 0.3
    noise_spread: float = 3.0

    def prior(self, kernel: Kernel) -> Prior:
        """Return the prior of the hyperparameters of a kernel."""
        centres: list[float] = []
        for term in kernel.terms:
            width = len(term.columns)
            centres += [log(self.length * max(width, 1) ** 0.5)] * width
        lengths, amplitudes = len(centres), len(kernel.terms)
        # The terms share what one term would explain alone.
        amplitude = -log(amplitudes)
        trend = len(TREND) if kernel.trend else 0
        return Prior(
            mean=np.array(
                [*centres, *[amplitude] * amplitudes, *[log(self.trend)] * trend, log(self.noise)]
            ),
            sd=np.array(
                [self.spread] * lengths + [1.0] * amplitudes + [1.5] * trend + [self.noise_spread]
            ),
            low=np.array([log(0.02)] * lengths + [-9.0] * (amplitudes + trend) + [log(1e-6)]),
            high=np.array([log(50.0)] * lengths + [6.0] * (amplitudes + trend) + [0.0]),
        )


def product_kernel(codec: Codec, correlation: Correlation) -> Kernel:
    """Return one term over all columns."""
    return Kernel((_term(codec, range(codec.d), None),), correlation)


def tree_kernel(codec: Codec, correlation: Correlation) -> Kernel:
    """Return a root term, and a gated term for each set of columns that are active together.

    The term of a branch sees all columns that are active wherever the branch is: its own
    and those on the way to it. In a space without conditions it is the product kernel.
    """
    if not codec.space.conditional:
        return product_kernel(codec, correlation)
    drawn = codec.from_uniform(np.random.default_rng(0).random((PATTERNS, codec.d)))
    active = codec.active(codec.snap(drawn))
    always = [j for j in range(codec.d) if active[:, j].all()]
    terms = [_term(codec, always, None)] if always else []
    seen = set()
    for j in range(codec.d):
        pattern = active[:, j]
        if pattern.all() or not pattern.any() or pattern.tobytes() in seen:
            continue
        seen.add(pattern.tobytes())
        terms.append(_term(codec, [i for i in range(codec.d) if active[pattern, i].all()], j))
    return Kernel(tuple(terms), correlation) if terms else product_kernel(codec, correlation)


def _term(codec: Codec, columns: range | list[int], gate: int | None) -> Term:
    choices = tuple(j for j in columns if codec.columns[j].kind == "categorical")
    return Term(tuple(j for j in columns if j not in choices), choices, gate)


KERNELS: dict[str, Callable[[Codec, Correlation], Kernel]] = {
    "product": product_kernel,
    "tree": tree_kernel,
}


def fitted_size(n: int) -> int:
    """Return at which number of observations the hyperparameters for `n` of them are learnt.

    They are learnt anew whenever the observations have grown by a tenth (later by a fifth): a
    function of `n` alone, so that a suggestion computed again from the log uses the same.
    """
    step = max(1, n // 10 if n < 100 else n // 5)
    return n // step * step


def learn(
    kernel: Kernel, prior: Prior, X: Array, A: Array, y: Array, members: int, steps: int
) -> Array:
    """Return hyperparameters: the mode of their posterior, or draws from it.

    Parameters
    ----------
    kernel, prior : Kernel, Prior
        The model.
    X, A, y : ndarray
        Observations; `y` standardised.
    members : int
        How many; 1 is the mode.
    steps : int
        Length of the chains, which begin at the mode.

    Returns
    -------
    ndarray, shape (members, p + 1)
    """
    evidence = Evidence(kernel, prior, X, A, y)
    if members == 1:
        return fit(evidence, [prior.mean])[None, :]
    smooth, rough = (fit(evidence, [start]) for start in _starts(kernel, prior))
    behind = evidence(rough)[0] - evidence(smooth)[0]
    # Noise and wiggles explain the same few observations: unless one of them is far more
    # likely, half of the chains begin at each.
    if abs(behind) > DOUBT:
        smooth = rough = smooth if behind > 0 else rough
    starts = np.array([(smooth, rough)[i % 2] for i in range(members)])
    # The chains are part of the model and not of a trial: their randomness is that of the data.
    rng = np.random.default_rng(len(y))
    return sample(kernel, prior, X, A, y, starts, rng, steps)


def _starts(kernel: Kernel, prior: Prior) -> tuple[Array, Array]:
    """Return where to begin: a function that follows the observations, and one below noise."""
    noisy = prior.mean.copy()
    noisy[: kernel.n_lengths] += LONGER
    noisy[-1] = log(NOISE)
    return prior.mean, noisy
