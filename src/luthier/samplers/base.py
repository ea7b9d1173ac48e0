"""What every sampler promises: the next params as a pure function of the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from luthier.model.frozen import EMPTY
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial, Params


class Suggestion(NamedTuple):
    """A point to try, and why.

    Attributes
    ----------
    params : mapping of str to object
        The active parameters, derived ones included.
    why : mapping of str to object, default empty
        How the point was chosen, in plain JSON types, as the trial's record keeps it. ``"how"``
        is one word for it: ``"startup"``, ``"model"``, ``"explore"``, ``"random"``, ...; a
        sampler that had to draw at random says ``"because"`` of what.
    """

    params: Params
    why: Mapping[str, Any] = EMPTY


class Choice(NamedTuple):
    """The sampler that another one leaves the work to, and why."""

    sampler: Sampler
    because: str
    """A part of a sentence, such as ``"all parameters are numbers and trials are few"``."""


class Recommendation(NamedTuple):
    """The trial to use, which under noise need not be the one that measured best.

    Attributes
    ----------
    trial : FrozenTrial
        Its params are what is recommended.
    value : float
        What they are expected to reach, without noise, in the objective's own direction.
    interval : tuple of float
        Holds that value in nine cases of ten.
    noise : float
        Which share of the variance of all results is noise, in [0, 1].
    """

    trial: FrozenTrial
    value: float
    interval: tuple[float, float]
    noise: float


@runtime_checkable
class Sampler(Protocol):
    """Proposes where to look next.

    A sampler is a frozen dataclass whose fields are the algorithm's settings.
    It holds no state, reads no clock and draws only from `rng`, so that any
    suggestion can be computed again from the log.

    In a study that avoids duplicates the points of a sampler that were tried
    before are replaced, unless the class says ``exact = True``: its points are
    run as they are.
    """

    def suggest(
        self, problem: Problem, history: History, rng: np.random.Generator, n: int = 1
    ) -> Sequence[Suggestion]:
        """Propose `n` points of ``problem.space`` that satisfy its constraints.

        Parameters
        ----------
        problem : Problem
            Its space may be narrower than the history's when a person fixed values.
        history : History
            What happened so far, running trials included.
        rng : numpy.random.Generator
            The only source of randomness.
        n : int, default 1
            How many points, to be tried at the same time.

        Raises
        ------
        EmptySpace
            If no point satisfies the constraints.
        SpaceExhausted
            If the sampler has nothing more to propose.
        """
        ...


@runtime_checkable
class Chooser(Sampler, Protocol):
    """A sampler that leaves the work to another one, chosen by the problem and the history.

    The `why` of its suggestions names the other one: ``{"sampler": "qmc", ...}``.
    """

    def choose(self, problem: Problem, history: History) -> Choice:
        """Return the sampler that comes next, as a function of the arguments alone.

        It is called often and so has to be cheap.
        """
        ...


@runtime_checkable
class Recommender(Sampler, Protocol):
    """A sampler whose model says which trial is the best one behind the noise."""

    def recommend(self, problem: Problem, history: History) -> Recommendation | None:
        """Return the trial to use, None as long as no trial is eligible."""
        ...
