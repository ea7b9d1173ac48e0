"""Races over folds: what is dropped, what is not, and how sure it is."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student
from scipy.stats import ttest_1samp

from luthier.errors import InvalidInput
from luthier.model.events import Asked, Noted, Reported, Told
from luthier.model.problem import Limit, Objective, Problem
from luthier.model.repeats import CONFIRMS
from luthier.model.trial import TrialState
from luthier.numerics.paired import spread, worse
from luthier.schedulers import Decision, Race, Wilcoxon
from luthier.space import Float, Space
from luthier.testing.schedulers import SchedulerContract
from schedulers.scheduler_runs import Run

CONTINUE, STOP = Decision.CONTINUE, Decision.STOP
SPACE = Space({"x": Float(0.0, 1.0)})
numbers = st.floats(-10, 10, allow_nan=False).map(lambda x: round(x, 3))


class TestRace(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return Race()


def folds(run, scores):
    """Run a trial over folds as `Trial.folds` reports them; return how many it was given."""
    number = run.start()
    for done in range(1, len(scores) + 1):
        metrics = {"value": float(np.mean(scores[:done])), "value_single": scores[done - 1]}
        if run.report(number, metrics, done) is STOP:
            return done
    run.end(number, float(np.mean(scores)))
    return len(scores)


# The test itself


def test_without_other_pairs_it_is_the_paired_t_test():
    differences = [0.3, -0.1, 0.4, 0.2]
    expected = ttest_1samp(differences, 0.0, alternative="greater").pvalue
    assert worse(differences) == pytest.approx(expected, rel=1e-12)


def test_moderated_by_hand():
    # Own squares 2 with 2 degrees of freedom; a pooled variance of 3 worth 4 of them.
    differences = [1.0, 2.0, 3.0]
    t = 2.0 / math.sqrt((2 + 4 * 3) / 6 / 3)
    assert worse(differences, squares=30.0, freedom=10) == pytest.approx(student.sf(t, 6))
    # Fewer than four are worth what they are.
    t = 2.0 / math.sqrt((2 + 2 * 3) / 4 / 3)
    assert worse(differences, squares=6.0, freedom=2) == pytest.approx(student.sf(t, 4))


def test_edges_of_the_test():
    assert worse([0.0, 0.0]) == 1.0
    assert worse([-1.0, -2.0]) == 1.0
    assert worse([1.0]) == 1.0  # nothing is known of the variance
    assert worse([1.0], squares=4.0, freedom=4) == pytest.approx(0.187, abs=1e-3)
    assert worse([0.5, 0.5]) == 0.0
    assert worse([1.0, math.inf]) == 0.0
    assert spread([1.0, 2.0, 3.0]) == 2.0


@given(st.integers(0, 2**32 - 1))
def test_p_values_are_even_where_nothing_differs(seed):
    rng = np.random.default_rng(seed)
    p = [worse(list(rng.standard_normal(3)), 8.0, 8) for _ in range(300)]
    share = np.mean([value < 0.1 for value in p])
    assert 0.02 < share < 0.2


# The scheduler


def test_drops_what_is_worse_on_the_same_folds():
    run = Run(Race())
    hard = [5.0, 1.0, 3.0, 2.0, 4.0]
    assert folds(run, hard) == 5
    assert folds(run, [fold + 0.5 for fold in hard]) == 2
    assert folds(run, [fold - 0.1 for fold in hard]) == 5


def test_maximizes():
    run = Run(Race(), Problem(SPACE, (Objective("value", "maximize"),)))
    folds(run, [0.9, 0.8, 0.7])
    assert folds(run, [0.8, 0.7, 0.6]) == 2
    assert folds(run, [0.95, 0.85, 0.75]) == 3


def test_differences_of_earlier_trials_sharpen_the_test():
    best, bad = [0.0, 0.0, 0.0, 0.0, 0.0], [2.0, 2.4, 2.1, 2.2, 2.3]
    alone = Run(Race())
    folds(alone, best)
    later = Run(Race())
    folds(later, best)
    for shift in range(3):  # level with the best one, and scattered as little
        folds(later, [0.2 * (-1) ** (fold + shift) for fold in range(5)])
    assert folds(later, bad) < folds(alone, bad)


def test_the_level_is_shared_by_all_tests():
    # p of the first two folds is 0.063: too much for one of three tests, not for the only one.
    for last, given_folds in ((3, 2), (5, 3)):
        run = Run(Race(p_threshold=0.1))
        folds(run, [0.0] * last)
        assert folds(run, [1.0, 1.5, 1.2, 1.2, 1.2][:last]) == given_folds


def test_folds_that_were_reported_by_hand():
    run = Run(Race())
    run.complete([1.0, 2.0, 3.0, 2.0], 2.0)
    assert run.trial(1.5, 2.5) == [CONTINUE, STOP]


@pytest.mark.parametrize("score", [math.inf, math.nan])
def test_a_fold_that_diverged_settles_it(score):
    run = Run(Race())
    folds(run, [1.0, 2.0, 3.0, 4.0])
    assert folds(run, [0.5, score, 0.0, 0.0]) == 2


def test_is_compared_with_the_best_trial_within_the_limits():
    problem = Problem(SPACE, limits=(Limit("size", high=1.0),))
    run = Run(Race(), problem)
    number = run.start()
    reports = [Reported(number, fold, {"value": 0.0}) for fold in range(1, 5)]
    told = Told(number, TrialState.COMPLETE, (0.0,), {"size": 2.0})
    run.ledger.apply([*reports, told])
    assert folds(run, [1.0, 1.0, 1.0, 1.0]) == 4  # as long as none keeps the limit
    number = run.start()
    reports = [Reported(number, fold, {"value": 2.0}) for fold in range(1, 5)]
    run.ledger.apply([*reports, Told(number, TrialState.COMPLETE, (2.0,), {"size": 0.5})])
    assert folds(run, [1.0, 1.0, 1.0, 1.0]) == 4
    assert folds(run, [3.0, 3.0, 3.0, 3.0]) == 2


def test_trials_with_other_seeds_do_not_race():
    run = Run(Race())
    folds(run, [1.0, 1.0, 1.0, 1.0])
    number = run.start()
    run.ledger.apply([Noted(number, CONFIRMS, {"trial": 0, "round": 1})])
    for fold in range(1, 5):
        assert run.report(number, 9.0, fold) is CONTINUE
    run.end(number, -9.0)  # nor does what they reached count
    assert folds(run, [0.9, 0.9, 0.9, 0.9]) == 4


def test_several_objectives_do_not_race():
    problem = Problem(SPACE, (Objective("a"), Objective("b")))
    run = Run(Race(), problem)
    with pytest.raises(InvalidInput, match="Race: objectives"):
        run.next()


@pytest.mark.parametrize(
    ("settings", "field"), [({"p_threshold": 1.5}, "p_threshold"), ({"min_folds": 1}, "min_folds")]
)
def test_settings_are_checked(settings, field):
    with pytest.raises(InvalidInput, match=f"Race: {field}"):
        Race(**settings)


@given(
    st.lists(st.integers(-50, 50), min_size=2, max_size=12, unique=True),
    st.lists(numbers, min_size=3, max_size=8),
)
def test_without_noise_the_best_is_never_dropped(levels, hard):
    run = Run(Race())
    given_folds = [folds(run, [level + fold for fold in hard]) for level in levels]
    states = [run.history.trial(n).state for n in range(len(levels))]
    best = [min(levels[: n + 1]) == level for n, level in enumerate(levels)]
    # Who is the best so far runs through, and nobody else for more than two folds.
    assert [state is TrialState.COMPLETE for state in states] == best
    assert given_folds == [len(hard) if leads else 2 for leads in best]


def test_equal_trials_are_dropped_as_rarely_as_promised():
    rng = np.random.default_rng(0)
    hard = 3 * rng.standard_normal(10)
    run = Run(Race(p_threshold=0.1))
    folds(run, list(hard))  # the best one, no luckier than its folds are
    dropped = 0
    for _ in range(400):
        scores = list(hard + rng.standard_normal(10))
        number = run.start()
        for done in range(1, 10):
            if run.report(number, {"value": 0.0, "value_single": scores[done - 1]}, done) is STOP:
                dropped += 1
                break
        else:
            run.ledger.apply([Told(number, TrialState.COMPLETE, (1.0,))])
    assert 0 < dropped <= 400 * 0.1


def test_decisions_do_not_depend_on_what_was_asked_before():
    rng = np.random.default_rng(3)
    run = Run(Race())
    for _ in range(12):
        folds(run, list(rng.standard_normal(6)))
    events = [Asked(run.history.count, {"x": 0.5}, 0, "random", "owner")]
    number = run.history.count
    events += [Reported(number, fold, {"value": float(fold)}) for fold in range(1, 6)]
    histories = [run.history]
    for event in events:
        run.ledger.apply([event])
        histories.append(run.history)

    def decide(history):
        return Race().decide(run.problem, history, history.trial(number))

    decisions = [decide(history) for history in histories[2:]]
    again = [decide(history) for history in reversed(histories[2:])]
    assert decisions == again[::-1]
    assert all(one is CONTINUE or other is STOP for one, other in pairwise(decisions))
    assert STOP in decisions


def test_wilcoxon_compares_the_scores_of_folds_too_not_their_means():
    run = Run(Wilcoxon(p_threshold=0.2))
    folds(run, [2.0, 2.0, 2.0, 2.0])
    # The means so far are higher each time, which would be enough; one of the scores is not.
    assert folds(run, [5.0, 1.0, 2.5, 2.5]) == 4
    assert folds(run, [2.5, 2.6, 2.4, 2.5]) < 4
