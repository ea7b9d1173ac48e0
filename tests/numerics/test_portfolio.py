"""Portfolios: the first point is the best on average, the others make up for it."""

from itertools import islice

import numpy as np
import pytest

from luthier.numerics.portfolio import portfolio

NAN = np.nan


def line(*places):
    x = np.array(places, dtype=float)
    return np.abs(x[:, None] - x)


def picks(distances, scores, n=None, candidates=None, seed=0):
    rng = np.random.default_rng(seed)
    return list(islice(portfolio(distances, np.array(scores), rng, candidates), n))


def test_one_task_begins_with_its_best_point_whatever_is_drawn():
    rng = np.random.default_rng(1)
    distances, scores = line(*rng.random(30)), rng.standard_normal((30, 1))
    for seed in range(5):
        assert picks(distances, scores, 1, seed=seed) == [np.argmin(scores)]


def test_the_second_point_is_good_and_elsewhere():
    # Next to the best: two that are nearly as good. Far away: one good, one bad.
    distances = line(0.10, 0.11, 0.12, 0.9, 0.6)
    scores = [[-2.0], [-1.9], [-1.9], [-1.6], [1.5]]
    assert picks(distances, scores, 2) == [0, 3]


def test_a_point_far_away_that_is_bad_does_not_help():
    assert picks(line(0.1, 0.3, 0.9), [[-2.0], [-1.8], [3.0]], 2) == [0, 1]


def test_the_first_point_is_best_on_average():
    scores = [[-2.0, 1.0], [1.0, -2.0], [-1.0, -1.0]]
    assert picks(line(0.0, 1.0, 0.5), scores, 1) == [2]


def test_each_task_gets_its_point():
    # Full table: point 0 is best on average by its first two tasks, the third needs point 2.
    scores = [[-2.0, -2.0, 2.0], [-1.9, -1.9, 2.0], [1.0, 1.0, -2.5]]
    assert picks(line(0.0, 0.05, 1.0), scores, 2) == [0, 2]


def test_two_tasks_that_tried_other_points():
    # Each task has tried the neighbourhood of 0.2 and liked it; each has a whim of its own.
    distances = line(0.2, 0.8, 0.5, 0.21, 0.79, 0.49)
    first, second = [-1.5, 2.0, -1.7], [-1.4, -1.6, 2.0]
    scores = [[s, NAN] for s in first] + [[NAN, s] for s in second]
    assert picks(distances, scores, 1)[0] in (0, 3)


def test_points_are_taken_once_and_their_twins_never():
    distances = line(0.1, 0.1, 0.5, 0.9)
    scores = [[-1.0], [-2.0], [0.0], [1.0]]
    chosen = picks(distances, scores)
    assert len(chosen) == 3
    assert len({0, 1} & set(chosen)) == 1
    # What was measured twice counts as its mean.
    assert picks(line(0.1, 0.1, 0.9), [[-2.0], [1.0], [-1.0]], 1) == [2]


def test_only_candidates_are_chosen_and_the_others_still_teach():
    distances = line(0.1, 0.12, 0.9, 0.88)
    scores = [[-2.0, NAN], [NAN, 0.0], [1.0, NAN], [NAN, 0.0]]
    candidates = np.array([False, True, False, True])
    assert picks(distances, scores, candidates=candidates) == [1, 3]
    assert picks(distances, scores, candidates=np.zeros(4, dtype=bool)) == []


@pytest.mark.parametrize("scale", [0.05, 1.0])
def test_the_same_draws_give_the_same_portfolio(scale):
    rng = np.random.default_rng(3)
    distances, scores = line(*rng.random(40) * scale), rng.standard_normal((40, 2))
    assert picks(distances, scores, 8, seed=5) == picks(distances, scores, 8, seed=5)
    assert len(set(picks(distances, scores))) == 40
