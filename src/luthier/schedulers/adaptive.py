"""Adaptive asynchronous successive halving, as Determined has it."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from functools import lru_cache
from typing import Literal, get_args

from luthier.errors import InvalidInput
from luthier.model.history import History
from luthier.model.problem import Direction
from luthier.schedulers.halving import Halving, Kind, longest
from luthier.schedulers.rule import check_int
from luthier.schedulers.rungs import Brackets

Mode = Literal["aggressive", "standard", "conservative"]


@dataclass(frozen=True, slots=True)
class Adaptive(Halving):
    """Successive halving whose caution is one word.

    Rungs count down from the end, ``max_step / eta**k``. A bracket of ``r`` rungs, the end
    included, stops trials at ``r - 1`` of them.

    Parameters
    ----------
    mode : {"aggressive", "standard", "conservative"}, default "standard"
        Aggressive: one bracket, of all rungs. Standard: brackets of half the rungs up to all.
        Conservative: brackets of one rung, where nothing is stopped, up to all.
    max_step : int, optional
        Where trials end by themselves. None takes the longest complete trial; until there is one,
        nothing is stopped.
    max_rungs : int, default 5
        The most rungs of a bracket.
    eta : int, default 4
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
    Determined AI, adaptive_asha.
    """

    mode: Mode = "standard"
    max_step: int | None = None
    max_rungs: int = 5
    eta: int = 4
    kind: Kind = "stop"
    _: KW_ONLY
    metric: str | None = None
    direction: Direction | None = None

    def __post_init__(self) -> None:
        Halving.__post_init__(self)
        if self.mode not in get_args(Mode):
            raise InvalidInput("Adaptive: mode", self.mode, " or ".join(map(repr, get_args(Mode))))
        if self.max_step is not None:
            check_int("Adaptive: max_step", self.max_step, 1)
        check_int("Adaptive: max_rungs", self.max_rungs, 1)

    def ladder(self, history: History) -> Brackets | None:
        """Return the brackets, None as long as the length of a trial is not known."""
        max_step = longest(history) if self.max_step is None else self.max_step
        return None if max_step is None else _ladder(self.mode, max_step, self.max_rungs, self.eta)


@lru_cache(64)
def _ladder(mode: Mode, max_step: int, max_rungs: int, eta: int) -> Brackets:
    most = 1
    while most < max_rungs and eta**most <= max_step:
        most += 1
    fewest = {"aggressive": most, "standard": (most - 1) // 2 + 1, "conservative": 1}[mode]
    sizes = range(most, fewest - 1, -1)
    # The same work in each bracket: it takes eta**(r - 1) / r trials to bring one through it.
    weights = [eta ** (size - 1) / size for size in sizes]
    return Brackets(
        tuple(tuple(max_step // eta**k for k in range(size - 1, 0, -1)) for size in sizes),
        tuple(weight / sum(weights) for weight in weights),
    )
