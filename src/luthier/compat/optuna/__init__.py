"""Optuna's everyday interface on top of Luthier.

A script that was written for Optuna runs when its line ``import optuna`` becomes::

    from luthier.compat import optuna

Studies, trials, storages and results are Luthier's: ``luthier show`` and everything else works
on them. What Luthier does not have raises an error that says what to use instead.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from luthier.compat.optuna.exceptions import TrialPruned
    from luthier.compat.optuna.study import (
        Study,
        copy_study,
        create_study,
        delete_study,
        get_all_study_names,
        get_all_study_summaries,
        load_study,
    )
    from luthier.compat.optuna.trial import Trial, create_trial
    from luthier.compat.optuna.version import __version__

    from . import (
        distributions,
        exceptions,
        importance,
        logging,
        pruners,
        samplers,
        search_space,
        storages,
        study,
        trial,
        version,
        visualization,
    )

_MODULES = (
    "distributions",
    "exceptions",
    "importance",
    "logging",
    "pruners",
    "samplers",
    "search_space",
    "storages",
    "study",
    "trial",
    "version",
    "visualization",
)

_HOME = {
    "Study": "study",
    "Trial": "trial",
    "TrialPruned": "exceptions",
    "__version__": "version",
    "copy_study": "study",
    "create_study": "study",
    "create_trial": "trial",
    "delete_study": "study",
    "get_all_study_names": "study",
    "get_all_study_summaries": "study",
    "load_study": "study",
}

_ELSEWHERE = {
    "artifacts": "keep files in the trial's checkpoint folder: `with trial.checkpoint() as folder`",
    "integration": "call trial.report and trial.should_prune in the framework's own callback",
    "terminator": "stop with luthier.Study.optimize(patience=..., target=..., max_cost=...)",
    "cli": "use the command `luthier`; `luthier import optuna URL` brings studies over",
}

__all__ = [
    "Study",
    "Trial",
    "TrialPruned",
    "__version__",
    "copy_study",
    "create_study",
    "create_trial",
    "delete_study",
    "distributions",
    "exceptions",
    "get_all_study_names",
    "get_all_study_summaries",
    "importance",
    "load_study",
    "logging",
    "pruners",
    "samplers",
    "search_space",
    "storages",
    "study",
    "trial",
    "version",
    "visualization",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _ELSEWHERE:
        raise AttributeError(f"luthier.compat.optuna has no {name!r}: {_ELSEWHERE[name]}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
