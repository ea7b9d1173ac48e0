"""Searches for scikit-learn's estimators: its words and attributes, Luthier's candidates."""

from luthier.errors import MissingExtra

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise MissingExtra("luthier.integrations.sklearn", "sklearn") from error

from luthier.integrations.sklearn.columns import SelectColumns
from luthier.integrations.sklearn.drop_in import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
)
from luthier.integrations.sklearn.nested import Nested, nested_cross_validate
from luthier.integrations.sklearn.search import SearchCV
from luthier.integrations.sklearn.spaces import space_for

__all__ = [
    "SearchCV",
    # scikit-learn's searches
    "GridSearchCV",
    "RandomizedSearchCV",
    "HalvingGridSearchCV",
    "HalvingRandomSearchCV",
    # around them
    "space_for",
    "nested_cross_validate",
    "Nested",
    "SelectColumns",
]
