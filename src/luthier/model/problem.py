"""What is to be solved: a space, objectives, limits on measured metrics, and a seed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, Literal, get_args
from zlib import crc32

import numpy as np

from luthier.errors import InvalidInput
from luthier.model.seeding import generator
from luthier.space.space import Space

if TYPE_CHECKING:
    from collections.abc import Callable

Direction = Literal["minimize", "maximize"]
Duplicates = Literal["avoid", "reuse", "replicate"]

_LIMIT = re.compile(r"\s*(?P<metric>[^<>=]+?)\s*(?P<sign><=|>=)\s*(?P<bound>[^<>=]+?)\s*")


@dataclass(frozen=True, slots=True)
class Objective:
    """One number that the study makes small or large.

    Parameters
    ----------
    name : str, default "value"
        The metric's name in reports, results and tables.
    direction : {"minimize", "maximize"}, default "minimize"
        Which way is better.

    Raises
    ------
    InvalidInput
        If the direction is neither word, or the name is empty.
    """

    name: str = "value"
    direction: Direction = "minimize"

    def __post_init__(self) -> None:
        if self.direction not in get_args(Direction):
            raise InvalidInput("direction", self.direction, "'minimize' or 'maximize'")
        if not isinstance(self.name, str) or not self.name:
            raise InvalidInput("metric", self.name, "a name that is not empty")

    @property
    def sign(self) -> float:
        """Factor that turns the objective into one to minimise: 1.0 or -1.0."""
        return 1.0 if self.direction == "minimize" else -1.0


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound on a metric that a trial measures; trials beyond it are not eligible as best.

    Parameters
    ----------
    metric : str
        Name of the metric.
    low, high : float
        The metric must lie in ``[low, high]``; at least one of them finite.

    Raises
    ------
    InvalidInput
        If no bound is finite, one is NaN, or low exceeds high.
    """

    metric: str
    low: float = -inf
    high: float = inf

    def __post_init__(self) -> None:
        if not isinstance(self.metric, str) or not self.metric:
            raise InvalidInput("limit: metric", self.metric, "a name that is not empty")
        if not (isfinite(self.low) or isfinite(self.high)):
            raise InvalidInput(f"limit on {self.metric!r}", (self.low, self.high), "a finite bound")
        if not self.low <= self.high:
            raise InvalidInput(f"limit on {self.metric!r}", (self.low, self.high), "low <= high")

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read ``"latency <= 20"`` or ``"recall >= 0.9"``.

        Raises
        ------
        InvalidInput
            If the text has another form.
        """
        match = _LIMIT.fullmatch(text)
        if match:
            try:
                bound = float(match["bound"])
            except ValueError:
                pass
            else:
                if match["sign"] == "<=":
                    return cls(match["metric"], high=bound)
                return cls(match["metric"], low=bound)
        raise InvalidInput("limit", text, "'metric <= number' or 'metric >= number'")

    def violation(self, value: float) -> float:
        """Return how far `value` lies outside, 0.0 inside."""
        return max(self.low - value, value - self.high, 0.0)

    def __str__(self) -> str:
        if self.low == -inf:
            return f"{self.metric} <= {self.high:g}"
        if self.high == inf:
            return f"{self.metric} >= {self.low:g}"
        return f"{self.low:g} <= {self.metric} <= {self.high:g}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything about a study that is fixed before its first trial.

    Parameters
    ----------
    space : Space
        What can vary. A partial space without parameters belongs to a
        define-by-run study: its parameters come from the trials.
    objectives : sequence of Objective, default one to minimise, named "value"
        What is made small or large.
    limits : sequence of Limit, default none
        Bounds on metrics that trials measure.
    seed : int, default 0
        All randomness of the study comes from it and the trial's number.
    duplicates : {"avoid", "reuse", "replicate"}, optional
        What happens when the sampler proposes a point again: propose another,
        take over the known result, or run it once more. None avoids in finite
        spaces and does not look in others.

    Raises
    ------
    InvalidInput
        If there is no objective, names repeat, or the seed is negative.
    """

    space: Space
    objectives: tuple[Objective, ...] = (Objective(),)
    limits: tuple[Limit, ...] = ()
    seed: int = 0
    duplicates: Duplicates | None = None

    def __post_init__(self) -> None:
        if not self.objectives:
            raise InvalidInput("objectives", self.objectives, "at least one")
        names = [objective.name for objective in self.objectives]
        if len(set(names)) != len(names):
            raise InvalidInput("metric", names, "a name of its own for each objective")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise InvalidInput("seed", self.seed, "an integer that is not negative")
        if self.duplicates not in (None, *get_args(Duplicates)):
            raise InvalidInput("duplicates", self.duplicates, "'avoid', 'reuse' or 'replicate'")

    @property
    def dynamic(self) -> bool:
        """Whether the trials define the space as they run."""
        return self.space.partial

    @property
    def avoids_duplicates(self) -> bool:
        """Whether no point is proposed twice."""
        if self.duplicates is None:
            return not self.dynamic and self.space.finite
        return self.duplicates == "avoid"

    @property
    def signs(self) -> tuple[float, ...]:
        """Factors that turn each objective into one to minimise."""
        return tuple(objective.sign for objective in self.objectives)

    def within_limits(self, metrics: Mapping[str, float]) -> bool:
        """Tell whether all limited metrics were measured and lie within their limits."""
        return all(
            limit.metric in metrics and not limit.violation(metrics[limit.metric])
            for limit in self.limits
        )

    def rng(self, number: int, stream: str = "") -> np.random.Generator:
        """Return the generator of one trial: the same for the same seed, number and stream.

        Parameters
        ----------
        number : int
            The trial's number.
        stream : str, default ""
            Names an independent sequence of the same trial.
        """
        if not stream:
            return generator(self.seed, number)
        sequence = np.random.SeedSequence(self.seed, spawn_key=(number, crc32(stream.encode())))
        return np.random.Generator(np.random.PCG64(sequence))

    def with_space(self, space: Space) -> Problem:
        """Return the same problem over another space."""
        return replace(self, space=space)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types from which `from_json` makes an equal problem."""
        data: dict[str, Any] = {
            "space": self.space.to_json(),
            "objectives": [{"name": o.name, "direction": o.direction} for o in self.objectives],
            "seed": self.seed,
        }
        if self.limits:
            data["limits"] = [
                {
                    "metric": limit.metric,
                    **({"low": limit.low} if isfinite(limit.low) else {}),
                    **({"high": limit.high} if isfinite(limit.high) else {}),
                }
                for limit in self.limits
            ]
        if self.duplicates is not None:
            data["duplicates"] = self.duplicates
        return data

    @classmethod
    def from_json(
        cls, data: Mapping[str, Any], *, callables: Mapping[str, Callable[..., Any]] | None = None
    ) -> Problem:
        """Make the problem that `to_json` described."""
        return cls(
            space=Space.from_json(data["space"], callables=callables or {}),
            objectives=tuple(Objective(**item) for item in data["objectives"]),
            limits=tuple(Limit(**item) for item in data.get("limits", ())),
            seed=data["seed"],
            duplicates=data.get("duplicates"),
        )


def make_limits(limits: Sequence[Limit | str]) -> tuple[Limit, ...]:
    """Return limits from objects and texts such as ``"latency <= 20"``.

    Raises
    ------
    InvalidInput
        If one is neither, or cannot be read.
    """
    if isinstance(limits, str):
        raise InvalidInput("limits", limits, f"a list, [{limits!r}]")
    made = []
    for item in limits:
        limit = Limit.parse(item) if isinstance(item, str) else item
        if not isinstance(limit, Limit):
            raise InvalidInput("limits", item, "a Limit, or a text such as 'latency <= 20'")
        made.append(limit)
    return tuple(made)
