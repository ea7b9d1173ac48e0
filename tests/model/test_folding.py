"""What happened to trials, work that grows with it, and open trials of any moment."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.model.events import Asked, Defined, Paused, Released, Reported, Resumed, Told
from luthier.model.ledger import Ledger
from luthier.model.problem import Problem
from luthier.model.trial import TrialState
from luthier.model.versions import Versions
from luthier.space import Float, Space

PROBLEM = Problem(Space({"x": Float(0.0, 1.0)}))


def asked(number):
    return Asked(number, {"x": 0.5}, 0, "random", "owner")


def count(history, fed=None):
    """Fold how many reports each trial made, and note in `fed` how many events that took."""

    def advance(counts, event):
        if fed is not None:
            fed.append(event)
        if isinstance(event, Reported):
            counts[event.number] += 1

    return history.fold("count", Counter, advance, dict)


def test_only_what_counted_is_in_the_reports():
    late = Reported(0, 2, {"value": 9.0}, attempt=1)
    ledger = Ledger().apply([Defined(PROBLEM), asked(0), Reported(0, 1, {"value": 1.0})])
    ledger.apply([Reported(0, 1, {"value": 2.0})])  # the step does not grow
    before = ledger.snapshot()
    ledger.apply([Released(0, "lost", 1), Resumed(0, 2, "owner"), late])
    ledger.apply([Reported(0, 1, {"value": 3.0}, attempt=2)])
    assert [r.metrics["value"] for r in before.reports] == [1.0]
    assert [r.metrics["value"] for r in ledger.snapshot().reports] == [1.0, 3.0]


def test_all_that_moves_a_trial_on_is_fed_in_order():
    events = [
        asked(0),
        Reported(0, 1, {"value": 1.0}),
        Paused(0),
        Resumed(0, 2, "owner", 1),
        Released(0, "lost", 2),
        Resumed(0, 3, "owner"),
        Told(0, TrialState.COMPLETE, (1.0,)),
    ]
    late = [Told(0, TrialState.FAILED), Paused(0), Reported(0, 5, {"value": 1.0}, 3)]
    fed = []
    count(Ledger().apply([Defined(PROBLEM), *events, *late]).snapshot(), fed)
    assert fed == events


def test_a_fold_is_fed_only_what_is_new():
    ledger = Ledger().apply([Defined(PROBLEM), asked(0), Reported(0, 1, {"value": 1.0})])
    fed = []
    assert count(ledger.snapshot(), fed) == {0: 1}
    assert len(fed) == 2
    ledger.apply([Reported(0, 2, {"value": 1.0})])
    assert count(ledger.snapshot(), fed) == {0: 2}
    assert len(fed) == 3
    assert count(ledger.snapshot(), fed) == {0: 2}
    assert len(fed) == 3


def test_an_older_history_gets_its_own_answer_and_costs_the_newer_one_nothing():
    ledger = Ledger().apply([Defined(PROBLEM), asked(0), Reported(0, 1, {"value": 1.0})])
    old = ledger.snapshot()
    new = ledger.apply([Reported(0, 2, {"value": 1.0})]).snapshot()
    fed = []
    assert count(new, fed) == {0: 2}
    assert count(old) == {0: 1}
    assert count(new, fed) == {0: 2}
    assert len(fed) == 3


def test_a_fold_that_was_interrupted_begins_anew():
    ledger = Ledger().apply([Defined(PROBLEM), asked(0)])
    history = ledger.apply(Reported(0, step, {"value": 1.0}) for step in range(5)).snapshot()

    def fails(counts, event):
        counts[0] += 100
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        history.fold("count", Counter, fails, dict)
    assert count(history) == {0: 5}


def test_a_fold_may_ask_another_fold():
    ledger = Ledger().apply([Defined(PROBLEM), asked(0), Reported(0, 1, {"value": 1.0})])
    history = ledger.snapshot()
    both = history.fold("outer", list, lambda s, e: s.append(e), lambda s: (len(s), count(history)))
    assert both == (2, {0: 1})


KEYS = st.integers(0, 5)
CHANGES = st.lists(
    st.one_of(st.tuples(st.just("put"), KEYS), st.tuples(st.just("pop"), KEYS), st.just(("view",))),
    max_size=60,
)


@given(CHANGES)
def test_views_show_the_moment_at_which_they_were_made(changes):
    versions = Versions()
    model, views = {}, []
    for value, (change, *key) in enumerate(changes, start=1):
        if change == "view":
            views.append((versions.view(), dict(model)))
        elif change == "put":
            versions.put(key[0], value)
            model[key[0]] = value
        else:
            assert versions.pop(key[0]) == model.pop(key[0], None)
        assert len(versions) == len(model)
    for view, then in [*views, (versions.view(), model)]:
        assert view.values() == [then[key] for key in sorted(then)]
        assert {key: view.get(key) for key in range(6)} == {key: then.get(key) for key in range(6)}


def test_open_trials_of_an_older_history():
    ledger = Ledger().apply([Defined(PROBLEM), asked(0), asked(1), asked(2)])
    first = ledger.snapshot()
    ledger.apply([Paused(1), Told(0, TrialState.COMPLETE, (1.0,))])
    second = ledger.snapshot()
    ledger.apply([Resumed(1, 2, "owner")])
    third = ledger.snapshot()
    assert [t.number for t in first.running] == [t.number for t in first.open] == [0, 1, 2]
    assert [t.number for t in second.paused] == [1]
    assert [t.number for t in second.running] == [2]
    assert [t.number for t in third.running] == [1, 2]
    assert (first.trial(1).state, second.trial(1).state) == (TrialState.RUNNING, TrialState.PAUSED)
    assert first.trial(0).state is TrialState.RUNNING
    assert third.trial(0).state is TrialState.COMPLETE
