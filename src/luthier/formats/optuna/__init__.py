"""Studies of Optuna: read from its databases and journal files, without Optuna."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from luthier.formats.optuna.bringing import Brought, bring
    from luthier.formats.optuna.records import OptunaStudy, OptunaTrial
    from luthier.formats.optuna.source import read_studies

_HOME = {
    "Brought": "bringing",
    "bring": "bringing",
    "OptunaStudy": "records",
    "OptunaTrial": "records",
    "read_studies": "source",
}

__all__ = ["Brought", "OptunaStudy", "OptunaTrial", "bring", "read_studies"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
