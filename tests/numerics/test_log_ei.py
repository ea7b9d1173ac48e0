"""Log expected improvement against arithmetic of 60 digits and against quadrature."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from luthier.errors import InvalidInput
from luthier.numerics.log_ei import h_terms, log_ei, log_ei_gradient, log_h

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


def exact_terms(z: float) -> tuple[float, float, float]:
    """``log h``, ``Phi / h`` and ``phi / h`` by 60 digits: a series, or Laplace's fraction."""
    with localcontext() as context:
        context.prec = 60
        x = Decimal(z)
        log_pdf = -x * x / 2 - (2 * PI).ln() / 2
        if z > -5:  # Phi(x) = 1/2 + phi(x) * (x + x^3/3 + x^5/(3*5) + ...)
            term = total = x
            for k in range(3, 4000, 2):
                term *= x * x / k
                total += term
            pdf = log_pdf.exp()
            cdf = Decimal("0.5") + pdf * total if z < 12 else Decimal(1)
            h = pdf + x * cdf
            return float(h.ln()), float(cdf / h), float(pdf / h)
        x = -x  # Mills' ratio is 1 / (x + K) with K = 1/(x + 2/(x + 3/(x + ...)))
        fraction = x
        for k in range(3000, 1, -1):
            fraction = x + k / fraction
        rest = 1 / fraction
        q = rest / (x + rest)
        return float(log_pdf + q.ln()), float(1 / (x + rest) / q), float(1 / q)


POINTS = [-1e8, -1e6, -1234.5, -50.1, -49.9, -37.7, -12.0, -5.5, -3.0, -1.0000001, -1.0, -0.999999]
POINTS += [-0.3, 0.0, 0.7, 4.0, 11.0, 40.0, 1e3]


@pytest.mark.parametrize("z", POINTS)
def test_h_agrees_with_arithmetic_of_sixty_digits(z):
    log_h_exact, cdf_over_h, pdf_over_h = exact_terms(z)
    terms = h_terms(z)
    assert terms.log_h == pytest.approx(log_h_exact, rel=1e-14, abs=2e-15)
    assert terms.cdf_over_h == pytest.approx(cdf_over_h, rel=2e-12)
    assert terms.pdf_over_h == pytest.approx(pdf_over_h, rel=2e-12, abs=1e-300)


@given(st.floats(-1e8, 1e3), st.floats(1e-6, 1e3))
def test_log_h_rises_and_bends_down(z, step):
    low, middle, high = log_h(np.array([z, z + step, z + 2 * step]))
    slack = 1e-14 * abs(low) + 1e-14
    assert low <= middle + slack
    assert middle <= high + slack
    assert high - middle <= middle - low + 4 * slack


def test_minus_infinity_is_as_good_as_the_lowest_number():
    assert np.array_equal(h_terms(-np.inf), h_terms(-1e150))
    assert np.isfinite(h_terms(-np.inf)).all()


@pytest.mark.parametrize(
    ("mean", "sd", "best"), [(0.3, 0.5, 0.1), (-2.0, 3.0, 1.0), (5.0, 1.0, 0.0)]
)
def test_the_improvement_agrees_with_quadrature(mean, sd, best):
    def improvement(y: float) -> float:
        return (best - y) * np.exp(-0.5 * ((y - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))

    expected, _ = quad(improvement, min(best, mean) - 12 * sd, best, epsabs=0, epsrel=1e-11)
    assert log_ei(mean, sd, best) == pytest.approx(np.log(expected), abs=1e-9)


def test_the_gradient_agrees_with_finite_differences_also_far_away():
    z = np.array([-200.0, -30.0, -3.0, -1.001, -0.5, 0.0, 2.0, 50.0]).reshape(2, 4)
    sd = np.geomspace(0.01, 10, 8).reshape(2, 4)
    best = 1.5
    mean = best - z * sd
    value, by_mean, by_sd = log_ei_gradient(mean, sd, best)
    assert np.array_equal(value, log_ei(mean, sd, best))
    step = 1e-6 * sd
    numeric = (log_ei(mean + step, sd, best) - log_ei(mean - step, sd, best)) / (2 * step)
    np.testing.assert_allclose(by_mean, numeric, rtol=1e-6)
    numeric = (log_ei(mean, sd + step, best) - log_ei(mean, sd - step, best)) / (2 * step)
    np.testing.assert_allclose(by_sd, numeric, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("sd", [0.0, -1.0, float("nan")])
def test_a_deviation_that_is_not_positive_is_rejected(sd):
    with pytest.raises(InvalidInput, match="sd"):
        log_ei(np.zeros(2), np.array([1.0, sd]), 0.0)
    with pytest.raises(InvalidInput, match="sd"):
        log_ei_gradient(np.zeros(2), np.array([1.0, sd]), 0.0)
