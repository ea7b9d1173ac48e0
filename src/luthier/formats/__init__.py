"""Files that describe a study: read into the arguments of `create_study` and `optimize`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from luthier.formats.read import read_study_file
    from luthier.formats.study_file import StudyFile

_HOME = {"StudyFile": "study_file", "read_study_file": "read"}

__all__ = ["StudyFile", "read_study_file"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
