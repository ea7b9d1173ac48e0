"""How what only Optuna has is kept in our logs."""

NOTE = "optuna:"
"""What Optuna calls system attributes are notes of which the key begins so."""

VALUES = f"{NOTE}values"
"""The note with the values of a trial of which one is infinite."""

NUMBER = f"{NOTE}number"
"""The note with the number that an imported trial had there."""

METRIC_NAMES = f"{NOTE}metric_names"
"""The note on a study with names for its objectives."""

CONSTRAINT = "constraint:"
"""Constraints are metrics of which the name begins so; there is a limit of 0 on each."""
