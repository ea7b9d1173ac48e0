"""Where to look next: one algorithm a file, each a pure function of the history.

A sampler is imported when its name is first used: some need SciPy, which takes long.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from luthier.samplers.base import (
    Choice,
    Chooser,
    Recommendation,
    Recommender,
    Sampler,
    Suggestion,
)

if TYPE_CHECKING:
    from luthier.samplers.auto import Auto
    from luthier.samplers.cmaes import CMAES
    from luthier.samplers.differential_evolution import DifferentialEvolution
    from luthier.samplers.fixed import Fixed
    from luthier.samplers.forest import Forest
    from luthier.samplers.gp import GP
    from luthier.samplers.grid import Grid
    from luthier.samplers.nsga2 import NSGA2
    from luthier.samplers.nsga3 import NSGA3
    from luthier.samplers.qmc import QMC
    from luthier.samplers.random import Random
    from luthier.samplers.regularized_evolution import RegularizedEvolution
    from luthier.samplers.tpe import TPE

_HOME = {
    "Random": "random",
    "Grid": "grid",
    "QMC": "qmc",
    "Fixed": "fixed",
    "TPE": "tpe",
    "Auto": "auto",
    "GP": "gp",
    "Forest": "forest",
    "CMAES": "cmaes",
    "DifferentialEvolution": "differential_evolution",
    "RegularizedEvolution": "regularized_evolution",
    "NSGA2": "nsga2",
    "NSGA3": "nsga3",
}

__all__ = [
    # the contract
    "Sampler",
    "Suggestion",
    "Chooser",
    "Choice",
    "Recommender",
    "Recommendation",
    # the samplers
    "Random",
    "Grid",
    "QMC",
    "Fixed",
    "TPE",
    "Auto",
    "GP",
    "Forest",
    "CMAES",
    "DifferentialEvolution",
    "RegularizedEvolution",
    "NSGA2",
    "NSGA3",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"luthier.samplers.{_HOME[name]}"), name)
    globals()[name] = value
    return value
