"""Expected hypervolume improvement against brute force, quadrature and finite differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import log_ndtr

from luthier.errors import InvalidInput
from luthier.numerics.ehvi import Cells, cells, log_ehvi, log_ehvi_gradient
from luthier.numerics.hypervolume import hypervolume
from luthier.numerics.log_ei import log_ei, log_ei_gradient


def sphere(n, m, seed=0):
    """A front of n points on a sphere about (1, ..., 1)."""
    points = np.abs(np.random.default_rng(seed).normal(size=(n, m)))
    return 1 - points / np.linalg.norm(points, axis=1, keepdims=True)


def improvement(point, front, reference):
    return hypervolume(np.vstack([front, point]), reference) - hypervolume(front, reference)


@given(st.sampled_from([2, 3]), st.data())
def test_cells_hold_just_what_the_front_leaves_undominated(m, data):
    value = st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    rows = data.draw(st.lists(st.tuples(*[value] * m), max_size=8))
    front = np.array(rows).reshape(len(rows), m)
    lower, upper = cells(front, np.full(m, 4.0))
    assert (lower < upper).all()
    assert len(lower) <= (m - 1) * len(front) + 1
    # The middles of all unit cubes, with some below every point and some beyond the reference.
    middles = np.stack(np.meshgrid(*[np.arange(-1.5, 5.0)] * m), axis=-1).reshape(-1, 1, m)
    inside = ((lower < middles) & (middles < upper)).all(axis=-1).sum(axis=1)
    dominated = (front <= middles).all(axis=-1).any(axis=1)
    free = ~dominated & (middles < 4.0).all(axis=-1)[:, 0]
    assert np.array_equal(inside, free)


@pytest.mark.parametrize(("m", "count"), [(2, 13), (3, 25)])
def test_a_front_in_general_position_needs_the_fewest_cells(m, count):
    assert len(cells(sphere(12, m), np.full(m, 1.1)).lower) == count


@pytest.mark.parametrize("m", [2, 3])
def test_with_certainty_it_is_the_hypervolume_improvement(m):
    front, reference = sphere(12, m), np.full(m, 1.1)
    points = np.random.default_rng(1).uniform(-0.5, 0.5, (20, m))
    expected = np.array([improvement(point, front, reference) for point in points])
    better = expected > 0.01
    assert better.sum() >= 5
    value = log_ehvi(points, np.full((20, m), 1e-9), cells(front, reference))
    np.testing.assert_allclose(np.exp(value[better]), expected[better], rtol=1e-6)


def test_two_objectives_agree_with_a_fine_grid():
    front, reference = sphere(5, 2), np.array([1.1, 1.2])
    mean, sd = np.array([0.4, 0.3]), np.array([0.3, 0.2])
    grid = [np.linspace(m - 8 * s, m + 6 * s, 121) for m, s in zip(mean, sd, strict=True)]
    weights = [np.exp(-0.5 * ((g - m) / s) ** 2) for g, m, s in zip(grid, mean, sd, strict=True)]
    gains = [[improvement([x, y], front, reference) for y in grid[1]] for x in grid[0]]
    expected = weights[0] @ np.array(gains) @ weights[1] / (weights[0].sum() * weights[1].sum())
    value = log_ehvi([mean], [sd], cells(front, reference))
    assert np.exp(value) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("m", [2, 3])
def test_it_agrees_with_monte_carlo(m):
    rng = np.random.default_rng(7)
    front, reference = sphere(8, m), np.full(m, 1.1)
    mean, sd = rng.uniform(0.0, 0.4, m), rng.uniform(0.2, 0.4, m)
    samples = mean + sd * rng.normal(size=(4000, m))
    gains = np.array([improvement(sample, front, reference) for sample in samples])
    value = np.exp(log_ehvi([mean], [sd], cells(front, reference))[0])
    assert abs(value - gains.mean()) < 4 * gains.std() / np.sqrt(len(gains))
    assert gains.std() / np.sqrt(len(gains)) < 0.05 * value


def test_without_a_front_it_is_the_product_of_the_improvements_on_the_reference():
    mean, sd = np.array([[0.5, 60.0, 1.0]]), np.array([[2.0, 0.7, 0.1]])
    reference = np.array([1.0, 2.0, 3.0])
    nothing = cells(np.empty((0, 3)), reference)
    value, by_mean, by_sd = log_ehvi_gradient(mean, sd, nothing)
    single = log_ei_gradient(mean, sd, reference)
    assert value == pytest.approx(log_ei(mean, sd, reference).sum())
    np.testing.assert_allclose(by_mean, single[1])
    np.testing.assert_allclose(by_sd, single[2])


@pytest.mark.parametrize("z", [-300.0, -30.0, -5.0, -0.4, 0.0, 1.3, 8.0, 12.0, 1e5])
@pytest.mark.parametrize("width", [1e-9, 1e-5, 1e-3, 0.03, 0.06, 0.7, 3.0])
def test_a_cell_of_any_width_keeps_its_digits(z, width):
    """One bounded box: the integral of Phi over the interval, its slope and its bend."""
    cell = Cells(np.array([[z, 0.0]]), np.array([[z + width, 1.0]]))
    mean, sd = np.array([[0.0, -50.0]]), np.ones((1, 2))  # sure to fill the second objective
    width = (z + width) - z

    value, by_mean, by_sd = log_ehvi_gradient(mean, sd, cell)

    scale = log_ndtr(z + width)  # all is compared relative to Phi at the upper end
    t = [z + width * i for i in (0.0, 0.25, 0.5, 0.75, 1.0)]
    area, _ = quad(lambda t: np.exp(log_ndtr(t) - scale), z, z + width, epsabs=0, points=t[1:4])
    slope, _ = quad(lambda t: log_pdf_ratio(t, scale), z, z + width, epsabs=0, points=t[1:4])
    bend, error = quad(lambda t: -t * log_pdf_ratio(t, scale), z, z + width, epsabs=1e-300)
    assert value[0] == pytest.approx(np.log(area) + scale, rel=1e-12, abs=1e-10)
    assert by_mean[0, 0] == pytest.approx(-slope / area, rel=1e-9, abs=1e-12)
    assert by_sd[0, 0] == pytest.approx(bend / area, rel=1e-9, abs=1e-9 + error / area)


def log_pdf_ratio(t, scale):
    return np.exp(-0.5 * t * t - 0.5 * np.log(2 * np.pi) - scale)


@pytest.mark.parametrize("m", [2, 3])
def test_the_gradient_agrees_with_finite_differences_near_and_far(m):
    rng = np.random.default_rng(3)
    boxes = cells(sphere(15, m), np.full(m, 1.1))
    mean, sd = rng.uniform(-0.5, 2.0, (60, m)), rng.uniform(0.03, 0.5, (60, m))
    value, by_mean, by_sd = log_ehvi_gradient(mean, sd, boxes)
    assert value.min() < -90  # some are very far
    step = 1e-6
    for j, along in enumerate(step * np.eye(m)):
        numeric = log_ehvi(mean + along, sd, boxes) - log_ehvi(mean - along, sd, boxes)
        np.testing.assert_allclose(by_mean[:, j], numeric / (2 * step), rtol=1e-5, atol=1e-6)
        numeric = log_ehvi(mean, sd + along, boxes) - log_ehvi(mean, sd - along, boxes)
        np.testing.assert_allclose(by_sd[:, j], numeric / (2 * step), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("m", [2, 3])
def test_it_stays_finite_and_ordered_thirty_deviations_and_more_away(m):
    boxes = cells(sphere(10, m), np.full(m, 1.1))
    mean = np.linspace(3.0, 1000.0, 50)[:, None] * np.ones(m)
    value, by_mean, by_sd = log_ehvi_gradient(mean, np.full((50, m), 0.06), boxes)
    assert value[0] < -900
    assert (np.diff(value) < 0).all()
    assert (by_mean < 0).all()
    assert (by_sd > 0).all()
    assert np.isfinite(by_mean).all()
    assert np.isfinite(by_sd).all()


def test_what_does_not_fit_is_rejected():
    boxes = cells([[0.5, 0.5]], [1.0, 1.0])
    with pytest.raises(InvalidInput, match="two or three objectives"):
        cells([[0.5] * 4], [1.0] * 4)
    with pytest.raises(InvalidInput, match="points"):
        cells([[0.5, np.nan]], [1.0, 1.0])
    for mean, sd in [([[0, 0, 0]], [[1, 1, 1]]), ([[0, 0]], [[1, 1], [1, 1]]), ([0, 0], [1, 1])]:
        with pytest.raises(InvalidInput, match="shapes"):
            log_ehvi(mean, sd, boxes)
    for bad in (0.0, -1.0, np.nan):
        with pytest.raises(InvalidInput, match="positive"):
            log_ehvi([[0, 0]], [[1.0, bad]], boxes)
