"""How long to look: one algorithm a file, each a pure function of the history.

A scheduler is imported when its name is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from luthier.schedulers.base import (
    Decision,
    Done,
    Finishing,
    Forking,
    Resume,
    Scheduler,
    Start,
    Stop,
    Wait,
)

if TYPE_CHECKING:
    from luthier.schedulers.adaptive import Adaptive
    from luthier.schedulers.auto import Auto
    from luthier.schedulers.bandit import Bandit
    from luthier.schedulers.compose import AllOf, AnyOf
    from luthier.schedulers.freeze_thaw import FreezeThaw
    from luthier.schedulers.full import Full
    from luthier.schedulers.hyperband import Hyperband
    from luthier.schedulers.pasha import Pasha
    from luthier.schedulers.patience import Patience
    from luthier.schedulers.percentile import Median, Percentile
    from luthier.schedulers.population_based import PopulationBased
    from luthier.schedulers.race import Race
    from luthier.schedulers.successive_halving import SuccessiveHalving
    from luthier.schedulers.threshold import Threshold
    from luthier.schedulers.truncation import Truncation
    from luthier.schedulers.wilcoxon import Wilcoxon

_HOME = {
    "Full": "full",
    "Auto": "auto",
    "Median": "percentile",
    "Percentile": "percentile",
    "Bandit": "bandit",
    "Truncation": "truncation",
    "Threshold": "threshold",
    "Patience": "patience",
    "Wilcoxon": "wilcoxon",
    "Race": "race",
    "SuccessiveHalving": "successive_halving",
    "Hyperband": "hyperband",
    "Pasha": "pasha",
    "Adaptive": "adaptive",
    "PopulationBased": "population_based",
    "FreezeThaw": "freeze_thaw",
    "AnyOf": "compose",
    "AllOf": "compose",
}

__all__ = [
    # the contract
    "Scheduler",
    "Finishing",
    "Forking",
    "Decision",
    "Start",
    "Resume",
    "Stop",
    "Wait",
    "Done",
    # the schedulers
    "Full",
    "Auto",
    "Median",
    "Percentile",
    "Bandit",
    "Truncation",
    "Threshold",
    "Patience",
    "Wilcoxon",
    "Race",
    "SuccessiveHalving",
    "Hyperband",
    "Pasha",
    "Adaptive",
    "PopulationBased",
    "FreezeThaw",
    "AnyOf",
    "AllOf",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"luthier.schedulers.{_HOME[name]}"), name)
    globals()[name] = value
    return value
