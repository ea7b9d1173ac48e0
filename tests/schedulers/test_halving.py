"""Successive halving: who goes on from a rung, who is stopped or paused, who goes on later."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import InvalidInput
from luthier.model.events import Released, Reported
from luthier.model.problem import Limit, Objective, Problem
from luthier.schedulers import Adaptive, Decision, Hyperband, Resume, Start, SuccessiveHalving
from luthier.schedulers.rungs import geometric, hedged
from luthier.schedulers.standings import WINDOW, Sorted
from luthier.space import Float, Space
from luthier.testing.schedulers import SchedulerContract
from schedulers.scheduler_runs import PROBLEM, Run, promotions

CONTINUE, PAUSE, STOP = Decision.CONTINUE, Decision.PAUSE, Decision.STOP
SPACE = Space({"x": Float(0.0, 1.0)})


class TestStopping(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return SuccessiveHalving()


class TestPromoting(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return SuccessiveHalving(kind="promote", max_step=27)


class TestHyperband(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return Hyperband(max_step=27)


class TestHyperbandOfUnknownLength(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return Hyperband()


class TestAdaptive(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return Adaptive("aggressive", max_step=27)


def test_the_best_third_goes_on():
    run = Run(SuccessiveHalving())
    values = [5.0, 6.0, 4.0, 7.0, 4.5, 4.2, 3.0]
    decisions = [run.trial(value)[0] for value in values]
    # One of 1..5 entries goes on, the best; of 6 and 7 the best two.
    assert decisions == [CONTINUE, STOP, CONTINUE, STOP, STOP, CONTINUE, CONTINUE]


def test_between_rungs_nothing_is_decided():
    run = Run(SuccessiveHalving(min_step=2, eta=3))
    for _ in range(5):
        run.complete([0.0] * 6)
    assert run.trial(1.0, 1.0) == [CONTINUE, STOP]
    assert run.trial(9.0, -1.0, 9.0, 9.0, 9.0, 9.0) == [CONTINUE] * 5 + [STOP]


def test_nothing_is_decided_from_max_step_on():
    run = Run(SuccessiveHalving(max_step=3))
    for _ in range(5):
        run.complete([0.5, 0.0, 0.0])
    assert run.trial(0.5, 9.0, 9.0, 9.0) == [CONTINUE] * 4


def test_equal_values_go_on_together():
    run = Run(SuccessiveHalving())
    assert [run.trial(1.0) for _ in range(9)] == [[CONTINUE]] * 9


def test_a_jump_over_rungs_is_judged_at_the_highest():
    run = Run(SuccessiveHalving())
    run.complete([0.9, 0.9, 0.9, 0.9, 0.9])
    number = run.start()
    assert run.report(number, 0.5, 4) is CONTINUE  # beyond the rung at 3, and the best there
    number = run.start()
    assert run.report(number, 0.6, 4) is STOP


def test_a_report_without_the_metric_is_not_judged_and_the_next_one_is():
    run = Run(SuccessiveHalving())
    run.complete([0.0])
    number = run.start()
    assert run.report(number, {"other": 9.0}, 1) is CONTINUE
    assert run.report(number, 9.0, 2) is STOP


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_worst(bad):
    run = Run(SuccessiveHalving())
    run.complete([1e300])
    assert run.trial(bad) == [STOP]


def test_a_trial_started_again_replaces_its_entry():
    run = Run(SuccessiveHalving())
    first = run.start()
    assert run.report(first, 0.1, 1) is CONTINUE
    run.lose(first)
    assert run.report(first, 0.9, 1) is CONTINUE  # alone at the rung, as before
    assert run.trial(0.5) == [CONTINUE]  # better than 0.9; the 0.1 is gone


def test_a_metric_of_its_own_decides():
    run = Run(SuccessiveHalving(metric="accuracy", direction="maximize"))
    number = run.start()
    assert run.report(number, {"value": 0.0, "accuracy": 0.8}, 1) is CONTINUE
    number = run.start()
    assert run.report(number, {"value": -9.0, "accuracy": 0.7}, 1) is STOP


def test_a_metric_without_direction_is_refused_before_anything_runs():
    scheduler = SuccessiveHalving(metric="accuracy")
    with pytest.raises(InvalidInput, match="direction"):
        scheduler.next(PROBLEM, Run().history)


def test_limits_come_before_the_objective():
    problem = Problem(SPACE, limits=(Limit("latency", high=20.0),))
    run = Run(SuccessiveHalving(), problem)
    reports = [(0.1, 30.0), (0.9, 15.0), (0.2, 25.0), (0.8, 18.0)]
    decisions = []
    for value, latency in reports:
        number = run.start()
        decisions.append(run.report(number, {"value": value, "latency": latency}, 1))
    assert decisions == [CONTINUE, CONTINUE, STOP, CONTINUE]


def test_of_several_objectives_the_first_front_goes_on():
    problem = Problem(SPACE, (Objective("loss"), Objective("speed", "maximize")))
    run = Run(SuccessiveHalving(), problem)
    points = [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0), (0.9, 1.5), (2.5, 1.0)]
    decisions = []
    for loss, speed in points:
        number = run.start()
        decisions.append(run.report(number, {"loss": loss, "speed": speed}, 1))
    # Ends of a front are equally uncrowded; (0.9, 1.5) dominates the first, the last is dominated.
    assert decisions == [CONTINUE, CONTINUE, CONTINUE, CONTINUE, STOP]


def test_of_several_objectives_all_have_to_be_reported():
    problem = Problem(SPACE, (Objective("loss"), Objective("speed", "maximize")))
    run = Run(SuccessiveHalving(), problem)
    for _ in range(3):
        number = run.start()
        run.report(number, {"loss": 0.0, "speed": 9.0}, 1)
    number = run.start()
    assert run.report(number, {"loss": 9.0}, 1) is CONTINUE


def test_promotion_by_hand():
    run = Run(SuccessiveHalving(kind="promote", eta=3, max_step=9))
    values = [0.5, 0.3, 0.8, 0.4, 0.2, 0.9, 0.1]
    decisions = [run.trial(value)[0] for value in values[:2]]
    assert decisions == [PAUSE, PAUSE]
    assert run.next() == Start()  # of two none is in the best third
    assert run.trial(values[2]) == [PAUSE]
    assert run.next() == Resume(1)  # the best of three
    run.resume(1, 1)
    assert run.next() == Start()  # not a second time
    assert run.report(1, 0.3, 3) is PAUSE  # alone at the next rung
    assert run.trial(values[3]) == [PAUSE]
    assert run.trial(values[4]) == [CONTINUE]  # best of five: no need to pause it first
    assert run.trial(values[5]) == [PAUSE]
    assert run.next() == Start()  # trials 4 and 1 are the best two of six
    assert run.trial(values[6]) == [CONTINUE]
    assert run.trial(0.95) == run.trial(0.95) == [PAUSE]
    assert run.next() == Start()  # trials 6, 4 and 1 are the best three of nine
    assert run.report(4, 0.2, 3) is PAUSE
    assert run.report(6, 0.1, 3) is CONTINUE  # the best of three at the second rung
    run.end(6, 0.1)


def test_the_highest_rung_is_promoted_first():
    run = Run(SuccessiveHalving(kind="promote"))
    for value in (0.4, 0.3, 0.2, 0.1):
        number = run.start()
        run.report(number, value, 3)  # jumps to the second rung
    for value in (0.6, 0.5):
        run.trial(value)
    # Trial 2 went on at once, being the best of three. Of the four there now one may go on.
    assert run.history.trial(2).state.value == "RUNNING"
    assert run.history.trial(3).state.value == "RUNNING"
    for value in (0.9, 0.8):
        number = run.start()
        run.report(number, value, 3)
    assert run.next() == Start()
    assert run.trial(0.55) == [PAUSE]
    assert run.next() == Resume(5)


def test_a_promoted_trial_without_checkpoint_passes_its_old_rungs():
    run = Run(SuccessiveHalving(kind="promote"))
    for value in (0.3, 0.2, 0.9):
        assert run.trial(value) == [PAUSE]
    assert run.next() == Resume(1)
    run.resume(1)  # from its beginning
    assert run.report(1, 0.95, 1) is CONTINUE
    assert run.report(1, 0.2, 2) is CONTINUE
    assert run.report(1, 0.2, 3) is PAUSE


def test_a_trial_that_lost_its_worker_is_judged_again():
    run = Run(SuccessiveHalving(kind="promote"))
    run.trial(0.3), run.trial(0.2)
    number = run.start()
    assert run.report(number, 0.1, 1) is CONTINUE
    run.lose(number)
    assert run.report(number, 0.9, 1) is PAUSE


def test_a_paused_trial_that_was_told_is_not_resumed():
    run = Run(SuccessiveHalving(kind="promote"))
    for value in (0.3, 0.2, 0.9):
        run.trial(value)
    assert run.next() == Resume(1)
    run.end(1, 0.2)
    assert run.next() == Start()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.sampled_from([2, 3, 4]))
def test_promotion_resumes_no_trial_twice_from_a_rung_and_the_best_of_all_goes_on(values, eta):
    run = Run(SuccessiveHalving(kind="promote", eta=eta, max_step=eta**3))
    levels = geometric(1, eta**3, eta)
    resumed = promotions(run, values, levels)
    assert len(set(resumed)) == len(resumed)
    reached = [
        sum(any(r.step == level for r in t.reports) for t in run.history.trials) for level in levels
    ]
    for here, there in pairwise(reached):
        # At the moment of each promotion at most n // eta were ahead; those that were overtaken
        # later stay promoted.
        assert there >= here // eta
    best = min(range(len(values)), key=lambda number: (values[number], number))
    if len(values) >= eta:
        assert max(r.step for r in run.history.trial(best).reports) >= eta


@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3, 5]))
def test_in_random_order_hardly_more_than_one_in_eta_goes_on(seed, eta):
    n = 300
    values = np.random.default_rng(seed).permutation(n)
    run = Run(SuccessiveHalving(eta=eta))
    went_on = sum(run.trial(float(value)) == [CONTINUE] for value in values)
    # Each one is among the best n // eta of the n so far: on average a little less than one in
    # eta, and in the beginning the best so far, about log(eta) more.
    assert went_on <= math.ceil(n / eta) + 5 * math.sqrt(n / eta)
    assert went_on >= n // eta - 5 * math.sqrt(n / eta)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_what_was_better_at_the_same_moment_is_never_stopped_instead(values):
    run = Run(SuccessiveHalving())
    for index, value in enumerate(values):
        (decision,) = run.trial(float(value))
        better = sum(other < value for other in values[:index])
        allowed = max(1, (index + 1) // 3)
        assert (decision is CONTINUE) == (better < allowed)


def test_brackets_of_hyperband():
    # The table of Li et al. (2018) for R = 81, eta = 3: 81, 34, 15, 8 and 5 trials.
    ladder = Hyperband(max_step=81).ladder(Run().history)
    assert ladder.levels == ((1, 3, 9, 27), (3, 9, 27), (9, 27), (27,), ())
    assert [round(143 * share) for share in ladder.shares] == [81, 34, 15, 8, 5]
    for first in (0, 143, 10_000):
        numbers = range(first, first + 143)
        counts = np.bincount([ladder.bracket(number) for number in numbers], minlength=5)
        assert np.abs(counts - [81, 34, 15, 8, 5]).max() <= 3


def test_trials_of_different_brackets_do_not_meet():
    scheduler = Hyperband(max_step=9)
    ladder = scheduler.ladder(Run().history)
    run = Run(scheduler)
    seen = set()
    for value in range(40):
        bracket = ladder.bracket(value)
        decision = run.trial(float(value))[0]
        if bracket == 0:
            assert decision is (STOP if bracket in seen else CONTINUE) or value < 3
        else:
            assert decision is CONTINUE  # its first rung is later
        seen.add(bracket)
    assert seen == {0, 1, 2}


def test_hyperband_learns_the_length_from_complete_trials():
    run = Run(Hyperband())
    assert [run.trial(float(v))[0] for v in range(5)] == [CONTINUE] * 5
    run.complete([0.0] * 27)
    assert run.scheduler.ladder(run.history) == Hyperband(max_step=27).ladder(run.history)
    assert STOP in [run.trial(9.0)[0] for _ in range(3)]


@pytest.mark.parametrize(
    ("mode", "levels"),
    [
        ("aggressive", [(1, 4, 16, 64)]),
        ("standard", [(1, 4, 16, 64), (4, 16, 64), (16, 64)]),
        ("conservative", [(1, 4, 16, 64), (4, 16, 64), (16, 64), (64,), ()]),
    ],
)
def test_brackets_of_adaptive_modes(mode, levels):
    ladder = Adaptive(mode, max_step=256).ladder(Run().history)
    assert list(ladder.levels) == levels
    work = [share * len_ for share, len_ in zip(ladder.shares, range(5, 0, -1), strict=False)]
    expected = [4.0 ** (size - 1) for size in range(5, 5 - len(levels), -1)]
    assert np.allclose(np.array(work) / work[0], np.array(expected) / expected[0])


def test_adaptive_has_no_more_rungs_than_steps():
    assert Adaptive("aggressive", max_step=20).ladder(Run().history).levels == ((1, 5),)
    assert Adaptive("aggressive", max_step=1).ladder(Run().history).levels == ((),)


def test_brackets_of_successive_halving_begin_later():
    ladder = SuccessiveHalving(max_step=27, brackets=2).ladder(Run().history)
    assert ladder == hedged((1, 3, 9), 2, 3)
    assert ladder.levels == ((1, 3, 9), (3, 9))


@pytest.mark.parametrize(
    ("kind", "settings", "named"),
    [
        (SuccessiveHalving, {"eta": 1}, "eta"),
        (SuccessiveHalving, {"min_step": 0}, "min_step"),
        (SuccessiveHalving, {"min_step": 9, "max_step": 9}, "max_step"),
        (SuccessiveHalving, {"kind": "pause"}, "kind"),
        (SuccessiveHalving, {"max_step": 9, "brackets": 4}, "brackets"),
        (SuccessiveHalving, {"metric": ""}, "metric"),
        (SuccessiveHalving, {"direction": "minimize"}, "direction"),
        (SuccessiveHalving, {"metric": "a", "direction": "up"}, "direction"),
        (Hyperband, {"max_step": 1}, "max_step"),
        (Adaptive, {"mode": "wild"}, "mode"),
        (Adaptive, {"max_rungs": 0}, "max_rungs"),
        (Adaptive, {"max_step": True}, "max_step"),
    ],
)
def test_bad_settings_are_named(kind, settings, named):
    with pytest.raises(InvalidInput, match=named):
        kind(**settings)


def test_of_several_objectives_the_first_front_is_promoted():
    problem = Problem(SPACE, (Objective("loss"), Objective("speed", "maximize")))
    run = Run(SuccessiveHalving(kind="promote"), problem)
    for loss, speed in [(2.0, 2.0), (1.0, 3.0), (3.0, 1.0)]:
        number = run.start()
        assert run.report(number, {"loss": loss, "speed": speed}, 1) is PAUSE
    assert run.next() == Resume(1)  # it dominates the others
    run.resume(1, 1)
    assert run.next() == Start()


def test_with_several_objectives_only_the_newest_of_a_rung_are_compared():
    standings = Sorted()
    for number in range(WINDOW + 10):
        standings.put(number, (0.0, float(-number), float(-number)))  # each one better
    assert len(standings) == WINDOW
    assert standings.place(WINDOW + 9) == standings.better(WINDOW + 9) == 0
    assert standings.better(10) == WINDOW - 1
    assert standings.better(9) == standings.place(9) == WINDOW  # no longer compared
    standings.pause(9)
    assert standings.first_paused() is None
    standings.put(9, (0.0, -1e9, -1e9))  # entered anew
    assert standings.first_paused() == 9


def test_a_lost_trial_is_not_judged_by_a_report_that_it_will_make_again():
    run = Run(SuccessiveHalving(max_step=9, eta=2, kind="promote"))
    assert [run.trial(value) for value in (1.0, 2.0)] == [[PAUSE], [PAUSE]]
    run.resume(0, 1)
    # It dies while it writes the checkpoint of step 2, and goes on from that of step 1.
    run.ledger.apply([Reported(0, 2, {"value": 0.9}, 2), Released(0, "lost", 2)])
    run.resume(0, 1)
    history = run.history
    assert run.scheduler.decide(run.problem, history, history.trial(0)) is CONTINUE
    assert run.report(0, 0.9, 2) is PAUSE
