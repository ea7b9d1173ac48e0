"""PASHA: rungs are added as long as longer runs change the ranking."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import InvalidInput
from luthier.schedulers import Decision, Pasha, Resume, Start
from luthier.schedulers.pasha import crossing_noise, rankings_differ
from luthier.testing.schedulers import SchedulerContract
from schedulers.scheduler_runs import Run

CONTINUE, PAUSE = Decision.CONTINUE, Decision.PAUSE


class TestPasha(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return Pasha()


def at_the_top(swapped):
    """Bring two trials to the second rung, at step 3, in the old order or in the other."""
    run = Run(Pasha(max_step=27))
    for value in (0.5, 0.4, 0.9):
        run.trial(value)
    assert run.next() == Resume(1)
    run.resume(1, 1)
    assert run.report(1, 0.4, 3) is PAUSE
    assert run.trial(0.3) == [CONTINUE]
    assert run.report(3, 0.45 if swapped else 0.3, 3) is PAUSE
    return run


def test_while_the_ranking_holds_nothing_runs_beyond_the_second_rung():
    run = at_the_top(swapped=False)
    for value in (0.95, 0.96):
        run.trial(value)
    assert run.trial(0.2) == [CONTINUE]
    assert run.report(6, 0.2, 3) is PAUSE  # the best of three, and as far as trials may go
    assert run.next() == Start()


def test_when_the_ranking_changes_a_rung_is_added():
    run = at_the_top(swapped=True)
    for value in (0.95, 0.96):
        run.trial(value)
    assert run.trial(0.2) == [CONTINUE]
    assert run.report(6, 0.2, 3) is CONTINUE
    assert run.report(6, 0.2, 9) is PAUSE


def test_a_trial_that_was_resumed_with_checkpoint_is_promoted_once():
    run = at_the_top(swapped=True)
    run.trial(0.95), run.trial(0.96)
    assert run.next() == Start()
    number = run.start()
    run.report(number, 0.99, 3)  # the third one at the rung
    assert run.next() == Resume(1)
    run.resume(1, 3)
    assert run.next() == Start()


@pytest.mark.parametrize(
    ("before", "after", "noise", "differ"),
    [
        ([1.0, 2.0, 3.0], [0.1, 0.2, 0.3], 0.0, False),
        ([1.0, 2.0, 3.0], [0.2, 0.1, 0.3], 0.0, True),
        ([1.0, 2.0, 3.0], [0.2, 0.1, 0.3], 1.0, False),  # 1 and 2 counted as equal before
        ([1.0, 2.0, 3.0], [0.3, 0.2, 0.1], 1.0, True),
        ([1.0, 1.0, 3.0], [0.2, 0.1, 0.3], 0.0, False),
        ([np.inf, np.inf, 3.0], [0.3, 0.2, 0.1], 0.0, False),
        ([np.inf, 3.0], [0.1, 0.2], 9.0, True),
    ],
)
def test_rankings(before, after, noise, differ):
    assert rankings_differ(np.array(before), np.array(after), noise) is differ


def test_noise_is_that_of_curves_that_cross_twice():
    up, down = [0.0, 2.0, 0.0, 2.0], [1.0, 1.0, 1.0, 1.5]
    assert crossing_noise(np.array([up, down])) == pytest.approx(0.5)
    once = [[0.0, 0.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.0]]
    assert crossing_noise(np.array(once)) == 0.0
    touching = [[0.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]]
    assert crossing_noise(np.array(touching)) == 0.0
    assert crossing_noise(np.empty((1, 4))) == crossing_noise(np.empty((2, 0))) == 0.0


@given(st.lists(st.integers(0, 99), min_size=1, max_size=9, unique=True), st.randoms())
def test_the_same_ranking_never_differs(losses, random):
    random.shuffle(losses)
    before = np.array(losses, dtype=float)
    assert not rankings_differ(before, before**2, 0.0)
    assert rankings_differ(before, -before, 0.0) == (len(losses) > 1)


def test_bad_settings_are_named():
    for settings, named in (({"eta": 1}, "eta"), ({"min_step": 3, "max_step": 2}, "max_step")):
        with pytest.raises(InvalidInput, match=named):
            Pasha(**settings)
