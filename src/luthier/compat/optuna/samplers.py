"""Optuna's samplers: Luthier's under the names that scripts use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from luthier.compat.optuna._sampler import (
    BaseSampler,
    Chosen,
    Constraints,
    checked_seed,
    random_native,
    refuse,
)
from luthier.errors import InvalidInput
from luthier.samplers.auto import Auto
from luthier.samplers.base import Sampler

if TYPE_CHECKING:
    from luthier.compat.optuna._live_trial import Trial
    from luthier.compat.optuna._study import Study
    from luthier.compat.optuna.distributions import BaseDistribution

__all__ = [
    "BaseSampler",
    "BruteForceSampler",
    "CmaEsSampler",
    "GPSampler",
    "GridSampler",
    "NSGAIIISampler",
    "NSGAIISampler",
    "PartialFixedSampler",
    "QMCSampler",
    "RandomSampler",
    "TPESampler",
]

DEFAULT = Auto(free=0)
"""TPE, as in Optuna; a Gaussian process where trials take so long that its time does not count."""


class RandomSampler(BaseSampler):
    """Draw every parameter independently: `luthier.Random`."""

    def __init__(self, seed: int | None = None) -> None:
        self.native = random_native()
        self.seed = checked_seed(seed)


class TPESampler(BaseSampler):
    """A tree-structured Parzen estimator: `luthier.TPE`.

    Parameters
    ----------
    n_startup_trials : int, default 10
        So many trials have to end before the densities are used.
    n_ei_candidates : int, default 24
        How many points are drawn, among which the best is proposed. Left alone, it is Luthier's 64.
    seed : int, optional
        Makes a new study repeatable.
    constraints_func : callable, optional
        Says of an ended trial how far each constraint is exceeded.
    gamma, weights : None
        Not here: `luthier.TPE` has ``share`` and ``most_bad``.
    consider_prior, prior_weight, consider_magic_clip, consider_endpoints, multivariate, group, \
warn_independent_sampling, constant_liar : optional
        Accepted without effect: parameters that are active together share a density, and running
        trials count, always.
    """

    def __init__(
        self,
        *,
        consider_prior: bool | None = None,
        prior_weight: float | None = None,
        consider_magic_clip: bool | None = None,
        consider_endpoints: bool | None = None,
        n_startup_trials: int = 10,
        n_ei_candidates: int = 24,
        gamma: None = None,
        weights: None = None,
        seed: int | None = None,
        multivariate: bool | None = None,
        group: bool = False,
        warn_independent_sampling: bool | None = None,
        constant_liar: bool = True,
        constraints_func: Constraints | None = None,
    ) -> None:
        from luthier.samplers.tpe import TPE

        refuse("TPESampler: gamma", gamma, "None; luthier.TPE(share=0.15) says it")
        refuse("TPESampler: weights", weights, "None; luthier.TPE(most_bad=300) says it")
        own = {} if n_ei_candidates == 24 else {"candidates": n_ei_candidates}
        # Optuna's 0 means the same as 1: there is no density of no trial.
        self.native = TPE(n_startup=n_startup_trials or 1, **own)
        self.seed = checked_seed(seed)
        self.constraints_func = constraints_func


class GPSampler(BaseSampler):
    """Bayesian optimisation with a Gaussian process: `luthier.GP`.

    Parameters
    ----------
    seed : int, optional
        Makes a new study repeatable.
    n_startup_trials : int, default 10
        Points before there is a model. Left alone, it is Luthier's 5.
    constraints_func : callable, optional
        Says of an ended trial how far each constraint is exceeded.
    independent_sampler, deterministic_objective, warn_independent_sampling : optional
        Accepted without effect: all parameters are in the model, and noise is learnt.
    """

    def __init__(
        self,
        *,
        seed: int | None = None,
        independent_sampler: BaseSampler | None = None,
        n_startup_trials: int = 10,
        deterministic_objective: bool = False,
        constraints_func: Constraints | None = None,
        warn_independent_sampling: bool = True,
    ) -> None:
        from luthier.samplers.gp import GP

        self.native = GP() if n_startup_trials == 10 else GP(n_startup=n_startup_trials)
        self.seed = checked_seed(seed)
        self.constraints_func = constraints_func


class CmaEsSampler(BaseSampler):
    """Covariance matrix adaptation: `luthier.CMAES`.

    Parameters
    ----------
    x0 : dict, optional
        Where to begin, a complete configuration.
    sigma0 : float, default 1/6
        Standard deviation to begin with, of the range scaled to [0, 1].
    n_startup_trials : int, default 1
        So many trials are drawn evenly before.
    seed : int, optional
        Makes a new study repeatable.
    restart_strategy : {"ipop", "bipop"}, optional
        What follows convergence. None is Luthier's default, "ipop".
    popsize : int, optional
        Trials that make a generation.
    lr_adapt : bool, default False
        Whether to learn the slower the noisier results are.
    source_trials : None
        Not here: add trials with `Study.add_trials`, or use `luthier.Study.transfer_from`.
    independent_sampler, warn_independent_sampling, consider_pruned_trials, inc_popsize, \
