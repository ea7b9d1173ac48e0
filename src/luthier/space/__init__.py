"""What can vary: parameters, conditions, constraints, and the codec to the unit cube."""

from luthier.space.base import Param
from luthier.space.codec import Codec
from luthier.space.coding import Column
from luthier.space.composite import Derived, Permutation, Simplex, Subset
from luthier.space.conditions import Between
from luthier.space.constraints import Forbid, Rule
from luthier.space.courses import Course, Piecewise
from luthier.space.params import Categorical, Float, Int
from luthier.space.priors import Around, Beta, LogNormal, Normal, Uniform
from luthier.space.schedule import Schedule
from luthier.space.space import Space

__all__ = [
    # parameters
    "Param",
    "Float",
    "Int",
    "Categorical",
    "Subset",
    "Permutation",
    "Simplex",
    "Schedule",
    "Derived",
    # values of schedules
    "Course",
    "Piecewise",
    # priors and beliefs
    "Uniform",
    "Normal",
    "LogNormal",
    "Beta",
    "Around",
    # what fits together
    "Between",
    "Forbid",
    "Rule",
    "Space",
    # encoding
    "Codec",
    "Column",
]
