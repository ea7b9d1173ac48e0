"""What all of Optuna's samplers are here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from luthier.errors import InvalidInput
from luthier.samplers.base import Sampler

if TYPE_CHECKING:
    from luthier.compat.optuna._frozen_trial import FrozenTrial
    from luthier.compat.optuna._live_trial import Trial
    from luthier.compat.optuna._study import Study
    from luthier.compat.optuna.distributions import BaseDistribution

Constraints = Callable[["FrozenTrial"], Sequence[float]]


class Chosen(NamedTuple):
    """A value that is not left to the model."""

    value: Any


class BaseSampler:
    """What proposes params: a sampler of Luthier's under a name of Optuna's.

    A sampler of your own is a class with the method `suggest` of
    `luthier.samplers.base.Sampler`; studies take it as it is.

    Attributes
    ----------
    native : Sampler
        What does the work.
    seed : int, optional
        Makes a new study repeatable. A study that exists has its own.
    constraints_func : callable, optional
        Says of an ended trial how far each constraint is exceeded.
    """

    native: Sampler
    seed: int | None = None
    constraints_func: Constraints | None = None

    def choose(
        self, study: Study, trial: Trial, name: str, distribution: BaseDistribution
    ) -> Chosen | None:
        """Return the value of a parameter if the model is not to choose it."""
        return None

    def exhausted(self, study: Study) -> bool:
        """Tell whether there is nothing left to try."""
        return False

    def reseed_rng(self) -> None:
        """Do nothing: each trial has a random generator of its own."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.native!r}"


def random_native() -> Sampler:
    """Return a sampler that draws every parameter independently."""
    from luthier.samplers.random import Random

    return Random()


def checked_seed(seed: int | None) -> int | None:
    """Return a seed as an int, None where there is none."""
    return None if seed is None else int(seed)


def refuse(field: str, given: Any, allowed: str) -> None:
    """Reject a setting that is not the default.

    Raises
    ------
    InvalidInput
        If it is given.
    """
    if given is not None:
        raise InvalidInput(field, given, allowed)
