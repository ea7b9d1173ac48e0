"""Asynchronous successive halving (ASHA)."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from luthier.errors import InvalidInput
from luthier.model.history import History
from luthier.model.problem import Direction
from luthier.schedulers.halving import Halving, Kind, check_steps
from luthier.schedulers.rule import check_int
from luthier.schedulers.rungs import Brackets, geometric, hedged


@dataclass(frozen=True, slots=True)
class SuccessiveHalving(Halving):
    """Many trials begin, and at each rung only the best of them go on: ASHA.

    Rungs are at ``min_step * eta**k`` steps. No trial waits for others: it is compared with those
    that came to its rung before.

    Parameters
    ----------
    min_step : int, default 1
        The first rung: below it nothing is stopped.
    max_step : int, optional
        Where trials end by themselves; from there on nothing is decided. None: wherever they end.
    eta : int, default 3
        One of so many goes on from each rung.
    kind : {"stop", "promote"}, default "stop"
        What becomes of the others: they stop, or they are paused and go on if they turn out to
        be among the best as more trials come to the rung. Pausing needs checkpoints to pay.
    brackets : int, default 1
        So many groups of trials begin with a rung each later than the one before, in case early
        steps mislead; the shares are those of Hyperband.
    metric : str, optional
        What trials are compared by. None takes all objectives, and the limits before them.
    direction : {"minimize", "maximize"}, optional
        Which way the metric is better, if it is no objective.

    Raises
    ------
    InvalidInput
        If a setting is not allowed, or there are more brackets than rungs.

    References
    ----------
    Li, Jamieson, Rostamizadeh, Gonina, Ben-Tzur, Hardt, Recht and Talwalkar (2018), A System for
    Massively Parallel Hyperparameter Tuning, https://arxiv.org/abs/1810.05934.
    """

    min_step: int = 1
    max_step: int | None = None
    eta: int = 3
    kind: Kind = "stop"
    brackets: int = 1
    _: KW_ONLY
    metric: str | None = None
    direction: Direction | None = None

    def __post_init__(self) -> None:
        Halving.__post_init__(self)
        check_steps("SuccessiveHalving", self.min_step, self.max_step)
        check_int("SuccessiveHalving: brackets", self.brackets, 1)
        most = len(geometric(self.min_step, self.max_step, self.eta)) + 1
        if self.brackets > most:
            raise InvalidInput("SuccessiveHalving: brackets", self.brackets, f"at most {most}")

    def ladder(self, history: History) -> Brackets:
        """Return the brackets."""
        return hedged(geometric(self.min_step, self.max_step, self.eta), self.brackets, self.eta)
