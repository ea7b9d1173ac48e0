"""The Gaussian process of a function that drifts."""

import numpy as np
import pytest

from luthier.numerics.drift import Drifting, Inputs


def inputs(x, times=0.0, choices=None):
    x = np.atleast_2d(np.asarray(x, float).T).T
    n = len(x)
    kinds = np.zeros((n, 0)) if choices is None else np.asarray(choices, float)[:, None]
    return Inputs(x, kinds, np.broadcast_to(np.asarray(times, float), (n,)).copy())


NOWHERE = Inputs(np.zeros((0, 1)), np.zeros((0, 0)), np.zeros(0))


def test_it_recovers_a_function():
    x = np.linspace(0, 1, 20)
    model = Drifting(inputs(x), np.sin(6 * x) + 3)
    at = np.array([0.13, 0.52, 0.88])
    assert model.mean(inputs(at)) == pytest.approx(np.sin(6 * at) + 3, abs=0.05)
    assert (model.deviation(inputs(at), NOWHERE) < 0.1).all()


def test_it_tells_noise_from_the_function():
    rng = np.random.default_rng(0)
    x = rng.random(80)
    y = np.sin(6 * x) + rng.normal(0, 0.5, 80)
    model = Drifting(inputs(x), y)
    assert model.noise == 1.0 or model.noise == 0.1
    at = np.linspace(0.05, 0.95, 10)
    assert np.abs(model.mean(inputs(at)) - np.sin(6 * at)).mean() < 0.25


def test_it_forgets_what_has_changed():
    rng = np.random.default_rng(1)
    times = np.repeat(np.arange(30.0), 4)
    x = rng.random(120)
    drifting = Drifting(inputs(x, times), np.sin(6 * x + times / 3))
    steady = Drifting(inputs(x, times), np.sin(6 * x))
    assert drifting.forgetting > 0 == steady.forgetting
    at = np.array([0.2, 0.6])
    found = drifting.mean(inputs(at, 29.0))
    assert found == pytest.approx(np.sin(6 * at + 29 / 3), abs=0.3)


def test_what_is_pending_makes_certain_only_what_is_near():
    x = np.array([0.0, 0.1, 0.2, 0.8, 0.9, 1.0])
    model = Drifting(inputs(x), np.sin(9 * x))
    at = inputs([0.4, 0.6])
    before = model.deviation(at, NOWHERE)
    after = model.deviation(at, inputs([0.4]))
    assert after[0] < 0.8 * before[0]
    assert 0.8 * before[1] < after[1] <= before[1]


def test_choices_differ_or_not():
    x = np.tile(np.linspace(0, 1, 8), 2)
    kinds = np.repeat([0.25, 0.75], 8)
    model = Drifting(inputs(x, choices=kinds), kinds * 10 + x)
    found = model.mean(inputs([0.5, 0.5], choices=[0.25, 0.75]))
    assert found == pytest.approx([3.0, 8.0], abs=0.3)


def test_one_observation_and_a_constant_are_enough():
    model = Drifting(inputs([0.5]), np.array([2.0]))
    assert model.mean(inputs([0.1])) == pytest.approx([2.0])
    constant = Drifting(inputs([0.1, 0.5, 0.9]), np.full(3, 7.0))
    assert constant.mean(inputs([0.3])) == pytest.approx([7.0])