use_separable_cma, with_margin : optional
        Accepted without effect: choices and coarse numbers are in the distribution, with margin.
    """

    def __init__(
        self,
        *,
        x0: dict[str, Any] | None = None,
        sigma0: float | None = None,
        n_startup_trials: int = 1,
        independent_sampler: BaseSampler | None = None,
        warn_independent_sampling: bool = True,
        seed: int | None = None,
        consider_pruned_trials: bool = False,
        restart_strategy: str | None = None,
        popsize: int | None = None,
        inc_popsize: int = -1,
        use_separable_cma: bool = False,
        with_margin: bool = False,
        lr_adapt: bool = False,
        source_trials: None = None,
    ) -> None:
        from luthier.samplers.cmaes import CMAES

        refuse("CmaEsSampler: source_trials", source_trials, "None; add them with Study.add_trials")
        given = {"population": popsize, "sigma0": sigma0, "restarts": restart_strategy}
        self.native = CMAES(
            x0=x0,
            n_startup=n_startup_trials,
            adapt_rate=lr_adapt,
            **{key: value for key, value in given.items() if value is not None},  # type: ignore[arg-type]
        )
        self.seed = checked_seed(seed)


class QMCSampler(BaseSampler):
    """A scrambled low-discrepancy sequence: `luthier.QMC`.

    Parameters
    ----------
    qmc_type : {"sobol", "halton"}, default "sobol"
        Which.
    seed : int, optional
        Makes a new study repeatable.
    scramble, independent_sampler, warn_asynchronous_seeding, warn_independent_sampling : optional
        Accepted without effect: sequences are scrambled, and workers share one.
    """

    def __init__(
        self,
        *,
        qmc_type: str = "sobol",
        scramble: bool = False,
        seed: int | None = None,
        independent_sampler: BaseSampler | None = None,
        warn_asynchronous_seeding: bool = True,
        warn_independent_sampling: bool = True,
    ) -> None:
        from luthier.samplers.qmc import QMC

        self.native = QMC(qmc_type)  # type: ignore[arg-type]  # it checks
        self.seed = checked_seed(seed)


class _Genetic(BaseSampler, ABC):
    def __init__(
        self,
        *,
        population_size: int = 50,
        mutation: None = None,
        mutation_prob: float | None = None,
        crossover: None = None,
        crossover_prob: float = 0.9,
        swapping_prob: float = 0.5,
        seed: int | None = None,
        constraints_func: Constraints | None = None,
        elite_population_selection_strategy: None = None,
        child_generation_strategy: None = None,
        after_trial_strategy: None = None,
    ) -> None:
        name = type(self).__name__
        allowed = "None; write a sampler of your own, luthier.samplers.base.Sampler"
        for field, given in (
            ("mutation", mutation),
            ("crossover", crossover),
            ("elite_population_selection_strategy", elite_population_selection_strategy),
            ("child_generation_strategy", child_generation_strategy),
            ("after_trial_strategy", after_trial_strategy),
        ):
            refuse(f"{name}: {field}", given, allowed)
        self.native = self._made(population_size, swapping_prob, mutation_prob)
        self.seed = checked_seed(seed)
        self.constraints_func = constraints_func

    @abstractmethod
    def _made(self, population: int, swap: float, mutation: float | None) -> Sampler: ...


class NSGAIISampler(_Genetic):
    """A genetic algorithm for several objectives: `luthier.NSGA2`.

    Parameters
    ----------
    population_size : int, default 50
        How many survive.
    mutation_prob : float, optional
        Probability with which a coordinate mutates.
    swapping_prob : float, default 0.5
        Probability with which a child takes a coordinate from its second parent.
    seed : int, optional
        Makes a new study repeatable.
    constraints_func : callable, optional
        Says of an ended trial how far each constraint is exceeded.
    crossover_prob : float
        Accepted without effect: children always mix two parents.
    mutation, crossover, elite_population_selection_strategy, child_generation_strategy, \
