"""Luthier: hyperparameter tuning that needs few trials, costs little and loses nothing.

>>> import luthier
>>> study = luthier.create_study(direction="maximize")
>>> study.optimize(lambda trial: -(trial.suggest_float("x", -5, 5) - 2) ** 2, n_trials=20)
>>> study.best_params  # doctest: +SKIP
{'x': 1.9...}

Names are loaded when they are first used, so that ``import luthier`` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from luthier._version import __version__

if TYPE_CHECKING:
    from luthier.errors import Infeasible, LuthierError, TrialPruned
    from luthier.executors.command import Command
    from luthier.executors.inline import Inline
    from luthier.executors.processes import Processes
    from luthier.executors.simulated import Simulated
    from luthier.model.problem import Limit, Objective, Problem
    from luthier.model.trial import FrozenTrial, TrialState
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
    from luthier.space.composite import Derived, Permutation, Simplex, Subset
    from luthier.space.conditions import Between
    from luthier.space.constraints import Forbid, Rule
    from luthier.space.courses import Course, Piecewise
    from luthier.space.params import Categorical, Float, Int
    from luthier.space.priors import Around, Beta, LogNormal, Normal, Uniform
    from luthier.space.schedule import Schedule
    from luthier.space.space import Space
    from luthier.study.checkpoints import Checkpoints
    from luthier.study.create import create_study, delete_study, load_study, study_names
    from luthier.study.preview import preview
    from luthier.study.study import Study
    from luthier.study.trial import Trial

_HOME = {
    "create_study": "study.create",
    "load_study": "study.create",
    "delete_study": "study.create",
    "study_names": "study.create",
    "preview": "study.preview",
    "Study": "study.study",
    "Checkpoints": "study.checkpoints",
    "Trial": "study.trial",
    "FrozenTrial": "model.trial",
    "TrialState": "model.trial",
    "Space": "space.space",
    "Float": "space.params",
    "Int": "space.params",
    "Categorical": "space.params",
    "Subset": "space.composite",
    "Permutation": "space.composite",
    "Simplex": "space.composite",
    "Schedule": "space.schedule",
    "Course": "space.courses",
    "Piecewise": "space.courses",
    "Derived": "space.composite",
    "Between": "space.conditions",
    "Forbid": "space.constraints",
    "Rule": "space.constraints",
    "Uniform": "space.priors",
    "Normal": "space.priors",
    "LogNormal": "space.priors",
    "Beta": "space.priors",
    "Around": "space.priors",
    "Problem": "model.problem",
    "Objective": "model.problem",
    "Limit": "model.problem",
    "Random": "samplers.random",
    "Grid": "samplers.grid",
    "QMC": "samplers.qmc",
    "Fixed": "samplers.fixed",
    "TPE": "samplers.tpe",
    "Auto": "samplers.auto",
    "GP": "samplers.gp",
    "Forest": "samplers.forest",
    "CMAES": "samplers.cmaes",
    "DifferentialEvolution": "samplers.differential_evolution",
    "RegularizedEvolution": "samplers.regularized_evolution",
    "NSGA2": "samplers.nsga2",
    "NSGA3": "samplers.nsga3",
    "Inline": "executors.inline",
    "Processes": "executors.processes",
    "Simulated": "executors.simulated",
    "Command": "executors.command",
    "TrialPruned": "errors",
    "Infeasible": "errors",
    "LuthierError": "errors",
}

__all__ = [
    # studies
    "create_study",
    "load_study",
    "delete_study",
    "study_names",
    "preview",
    "Study",
    "Checkpoints",
    "Trial",
    "FrozenTrial",
    "TrialState",
    # spaces
    "Space",
    "Float",
    "Int",
    "Categorical",
    "Subset",
    "Permutation",
    "Simplex",
    "Schedule",
    "Course",
    "Piecewise",
    "Derived",
    "Between",
    "Forbid",
    "Rule",
    "Uniform",
    "Normal",
    "LogNormal",
    "Beta",
    "Around",
    # problems
    "Problem",
    "Objective",
    "Limit",
    # samplers
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
    # executors
    "Inline",
    "Processes",
    "Simulated",
    "Command",
    # signals and errors
    "TrialPruned",
    "Infeasible",
    "LuthierError",
    "__version__",
]


_PACKAGES = frozenset({"errors", "executors", "samplers", "schedulers", "storage"})
"""What a user reaches as ``luthier.samplers`` after ``import luthier`` alone."""


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f"luthier.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"luthier.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
