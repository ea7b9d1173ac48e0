"""Problems that judge samplers: cheap, of five kinds, half to tune on and half to check on."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from .base import KINDS, Direction, Measured, Outcome, Problem
from .scoring import Progress, best_of, curve, hypervolume

__all__ = [
    "KINDS", "Direction", "Measured", "Outcome", "Problem", "Progress", "best_of", "curve", "every",
    "get", "hypervolume", "select",
]  # fmt: skip


@cache
def every() -> dict[str, Problem]:
    """Return all problems by name."""
    from . import conditional, constrained, fronts, noisy, recorded, synthetic

    modules = (synthetic, recorded, conditional, noisy, constrained, fronts)
    found = [problem for module in modules for problem in module.problems()]
    assert len({problem.name for problem in found}) == len(found)
    return {problem.name: problem for problem in found}


def get(name: str) -> Problem:
    """Return the problem of a name."""
    return every()[name]


def select(
    which: str = "all", kinds: Collection[str] = KINDS, *, slow: bool = False
) -> list[Problem]:
    """Return some of the problems.

    Parameters
    ----------
    which : str, default "all"
        "all", "tune", "check", or names separated by commas.
    kinds : collection of str
        Only these kinds.
    slow : bool, default False
        Only those on which slow tuners are tried.
    """
    problems = every()
    if which in ("tune", "check"):
        chosen = [problem for problem in problems.values() if problem.split == which]
    elif which == "all":
        chosen = list(problems.values())
    else:
        chosen = [problems[name] for name in which.split(",")]
    return [p for p in chosen if p.kind in kinds and (p.slow or not slow)]
