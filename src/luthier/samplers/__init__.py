"""Where to look next: one algorithm a file, each a pure function of the history."""

from luthier.samplers.base import Choice, Chooser, Sampler, Suggestion
from luthier.samplers.fixed import Fixed
from luthier.samplers.grid import Grid
from luthier.samplers.qmc import QMC
from luthier.samplers.random import Random

__all__ = [
    "Choice",
    "Chooser",
    "Fixed",
    "Grid",
    "QMC",
    "Random",
    "Sampler",
    "Suggestion",
]
