# ruff: noqa: D102 - the names of tests say what they check
"""The promises of `luthier.schedulers.base.Scheduler` as tests, for whoever writes a scheduler.

Derive a class from `SchedulerContract` and give it the fixture it asks for::

    class TestMine(SchedulerContract):
        @pytest.fixture
        def scheduler(self):
            return Mine()
"""

from __future__ import annotations

from math import inf, nan
from typing import Any

import numpy as np
import pytest

from luthier.model.events import Asked, Defined, Event, Paused, Reported, Resumed, Told
from luthier.model.history import History
from luthier.model.ledger import Ledger
from luthier.model.problem import Problem
from luthier.model.trial import TrialState
from luthier.schedulers.base import Decision, Done, Resume, Scheduler, Start, Stop, Wait
from luthier.space import Float, Space

PROBLEM = Problem(Space({"x": Float(0.0, 1.0)}), seed=1)


def events_of(trials: int, steps: int, running: int, seed: int = 0) -> list[Event]:
    """Return the log of a study in which trials reported falling curves.

    Parameters
    ----------
    trials, steps : int
        So many trials, of which those that ended have so many reports.
    running : int
        So many of the last trials have not ended and reported half as often.
    seed : int, default 0
        Chooses the curves.
    """
    rng = np.random.default_rng(seed)
    events: list[Event] = [Defined(PROBLEM)]
    for number in range(trials):
        level = float(rng.random())
        events.append(Asked(number, {"x": level}, 0, "random", "owner"))
        ended = number < trials - running
        reports = steps if ended else steps // 2
        events += [
            Reported(number, step, {"value": level + 1 / step}) for step in range(1, reports + 1)
        ]
        if ended:
            events.append(Told(number, TrialState.COMPLETE, (level + 1 / steps,)))
    return events


def history_of(trials: int, steps: int, running: int, seed: int = 0) -> History:
    """Return the history of the log that `events_of` makes."""
    return Ledger().apply(events_of(trials, steps, running, seed)).snapshot()


class SchedulerContract:
    """What every scheduler promises. Give a fixture `scheduler`."""

    @pytest.fixture
    def scheduler(self) -> Scheduler:
        """Return the scheduler."""
        raise NotImplementedError("give a fixture `scheduler`")

    def test_is_a_frozen_dataclass_of_settings(self, scheduler: Scheduler) -> None:
        assert isinstance(scheduler, Scheduler)
        settings: Any = getattr(type(scheduler), "__dataclass_params__", None)
        assert settings is not None
        assert settings.frozen

    @pytest.mark.parametrize("trials", [0, 1, 9])
    def test_says_what_a_free_worker_does(self, scheduler: Scheduler, trials: int) -> None:
        history = history_of(trials, 8, running=0)
        step = scheduler.next(PROBLEM, history)
        assert isinstance(step, Start | Resume | Stop | Wait | Done)
        assert scheduler.next(PROBLEM, history) == step

    def test_a_worker_without_trials_is_not_sent_away(self, scheduler: Scheduler) -> None:
        assert isinstance(scheduler.next(PROBLEM, history_of(0, 0, running=0)), Start)

    @pytest.mark.parametrize("steps", [2, 8, 27])
    def test_decides_about_every_running_trial(self, scheduler: Scheduler, steps: int) -> None:
        history = history_of(12, steps, running=4)
        for trial in history.running:
            decision = scheduler.decide(PROBLEM, history, trial)
            assert isinstance(decision, Decision)
            assert scheduler.decide(PROBLEM, history, trial) is decision

    def test_the_first_trial_may_go_on(self, scheduler: Scheduler) -> None:
        history = history_of(1, 4, running=1)
        decision = scheduler.decide(PROBLEM, history, history.running[0])
        assert decision is not Decision.STOP

    @pytest.mark.parametrize("metrics", [{"value": nan}, {"value": inf}, {"another": 1.0}], ids=str)
    def test_takes_any_report(self, scheduler: Scheduler, metrics: dict[str, float]) -> None:
        ledger = Ledger().apply(events_of(12, 8, running=4))
        number = ledger.snapshot().running[0].number
        history = ledger.apply([Reported(number, 9, metrics)]).snapshot()
        decision = scheduler.decide(PROBLEM, history, history.trial(number))
        assert isinstance(decision, Decision)

    def test_follows_from_the_history_alone(self, scheduler: Scheduler) -> None:
        def answers(history: History) -> list[Any]:
            running = [t for t in history.running if t.reports]
            decisions = [scheduler.decide(PROBLEM, history, trial) for trial in running]
            return [scheduler.next(PROBLEM, history), *decisions]

        events = events_of(12, 9, running=4)
        ends = range(1, len(events) + 1, 7)
        alone = [answers(Ledger().apply(events[:end]).snapshot()) for end in ends]
        growing = Ledger()
        histories = []
        for end in ends:
            histories.append(growing.apply(events[growing.version : end]).snapshot())
            assert answers(histories[-1]) == alone[len(histories) - 1]
        # What it may remember of a later history does not change what it says of an earlier one.
        assert [answers(history) for history in histories] == alone

    def test_resumes_and_stops_only_what_is_paused(self, scheduler: Scheduler) -> None:
        rng = np.random.default_rng(0)
        ledger = Ledger().apply([Defined(PROBLEM)])
        for _ in range(60):
            history = ledger.snapshot()
            step = scheduler.next(PROBLEM, history)
            if isinstance(step, Wait | Done):
                break
            if isinstance(step, Stop):
                assert history.trial(step.number).state is TrialState.PAUSED
                ledger.apply([Told(step.number, TrialState.PRUNED)])
                continue
            if isinstance(step, Resume):
                paused = history.trial(step.number)
                assert paused.state is TrialState.PAUSED
                last = paused.reports[-1].step
                ledger.apply([Resumed(step.number, paused.attempt + 1, "owner", last)])
                number, attempt = step.number, paused.attempt + 1
            else:
                number, attempt, last = history.count, 1, 0
                params = {"x": float(rng.random())} if step.params is None else step.params
                if step.fork is not None:
                    reports = history.trial(step.fork).reports
                    last = reports[-1].step if step.step is None else step.step
                    assert last in [report.step for report in reports]
                parent = None if step.fork is None else last
                asked = Asked(
                    number, params, 0, "random", "owner", parent=step.fork, parent_step=parent
                )
                ledger.apply([asked])
            ledger.apply(self._run(scheduler, ledger, number, attempt, last, float(rng.random())))

    @staticmethod
    def _run(
        scheduler: Scheduler, ledger: Ledger, number: int, attempt: int, last: int, level: float
    ) -> list[Event]:
        """Report until the trial is stopped, paused or at its end, and return that event."""
        for step in range(last + 1, 28):
            ledger.apply([Reported(number, step, {"value": level + 1 / step}, attempt)])
            history = ledger.snapshot()
            decision = scheduler.decide(PROBLEM, history, history.trial(number))
            if decision is Decision.PAUSE:
                return [Paused(number)]
            if decision is Decision.STOP:
                return [Told(number, TrialState.PRUNED)]
        return [Told(number, TrialState.COMPLETE, (level,))]