after_trial_strategy : None
        Not here: write a sampler of your own, see `luthier.samplers.base.Sampler`.
    """

    def _made(self, population: int, swap: float, mutation: float | None) -> Sampler:
        from luthier.samplers.nsga2 import NSGA2

        return NSGA2(population=population, swap=swap, mutation=mutation)


class NSGAIIISampler(_Genetic):
    """NSGA-III, for many objectives: `luthier.NSGA3`. Parameters as for `NSGAIISampler`."""

    def __init__(
        self, *, reference_points: None = None, dividing_parameter: int = 3, **settings: Any
    ) -> None:
        refuse(
            "NSGAIIISampler: reference_points", reference_points, "None; they follow the population"
        )
        super().__init__(**settings)

    def _made(self, population: int, swap: float, mutation: float | None) -> Sampler:
        from luthier.samplers.nsga3 import NSGA3

        return NSGA3(population=population, swap=swap, mutation=mutation)


class PartialFixedSampler(BaseSampler):
    """Hold some parameters fixed, and leave the others to another sampler.

    Parameters
    ----------
    fixed_params : dict
        Values by name.
    base_sampler : BaseSampler
        The other one.
    """

    def __init__(self, fixed_params: dict[str, Any], base_sampler: BaseSampler) -> None:
        self._fixed = fixed_params
        self._base = made(base_sampler)
        self.native = self._base.native
        self.seed = self._base.seed
        self.constraints_func = self._base.constraints_func

    def choose(
        self, study: Study, trial: Trial, name: str, distribution: BaseDistribution
    ) -> Chosen | None:
        """Return the fixed value, or what the other sampler says."""
        if name not in self._fixed:
            return self._base.choose(study, trial, name, distribution)
        import warnings

        value = self._fixed[name]
        if not distribution._contains(distribution.to_internal_repr(value)):
            warnings.warn(
                f"parameter {name!r}: {value!r} is fixed, and lies outside of {distribution!r}",
                stacklevel=2,
            )
        return Chosen(value)

    def exhausted(self, study: Study) -> bool:
        """Tell whether the other sampler has nothing left."""
        return self._base.exhausted(study)


class GridSampler(BaseSampler):
    """Try every combination of given values once, in random order.

    Parameters
    ----------
    search_space : mapping of str to sequence
        The values of each parameter.
    seed : int, optional
        Chooses the order.
    """

    def __init__(self, search_space: Mapping[str, Sequence[Any]], seed: int | None = None) -> None:
        from luthier.compat.optuna._grid import Combinations

        self._combinations = Combinations(search_space, seed)
        self.native = random_native()  # of which nothing is asked
        self.seed = checked_seed(seed)

    def choose(
        self, study: Study, trial: Trial, name: str, distribution: BaseDistribution
    ) -> Chosen | None:
        """Return the value of the next combination that no trial has."""
        return Chosen(self._combinations.value(study, trial, name, distribution))

    def exhausted(self, study: Study) -> bool:
        """Tell whether every combination has a trial."""
        return self._combinations.next(study) is None

    def is_exhausted(self, study: Study) -> bool:
        """Tell whether every combination has a trial."""
        return self.exhausted(study)


class BruteForceSampler(BaseSampler):
    """Try everything that the objective can ask for, each path through it once.

    Parameters
    ----------
    seed : int, optional
        Chooses the order.
    avoid_premature_stop : bool, default False
        Whether to go on while trials that run may yet fail.
    """

    def __init__(self, seed: int | None = None, avoid_premature_stop: bool = False) -> None:
        from luthier.compat.optuna._brute_force import Paths

        self._paths = Paths(not avoid_premature_stop)
        self.native = random_native()  # of which nothing is asked
        self.seed = checked_seed(seed)

    def choose(
        self, study: Study, trial: Trial, name: str, distribution: BaseDistribution
    ) -> Chosen | None:
        """Return a value from where not everything was tried."""
        return Chosen(self._paths.value(study, trial, name, distribution))

    def exhausted(self, study: Study) -> bool:
        """Tell whether every path that is known has a trial."""
        return self._paths.exhausted(study)


class _Native(BaseSampler):
    """A sampler of Luthier's, or of the user's own."""

    def __init__(self, native: Sampler) -> None:
        self.native = native


def made(sampler: Any) -> BaseSampler:
    """Return what a study was given as its sampler.

    Raises
    ------
    InvalidInput
        If it is no sampler.
    """
    if sampler is None:
        return _Native(DEFAULT)
    if isinstance(sampler, BaseSampler):
        return sampler
    if isinstance(sampler, Sampler):
        return _Native(sampler)
    raise InvalidInput(
        "sampler",
        sampler,
        "one of luthier.compat.optuna.samplers, or one with the method `suggest` of "
        "luthier.samplers.base.Sampler",
    )
