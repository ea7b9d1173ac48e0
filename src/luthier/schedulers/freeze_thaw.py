"""Freeze and thaw: a model of learning curves says which trial goes on, and which begins."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from luthier.errors import InvalidInput
from luthier.model.columns import encoded
from luthier.model.events import Reported, Resumed, Told
from luthier.model.folding import Happening
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial, TrialState
from luthier.numerics.blas import single_threaded
from luthier.numerics.curves import Curves, curve_kernel, curve_prior, learn_curves, progress
from luthier.numerics.kernels import Kernel
from luthier.numerics.log_ei import log_ei
from luthier.schedulers.base import Decision, Done, Resume, Start, Step, Wait
from luthier.schedulers.compose import Rule
from luthier.schedulers.halving import check_steps, longest
from luthier.schedulers.reading import Reading, reading_of
from luthier.schedulers.rule import check_int, check_number
from luthier.schedulers.rungs import geometric
from luthier.space.codec import INACTIVE, Codec

Array = NDArray[np.float64]
T = TypeVar("T")

END = -1
"""Stands for the last step, where the result of a trial is seen."""

MODEL = "learning curves"
"""Says in the reason of its params that a trial has them from here."""

LEARNT_FROM = 150
"""Hyperparameters are learnt from at most so many observations."""

ELITE, CHILDREN = 5, 20
"""Around so many of the best configurations so many new ones each are looked at."""

FIRST_LOOKS = 3
"""So many places for the first look take turns among the first trials."""

KEPT = 3
"""One in so many at each step goes on whenever it is the turn of `FreezeThaw.hedge`."""

NEAR = (0.2, 0.05)
"""Standard deviations of the steps to them, in units of a range."""


@dataclass(frozen=True, slots=True)
class FreezeThaw(Rule):
    """Train many trials a little, and go on with those that a model expects most of.

    Trials are looked at after ``min_step * eta**k`` steps, each time they have got `eta` times
    farther. There a Gaussian process of all learning curves so far says of each trial that could
    go on, and of configurations that were not tried, what they would come to at the end, and how
    sure that is. What promises the largest improvement on the best complete trial, for each
    step to its end, goes on, or begins; all others wait, and may go on later as the model learns.

    A model that saw few curves may be wrong about how the others go on, and sure of it. Three
    things keep it from seeing only what it believes in:

    - The first `n_startup` trials are looked at first after ``min_step``, ``min_step * eta`` and
      ``min_step * eta**2`` steps in turns, whatever they report: these curves were not chosen for
      how they begin.
    - New configurations come in turns from the model and from the study's sampler, which has
      another opinion; the first ones are all from the sampler.
    - One look in `hedge` does not ask the model: of the sampler's trials, the best one goes on that
      waits among the best third of those that came to its step, as in successive halving.

    Trials pause often: it pays where they save checkpoints.

    Parameters
    ----------
    min_step : int, default 1
        Where a trial is looked at first.
    max_step : int, optional
        Where trials end. None: where the first complete ones did; until one is complete all
        trials go on.
    eta : int, default 2
        By what factor a trial gets farther until it is looked at again.
    n_startup : int, default 5
        Trials before the model is asked.
    thrift : float, default 1.0
        How much the number of steps to the end counts: 0 not at all, 1 in proportion.
    hedge : int, default 4
        One look in so many follows successive halving among the sampler's trials, or among all
        if there are no others than the first; 0 for none.
    sampled : int, default 2
        One new configuration in so many comes from the study's sampler; 0 for none after the
        first ones.
    candidates : int, default 256
        New configurations that are drawn to be compared; others are near the best ones.
    most : int, default 300
        The model sees at most so many observations.

    Raises
    ------
    InvalidInput
        If a setting is not allowed, or the study has several objectives.

    References
    ----------
    Swersky, Snoek and Adams (2014), Freeze-Thaw Bayesian Optimization,
    https://arxiv.org/abs/1406.3896. Rakotoarison, Adriaensen, Mallik, Garibov, Bergman and Hutter
    (2024), In-Context Freeze-Thaw Bayesian Optimization for Hyperparameter Optimization,
    https://arxiv.org/abs/2404.16795.
    """

    min_step: int = 1
    max_step: int | None = None
    eta: int = 2
    n_startup: int = 5
    thrift: float = 1.0
    hedge: int = 4
    sampled: int = 2
    candidates: int = 256
    most: int = 300

    def __post_init__(self) -> None:
        check_steps("FreezeThaw", self.min_step, self.max_step)
        check_int("FreezeThaw: eta", self.eta, 2)
        check_number("FreezeThaw: thrift", self.thrift, 0.0, 10.0)
        check_int("FreezeThaw: hedge", self.hedge, 0)
        check_int("FreezeThaw: sampled", self.sampled, 0)
        for name in ("n_startup", "candidates", "most"):
            check_int(f"FreezeThaw: {name}", getattr(self, name), 2)

    def next(self, problem: Problem, history: History) -> Step:
        """Resume what promises most, or begin it."""
        reading = _reading(problem)
        length = self._length(history)
        if length is None or history.count < self.n_startup:
            return Start()
        return self._most_promising(problem, history, reading, length, None)

    def decide(self, problem: Problem, history: History, trial: FrozenTrial) -> Decision:
        """Let a trial go on if nothing else promises more."""
        reading = _reading(problem)
        length = self._length(history)
        last = trial.reports.last
        if length is None or last is None or last.step >= length:
            return Decision.CONTINUE
        if last.step < self._first_look(trial.number, length):
            return Decision.CONTINUE
        if not self.seen(history, reading, lambda seen: trial.number in seen.here):
            return Decision.CONTINUE
        if history.count < self.n_startup:
            return Decision.PAUSE
        step = self._most_promising(problem, history, reading, length, trial)
        return Decision.CONTINUE if step == Resume(trial.number) else Decision.PAUSE

    def _length(self, history: History) -> int | None:
        return longest(history) if self.max_step is None else self.max_step

    def _first_look(self, number: int, length: int) -> int:
        """Return after how many steps a trial is looked at first."""
        levels = geometric(self.min_step, length, self.eta)[:FIRST_LOOKS]
        return levels[number % len(levels)] if number < self.n_startup and levels else self.min_step

    def seen(self, history: History, reading: Reading, read: Callable[[Seen], T]) -> T:
        """Return what `read` makes of all that was seen of trials."""
        levels = geometric(self.min_step, None, self.eta)
        key = ("freeze and thaw", reading, levels)
        return history.fold(key, lambda: Seen(reading, levels), Seen.advance, read)

    def _most_promising(
        self,
        problem: Problem,
        history: History,
        reading: Reading,
        length: int,
        trial: FrozenTrial | None,
    ) -> Step:
        """Return what to go on with, `trial` counting as paused."""
        with single_threaded():
            look = Look(self, problem, history, reading, length, trial)
            return look.choice()


class Row(NamedTuple):
    """What was seen of a trial at a step; ``END`` for its result, infinite if it failed."""

    number: int
    step: int
    loss: float


class Seen:
    """What was observed when trials came to where they are looked at."""

    def __init__(self, reading: Reading, levels: tuple[int, ...]) -> None:
        self._reading = reading
        self._levels = levels
        self.rows: list[Row] = []  # only ever grows
        self.here: set[int] = set()  # trials whose newest report is to be looked at
        self._far: dict[int, int] = {}  # where open trials were seen last

    def advance(self, event: Happening) -> None:
        """Take in what has happened to a trial."""
        number = event.number
        if type(event) is Reported:
            self.here.discard(number)
            loss = self._reading.loss(event.metrics)
            level = bisect_right(self._levels, event.step) - 1
            # One that begins anew after a pause is not asked again where it was before.
            if loss is None or level < 0 or self._levels[level] <= self._far.get(number, -1):
                return
            self._far[number] = event.step
            self.here.add(number)
            self.rows.append(Row(number, event.step, loss))
        elif type(event) is Resumed:
            self.here.discard(number)
        elif type(event) is Told:
            self.here.discard(number)
            self._far.pop(number, None)
            if event.state is TrialState.COMPLETE and event.values is not None:
                name, _ = self._reading.terms[0]
                loss = self._reading.loss({name: event.values[0]})
                self.rows.append(Row(number, END, inf if loss is None else loss))
            elif event.state in (TrialState.FAILED, TrialState.INFEASIBLE):
                self.rows.append(Row(number, END, inf))


class Look:
    """One look at a study: what may go on, what may begin, and what each of them promises."""

    def __init__(
        self,
        settings: FreezeThaw,
        problem: Problem,
        history: History,
        reading: Reading,
        length: int,
        trial: FrozenTrial | None,
    ) -> None:
        self.settings = settings
        self.problem = problem
        self.history = history
        self.length = length
        self.codec = problem.space.codec
        self.rng = problem.rng(history.count, "scheduler")
        self.rows: list[Row] = settings.seen(history, reading, lambda seen: list(seen.rows))
        self.waiting = [*history.paused, *([] if trial is None else [trial])]
        mine = None if trial is None else trial.number
        self.running = [other for other in history.running if other.number != mine]

    def choice(self) -> Step:
        """Return what to go on with."""
        if not self.rows or not self.codec.d:
            return self._without_model()
        promoted = self._promoted()
        if promoted is not None:
            return promoted
        model, best, elite = self._model()
        found: list[tuple[float, Step]] = []
        if self.waiting:
            X, A = encoded(self.problem.space, [t.params for t in self.waiting])
            value = self._promise(model, best, X, A, [_step(t) for t in self.waiting])
            top = int(np.argmax(value))
            found.append((float(value[top]), Resume(self.waiting[top].number)))
        new = self._new(model, best, elite)
        if new is not None:
            found.append(new)
        if not found:
            return Wait() if self.running else Done()
        return max(found, key=lambda pair: pair[0])[1]

    def _without_model(self) -> Step:
        return Resume(self.waiting[0].number) if self.waiting else Start()

    def _promoted(self) -> Step | None:
        """Return what successive halving would go on with, if it is its turn."""
        hedge = self.settings.hedge
        if not hedge or len(self.rows) % hedge:
            return None
        levels = geometric(self.settings.min_step, None, self.settings.eta)
        came: dict[int, list[tuple[float, int]]] = {}
        waits_at: dict[int, int] = {}
        # What the model proposes again and again must not fill the places of all others.
        apart = self.settings.sampled > 0
        for row in self.rows:
            if row.step != END and not (apart and self._is_own(row.number)):
                level = bisect_right(levels, row.step)
                came.setdefault(level, []).append((row.loss, row.number))
                waits_at[row.number] = level
        waiting = {trial.number for trial in self.waiting}
        for level in sorted(came, reverse=True):
            for _, number in sorted(came[level])[: len(came[level]) // KEPT]:
                if number in waiting and waits_at[number] == level:
                    return Resume(number)
        return None

    def _arrays(self, rows: list[Row]) -> tuple[Array, Array, Array, Array]:
        """Return points, activity, progress and losses of what was seen and can be placed."""
        trials = [self.history.trial(number) for number in dict.fromkeys(r.number for r in rows)]
        X, A = encoded(self.problem.space, [trial.params for trial in trials])
        place = {trial.number: i for i, trial in enumerate(trials)}
        where = np.array([place[row.number] for row in rows])
        X, A = X[where], A[where]
        steps = np.array([self.length if r.step == END else r.step for r in rows], dtype=float)
        loss = np.array([row.loss for row in rows])
        finite = np.isfinite(loss)
        loss[~finite] = loss[finite].max() if finite.any() else 0.0
        placed = A.any(axis=1)
        return X[placed], A[placed], progress(steps[placed], self.length), loss[placed]

    def _model(self) -> tuple[Curves, float, Array]:
        """Return the model, the loss to improve on, and the best configurations."""
        X, A, s, loss = self._arrays(self.rows)
        kept = _evenly(loss, self.settings.most)
        X, A, s, loss = X[kept], A[kept], s[kept], loss[kept]
        columns = self.codec.columns
        choices = [j for j in range(self.codec.d) if columns[j].kind == "categorical"]
        numeric = [j for j in range(self.codec.d) if j not in choices]
        kernel = curve_kernel(numeric, choices, self.codec.d)
        theta = self._theta(kernel)
        model = Curves(kernel, theta, X, A, s, loss)
        ended = s == 1.0
        best = float(model.z[ended].min() if ended.any() else model.z.min())
        if self.running:
            R, RA = encoded(self.problem.space, [t.params for t in self.running])
            R, RA = R[RA.any(axis=1)], RA[RA.any(axis=1)]
            if len(R):
                # What runs is believed to come to what is expected of it: improve on that.
                best = min(best, float(model.end(R, RA).mean.min()))
                model.believing(R, RA)
        distinct = np.unique(X, axis=0, return_index=True)[1]
        mean = model.end(X[distinct], A[distinct]).mean[0]
        elite = X[distinct[np.argsort(mean, kind="stable")[:ELITE]]]
        return model, best, elite

    def _theta(self, kernel: Kernel) -> Array:
        """Return hyperparameters, learnt at a fixed number of observations."""
        n = len(self.rows)
        step = max(1, n // 10 if n < 100 else n // 5)
        size = n // step * step
        space = self.problem.space

        def make() -> Array:
            X, A, s, loss = self._arrays(self.rows[:size])
            kept = _evenly(loss, LEARNT_FROM)
            prior = curve_prior(kernel, self.codec.d)
            return learn_curves(kernel, prior, X[kept], A[kept], s[kept], loss[kept])

        key = ("freeze and thaw", self.settings, space, self.length, size)
        return self.history.remember(key, make)

    def _promise(self, model: Curves, best: float, X: Array, A: Array, steps: list[int]) -> Array:
        """Return the log of the expected improvement, less that of the steps that it takes."""
        mean, sd = model.end(X, A)
        left = 1 - np.minimum(np.array(steps), self.length - 1) / self.length
        promise: Array = log_ei(mean[0], sd[0], best) - self.settings.thrift * np.log(left)
        return promise

    def _new(self, model: Curves, best: float, elite: Array) -> tuple[float, Step] | None:
        """Return what a new configuration promises, and how it begins.

        What promises most of those that were not tried, or what the sampler makes of it.
        """
        drawn = self.codec.sample(self.rng, self.settings.candidates)
        near = [_near(self.codec, elite, self.rng, scale) for scale in NEAR]
        X = self.codec.snap(np.vstack([drawn, *near]))
        X = X[self.codec.feasible(X)]
        A = self.codec.active(X).astype(float)
        value = self._promise(model, best, X, A, [0] * len(X))
        for row in np.argsort(-value, kind="stable"):
            params = self.codec.decode(X[row][None])[0]
            if self.history.find(params) is None:
                promise = float(value[row])
                if self._is_sampled():
                    return promise, Start()
                why = {"how": "model", "model": MODEL, "log_ei": round(promise, 4)}
                return promise, Start(params, why=why)
        return None

    def _is_own(self, number: int) -> bool:
        """Tell whether the params of a trial are the model's."""
        return self.history.trial(number).why.get("model") == MODEL

    def _is_sampled(self) -> bool:
        """Tell whether the next new configuration is the sampler's."""
        sampled = self.settings.sampled
        return sampled > 0 and self.history.count % sampled == sampled - 1


