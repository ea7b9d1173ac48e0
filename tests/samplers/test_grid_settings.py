"""Settings of grid search are refused at once, not at the first proposal."""

import pytest

from luthier.errors import InvalidInput
from luthier.samplers.grid import Grid


@pytest.mark.parametrize(
    ("resolution", "message"),
    [
        (-1, "Grid: resolution: got -1; allowed: a whole number of at least 1"),
        (0, "Grid: resolution: got 0"),
        (True, "Grid: resolution: got True"),
        (2.5, r"Grid: resolution: got 2\.5"),
        ("x", "Grid: resolution: got 'x'"),
        ([3], r"Grid: resolution: got \[3\]"),
        ({"x": 3, "y": 0}, "Grid: resolution of 'y': got 0"),
        ({"x": None}, "Grid: resolution of 'x': got None"),
    ],
)
def test_a_resolution_that_makes_no_sense_is_refused(resolution, message):
    with pytest.raises(InvalidInput, match=message):
        Grid(resolution=resolution)


def test_resolutions_may_be_one_number_or_one_for_each_parameter():
    assert Grid().resolution is None
    assert Grid(resolution=3).resolution == 3
    assert Grid(resolution={"x": 1, "y": 20}).resolution == {"x": 1, "y": 20}
