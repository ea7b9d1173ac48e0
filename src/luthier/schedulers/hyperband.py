"""Asynchronous Hyperband."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from luthier.model.history import History
from luthier.model.problem import Direction
from luthier.schedulers.halving import Halving, Kind, check_steps, longest
from luthier.schedulers.rungs import Brackets, geometric, hedged


@dataclass(frozen=True, slots=True)
class Hyperband(Halving):
    """Successive halving that begins early for some trials, later for others, never for a few.

    How far early steps can be trusted is not known, so every first rung is tried: bracket ``b``
    has rungs at ``min_step * eta**k`` for ``k >= b``. All brackets run at once, and the number of
    a trial says which one it belongs to.

    Parameters
    ----------
    min_step : int, default 1
        The first rung.
    max_step : int, optional
        Where trials end by themselves. None takes the longest complete trial; until there is one,
        nothing is stopped.
    eta : int, default 3
        One of so many goes on from each rung.
    kind : {"stop", "promote"}, default "stop"
        What becomes of the others: they stop, or they are paused and may go on later.
    metric : str, optional
        What trials are compared by. None takes all objectives, and the limits before them.
    direction : {"minimize", "maximize"}, optional
        Which way the metric is better, if it is no objective.

    Raises
    ------
    InvalidInput
        If a setting is not allowed.

    References
    ----------
    Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar (2018), Hyperband: A Novel Bandit-Based
    Approach to Hyperparameter Optimization, JMLR 18(185). Asynchronous brackets: Li et al. (2018),
    https://arxiv.org/abs/1810.05934.
    """

    min_step: int = 1
    max_step: int | None = None
    eta: int = 3
    kind: Kind = "stop"
    _: KW_ONLY
    metric: str | None = None
    direction: Direction | None = None

    def __post_init__(self) -> None:
        Halving.__post_init__(self)
        check_steps("Hyperband", self.min_step, self.max_step)

    def ladder(self, history: History) -> Brackets | None:
        """Return the brackets, None as long as the length of a trial is not known."""
        max_step = longest(history) if self.max_step is None else self.max_step
        if max_step is None:
            return None
        # Of the rungs up to max_step each one is the first of a bracket; at the last, which
        # counts as the end, nothing is decided.
        rungs = geometric(self.min_step, max_step + 1, self.eta)
        below = tuple(level for level in rungs if level < max_step)
        return hedged(below, max(1, len(rungs)), self.eta)
