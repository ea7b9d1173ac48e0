"""The input warp against its formula, its inverse, and finite differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import InvalidInput
from luthier.numerics.kumaraswamy import kumaraswamy
from numerics.processes import slopes

shapes = st.floats(-3.0, 3.0)


@given(log_a=shapes, log_b=shapes, x=st.floats(1e-6, 1 - 1e-6))
def test_agrees_with_its_formula_and_finite_differences(log_a, log_b, x):
    def value(z):
        return kumaraswamy(z[None, :1], z[1:2], z[2:])[0][0, 0]

    at = np.array([x, log_a, log_b])
    found = kumaraswamy(at[None, :1], at[1:2], at[2:])
    a, b = np.exp(log_a), np.exp(log_b)
    assert found.value[0, 0] == pytest.approx(1 - (1 - x**a) ** b, abs=1e-9)
    by_x = slopes(lambda z: value(np.append(z, at[1:])), at[:1], 1e-3 * min(x, 1 - x))
    by_shapes = slopes(lambda z: value(np.append(at[0], z)), at[1:], 1e-4)
    assert found.by_x[0, 0] == pytest.approx(by_x[0], rel=1e-5, abs=1e-6)
    assert found.by_log_a[0, 0] == pytest.approx(by_shapes[0], rel=1e-6, abs=1e-9)
    assert found.by_log_b[0, 0] == pytest.approx(by_shapes[1], rel=1e-6, abs=1e-9)


@given(log_a=shapes, log_b=shapes)
def test_maps_the_interval_onto_itself_and_rises(log_a, log_b):
    x = np.linspace(0, 1, 101)[:, None]
    found = kumaraswamy(x, np.array([log_a]), np.array([log_b]))
    assert found.value[0, 0] == 0.0
    assert found.value[-1, 0] == 1.0
    assert (np.diff(found.value[:, 0]) >= 0).all()
    assert all(np.isfinite(part).all() for part in found)
    assert (found.by_x >= 0).all()


def test_ones_leave_everything_as_it_is():
    x = np.array([[0.0, 0.25], [0.5, 1.0]])
    found = kumaraswamy(x, np.zeros(2), np.zeros(2))
    np.testing.assert_allclose(found.value, x, atol=1e-15)
    np.testing.assert_allclose(found.by_x, 1.0, atol=1e-12)


def test_no_digit_is_lost_near_zero():
    found = kumaraswamy(np.array([[1e-8]]), np.array([np.log(2.0)]), np.array([np.log(3.0)]))
    assert found.value[0, 0] == pytest.approx(3e-16, rel=1e-12, abs=0)


def test_columns_have_shapes_of_their_own():
    x = np.full((2, 2), 0.3)
    found = kumaraswamy(x, np.array([0.0, 1.0]), np.array([0.0, -1.0]))
    alone = kumaraswamy(x[:, 1:], np.array([1.0]), np.array([-1.0]))
    np.testing.assert_array_equal(found.by_log_a[:, 1:], alone.by_log_a)
    np.testing.assert_allclose(found.value[:, 0], 0.3)


@pytest.mark.parametrize("x", [-1e-9, 1.0001, np.nan])
def test_what_lies_outside_is_rejected(x):
    with pytest.raises(InvalidInput, match=r"in \[0, 1\]"):
        kumaraswamy(np.array([[x]]), np.zeros(1), np.zeros(1))
