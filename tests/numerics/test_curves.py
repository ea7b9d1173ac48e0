"""Learning curves are told from their beginning and from those of configurations like them."""

import numpy as np
import pytest

from luthier.numerics.curves import (
    Curves,
    curve_kernel,
    curve_prior,
    from_best,
    learn_curves,
    progress,
)

LENGTH = 32
STEPS = np.array([1, 2, 4, 8, 16, 32])


def test_progress_goes_from_the_beginning_to_the_end():
    assert progress([0, LENGTH, 2 * LENGTH], LENGTH) == pytest.approx([0, 1, 1])
    assert (np.diff(progress(np.arange(LENGTH), LENGTH), 2) < 0).all()


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1.0, 1e305])
def test_from_best_keeps_the_order_at_any_scale(scale):
    loss = scale * np.array([3.0, -1.0, 2.0, 100.0, 2.0, -0.99])
    z = from_best(loss)
    assert (np.argsort(z, kind="stable") == np.argsort(loss, kind="stable")).all()
    assert z.mean() == pytest.approx(0, abs=1e-12)
    assert z.std() == pytest.approx(1)


def test_from_best_opens_up_what_is_near_the_best():
    loss = np.array([0.1, 0.11, 0.12, 2.0, 2.1, 2.2])
    z = from_best(loss)
    assert z[1] - z[0] > z[5] - z[4]


def test_from_best_of_equal_losses_is_zero():
    assert (from_best(np.full(4, 7.0)) == 0).all()
    assert from_best(np.zeros(0)).shape == (0,)


def curve(x, step):
    """Fast starters have a bad end, so that the beginning alone misleads."""
    return 1.0 - x + 3 * np.exp(-step * (1.2 - x) / 2)


@pytest.fixture(scope="module")
def model():
    """Ten curves, of which every other one was followed to its end."""
    points = np.linspace(0, 1, 10)
    rows = [(x, s) for i, x in enumerate(points) for s in STEPS[: 6 if i % 2 else 3]]
    X = np.array([[x] for x, _ in rows])
    s = np.array([step for _, step in rows])
    kernel = curve_kernel([0], [], 1)
    data = X, np.ones_like(X), progress(s, LENGTH), curve(X[:, 0], s)
    theta = learn_curves(kernel, curve_prior(kernel, 1), *data)
    return Curves(kernel, theta, *data), points


def test_predicts_which_curve_ends_best(model):
    curves, points = model
    begun = points[::2][:, None]
    mean, sd = curves.end(begun, np.ones_like(begun))
    truth = curve(begun[:, 0], LENGTH)
    assert (np.argsort(mean[0]) == np.argsort(truth)).all()
    early = curve(begun[:, 0], STEPS[0])
    assert np.argmin(early) != np.argmin(truth)
    assert (sd > 0).all()


def test_is_surer_of_what_it_has_seen(model):
    curves, points = model
    ended = points[1::2][:, None]
    begun = points[::2][:, None]
    one = np.ones_like(begun)
    assert curves.end(ended, one).sd.max() < curves.end(begun, one).sd.max()


def test_what_is_believed_is_not_expected_to_change():
    X = np.array([[0.1], [0.5], [0.9]])
    kernel = curve_kernel([0], [], 1)
    theta = curve_prior(kernel, 1).mean
    curves = Curves(kernel, theta, X, np.ones_like(X), np.ones(3), np.array([1.0, 0.5, 0.8]))
    place = np.array([[0.3]])
    before = curves.end(place, np.ones_like(place))
    curves.believing(place, np.ones_like(place))
    after = curves.end(place, np.ones_like(place))
    assert after.mean == pytest.approx(before.mean, abs=1e-6)
    assert after.sd[0, 0] < 0.01 * before.sd[0, 0]
