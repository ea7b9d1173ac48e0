"""The evolutionary samplers and the forest keep the promises of all samplers."""

import pytest

from luthier.samplers.cmaes import CMAES
from luthier.samplers.differential_evolution import DifferentialEvolution
from luthier.samplers.forest import Forest
from luthier.samplers.nsga2 import NSGA2
from luthier.samplers.nsga3 import NSGA3
from luthier.samplers.regularized_evolution import RegularizedEvolution
from luthier.testing.samplers import SamplerContract


class TestCMAES(SamplerContract):
    objectives = 1

    @pytest.fixture(
        params=[
            CMAES(),
            CMAES(population=4, n_startup=3, restarts="bipop", adapt_rate=True),
            CMAES(sigma0=0.5, restarts="none"),
        ],
        ids=["defaults", "all-options", "wide"],
    )
    def sampler(self, request):
        return request.param


class TestDifferentialEvolution(SamplerContract):
    objectives = 1

    @pytest.fixture(params=[4, 15])
    def sampler(self, request):
        return DifferentialEvolution(population=request.param)


class TestRegularizedEvolution(SamplerContract):
    objectives = 1

    @pytest.fixture(params=[(1, 1), (6, 3), (100, 25)])
    def sampler(self, request):
        population, tournament = request.param
        return RegularizedEvolution(population, tournament)


class TestNSGA2(SamplerContract):
    @pytest.fixture(params=[{}, {"population": 6, "batch": 1, "mutation": 0.5}])
    def sampler(self, request):
        return NSGA2(**request.param)


class TestNSGA3(SamplerContract):
    @pytest.fixture(params=[{}, {"population": 6, "batch": 3, "swap": 0.1}])
    def sampler(self, request):
        return NSGA3(**request.param)


class TestForest(SamplerContract):
    objectives = 1

    @pytest.fixture(params=[{}, {"n_startup": 4, "candidates": 50, "random_share": 0.0}])
    def sampler(self, request):
        return Forest(**request.param)
