"""What partial trials would have come to, and what the sampler makes of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.model.events import Asked, Defined, Paused, Reported, Told
from luthier.model.ledger import Ledger
from luthier.model.problem import Problem
from luthier.model.trial import TrialState
from luthier.samplers.gp.data import Data
from luthier.samplers.gp.partial import Course, expected_ends
from luthier.samplers.gp.sampler import GP
from luthier.space import Float, Space

NAN = float("nan")
PROBLEM = Problem(Space({"x": Float(0.0, 1.0)}), seed=1)


def until(step, *losses):
    return Course(range(1, step + 1), losses)


def test_a_stopped_trial_falls_as_those_did_that_went_on():
    courses = [until(3, 4.0, 3.0, 2.0), until(3, 5.0, 4.0, 3.0), until(1, 6.0)]
    assert expected_ends(courses, np.array([2.0, 3.0, NAN])) == pytest.approx([2.0, 3.0, 4.0])


def test_a_stage_that_says_nothing_of_the_end_counts_little():
    same = [until(2, loss, end) for loss, end in ((1.0, 0.2), (2.0, 0.1), (3.0, 0.2), (4.0, 0.1))]
    ends = np.array([0.2, 0.1, 0.2, 0.1, NAN, NAN])
    expected = expected_ends([*same, until(1, 1.0), until(1, 9.0)], ends)
    assert expected[5] - expected[4] < 0.5 * (9.0 - 1.0)
    assert expected[4] < expected[5]


def test_stages_are_followed_one_after_the_other():
    courses = [
        until(9, *np.linspace(9, 1, 9)),
        until(3, 10.0, 9.0, 8.0),
        until(1, 11.0),
    ]
    expected = expected_ends(courses, np.array([1.0, NAN, NAN]))
    # From step 3 to the end a loss falls by 6; from step 1 to step 3 by 2.
    assert expected == pytest.approx([1.0, 2.0, 3.0])


def test_none_is_better_than_the_best_that_came_to_its_end():
    courses = [until(2, 5.0, 1.0), until(1, 3.0)]
    assert expected_ends(courses, np.array([1.0, NAN])).tolist() == [1.0, 1.0]


def test_nothing_is_made_up():
    courses = [Course((), ()), until(1, float("inf")), until(1, NAN)]
    assert np.isnan(expected_ends(courses, np.full(3, NAN))).all()
    assert expected_ends([until(1, 7.0)], np.array([NAN])).tolist() == [7.0]


@given(
    st.lists(st.tuples(st.integers(1, 20), st.floats(-1e6, 1e6)), min_size=2, max_size=12),
    st.data(),
)
def test_trials_of_one_length_keep_their_order(partial, data):
    complete = data.draw(st.lists(st.floats(-1e6, 1e6), max_size=4))
    step = partial[0][0]
    courses = [Course([step], [loss]) for _, loss in partial]
    courses += [Course([step, 99], [loss, loss / 2]) for loss in complete]
    ends = np.array([NAN] * len(partial) + [loss / 2 for loss in complete])
    expected = expected_ends(courses, ends)[: len(partial)]
    order = np.argsort([loss for _, loss in partial], kind="stable")
    assert (np.diff(expected[order]) >= -1e-6).all()
    assert np.isfinite(expected).all()


def events_of(end):
    """Trials of which one in three went on; `end` makes the event that ends the others."""
    events = [Defined(PROBLEM)]
    for number in range(12):
        x = number / 12
        loss = (x - 0.3) ** 2
        events.append(Asked(number, {"x": x}, 0, "random", "owner"))
        events.append(Reported(number, 1, {"value": loss + 1.0}))
        if number % 3 == 1:
            events.append(Reported(number, 2, {"value": loss}))
            events.append(Told(number, TrialState.COMPLETE, (loss,)))
        else:
            events.append(end(number))
    return events


@pytest.mark.parametrize(
    "end", [lambda n: Told(n, TrialState.PRUNED), Paused], ids=["pruned", "paused"]
)
class TestTheSampler:
    def test_learns_from_partial_trials(self, end):
        history = Ledger().apply(events_of(end)).snapshot()
        suggestion = GP().suggest(PROBLEM, history, PROBLEM.rng(12))[0]
        assert suggestion.why["how"] == "model"
        assert abs(suggestion.params["x"] - 0.3) < 0.1

    def test_says_the_same_after_the_memory_is_lost(self, end):
        events = events_of(end)
        once = Ledger().apply(events).snapshot()
        growing = Ledger()
        for i in range(0, len(events), 3):
            history = growing.apply(events[i : i + 3]).snapshot()
            if history.count > 6:
                GP().suggest(PROBLEM, history, PROBLEM.rng(99))
        again = growing.snapshot()
        first, second = (GP().suggest(PROBLEM, h, PROBLEM.rng(12))[0] for h in (once, again))
        assert first == second


def test_only_complete_trials_may_be_best():
    history = Ledger().apply(events_of(Paused)).snapshot()
    data = Data(PROBLEM, history, len(history.ended), 300, tuple(history.paused))
    assert data.known.sum() == 12
    assert data.eligible.sum() == len(history.ended) == 4
    assert [trial.number for trial in data.trials][:4] == [1, 4, 7, 10]
