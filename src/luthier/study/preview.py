"""What a schedule will do, before anything runs: simulated on made-up learning curves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luthier.errors import InvalidInput
from luthier.executors.simulated import Simulated
from luthier.model.history import History
from luthier.model.problem import Direction, Problem
from luthier.model.trial import FrozenTrial, TrialState
from luthier.samplers.random import Random
from luthier.schedulers.base import Scheduler
from luthier.schedulers.full import Full
from luthier.schedulers.halving import Halving
from luthier.schedulers.population_based import PopulationBased
from luthier.schedulers.registry import Spec, describe, make
from luthier.space.params import Float
from luthier.space.space import Space
from luthier.study.budget import is_real
from luthier.study.create import create_study
from luthier.study.spending import FEWEST
from luthier.study.trial import Trial

_LEVEL = "level {}"
_PACE = "pace"


@dataclass(frozen=True, slots=True)
class Rung:
    """A length at which trials end or wait.

    Attributes
    ----------
    step : int
        The length.
    trials : int
        How many trials get at least so far.
    """

    step: int
    trials: int


@dataclass(frozen=True, slots=True)
class Bracket:
    """Trials that follow the same rungs.

    Attributes
    ----------
    number : int, optional
        The scheduler's number for it; None where there is only one.
    trials : int
        How many trials it has.
    rungs : tuple of Rung
        The lengths at which its trials end or wait, the shortest first.
    """

    number: int | None
    trials: int
    rungs: tuple[Rung, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a schedule will do.

    Attributes
    ----------
    scheduler : str or mapping
        The scheduler, as the registry knows it.
    trials : int
        How many trials begin.
    workers : int
        How many run at the same time.
    max_step : int
        Length of a complete trial, in steps.
    rungs : tuple of Rung
        How many trials get how far.
    brackets : tuple of Bracket
        The same for each of the scheduler's brackets.
    complete : int
        How many trials run to their end.
    steps : int
        Steps of all trials together.
    full_steps : int
        What as many trials would need if each ran to its end.
    seconds : float
        Time from the first start to the last end; in steps if the length of a step is not known.
    busy : float
        Share of the workers' time in which they work, in [0, 1].
    """

    scheduler: Spec
    trials: int
    workers: int
    max_step: int
    rungs: tuple[Rung, ...]
    brackets: tuple[Bracket, ...]
    complete: int
    steps: int
    full_steps: int
    seconds: float
    busy: float


def preview(
    scheduler: Scheduler | Spec | None = None,
    *,
    n_trials: int | None = None,
    max_step: int | None = None,
    workers: int = 1,
    seconds_per_step: float = 1.0,
    timeout: float | None = None,
    metric: str | Sequence[str] | None = None,
    directions: Sequence[Direction] | None = None,
    seed: int = 0,
) -> Preview:
    """Say how many trials get how far, what that costs, and how long it takes.

    The scheduler decides on made-up learning curves, each falling in its own pace to its own
    level, on a virtual clock. Real curves make it decide otherwise here and there; how many
    trials get how far depends little on them for schedulers with rungs, and much for rules that
    compare values, such as `Median`. Without a scheduler nothing is simulated.

    Parameters
    ----------
    scheduler : Scheduler, str or mapping, optional
        What stops trials early, as `create_study` takes it. None stops none.
    n_trials : int, optional
        How many trials begin at most. A population comes to its end without it.
    max_step : int, optional
        Length of a complete trial: its last step. Default: the scheduler's `max_step`.
    workers : int, default 1
        How many trials run at the same time.
    seconds_per_step : float, default 1
        How long a step takes.
    timeout : float, optional
        Seconds after which no trial begins any more.
    metric, directions : optional
        The study's objectives, as `create_study` takes them, for a scheduler that names one of
        them, or compares trials by several.
    seed : int, default 0
        Of the curves.

    Raises
    ------
    InvalidInput
        If an argument is not allowed, nothing ends the study, or the length is not known.

    Examples
    --------
    >>> import luthier
    >>> plan = luthier.preview("asha", n_trials=27, max_step=9)
    >>> plan.trials, plan.max_step
    (27, 9)
    """
    made = Full() if scheduler is None else make(scheduler)
    if n_trials is None and timeout is None and not isinstance(made, PopulationBased):
        raise InvalidInput("n_trials", None, "a number of trials, or a timeout in its place")
    if max_step is None:
        max_step = longest(made)
    if max_step is None:
        raise InvalidInput("max_step", None, "the length of a complete trial, in steps")
    _check_count("max_step", max_step)
    _check_count("workers", workers)
    if n_trials is not None:
        _check_count("n_trials", n_trials)
    if not (is_real(seconds_per_step) and 0 < seconds_per_step < math.inf):
        raise InvalidInput("seconds_per_step", seconds_per_step, "a finite number above 0")
    if timeout is not None and not (is_real(timeout) and 0 < timeout < math.inf):
        raise InvalidInput("timeout", timeout, "a finite number of seconds above 0, or None")
    if isinstance(made, Full):
        return _full(n_trials, max_step, workers, seconds_per_step, timeout)
    executor = Simulated(workers)
    number = 1 if isinstance(metric, str) else len(metric or directions or [None])
    study = create_study(
        Space({_PACE: Float(0.2, 1.5)} | {_LEVEL.format(i): Float(0, 1) for i in range(number)}),
        metric=metric,
        directions=directions,
        sampler=Random(),
        scheduler=made,
        seed=seed,
    )
    objective = _Curves(study.problem, made, max_step, seconds_per_step)
    study.optimize(objective, n_trials, timeout, executor=executor)
    history = study.history
    return _summary(made, history, workers, max_step, objective.steps, executor)


