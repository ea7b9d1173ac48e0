"""Samplers by name: for the command line, for files, and for the log.

To add a sampler, write its file and add its line here. A package of its own
registers one under the entry-point group ``luthier.samplers``.
"""

from __future__ import annotations

from luthier.model.registry import Registry, Spec, name_of
from luthier.samplers.base import Sampler

__all__ = ["BUILT_IN", "Spec", "describe", "make", "name_of", "names"]

BUILT_IN = {
    "auto": "luthier.samplers.auto:Auto",
    "random": "luthier.samplers.random:Random",
    "grid": "luthier.samplers.grid:Grid",
    "qmc": "luthier.samplers.qmc:QMC",
    "fixed": "luthier.samplers.fixed:Fixed",
    "tpe": "luthier.samplers.tpe:TPE",
    "gp": "luthier.samplers.gp.sampler:GP",
    "forest": "luthier.samplers.forest:Forest",
    "cmaes": "luthier.samplers.cmaes:CMAES",
    "de": "luthier.samplers.differential_evolution:DifferentialEvolution",
    "regularized_evolution": "luthier.samplers.regularized_evolution:RegularizedEvolution",
    "nsga2": "luthier.samplers.nsga2:NSGA2",
    "nsga3": "luthier.samplers.nsga3:NSGA3",
}

_REGISTRY: Registry[Sampler] = Registry("sampler", Sampler, BUILT_IN, "luthier.samplers")  # type: ignore[type-abstract]

names = _REGISTRY.names
"""Return the names of all samplers, those of other packages included; see `Registry.names`."""

make = _REGISTRY.make
"""Return a sampler from a name, a mapping with a name, or a sampler; see `Registry.make`."""

describe = _REGISTRY.describe
"""Return the name, or the mapping, that makes an equal sampler; see `Registry.describe`."""
