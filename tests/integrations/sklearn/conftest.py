"""Settings of the tests of scikit-learn's searches."""

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True)
def single_threaded() -> Iterator[None]:
    """Fit small models with one thread: more of them wait for each other on a busy machine."""
    with threadpool_limits(1):
        yield
