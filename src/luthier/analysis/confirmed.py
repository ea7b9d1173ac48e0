"""What came of measuring the best trials again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import fsum, inf, sqrt
from typing import NamedTuple

import numpy as np

from luthier.model.columns import point_key
from luthier.model.history import History
from luthier.model.repeats import confirms
from luthier.model.trial import FrozenTrial, TrialState
from luthier.numerics.paired import spread, worse

Losses = Mapping[int, float]
"""The loss of a trial by the round in which it was measured again."""


class Confirmed(NamedTuple):
    """A trial that was measured again, and what it reached then.

    The result for which it was chosen does not count: what is best among many was lucky, too.

    Attributes
    ----------
    trial : FrozenTrial
        The trial; its params are what was measured.
    value : float
        The mean of the repeats, in the objective's own direction; infinite if a repeat failed or
        broke a limit.
    std_error : float, optional
        The standard error of `value`; None before the second repeat.
    repeats : int
        How many there were.
    p_value : float, optional
        How likely the difference to the first of the list would be if it were not better; None
        for the first one itself, and where nothing can be said.
    """

    trial: FrozenTrial
    value: float
    std_error: float | None
    repeats: int
    p_value: float | None


def confirmed(history: History) -> list[Confirmed]:
    """Return the trials that were measured again, the best first.

    One that has more repeats was found to be better than one with fewer of them.
    """
    rounds = losses_of(history)
    if not rounds:
        return []
    sign = history.problem.signs[0]
    means = {number: _mean(losses.values()) for number, losses in rounds.items()}
    order = sorted(rounds, key=lambda n: (means[n] == inf, -len(rounds[n]), means[n]))
    first = order[0]
    return [
        Confirmed(
            history.trial(number),
            sign * means[number],
            _std_error(list(rounds[number].values())),
            len(rounds[number]),
            None if number == first else compared(rounds[number], rounds[first]),
        )
        for number in order
    ]


def losses_of(history: History) -> dict[int, dict[int, float]]:
    """Return the losses of the trials that were measured again, by trial and round.

    A round that failed, or in which a limit was broken, counts as infinite. One that a scheduler
    has stopped does not count.
    """
    problem = history.problem
    found: dict[int, dict[int, float]] = {}
    for trial in history.ended:
        confirming = confirms(trial.user_attrs)
        if confirming is None or trial.state is TrialState.PRUNED:
            continue
        if confirming.trial >= history.count:
            continue  # somebody else's note
        kept = trial.values is not None and problem.within_limits(trial.metrics)
        loss = problem.signs[0] * trial.values[0] if kept and trial.values else inf
        found.setdefault(confirming.trial, {}).setdefault(confirming.round, loss)
    return found


def remaining(
    losses: Mapping[int, Losses], among: Collection[int], repeats: int, p_threshold: float
) -> tuple[list[int], int | None]:
    """Return which trials may still be the best one, and in which round they are to be measured.

    One that failed in a round is out. After each round from the second on, those go out that a
    paired test finds worse than the one with the best mean; the level is divided by the number of
    such tests.

    Parameters
    ----------
    losses : mapping
        What was measured so far, by trial and round, from 1.
    among : collection of int
        The trials in question.
    repeats : int
        The last round.
    p_threshold : float
        The probability of giving up a trial that is as good.

    Returns
    -------
    trials : list of int
        Those that are left.
    round : int, optional
        None if all rounds are over, or there is nothing to choose any more.
    """
    left = [number for number in among if inf not in losses.get(number, {}).values()]
    for round in range(1, repeats + 1):
        if len(left) < min(2, len(among)):
            return left, None
        if any(round not in losses.get(number, {}) for number in left):
            return left, round
        if round < 2 or len(left) < 2:
            continue
        seen = {n: [losses[n][r] for r in range(1, round + 1)] for n in left}
        best = min(left, key=lambda n: sum(seen[n]))
        differences = {
            n: [a - b for a, b in zip(seen[n], seen[best], strict=True)] for n in left if n != best
        }
        squares = {n: spread(d) for n, d in differences.items()}
        others = (len(differences) - 1) * (round - 1)
        left = [
            n
            for n in left
            if n == best
            or worse(differences[n], sum(squares.values()) - squares[n], others)
            >= p_threshold / (repeats - 1)
        ]
    return left, None


def compared(losses: Losses, best: Losses) -> float | None:
    """Return the p-value of a paired test whether a trial is worse, None if nothing can be said."""
    shared = [round for round in losses if round in best]
    if len(shared) < 2 or inf in best.values():
        return None
    return worse([losses[round] - best[round] for round in shared])


def candidates(history: History, top: int) -> list[FrozenTrial]:
    """Return the best trials of different params, each by the mean of all with its params."""
    found: dict[object, list[tuple[float, FrozenTrial]]] = {}
    sign = history.problem.signs[0]
    for trial, eligible in zip(history.ended, history.eligible, strict=True):
        if eligible and trial.values is not None and not confirms(trial.user_attrs):
            row = sign * trial.values[0], trial
            found.setdefault(point_key(trial.params), []).append(row)
    means: list[tuple[float, FrozenTrial]] = [
        (_mean([loss for loss, _ in rows]), rows[0][1]) for rows in found.values()
    ]
    means.sort(key=lambda row: row[0])
    return [trial for _, trial in means[:top]]


def _std_error(losses: Sequence[float]) -> float | None:
    if len(losses) < 2 or inf in losses:
        return None
    return float(np.std(losses, ddof=1)) / sqrt(len(losses))


def _mean(losses: Collection[float]) -> float:
    return inf if inf in losses else fsum(losses) / len(losses)
