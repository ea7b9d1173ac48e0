"""The fold: what follows from the events, whatever their order of arrival."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import luthier
from luthier.errors import CorruptStorage, TrialNotFound
from luthier.model.events import (
    Asked,
    Defined,
    Enqueued,
    Noted,
    Opened,
    Paused,
    Released,
    Reported,
    Resumed,
    Suggested,
    Told,
    Transferred,
)
from luthier.model.ledger import Ledger
from luthier.model.problem import Limit, Objective, Problem
from luthier.model.serde import from_texts, to_text
from luthier.model.trial import TrialState

SPACE = luthier.Space({"x": luthier.Float(0, 1), "k": luthier.Int(1, 3)})
PROBLEM = Problem(SPACE, (Objective("loss"),), (Limit("latency", high=20),), seed=3)
DEFINED = Defined(PROBLEM, 1.0)
COMPLETE, FAILED = TrialState.COMPLETE, TrialState.FAILED


def asked(number, x=0.5, **rest):
    return Asked(number, {"x": x, "k": 1}, 0, "random", "me", **rest)


def fold(*events):
    return Ledger().apply([DEFINED, *events]).snapshot()


def test_a_trial_s_life():
    history = fold(
        asked(0, time=2.0),
        Reported(0, 1, {"loss": 0.9}, time=3.0),
        Noted(0, "a", 1),
        Told(0, COMPLETE, (0.5,), {"latency": 5.0}, cost=2.0, time=4.0),
    )
    trial = history.trial(0)
    assert (trial.state, trial.value, trial.cost, trial.duration) == (COMPLETE, 0.5, 2.0, 2.0)
    assert trial.intermediate_values == {1: 0.9}
    assert trial.user_attrs == {"a": 1}
    assert history.complete == [trial]
    assert history.trials == [trial]
    assert history.eligible.tolist() == [True]


def test_late_events_change_nothing():
    base = [asked(0), Told(0, COMPLETE, (0.5,), time=9.0)]
    late = [
        Told(0, FAILED, time=10.0),
        Reported(0, 5, {"loss": 1.0}),
        Released(0, "late", 1),
        Resumed(0, 2, "other"),
        Paused(0),
    ]
    for event in late:
        assert fold(*base, event).trial(0) == fold(*base).trial(0)


def test_a_trial_is_handed_back_and_begins_again():
    history = fold(asked(0), Reported(0, 1, {"loss": 1.0}), Released(0, "killed", 1))
    trial = history.trial(0)
    assert (trial.state, trial.error, history.n_waiting) == (TrialState.WAITING, "killed", 1)
    assert history.waiting == [trial]
    history = fold(
        asked(0),
        Reported(0, 1, {"loss": 1.0}),
        Released(0, "killed", 1),
        Resumed(0, 2, "you", time=8.0),
        Released(0, "a late word on the first attempt", 1),
        Reported(0, 2, {"loss": 9.0}, attempt=1),
        Reported(0, 1, {"loss": 0.7}, attempt=2),
    )
    trial = history.trial(0)
    assert (trial.state, trial.attempt, trial.owner) == (TrialState.RUNNING, 2, "you")
    assert trial.intermediate_values == {1: 0.7}
    assert history.n_waiting == 0


def test_a_trial_that_goes_on_from_a_step_keeps_its_reports_up_to_there():
    reports = [Reported(0, step, {"loss": 1.0}) for step in range(4)]
    history = fold(asked(0), *reports, Paused(0), Resumed(0, 2, "me", step=1))
    assert list(history.trial(0).intermediate_values) == [0, 1]


def test_only_the_next_attempt_resumes():
    history = fold(asked(0), Released(0, "", 1), Resumed(0, 3, "me"))
    assert history.trial(0).state is TrialState.WAITING


def test_reports_only_grow():
    history = fold(
        asked(0), Reported(0, 2, {"loss": 1.0}), Reported(0, 2, {"loss": 5.0}), Reported(0, 1, {})
    )
    assert history.trial(0).intermediate_values == {2: 1.0}


def test_a_queued_trial_waits_then_runs():
    history = fold(Enqueued(0, {"k": 2}, {"why": "hunch"}, 5.0))
    trial = history.trial(0)
    assert (trial.state, trial.attempt, trial.fixed) == (TrialState.WAITING, 0, {"k": 2})
    history = fold(Enqueued(0, {"k": 2}, {"why": "hunch"}, 5.0), asked(0, time=6.0))
    trial = history.trial(0)
    assert (trial.state, trial.created, trial.started) == (TrialState.RUNNING, 5.0, 6.0)
    assert trial.user_attrs == {"why": "hunch"}
    assert history.asked_by == {}
    assert fold(asked(0)).asked_by == {"random": 1}


def test_another_definition_starts_the_samplers_walk_anew():
    history = fold(asked(0), DEFINED)
    assert history.asked_by == {}
    assert history.count == 1


def test_earlier_snapshots_stay():
    ledger = Ledger().apply([DEFINED, asked(0), asked(1)])
    before = ledger.snapshot()
    report = Reported(0, 1, {"loss": 1.0})
    ledger.apply([report, Told(1, COMPLETE, (0.1,)), Told(0, COMPLETE, (0.2,))])
    assert [t.state for t in before.trials] == [TrialState.RUNNING] * 2
    assert len(before.trial(0).reports) == 0
    assert before.losses.shape == (0, 1)
    after = ledger.snapshot()
    assert [t.number for t in after.ended] == [1, 0]
    assert after.losses.tolist() == [[0.1], [0.2]]
    assert after.losses.flags.writeable is False
    with pytest.raises(TrialNotFound):
        before.trial(2)


def test_columns_grow_with_the_history():
    ledger = Ledger().apply([DEFINED])
    for number in range(200):
        ledger.apply([asked(number, x=number / 200)])
        ledger.apply([Told(number, COMPLETE, (float(number),), {"latency": number / 5})])
        history = ledger.snapshot()
        points, activity = history.encoded()
        assert points.shape == activity.shape == (number + 1, 2)
        assert history.losses[-1, 0] == number
    assert history.violations[-1] == pytest.approx(199 / 5 - 20)
    assert history.eligible.sum() == 101
    assert points[100, 0] == 0.5


def test_a_metric_that_was_not_measured_is_not_within_its_limit():
    history = fold(asked(0), Told(0, FAILED))
    assert history.violations.tolist() == [float("inf")]
    assert history.eligible.tolist() == [False]


def test_a_point_is_found_again():
    history = fold(asked(0, x=0.25), Told(0, COMPLETE, (1.0,)), asked(1, x=0.75))
    assert history.find({"x": 0.25, "k": 1}).number == 0
    assert history.find({"k": 1, "x": 0.75}).number == 1
    assert history.find({"x": 0.5, "k": 1}) is None


@pytest.mark.parametrize(
    "events",
    [[asked(1)], [asked(0), asked(2)], [Told(0, COMPLETE, (1.0,))], [Enqueued(3, {})]],
)
def test_what_cannot_have_happened_is_corrupt(events):
    with pytest.raises(CorruptStorage):
        fold(*events)


def test_a_log_begins_with_a_problem():
    with pytest.raises(CorruptStorage, match="problem"):
        Ledger().snapshot()
    with pytest.raises(CorruptStorage, match="problem"):
        Ledger().apply([asked(0)])


def test_events_about_unknown_trials_are_ignored_or_noted():
    history = fold(Noted(None, "a", 1), Noted(5, "b", 2), Reported(4, 1, {"loss": 1.0}), Paused(4))
    assert history.user_attrs == {"a": 1}
    assert history.count == 0


def test_notes_after_the_end():
    history = fold(asked(0), Told(0, COMPLETE, (1.0,)), Noted(0, "a", [1]))
    assert history.trial(0).user_attrs == {"a": [1]}


def test_processes_are_known_by_their_mark():
    opened = Opened("me", "random", {"host": "h", "pid": 1}, 3.0)
    history = fold(opened)
    assert history.owners == {"me": opened}
    assert history.last_opened == opened


def test_a_dynamic_space_grows_with_what_is_asked():
    problem = Problem(luthier.Space({}, partial=True))
    x, k = luthier.Float(0, 1), luthier.Int(1, 3)
    events = [
        Defined(problem),
        Asked(0, {}, 1, "random", "me"),
        Suggested(0, {"x": 0.5}, {"x": x}),
        Suggested(0, {"k": 2}, {"k": k}),
        Told(0, COMPLETE, (1.0,)),
        Asked(1, {"x": 0.1, "k": 1}, 5, "random", "me"),
    ]
    history = Ledger().apply(events).snapshot()
    assert dict(history.problem.space.params) == {"x": x, "k": k}
    assert history.trial(0).params == {"x": 0.5, "k": 2}
    assert history.trial(1).params == {}
    assert history.trial(1).proposed == {"x": 0.1, "k": 1}
    again = Ledger().apply([*events, Suggested(1, {"x": 0.1}), Released(1, "", 1)])
    again.apply([Resumed(1, 2, "you")])
    assert again.snapshot().trial(1).params == {}


NUMBERS = st.integers(0, 5)
FLOATS = st.floats(allow_nan=False)
TIMES = st.floats(0, 2e9)
TEXTS = st.text(max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
METRICS = st.dictionaries(TEXTS.filter(bool), FLOATS, max_size=3)
PARAMS = st.fixed_dictionaries({"x": st.floats(0, 1), "k": st.integers(1, 3)})
EVENTS = st.one_of(
    st.builds(
        Opened,
        TEXTS,
        st.just("random"),
        st.dictionaries(TEXTS, TEXTS, max_size=2),
        TIMES,
        st.none() | st.sampled_from(["full", {"name": "asha", "eta": 4}]),
        st.none() | TEXTS.filter(bool),
    ),
    st.builds(Enqueued, NUMBERS, PARAMS, st.dictionaries(TEXTS, JSON, max_size=2), TIMES),
    st.builds(
        Asked,
        NUMBERS,
        PARAMS,
        st.integers(0, 9),
        st.sampled_from(["random", {"name": "qmc", "kind": "halton"}]),
        st.none() | TEXTS,
        TIMES,
        st.dictionaries(TEXTS, JSON, max_size=2),
    ),
    st.builds(
        Asked,
        NUMBERS,
        PARAMS,
        st.integers(0, 9),
        st.just("pbt"),
        TEXTS,
        TIMES,
        st.just({"how": "scheduler"}),
        NUMBERS,
        st.none() | st.integers(0, 9),
    ),
    st.builds(Suggested, NUMBERS, PARAMS, st.just({}) | st.just({"x": luthier.Float(0, 2)})),
    st.builds(Reported, NUMBERS, st.integers(0, 99), METRICS, st.integers(1, 3), TIMES),
    st.builds(
        Paused,
        NUMBERS,
        TIMES,
        st.none() | st.integers(1, 3),
        METRICS,
        st.none() | st.floats(0, 1e9),
    ),
    st.builds(Resumed, NUMBERS, st.integers(1, 3), TEXTS, st.none() | st.integers(0, 9), TIMES),
    st.builds(Released, NUMBERS, TEXTS, st.integers(1, 3), TIMES),
    st.builds(
        Told,
        NUMBERS,
        st.sampled_from(sorted((s for s in TrialState if s.final), key=str)),
        st.none() | st.tuples(st.floats(allow_nan=False, allow_infinity=False)),
        METRICS,
        TEXTS,
        TEXTS,
        TEXTS,
        st.none() | st.floats(0, 1e9),
        TIMES,
    ),
    st.builds(Noted, st.none() | NUMBERS, TEXTS, JSON),
    st.builds(
        Transferred,
        TEXTS,
        TEXTS,
        st.lists(PARAMS, max_size=2).map(tuple),
        st.lists(st.tuples(st.none() | st.floats(0.01, 0.99)), max_size=2).map(tuple),
        TIMES,
    ),
)


@given(st.lists(EVENTS, max_size=20))
def test_events_survive_their_text(events):
    events = [DEFINED, *events]
    assert from_texts([to_text(event) for event in events]) == events


@given(st.lists(EVENTS, max_size=40), st.integers(0, 40))
def test_folding_in_pieces_is_folding_at_once(events, cut):
    def legal(ledger, event):
        try:
            ledger.apply([event])
        except CorruptStorage:
            ledger.version -= 1
            return False
        return True

    first = Ledger().apply([DEFINED])
    kept = [event for event in events if legal(first, event)]
    whole = Ledger().apply([DEFINED, *kept]).snapshot()
    pieces = Ledger().apply([DEFINED, *kept[:cut]])
    early = pieces.snapshot()
    frozen = [replace(trial, user_attrs={}) for trial in early.trials]
    assert pieces.apply(kept[cut:]).snapshot().trials == whole.trials
    assert [replace(trial, user_attrs={}) for trial in early.trials] == frozen
    assert whole.count == len(whole.trials)
    assert whole.n_waiting == len(whole.waiting)
    assert [trial.number for trial in whole.trials] == list(range(whole.count))


def test_a_queued_trial_starts_once():
    queued = Enqueued(0, {"k": 2})
    once = fold(queued, asked(0, x=0.1)).trial(0)
    assert fold(queued, asked(0, x=0.1), asked(0, x=0.2)).trial(0) == once


def test_encoding_twice_is_encoding_once():
    history = fold(asked(0), Told(0, COMPLETE, (1.0,)))
    first, second = history.encoded(), history.encoded()
    assert first[0].tolist() == second[0].tolist()


def test_a_running_trial_may_be_taken_over_at_once():
    history = fold(asked(0), Resumed(0, 2, "you"))
    assert history.running_of == {"you": 1}
    assert history.trial(0).attempt == 2


def test_running_trials_are_counted_by_their_process():
    assert fold(asked(0), asked(1)).running_of == {"me": 2}
    assert fold(asked(0), asked(1), Paused(0), Released(1, "", 1)).running_of == {}
    assert fold(asked(0), Told(0, FAILED)).running_of == {}
    history = fold(asked(0), Released(0, "", 1), asked(1), Released(1, "", 1))
    assert history.next_waiting.number == 0


def test_the_last_table_of_an_earlier_study_counts():
    first = Transferred("old", "1", ({"x": 0.1},), ((0.5,),))
    other = Transferred("old", "2", ({"x": 0.2},), ((0.5,),))
    again = Transferred("old", "1", ({"x": 0.3}, {"x": 0.1}), ((0.25,), (0.75,)))
    ledger = Ledger().apply([DEFINED, first, other])
    before = ledger.snapshot()
    after = ledger.apply([again]).snapshot()
    assert [table.params[0]["x"] for table in before.transferred] == [0.1, 0.2]
    assert [table.params[0]["x"] for table in after.transferred] == [0.3, 0.2]
    assert fold().transferred == ()


def test_a_pause_of_an_attempt_that_is_over_changes_nothing():
    events = [asked(0), Released(0, "", 1), Resumed(0, 2, "you")]
    assert fold(*events, Paused(0, attempt=1)).trial(0).state is TrialState.RUNNING
    assert fold(*events, Paused(0, attempt=2)).trial(0).state is TrialState.PAUSED


def test_costs_of_attempts_add_up_and_what_was_measured_stays():
    paused = [asked(0), Paused(0, attempt=1, metrics={"m": 2.0}, cost=1.5)]
    trial = fold(*paused).trial(0)
    assert (trial.cost, trial.metrics, trial.pauses) == (1.5, {"m": 2.0}, 1)
    again = [*paused, Resumed(0, 2, "me"), Paused(0, attempt=2), Resumed(0, 3, "me")]
    trial = fold(*again, Told(0, COMPLETE, (1.0,), cost=0.5)).trial(0)
    assert (trial.cost, trial.pauses, trial.attempt) == (2.0, 2, 3)


def test_a_trial_knows_where_it_came_from_and_whether_it_comes_further():
    child = Asked(1, {"x": 0.5, "k": 1}, 2, "pbt", "me", parent=0, parent_step=4)
    trial = fold(asked(0), child).trial(1)
    assert (trial.parent, trial.parent_step, trial.restored_step) == (0, 4, 4)
    lost = [asked(0), child, Released(1, "", 1), Resumed(1, 2, "me", 4), Released(1, "", 2)]
    assert fold(*lost).trial(1).futile == 2
    trial = fold(*lost, Resumed(1, 3, "me", 6), Told(1, COMPLETE, (1.0,))).trial(1)
    assert (trial.futile, trial.restored_step, trial.parent, trial.parent_step) == (0, 6, 0, 4)
