"""Work that samplers do once and may have to do again."""

import threading

import pytest

import luthier
from luthier.model.columns import KEPT_RESULTS
from luthier.model.events import Asked, Defined, Told
from luthier.model.ledger import Ledger
from luthier.model.problem import Problem
from luthier.model.trial import TrialState

EVENTS = [
    Defined(Problem(luthier.Space({"x": luthier.Float(0, 1)}))),
    Asked(0, {"x": 0.5}, 1, "random", "me"),
    Told(0, TrialState.COMPLETE, (1.0,)),
]


class Work:
    """Counts how often it is done."""

    def __init__(self):
        self.times = 0

    def __call__(self):
        self.times += 1
        return self.times


def test_work_is_done_once_for_all_snapshots_of_a_study():
    ledger = Ledger().apply(EVENTS[:1])
    early = ledger.snapshot()
    late = ledger.apply(EVENTS[1:]).snapshot()
    work = Work()
    assert late.remember(("model", 0), work) == 1
    assert early.remember(("model", 0), work) == 1
    assert early.remember(("model", 1), work) == 2
    assert work.times == 2


def test_another_reader_of_the_log_does_the_work_again():
    work = Work()
    for _ in range(2):
        Ledger().apply(EVENTS).snapshot().remember("model", work)
    assert work.times == 2


def test_what_was_not_used_for_long_is_forgotten():
    history = Ledger().apply(EVENTS).snapshot()
    work = Work()
    history.remember("used again and again", work)
    history.remember("used once", work)
    for key in range(KEPT_RESULTS - 1):
        history.remember(key, object)
        history.remember("used again and again", work)
    assert work.times == 2
    history.remember("used once", work)
    assert work.times == 3


def test_work_that_failed_is_tried_again():
    history = Ledger().apply(EVENTS).snapshot()

    def fails():
        raise ValueError("singular")

    with pytest.raises(ValueError, match="singular"):
        history.remember("model", fails)
    assert history.remember("model", lambda: None) is None
    assert history.remember("model", fails) is None


def test_work_may_remember_work():
    history = Ledger().apply(EVENTS).snapshot()

    def sum_up_to(n):
        return history.remember(n, lambda: n + sum_up_to(n - 1) if n else 0)

    assert sum_up_to(2 * KEPT_RESULTS) == KEPT_RESULTS * (2 * KEPT_RESULTS + 1)


def test_threads_do_not_wait_for_each_other():
    history = Ledger().apply(EVENTS).snapshot()
    both_at_work = threading.Barrier(2, timeout=30)
    results = []

    def work():
        both_at_work.wait()
        return "done"

    threads = [
        threading.Thread(target=lambda: results.append(history.remember("model", work)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["done", "done"]