def longest(scheduler: Scheduler) -> int | None:
    """Return the length of a complete trial that a scheduler names; None if it names none."""
    lengths = [getattr(part, "max_step", None) for part in _parts(scheduler)]
    return max((length for length in lengths if length is not None), default=None)


class _Curves:
    """Made-up learning curves: each falls as a power of the step to its own level."""

    def __init__(
        self, problem: Problem, scheduler: Scheduler, max_step: int, seconds: float
    ) -> None:
        self._signs = {objective.name: objective.sign for objective in problem.objectives}
        self._others = {  # metrics beside the objectives, by which a rule may go
            rule.metric: -1.0 if rule.direction == "maximize" else 1.0
            for rule in _parts(scheduler)
            if getattr(rule, "metric", None) is not None and rule.metric not in self._signs
        }
        self._max_step = max_step
        self._seconds = seconds
        self.steps = 0

    def __call__(self, trial: Trial) -> Generator[float, None, Mapping[str, float]]:
        params = trial.params
        values: dict[str, float] = {}
        for step in range((trial.restored_step or 0) + 1, self._max_step + 1):
            yield self._seconds
            self.steps += 1
            gone = step ** -params[_PACE]
            values = {
                name: sign * (params[_LEVEL.format(index)] + gone)
                for index, (name, sign) in enumerate(self._signs.items())
            }
            first = params[_LEVEL.format(0)] + gone
            trial.report(values | {n: sign * first for n, sign in self._others.items()}, step)
            if step < self._max_step:
                trial.prune_if_hopeless()
        return values


def _parts(scheduler: Scheduler) -> Iterator[Any]:
    """Yield a scheduler, or the members of a combined one."""
    members = getattr(scheduler, "members", None)
    if members is None:
        yield scheduler
    else:
        for member in members:
            yield from _parts(member)


def _full(
    n_trials: int | None, max_step: int, workers: int, seconds: float, timeout: float | None
) -> Preview:
    """Return the plan of trials that all run to their end: they run in waves."""
    one = max_step * seconds
    trials = n_trials
    if timeout is not None:
        waves = math.floor(timeout / one)
        in_time = waves * workers
        if timeout > waves * one:
            # Of a wave that would end too late those begin that come before this is known.
            in_time += min(workers, max(0, FEWEST - 1 - (waves - 1) * workers))
        trials = in_time if trials is None else min(trials, in_time)
    assert trials is not None
    rungs = (Rung(max_step, trials),)
    total = math.ceil(trials / workers) * one
    return Preview(
        scheduler="full",
        trials=trials,
        workers=workers,
        max_step=max_step,
        rungs=rungs,
        brackets=(Bracket(None, trials, rungs),),
        complete=trials,
        steps=trials * max_step,
        full_steps=trials * max_step,
        seconds=total,
        busy=trials * one / (total * workers),
    )


def _summary(
    scheduler: Scheduler,
    history: History,
    workers: int,
    max_step: int,
    steps: int,
    executor: Simulated,
) -> Preview:
    trials = history.trials
    return Preview(
        scheduler=describe(scheduler),
        trials=len(trials),
        workers=workers,
        max_step=max_step,
        rungs=_rungs(trials),
        brackets=_brackets(scheduler, history, trials),
        complete=sum(trial.state is TrialState.COMPLETE for trial in trials),
        steps=steps,
        full_steps=len(trials) * max_step,
        seconds=executor.now,
        busy=executor.busy,
    )


def _rungs(trials: list[FrozenTrial]) -> tuple[Rung, ...]:
    lengths = Counter(trial.reports.last.step for trial in trials if trial.reports.last)
    left = sum(lengths.values())
    rungs = []
    for step in sorted(lengths):
        rungs.append(Rung(step, left))
        left -= lengths[step]
    return tuple(rungs)


def _brackets(
    scheduler: Scheduler, history: History, trials: list[FrozenTrial]
) -> tuple[Bracket, ...]:
    for part in _parts(scheduler):
        ladder = part.ladder(history) if isinstance(part, Halving) else None
        if ladder is not None and len(ladder.levels) > 1:
            groups: list[list[FrozenTrial]] = [[] for _ in ladder.levels]
            for trial in trials:
                groups[ladder.bracket(trial.number)].append(trial)
            return tuple(
                Bracket(number, len(group), _rungs(group)) for number, group in enumerate(groups)
            )
    return (Bracket(None, len(trials), _rungs(trials)),)


def _check_count(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidInput(name, value, "an integer of at least 1")
