"""Snapshots, trial records, and the space that trials define."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import luthier
from luthier.errors import InvalidSpace
from luthier.model.dynamic import extended, same_form
from luthier.model.events import Asked, Defined, Enqueued, Reported, Suggested, Told
from luthier.model.ledger import Ledger
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial, Report, Reports, TrialState
from luthier.testing.strategies import seeds, spaces

SPACE = luthier.Space({"x": luthier.Float(0, 1)})


def some_history():
    return (
        Ledger()
        .apply(
            [
                Defined(Problem(SPACE)),
                Asked(0, {"x": 0.1}, 1, "random", "me"),
                Asked(1, {"x": 0.2}, 1, "random", "me"),
                Enqueued(2, {"x": 0.3}),
                Told(1, TrialState.COMPLETE, (1.0,)),
                Told(0, TrialState.FAILED),
            ]
        )
        .snapshot()
    )


def test_a_history_is_looked_at_from_all_sides():
    history = some_history()
    assert len(history) == 3
    assert "3 trials, 2 ended" in repr(history)
    assert [t.number for t in history.ended] == [1, 0]
    assert history.ended[-1].number == 0
    assert [t.number for t in history.ended[1:]] == [0]
    with pytest.raises(IndexError):
        history.ended[2]
    assert [t.number for t in history.open] == [2]
    failed_or_waiting = history.of_state(TrialState.FAILED, TrialState.WAITING)
    assert [t.number for t in failed_or_waiting] == [0, 2]
    assert history.running == []
    assert history.find({"x": 0.3}).number == 2


def test_reports_are_a_view_that_does_not_change():
    first = Reports([], 0).followed_by(Report(0, {"a": 1.0}, 0.0))
    second = first.followed_by(Report(1, {"a": 2.0}, 0.0))
    other = first.followed_by(Report(5, {"a": 3.0}, 0.0))
    assert [r.step for r in first] == [0]
    assert [r.step for r in second] == [0, 1]
    assert [r.step for r in other] == [0, 5]
    assert second[1].metrics == {"a": 2.0}
    assert first == [Report(0, {"a": 1.0}, 0.0)]
    assert first != 3
    assert hash(first) == hash(Reports(list(first), 1))
    assert "step=0" in repr(first)
    assert Reports([], 0).last is None


def test_a_record_of_several_values_has_no_single_one():
    trial = FrozenTrial(0, TrialState.COMPLETE, {}, (1.0, 2.0), started=1.0)
    with pytest.raises(AttributeError, match="values"):
        _ = trial.value
    assert trial.duration is None
    assert FrozenTrial(0, TrialState.RUNNING, {}).value is None


def test_a_dynamic_space_keeps_what_older_trials_used():
    space = luthier.Space({}, partial=True)
    steps = [
        {"x": luthier.Float(0, 1), "c": luthier.Categorical(["a", "b"])},
        {"x": luthier.Float(0, 1)},
        {"x": luthier.Float(0.5, 2), "c": luthier.Categorical(["b", "d"])},
        {"x": luthier.Float(0.5, 1, log=True), "p": luthier.Permutation(["u", "v"])},
        {"p": luthier.Permutation(["u", "v", "w"])},
        {"n": luthier.Float(prior=luthier.Normal(0, 1))},
        {"n": luthier.Float(prior=luthier.Normal(0, 2))},
    ]
    for step in steps:
        space = extended(space, step)
    assert list(space.params) == ["x", "c", "p", "n"]
    # Zero, the old bound, is not on a logarithmic scale.
    assert space.params["x"].frame is None
    assert space.params["c"].retired == ("a",)
    assert same_form(space.params["c"], luthier.Categorical(["b", "d"]))
    assert not same_form(space.params["c"], luthier.Categorical(["b"]))
    assert same_form(space.params["p"], luthier.Permutation(["u", "v", "w"]))
    wide = extended(luthier.Space({"x": luthier.Float(0, 1)}), {"x": luthier.Float(0.5, 2)})
    assert wide.params["x"].frame == (0, 2)
    assert same_form(wide.params["x"], luthier.Float(0.5, 2))
    weighted = luthier.Categorical(["b"], weights=[2.0])
    assert same_form(extended(space, {"c": weighted}).params["c"], weighted)
    with pytest.raises(InvalidSpace, match="Float"):
        extended(wide, {"x": luthier.Int(0, 1)})


def test_two_kinds_under_one_name_at_the_same_moment():
    x, k = luthier.Float(0, 1), luthier.Int(0, 9)
    history = (
        Ledger()
        .apply(
            [
                Defined(Problem(luthier.Space({}, partial=True))),
                Asked(0, {}, 1, "random", "me"),
                Asked(1, {}, 1, "random", "you"),
                Suggested(0, {"x": 0.5}, {"x": x}),
                Suggested(1, {"x": 7, "k": 1}, {"x": k, "k": k}),
                Suggested(5, {"x": 0.1}),
                Told(1, TrialState.COMPLETE, (1.0,)),
            ]
        )
        .snapshot()
    )
    assert history.problem.space.params["x"] == x
    assert history.trial(1).params == {"k": 1}
    assert history.encoded()[1].tolist() == [[0.0, 1.0]]


def test_encodings_of_old_spaces_are_dropped():
    ledger = Ledger().apply(
        [
            Defined(Problem(SPACE)),
            Asked(0, {"x": 0.5}, 1, "r"),
            Told(0, TrialState.COMPLETE, (1.0,)),
        ]
    )
    for high in range(1, 9):
        space = luthier.Space({"x": luthier.Float(0, high)})
        points, _ = ledger.apply([Defined(Problem(space))]).snapshot().encoded()
        assert points.tolist() == [[0.5 / high]]
    assert len(ledger._columns._encoded) <= 4


def test_events_before_a_problem_that_need_none():
    ledger = Ledger().apply(
        [Reported(0, 1, {}), Suggested(0, {"x": 1}, {"x": luthier.Float(0, 1)})]
    )
    assert ledger.version == 2


def test_points_are_found_while_trials_come_and_go():
    ledger = Ledger().apply([Defined(Problem(SPACE)), Enqueued(0, {"x": 0.0})])
    for number in range(1, 30):
        ledger.apply([Asked(number, {"x": number % 7 / 10}, 1, "r", "me")])
        if number % 3 == 0:
            ledger.apply([Told(number - 1, TrialState.COMPLETE, (1.0,))])
        if number == 20:
            ledger.apply([Asked(0, {"x": 0.95}, 1, "r", "me")])
        history = ledger.snapshot()
        points = {trial.params["x"] for trial in history.trials}
        for x in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.95):
            found = history.find({"x": x})
            assert (found is not None) == (x in points)
            assert found is None or found.params == {"x": x}
    early = Ledger().apply([Defined(Problem(SPACE)), Asked(0, {"x": 0.5}, 1, "r", "me")])
    before = early.snapshot()
    after = early.apply([Asked(1, {"x": 0.7}, 1, "r", "me")]).snapshot()
    assert after.find({"x": 0.7}).number == 1
    assert before.find({"x": 0.7}) is None
    assert before.find({"x": 0.5}).number == 0


def test_trials_that_the_space_cannot_place_are_inactive():
    events = [Defined(Problem(SPACE))]
    for number, params in enumerate([{"x": 0.1}, {}, {"x": 0.3}, {"x": 7.0}, {"x": 0.5}]):
        events += [Asked(number, params, 1, "r", "me"), Told(number, TrialState.COMPLETE, (1.0,))]
    points, activity = Ledger().apply(events).snapshot().encoded()
    assert points[:, 0].tolist() == [0.1, 0.5, 0.3, 0.5, 0.5]
    assert activity[:, 0].tolist() == [1.0, 0.0, 1.0, 0.0, 1.0]


@given(st.data())
def test_trials_are_encoded_alike_one_by_one_and_at_once(data):
    space = data.draw(spaces())
    rows = space.sample(np.random.default_rng(data.draw(seeds())), 20)
    for row in rows[:: data.draw(st.integers(1, 10))]:
        row.pop(data.draw(st.sampled_from(sorted(row))))  # where it was active, no point any more
    growing, at_once = (Ledger().apply([Defined(Problem(space))]) for _ in range(2))
    for number, row in enumerate(rows):
        events = [Asked(number, row, 1, "r", "me"), Told(number, TrialState.COMPLETE, (1.0,))]
        growing.apply(events).snapshot().encoded()
        at_once.apply(events)
    for one_by_one, table in zip(
        growing.snapshot().encoded(), at_once.snapshot().encoded(), strict=True
    ):
        assert one_by_one.tolist() == table.tolist()


def test_threads_that_share_a_history_get_the_same_columns():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # let threads take turns as often as possible
    try:
        for seed in range(20):
            ledger = Ledger().apply([Defined(Problem(SPACE))])
            versions = []
            for number in range(150):
                x = (seed + number) / 1000
                ledger.apply([Asked(number, {"x": x}, 1, "r", "me")])
                ledger.apply([Told(number, TrialState.COMPLETE, (x,))])
                versions.append(ledger.snapshot())
            with ThreadPoolExecutor(4) as pool:
                tables = list(
                    pool.map(lambda history: history.encoded()[0][:, 0].tolist(), versions)
                )
                losses = list(pool.map(lambda history: history.losses[:, 0].tolist(), versions))
            expected = [(seed + number) / 1000 for number in range(150)]
            assert losses == [expected[: n + 1] for n in range(150)]
            assert tables == losses
    finally:
        sys.setswitchinterval(interval)


def test_a_point_that_is_open_twice_is_found_when_one_of_them_has_become_another():
    ledger = Ledger().apply([Defined(Problem(SPACE))])
    for number in range(2):
        ledger.apply([Asked(number, {"x": 0.5}, 1, "r", "me")])
    assert ledger.snapshot().find({"x": 0.5}).number == 0
    ledger.apply([Suggested(0, {"y": 1}, {})])
    assert ledger.snapshot().find({"x": 0.5, "y": 1}).number == 0
    assert ledger.snapshot().find({"x": 0.5}).number == 1


def test_a_dynamic_choice_that_stays_the_same():
    space = luthier.Space({"c": luthier.Categorical(["a", "b"])})
    wider = extended(space, {"c": luthier.Categorical(["a", "b", "c"])})
    assert wider.params["c"] == luthier.Categorical(["a", "b", "c"])


def test_frozen_mappings_hash_like_their_items():
    frozen = some_history().trial(0).params
    assert hash(frozen) == hash(type(frozen)(frozen))
    assert {frozen: 1}[frozen] == 1
