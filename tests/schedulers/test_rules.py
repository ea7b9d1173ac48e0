"""Stopping rules, each on an example that was worked out by hand."""

import math
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import InvalidInput
from luthier.model.problem import Limit, Objective, Problem
from luthier.schedulers import (
    AllOf,
    AnyOf,
    Bandit,
    Decision,
    Full,
    Median,
    Patience,
    Percentile,
    Resume,
    Start,
    SuccessiveHalving,
    Threshold,
    Truncation,
    Wilcoxon,
)
from luthier.space import Float, Space
from luthier.testing.schedulers import SchedulerContract
from schedulers.scheduler_runs import PROBLEM, Run

CONTINUE, PAUSE, STOP = Decision.CONTINUE, Decision.PAUSE, Decision.STOP
SPACE = Space({"x": Float(0.0, 1.0)})
MAXIMIZE = Problem(SPACE, (Objective("value", "maximize"),))


class TestMedian(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return Median()


class TestMedianOfAverages(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return Median(averages=True, warmup_steps=2, interval=3)


class TestBandit(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return Bandit(slack_factor=0.1)


class TestTruncation(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return Truncation(40)


class TestThreshold(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return Threshold(upper=2.0)


class TestPatience(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return Patience(2)


class TestWilcoxon(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return Wilcoxon()


class TestAnyOf(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return Patience(3) | SuccessiveHalving()


class TestAllOf(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return Patience(1) & Median() & SuccessiveHalving(kind="promote")


# Median and percentile


def test_median_of_five_complete_trials():
    run = Run(Median())
    for level in (1.0, 2.0, 3.0, 4.0):
        run.complete([level, level])
    assert run.trial(9.0) == [CONTINUE]  # four are too few
    run.complete([5.0, 5.0])
    assert run.trial(3.0, 3.1) == [CONTINUE, CONTINUE]  # no worse than 3; its best counts
    assert run.trial(3.1) == [STOP]


def test_median_of_what_is_maximized():
    run = Run(Median(), MAXIMIZE)
    for level in (1.0, 2.0, 3.0, 4.0, 5.0):
        run.complete([level])
    assert run.trial(2.9) == [STOP]
    assert run.trial(3.0) == [CONTINUE]


def test_median_looks_only_at_complete_trials_that_reported_at_this_step():
    run = Run(Median(n_startup_trials=2))
    run.complete([1.0, 1.0])
    run.complete([1.0])
    assert run.trial(1.0, 9.0, 9.0) == [CONTINUE] * 3  # its best is 1.0; nobody reported at 3
    assert run.trial(2.0) == [STOP]
    assert Run(Median(n_startup_trials=2, n_min_trials=3)).trial(2.0) == [CONTINUE]


def test_median_of_averages():
    run = Run(Median(n_startup_trials=1, averages=True))
    run.complete([9.0, 1.0, 2.0])  # on average 9, 5, 4
    assert run.trial(8.0, 8.0) == [CONTINUE, STOP]
    assert run.trial(8.0, 4.5, 4.5) == [CONTINUE, CONTINUE, STOP]


def test_percentile_is_interpolated():
    run = Run(Percentile(25.0, n_startup_trials=1))
    for level in (1.0, 2.0, 3.0):
        run.complete([level])
    assert run.trial(1.5) == [CONTINUE]
    assert run.trial(1.500001) == [STOP]


def test_an_infinite_majority_stops_nobody():
    run = Run(Median(n_startup_trials=1))
    for level in (math.nan, math.inf, 1.0):
        run.complete([level], final=0.0)
    assert run.trial(math.nan) == [CONTINUE]


@given(
    st.lists(st.floats(-9, 9), min_size=1, max_size=40),
    st.floats(-9, 9),
    st.sampled_from([10.0, 25.0, 50.0, 80.0]),
    st.randoms(use_true_random=False),
)
def test_percentile_is_numpys_in_any_order(levels, value, percentile, random):
    bound = np.percentile(levels, percentile)
    for _ in range(2):
        run = Run(Percentile(percentile, n_startup_trials=1))
        for level in levels:
            run.complete([level])
        (decision,) = run.trial(value)
        if not math.isclose(value, bound, abs_tol=1e-9):
            assert decision is (STOP if value > bound else CONTINUE)
        random.shuffle(levels)


@given(st.lists(st.integers(0, 99), min_size=1, max_size=60))
def test_median_of_a_long_study_asked_now_and_then(levels):
    run = Run(Median(n_startup_trials=1))
    for index, level in enumerate(levels):
        run.complete([level])
        if index % 25 in (0, 24):
            assert run.trial(median(levels[: index + 1])) == [CONTINUE]


# When a rule looks


def test_warmup_and_interval():
    # A limit that every report breaks shows at which steps the rule looks.
    looks = [
        step
        for step in range(1, 12)
        if Run(Threshold(upper=0.0, warmup_steps=4, interval=3)).trial(*[-1.0] * (step - 1), 1.0)[
            -1
        ]
        is STOP
    ]
    assert looks == [4, 7, 10]


def test_a_look_that_was_missed_is_made_up_for():
    run = Run(Threshold(upper=0.0, warmup_steps=4, interval=3))
    number = run.start()
    assert run.report(number, 1.0, 3) is CONTINUE
    assert run.report(number, 1.0, 6) is STOP  # the look of step 4


def test_startup_trials_have_to_be_complete():
    run = Run(Threshold(upper=0.0, n_startup_trials=2))
    run.complete([-1.0])
    for _ in range(3):
        run.trial(-1.0)
    assert run.trial(1.0) == [CONTINUE]
    run.complete([-1.0])
    assert run.trial(1.0) == [STOP]


# Bandit, truncation, threshold, patience


@pytest.mark.parametrize(
    ("problem", "settings", "best", "kept", "stopped"),
    [
        # 0.8 / 1.2 = 0.667, the example of Azure's documentation.
        (MAXIMIZE, {"slack_factor": 0.2}, 0.8, 0.67, 0.66),
        (MAXIMIZE, {"slack_amount": 0.2}, 0.8, 0.61, 0.59),
        (MAXIMIZE, {"slack_factor": 0.25}, -1.0, -1.19, -1.21),
        (PROBLEM, {"slack_factor": 0.2}, 0.5, 0.59, 0.61),
        (PROBLEM, {"slack_amount": 0.2}, 0.5, 0.69, 0.71),
        (PROBLEM, {"slack_factor": 0.25}, -1.0, -0.76, -0.74),
    ],
)
def test_bandit(problem, settings, best, kept, stopped):
    run = Run(Bandit(**settings), problem)
    assert run.trial(best) == [CONTINUE]  # while it runs
    assert run.trial(kept) == [CONTINUE]
    assert run.trial(stopped) == [STOP]


def test_bandit_compares_with_what_others_had_up_to_this_step():
    run = Run(Bandit(slack_amount=0.1))
    run.complete([1.0, 0.5, 0.1])
    assert run.trial(1.05, 0.55, 0.3) == [CONTINUE, CONTINUE, STOP]


def test_truncation_stops_the_worst():
    run = Run(Truncation(20))
    assert [run.trial(value)[0] for value in (1.0, 9.0, 2.0, 3.0)] == [CONTINUE] * 4
    assert run.trial(10.0) == [STOP]  # the worst one of five
    assert run.trial(9.5) == [CONTINUE]  # one of six stops, and that is another one
    for value in (1.0, 2.0, 3.0):
        run.trial(value)
    assert run.trial(9.4) == [CONTINUE]  # of ten two: 10 and 9.5
    assert run.trial(9.6) == [STOP]


def test_truncation_of_equals_stops_none():
    run = Run(Truncation(50))
    assert [run.trial(1.0) for _ in range(8)] == [[CONTINUE]] * 8


def test_threshold():
    run = Run(Threshold(lower=-1.0, upper=1.0))
    assert run.trial(-1.0, 1.0, 1.1) == [CONTINUE, CONTINUE, STOP]
    assert run.trial(-1.1) == [STOP]
    assert run.trial(math.nan) == [STOP]
    assert run.trial(math.inf) == [STOP]


def test_threshold_is_not_turned_round_by_the_direction():
    run = Run(Threshold(lower=0.5), MAXIMIZE)
    assert run.trial(0.6, 0.4) == [CONTINUE, STOP]


def test_patience():
    run = Run(Patience(2))
    assert run.trial(1.0, 0.9, 0.9, 0.8, 0.8, 0.85) == [CONTINUE] * 5 + [STOP]
    assert run.trial(1.0, 1.0, 1.0) == [CONTINUE, CONTINUE, STOP]


def test_patience_with_a_least_improvement():
    run = Run(Patience(2, min_delta=0.1))
    assert run.trial(1.0, 0.95, 0.91) == [CONTINUE, CONTINUE, STOP]
    assert run.trial(1.0, 0.95, 0.89, 0.85) == [CONTINUE] * 4


def test_patience_begins_to_count_when_all_is_nan():
    assert Run(Patience(2)).trial(math.nan, math.nan) == [CONTINUE, STOP]


# Wilcoxon


def test_wilcoxon_by_hand():
    run = Run(Wilcoxon())
    run.complete([1.0, 5.0, 2.0, 4.0, 3.0])
    # All n differences are positive: the exact one-sided p-value is 1 / 2**n, under 0.1 from 4 on.
    assert run.trial(1.1, 5.2, 2.3, 4.4) == [CONTINUE, CONTINUE, CONTINUE, STOP]


def test_wilcoxon_compares_the_same_folds():
    run = Run(Wilcoxon())
    run.complete([1.0, 9.0, 1.0, 9.0, 1.0, 9.0])
    # Worse on average than the best was so far, and better on each fold.
    assert run.trial(0.9, 8.9, 0.9, 8.9, 0.9, 8.9) == [CONTINUE] * 6


def test_wilcoxon_spares_a_trial_whose_average_is_better():
    run = Run(Wilcoxon(p_threshold=0.6))
    run.complete([1.0, 1.0, 1.0, 1.0])
    # Once much better, then three times a little worse: the positive ranks sum to 6 of 10, which
    # has p = 7/16, but the average is better.
    assert run.trial(-9.0, 1.1, 1.2, 1.3) == [CONTINUE] * 4
    assert run.trial(1.1, 1.2) == [CONTINUE, STOP]


def test_wilcoxon_takes_the_best_trial_within_the_limits():
    problem = Problem(SPACE, limits=(Limit("latency", high=1.0),))
    run = Run(Wilcoxon(), problem)
    run.complete([0.0] * 5)  # measured no latency, so it is not within the limits
    assert run.trial(*[1.0] * 5) == [CONTINUE] * 5


def test_wilcoxon_without_a_complete_trial_or_without_its_reports():
    run = Run(Wilcoxon())
    assert run.trial(1.0, 1.0, 1.0, 1.0, 1.0) == [CONTINUE] * 5
    number = run.start()
    run.end(number, 0.0)
    assert run.trial(1.0, 1.0, 1.0, 1.0, 1.0) == [CONTINUE] * 5


def test_wilcoxon_does_not_judge_what_is_not_finite():
    run = Run(Wilcoxon())
    run.complete([1.0] * 6)
    assert run.trial(2.0, 2.0, math.nan, 2.0, 2.0, 2.0) == [CONTINUE] * 6


# Combinations


def test_any_stops_as_soon_as_one_says_so():
    run = Run(Patience(2) | Threshold(upper=5.0))
    assert run.trial(6.0) == [STOP]
    assert run.trial(1.0, 1.0, 1.0) == [CONTINUE, CONTINUE, STOP]


def test_all_stop_only_together():
    run = Run(Patience(2) & Median(n_startup_trials=1))
    run.complete([1.0] * 4)
    assert run.trial(0.5, 0.5, 0.5, 0.5) == [CONTINUE] * 4  # stalled, and good
    assert run.trial(3.0, 2.5, 2.0, 1.5) == [CONTINUE] * 4  # bad, and improving
    assert run.trial(3.0, 3.0, 3.0) == [CONTINUE, CONTINUE, STOP]


def test_a_pause_loses_to_a_stop_and_wins_over_going_on():
    pauses, stops = SuccessiveHalving(kind="promote"), Threshold(upper=0.0)
    assert Run(pauses | stops).trial(1.0) == [STOP]
    assert Run(pauses | stops).trial(-1.0) == [PAUSE]
    assert Run(pauses & stops).trial(1.0) == [PAUSE]
    assert Run(pauses & stops).trial(-1.0) == [CONTINUE]


def test_the_first_member_with_something_to_say_says_what_comes_next():
    run = Run(Threshold(upper=9.0) | SuccessiveHalving(kind="promote"))
    assert run.next() == Start()
    for value in (0.3, 0.2, 0.9):
        run.trial(value)
    assert run.next() == Resume(1)


def test_chains_and_schedulers_of_other_kinds():
    assert (Full.__name__, AnyOf([Full(), Patience(1)]).members[0]) == ("Full", Full())
    chain = Patience(1) & Median() | Threshold(upper=1.0)
    assert chain == AnyOf([AllOf([Patience(1), Median()]), Threshold(upper=1.0)])


# Whatever the rule


RULES = [
    Median(n_startup_trials=0),
    Bandit(slack_factor=0.0),
    Truncation(99),
    Threshold(upper=0.0),
    Patience(1),
    SuccessiveHalving(),
    SuccessiveHalving(kind="promote"),
]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_where_nothing_is_reported_that_counts_all_run_through(rule):
    run = Run(rule)
    for _ in range(5):
        number = run.start()
        assert run.next() == Start()
        assert run.report(number, {"other": 9.0}, 1) is CONTINUE
        run.end(number, 1.0)


@pytest.mark.parametrize(
    "rule",
    [Median, Truncation, Patience, Threshold],
    ids=lambda kind: kind.__name__,
)
def test_a_metric_that_nobody_knows_needs_a_direction(rule):
    settings = {Truncation: {"percentage": 5}, Patience: {"patience": 1}, Threshold: {"upper": 1}}
    rule = rule(metric="accuracy", **settings.get(rule, {}))
    with pytest.raises(InvalidInput, match="direction"):
        rule.next(PROBLEM, Run().history)


def test_a_direction_other_than_that_of_the_objective_is_refused():
    rule = Median(metric="value", direction="maximize")
    with pytest.raises(InvalidInput, match="'minimize', as the objective has it"):
        rule.next(PROBLEM, Run().history)
    assert Median(metric="value", direction="minimize").next(PROBLEM, Run().history) == Start()


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Percentile(101), "percentile"),
        (lambda: Percentile("50"), "percentile"),
        (lambda: Median(warmup_steps=-1), "warmup_steps"),
        (lambda: Median(interval=0), "interval"),
        (lambda: Median(interval=True), "interval"),
        (lambda: Median(n_startup_trials=1.5), "n_startup_trials"),
        (lambda: Median(n_min_trials=0), "n_min_trials"),
        (lambda: Median(averages="yes"), "averages"),
        (lambda: Bandit(), "slack"),
        (lambda: Bandit(slack_factor=0.1, slack_amount=0.1), "slack"),
        (lambda: Bandit(slack_amount=-0.1), "slack_amount"),
        (lambda: Bandit(slack_factor=math.nan), "slack_factor"),
        (lambda: Truncation(-1), "percentage"),
        (lambda: Threshold(), "lower, upper"),
        (lambda: Threshold(lower=2.0, upper=1.0), "lower"),
        (lambda: Patience(0), "patience"),
        (lambda: Patience(1, -0.1), "min_delta"),
        (lambda: Wilcoxon(2.0), "p_threshold"),
        (lambda: Wilcoxon(n_startup_steps=1), "n_startup_steps"),
        (lambda: AnyOf([]), "AnyOf: of"),
        (lambda: AllOf("median"), "AllOf: of"),
        (lambda: AnyOf([Median]), "scheduler"),
        (lambda: Median() | 3, "scheduler"),
    ],
)
def test_bad_settings_are_named(make, named):
    with pytest.raises(InvalidInput, match=named):
        make()
