"""The Gaussian process, and the sampler that chooses, keep the promises of all samplers."""

import pytest

from luthier.samplers.auto import Auto
from luthier.samplers.gp import GP
from luthier.testing.samplers import SamplerContract


class TestGP(SamplerContract):
    objectives = 3

    @pytest.fixture(params=["tree", "product"])
    def sampler(self, request):
        return GP(members=2, steps=2, candidates=48, starts=2, kernel=request.param)


class TestAuto(SamplerContract):
    @pytest.fixture
    def sampler(self):
        return Auto()
