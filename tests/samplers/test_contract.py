"""Every sampler keeps the promises of all samplers."""

from pathlib import Path

import pytest

import luthier
from luthier.samplers import registry
from luthier.testing.samplers import FINITE, MIXED, SamplerContract


class TestRandom(SamplerContract):
    blind = True

    @pytest.fixture(params=[0.5, 0.0, 1.0])
    def sampler(self, request):
        return luthier.Random(request.param)


class TestGrid(SamplerContract):
    blind = True

    @pytest.fixture
    def sampler(self):
        return luthier.Grid(resolution=2)


class TestQMC(SamplerContract):
    blind = True

    @pytest.fixture(params=["sobol", "halton"])
    def sampler(self, request):
        return luthier.QMC(request.param)


ELSEWHERE = {
    "fixed": "test_samplers.py",
    "tpe": "test_tpe.py",
    "auto": "test_gp_contract.py",
    "gp": "test_gp_contract.py",
    "forest": "test_evolution_contract.py",
    "cmaes": "test_evolution_contract.py",
    "de": "test_evolution_contract.py",
    "regularized_evolution": "test_evolution_contract.py",
    "nsga2": "test_evolution_contract.py",
    "nsga3": "test_evolution_contract.py",
}


def test_every_sampler_of_the_registry_is_tested():
    here = {"random", "grid", "qmc"}
    assert set(registry.BUILT_IN) == here | set(ELSEWHERE)
    for name, file in ELSEWHERE.items():
        kind = registry.BUILT_IN[name].partition(":")[2]
        assert f"{kind}(" in Path(__file__).with_name(file).read_text()


def test_the_spaces_of_the_contract_are_an_infinite_and_a_finite_one():
    assert MIXED.size is None
    assert FINITE.size == 12
