# ruff: noqa: D102 - the names of tests say what they check
"""The promises of `luthier.schedulers.base.Scheduler` as tests, for whoever writes a scheduler.

Derive a class from `SchedulerContract` and give it the fixture it asks for::

    class TestMine(SchedulerContract):
        @pytest.fixture
        def scheduler(self):
            return Mine()
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from luthier.model.events import Asked, Defined, Event, Reported, Told
from luthier.model.history import History
from luthier.model.ledger import Ledger
from luthier.model.problem import Problem
from luthier.model.trial import TrialState
from luthier.schedulers.base import Decision, Done, Resume, Scheduler, Start, Wait
from luthier.space import Float, Space

PROBLEM = Problem(Space({"x": Float(0.0, 1.0)}), seed=1)


def history_of(trials: int, steps: int, running: int, seed: int = 0) -> History:
    """Return a history in which trials reported falling curves.

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
    return Ledger().apply(events).snapshot()


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
        assert isinstance(step, Start | Resume | Wait | Done)
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
