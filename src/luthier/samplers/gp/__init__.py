"""Bayesian optimisation with a Gaussian process."""

from luthier.samplers.gp.sampler import GP

__all__ = ["GP"]
