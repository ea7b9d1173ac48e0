"""Noisy problems: what a tuner sees varies, what it recommends is judged by its true value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from .base import Problem
from .functions import HARTMANN6, LEVY, Placed
from .lookup import Table, table
from .networks import CHANCE, Network
from .spaces import Params, integer, real
from .synthetic import over

Truth = tuple[float, ...]


def problems() -> Iterator[Problem]:
    """Yield the noisy problems."""
    space = {f"x{i}": real(0.0, 1.0) for i in range(6)}
    yield Problem(
        "noisy_hartmann6",
        "noisy",
        space,
        over(space, Placed(HARTMANN6, 6, "noisy_hartmann6")),
        "tune",
        noise=_growing(0.08, 0.08),
        best=HARTMANN6.value,
    )
    space = {"x": real(-7.0, 7.0), "y": real(1e-4, 1e4, log=True), "n": integer(0, 30)}
    yield Problem(
        "noisy_levy3",
        "noisy",
        space,
        over(space, Placed(LEVY, 3, "noisy_levy3")),
        "check",
        noise=_heavy_tails(1.0),
    )
    for name, split in (("noisy_network_a", "check"), ("noisy_network_b", "tune")):
        network = Network(name)
        yield Problem(name, "noisy", network.space, network.error, split, noise=_of_training)
    for name, split in (("mlp_australian", "check"), ("mlp_credit", "tune")):
        recorded = table(name)
        yield Problem(
            name,
            "noisy",
            recorded.space(),
            _mean(recorded),
            split,
            noise=_one_repetition(recorded),
            best=float(recorded.measures["repeats"].mean(-1).min()),
        )


def _growing(base: float, share: float) -> Callable[..., Sequence[float]]:
    """Normal noise, larger where the loss is larger."""

    def noise(params: Params, truth: Truth, rng: np.random.Generator) -> Sequence[float]:
        sd = base + share * abs(truth[0] - HARTMANN6.value)
        return (truth[0] + sd * rng.normal(),)

    return noise


def _heavy_tails(scale: float) -> Callable[..., Sequence[float]]:
    """Student's t of three degrees of freedom, and once in thirty trials an outlier."""

    def noise(params: Params, truth: Truth, rng: np.random.Generator) -> Sequence[float]:
        error = scale * rng.standard_t(3)
        if rng.random() < 1 / 30:
            error += 40 * scale * rng.random()
        return (truth[0] + error,)

    return noise


def _of_training(params: Params, truth: Truth, rng: np.random.Generator) -> Sequence[float]:
    """Seeds of training: more noise at large rates and small batches; some runs diverge."""
    if truth[0] >= CHANCE:
        return truth
    if rng.random() < 0.02:
        return (CHANCE,)
    sd = 0.008 + 0.02 * params["lr"] ** 0.25 * (64 / params["batch"]) ** 0.5
    return (min(CHANCE, max(0.0, truth[0] + sd * rng.normal())),)


def _mean(recorded: Table) -> Callable[[Params], float]:
    return lambda params: float(recorded.look_up(params, "repeats").mean())


def _one_repetition(recorded: Table) -> Callable[..., Sequence[float]]:
    """Return one of the recorded repetitions: noise as it was."""

    def noise(params: Params, truth: Truth, rng: np.random.Generator) -> Sequence[float]:
        return (float(rng.choice(recorded.look_up(params, "repeats"))),)

    return noise
