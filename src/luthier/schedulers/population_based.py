"""Population-based training (PBT): trials train side by side, and the worst copy the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal, get_args

from luthier.errors import InvalidInput
from luthier.model.history import History
from luthier.model.problem import Direction, Problem
from luthier.model.trial import FrozenTrial, Params
from luthier.schedulers.base import Decision, Done, Resume, Start, Step, Stop, Wait
from luthier.schedulers.compose import Rule
from luthier.schedulers.exploring import perturbed, resampled
from luthier.schedulers.population import Member, Point, Population, better, fold_population
from luthier.schedulers.reading import Reading, check_metric, reading_of
from luthier.schedulers.rule import check_int, check_number

Exploit = Literal["truncation", "tournament"]
Explore = Literal["perturb", "pb2", "resample"]


@dataclass(frozen=True, slots=True)
class PopulationBased(Rule):
    """A population trains, and from time to time its worst members copy its best: PBT.

    Every member trains for an interval and is paused. Before it goes on, it is compared with the
    others: with what they had reached at the same step, or with the last they had reached before.
    If it is among the worst, it is stopped, and a new trial takes its place, which begins from the
    checkpoint of one of the best, with other params. So the params change in the course of one
    training: what is found is a schedule of them. Nobody waits for the others; where there are
    fewer workers than members, the member that is furthest behind goes on first.

    The study ends when all members have come to their end. How many trials that takes is not
    known before, so give `optimize` no number of trials. The trials have to save checkpoints.

    Parameters
    ----------
    interval : int
        After so many steps a member is compared. It should be long enough for a change of params
        to show, and short beside the whole training, such as a twentieth of it.
    max_step : int, optional
        Where trials end by themselves; a member that came there is paused no more. None: wherever
        they end.
    population : int, default 8
        How many members there are.
    exploit : {"truncation", "tournament"}, default "truncation"
        Who copies whom: the worst share one of the best share, or anyone another member drawn at
        random, if that is better.
    explore : {"perturb", "pb2", "resample"}, default "perturb"
        Which params the copy gets. ``"perturb"`` multiplies numbers by one of the factors
        `perturb`, moves ordered choices by one, and draws a param anew with the probability
        `resample`; ``"resample"`` draws all anew. ``"pb2"`` asks a Gaussian process which params
        will improve the score most in the next interval; until four intervals can be learnt from,
        it perturbs.
    quantile : float, default 0.25
        The share of the worst, and that of the best, in (0, 0.5]; at least one.
    perturb : sequence of float, default (0.8, 1.2)
        Factors, one of which is drawn for each number. Where bounds have different signs or one
        is 0, ``factor - 1`` times the range is added instead.
    resample : float, default 0.25
        The probability that a param is drawn anew when it is perturbed.
    changes : sequence of str, optional
        The params that may change during a training, such as a learning rate. Others, such as a
        number of layers, stay what they are in the trial that is copied. None is all of them but
        schedules, which know themselves how to change.
    backtrack : int, default 0
        So many of the best checkpoints there ever were are kept. When no member is as good as one
        of them any more, those that are replaced begin from there, at most twice from each.
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
    Jaderberg et al. (2017), Population Based Training of Neural Networks,
    https://arxiv.org/abs/1711.09846.
    Parker-Holder, Nguyen and Roberts (2020), Provably Efficient Online Hyperparameter Optimization
    with Population-Based Bandits, https://arxiv.org/abs/2002.02518: PB2.
    Zhang et al. (2021), On the Importance of Hyperparameter Optimization for Model-based
    Reinforcement Learning, https://arxiv.org/abs/2102.13651: backtracking.
    """

    interval: int
    max_step: int | None = None
    population: int = 8
    exploit: Exploit = "truncation"
    explore: Explore = "perturb"
    quantile: float = 0.25
    perturb: Sequence[float] = (0.8, 1.2)
    resample: float = 0.25
    changes: Sequence[str] | None = None
    backtrack: int = 0
    _: KW_ONLY
    metric: str | None = None
    direction: Direction | None = None

    def __post_init__(self) -> None:
        name = type(self).__name__
        check_metric(name, self.metric, self.direction)
        check_int(f"{name}: interval", self.interval, 1)
        if self.max_step is not None:
            check_int(f"{name}: max_step", self.max_step, self.interval + 1)
        check_int(f"{name}: population", self.population, 2)
        check_int(f"{name}: backtrack", self.backtrack, 0)
        if self.exploit not in get_args(Exploit):
            raise InvalidInput(f"{name}: exploit", self.exploit, " or ".join(get_args(Exploit)))
        if self.explore not in get_args(Explore):
            raise InvalidInput(f"{name}: explore", self.explore, " or ".join(get_args(Explore)))
        check_number(f"{name}: quantile", self.quantile, 1e-9, 0.5)
        check_number(f"{name}: resample", self.resample, 0.0, 1.0)
        object.__setattr__(self, "perturb", _factors(f"{name}: perturb", self.perturb))
        object.__setattr__(self, "changes", _names(f"{name}: changes", self.changes))

    def next(self, problem: Problem, history: History) -> Step:
        """Fill the population, then let the member furthest behind go on, or replace it."""
        self._check_names(problem)
        return fold_population(
            history,
            self.population,
            self.interval,
            self.reading(problem),
            lambda population: self._next(problem, history, population),
        )

    def decide(self, problem: Problem, history: History, trial: FrozenTrial) -> Decision:
        """Pause a member at the end of an interval."""
        last = trial.reports.last
        if last is None or (self.max_step is not None and last.step >= self.max_step):
            return Decision.CONTINUE
        arrived = fold_population(
            history,
            self.population,
            self.interval,
            self.reading(problem),
            lambda population: population.arrived(trial.number),
        )
        return Decision.PAUSE if arrived else Decision.CONTINUE

    def kept(self, problem: Problem, history: History) -> set[tuple[int, int]]:
        """Return the last checkpoints of all members, and the best there ever were."""
        return fold_population(
            history, self.population, self.interval, self.reading(problem), self._kept
        )

    def _kept(self, population: Population) -> set[tuple[int, int]]:
        if not population.running and population.alive >= self.population:
            return set()  # all is over
        alive = (member.number for member in population.members.values() if member.alive)
        points = [p for number in alive for p in population.exits(number, self.max_step)]
        points += population.elites(self.backtrack, self.max_step)
        return {(point.number, point.step) for point in points}

    def reading(self, problem: Problem) -> Reading:
        """Return what counts of a report."""
        return reading_of(problem, self.metric, self.direction)

    def _check_names(self, problem: Problem) -> None:
        if self.changes is None or problem.dynamic:
            return
        for name in self.changes:
            if name not in problem.space.params:
                known = ", ".join(problem.space.params)
                raise InvalidInput("PopulationBased: changes", name, f"some of {known}")

    def _next(self, problem: Problem, history: History, population: Population) -> Step:
        if not population.full:
            return Start()
        if population.alive < self.population:
            return self._replacement(problem, history, population)
        members = population.members
        paused = [members[t.number] for t in history.paused if t.number in members]
        if not paused:
            return Wait() if population.running else Done()
        member = min(paused, key=lambda member: (member.step, member.number))
        if self._loses(problem, population, member):
            return Stop(member.number)
        return Resume(member.number)

    # ------------------------------------------------------------------ exploit

    def _loses(self, problem: Problem, population: Population, member: Member) -> bool:
        """Tell whether a paused member is replaced."""
        if not member.points:
            return False  # a person paused it
        point = member.points[-1]
        field = population.field(point.round)
        rivals = self._rivals(population, field, member)
        if not any(better(rival, point) for rival, _ in rivals):
            return False
        if not point.sound:
            return True
        if self.exploit == "tournament":
            return better(_drawn(problem, rivals, point)[0], point)
        place = next(i for i, other in enumerate(field) if other.number == member.number)
        return place >= len(field) - self._share(len(field))

    def _rivals(
        self, population: Population, field: list[Point], member: Member
    ) -> list[tuple[Point, Point]]:
        """Return the other members that can be copied, the best first.

        Each is its point in the field, and the point whose checkpoint would be copied.
        """
        rivals = []
        for point in field:
            if point.number == member.number or not population.members[point.number].alive:
                continue
            exits = [p for p in population.exits(point.number, self.max_step) if p.sound]
            if exits:
                # What it was judged by, or else what is nearest to that.
                judged = (p for p in exits if p.step <= point.step)
                rivals.append((point, next(judged, exits[-1])))
        return rivals

    def _share(self, count: int) -> int:
        return max(1, int(self.quantile * count))

    def _replacement(self, problem: Problem, history: History, population: Population) -> Start:
        """Return the trial that takes the place of one that has ended without a result."""
        gone = population.members[population.vacancies[0]]
        last = gone.points[-1] if gone.points else None
        field = population.field(None if last is None else last.round)
        rivals = self._rivals(population, field, gone)
        rng = problem.rng(history.count, "scheduler")
        elite = self._elite(population)
        if elite is not None:
            how, origin = "the best there ever was", elite
        elif not rivals:
            return Start()
        elif self.exploit == "tournament" and last is not None and last.sound:
            how, origin = "drawn at random", _drawn(problem, rivals, last)[1]
        else:
            how = "one of the best"
            origin = rivals[int(rng.integers(min(len(rivals), self._share(len(field)))))][1]
        params = history.trial(origin.number).params
        explored, by = self._explored(params, problem, history, population, origin, rng)
        why = {"replaces": gone.number, "copies": how, "explore": by}
        return Start(explored, origin.number, origin.step, why)

    def _elite(self, population: Population) -> Point | None:
        """Return the best point there ever was, if no member is as good any more."""
        for elite in population.elites(self.backtrack, self.max_step):
            if population.returnable(elite):
                now = [m.newest for m in population.members.values() if m.alive]
                if all(better(elite, point) for point in now if point is not None):
                    return elite
        return None

    # ------------------------------------------------------------------ explore

    def _explored(
        self,
        params: Params,
        problem: Problem,
        history: History,
        population: Population,
        origin: Point,
        rng: Any,
    ) -> tuple[Params, Mapping[str, Any] | str]:
        """Return params for a copy, and how they were found."""
        space = problem.space
        if self.explore == "resample":
            return resampled(params, space, rng, self.changes), "resample"
        if self.explore == "pb2":
            from luthier.schedulers.pb2 import propose

            proposal = propose(params, problem, history, population, origin, rng, self.changes)
            if proposal is not None:
                return proposal
        moved = perturbed(params, space, rng, self.perturb, self.resample, self.changes)
        return moved, "perturb"


def _drawn(
    problem: Problem, rivals: list[tuple[Point, Point]], point: Point
) -> tuple[Point, Point]:
    """Return the member that one is compared with in a tournament: the same however often."""
    rng = problem.rng(point.number, f"rival {point.round}")
    return rivals[int(rng.integers(len(rivals)))]


def _factors(field: str, given: Any) -> tuple[float, ...]:
    allowed = "positive numbers other than 1"
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise InvalidInput(field, given, allowed)
    for factor in given:
        check_number(field, factor, 1e-9, 1e9)
        if factor == 1:
            raise InvalidInput(field, given, allowed)
    return tuple(map(float, given))


def _names(field: str, given: Any) -> tuple[str, ...] | None:
    if given is None:
        return None
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise InvalidInput(field, given, "a list of names of params, or None")
    return tuple(given)