def _reading(problem: Problem) -> Reading:
    if len(problem.objectives) > 1:
        raise InvalidInput("FreezeThaw", len(problem.objectives), "a study of one objective")
    return reading_of(problem)


def _step(trial: FrozenTrial) -> int:
    last = trial.reports.last
    return 0 if last is None else last.step


def _evenly(loss: Array, most: int) -> NDArray[np.intp]:
    """Return which rows to keep: the best half of `most`, and the others evenly by their loss."""
    if len(loss) <= most:
        return np.arange(len(loss))
    order = np.argsort(loss, kind="stable")
    rest = np.linspace(most // 2, len(loss) - 1, most - most // 2).round().astype(int)
    return np.sort(order[np.concatenate([np.arange(most // 2), rest])])


def _near(codec: Codec, elite: Array, rng: np.random.Generator, scale: float) -> Array:
    """Return changed copies of points: some of the coordinates move, at least one."""
    out = np.repeat(elite, CHILDREN, axis=0)
    d = codec.d
    change = rng.random(out.shape) < max(2.0, 0.3 * d) / d
    change[np.arange(len(out)), rng.integers(d, size=len(out))] = True
    anywhere = rng.random(out.shape)
    moved = np.clip(out + scale * rng.standard_normal(out.shape), 0.0, 1.0)
    choices = np.array([column.kind == "categorical" for column in codec.columns])
    # What switches on as a branch changes begins anywhere.
    moved = np.where(choices | (out == INACTIVE), anywhere, moved)
    return np.where(change, moved, out)
