"""The suite that Optuna ships for samplers, on ours: run by `test_optuna.py`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)

from luthier.integrations.optuna import LuthierSampler

pytestmark = pytest.mark.filterwarnings("ignore")  # the suite asks for what is deprecated


class _Ours:
    @pytest.fixture(params=["auto", "tpe", "gp", "nsga2", "random"])
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], BaseSampler]:
        return lambda: LuthierSampler(request.param, seed=0)


class TestBasic(_Ours, BasicSamplerTestCase):
    pass


class TestRelative(_Ours, RelativeSamplerTestCase):
    pass


class TestMultiObjective(_Ours, MultiObjectiveSamplerTestCase):
    pass
