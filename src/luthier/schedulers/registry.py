"""Schedulers by name: for the command line, for files, and for the log.

To add a scheduler, write its file and add its line here. A package of its own
registers one under the entry-point group ``luthier.schedulers``.
"""

from __future__ import annotations

from luthier.model.registry import Registry, Spec, name_of
from luthier.schedulers.base import Scheduler

__all__ = ["BUILT_IN", "Spec", "describe", "make", "name_of", "names"]

BUILT_IN = {
    "full": "luthier.schedulers.full:Full",
    "auto": "luthier.schedulers.auto:Auto",
    "median": "luthier.schedulers.percentile:Median",
    "percentile": "luthier.schedulers.percentile:Percentile",
    "bandit": "luthier.schedulers.bandit:Bandit",
    "truncation": "luthier.schedulers.truncation:Truncation",
    "threshold": "luthier.schedulers.threshold:Threshold",
    "patience": "luthier.schedulers.patience:Patience",
    "wilcoxon": "luthier.schedulers.wilcoxon:Wilcoxon",
    "race": "luthier.schedulers.race:Race",
    "asha": "luthier.schedulers.successive_halving:SuccessiveHalving",
    "hyperband": "luthier.schedulers.hyperband:Hyperband",
    "pasha": "luthier.schedulers.pasha:Pasha",
    "adaptive": "luthier.schedulers.adaptive:Adaptive",
    "pbt": "luthier.schedulers.population_based:PopulationBased",
    "freeze_thaw": "luthier.schedulers.freeze_thaw:FreezeThaw",
    "any": "luthier.schedulers.compose:AnyOf",
    "all": "luthier.schedulers.compose:AllOf",
}

_REGISTRY: Registry[Scheduler] = Registry("scheduler", Scheduler, BUILT_IN, "luthier.schedulers")  # type: ignore[type-abstract]

names = _REGISTRY.names
"""Return the names of all schedulers, those of other packages included; see `Registry.names`."""

make = _REGISTRY.make
"""Return a scheduler from a name, a mapping with a name, or a scheduler; see `Registry.make`."""

describe = _REGISTRY.describe
"""Return the name, or the mapping, that makes an equal scheduler; see `Registry.describe`."""
