"""Low-discrepancy sequences: points that fill the unit cube more evenly than random ones."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["sobol", "halton"]

BLOCK = 256
"""Points are made in blocks of a power of two, which keeps Sobol's balance."""


class Sequence:
    """A scrambled Sobol or Halton sequence, block by block.

    Parameters
    ----------
    kind : {"sobol", "halton"}
        Which sequence.
    d : int
        Dimension of the points.
    seed : int
        Chooses the scrambling.

    References
    ----------
    Owen (2021), On dropping the first Sobol' point, arXiv:2008.08051: the first
    point of a scrambled sequence belongs to it and is kept.
    """

    def __init__(self, kind: Kind, d: int, seed: int) -> None:
        from scipy.stats import qmc

        engine = qmc.Sobol if kind == "sobol" else qmc.Halton
        self._engine = engine(d, scramble=True, rng=np.random.default_rng(seed))

    def next_block(self) -> NDArray[np.float64]:
        """Return the next points, shape ``(BLOCK, d)``, in [0, 1)."""
        points: NDArray[np.float64] = self._engine.random(BLOCK)
        return points
