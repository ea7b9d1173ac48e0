"""What training a network looks like from afar: a mixed surface with the usual interactions.

No network is trained. The coefficients are random, and fixed by the surface's name. What is
modelled: a best learning rate that moves with optimiser, width and batch size, around it a basin
whose width depends on the optimiser, and beyond it divergence to chance level or to failure; too
little capacity on one side and overfitting, held down by dropout and weight decay, on the other;
activations that suffer from depth; small ripples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

import numpy as np

from .spaces import Params, Space, choice, integer, ordered, real

OPTIMIZERS = ("sgd", "adam", "rmsprop")
ACTIVATIONS = ("relu", "tanh", "gelu")
CHANCE = 0.9
"""Error of a network that has learnt nothing."""


@dataclass(frozen=True)
class Network:
    """A surface over eight parameters.

    Parameters
    ----------
    name : str
        Chooses the coefficients.
    fails : bool, default False
        Whether training that diverges far fails instead of ending at chance level.
    """

    name: str
    fails: bool = False

    @property
    def space(self) -> Space:
        return {
            "lr": real(1e-5, 1.0, log=True),
            "weight_decay": real(1e-7, 1e-1, log=True),
            "layers": integer(1, 6),
            "width": integer(16, 1024, log=True),
            "dropout": real(0.0, 0.6),
            "optimizer": choice(*OPTIMIZERS),
            "activation": choice(*ACTIVATIONS),
            "batch": ordered(16, 32, 64, 128, 256),
        }

    @cached_property
    def _coefficients(self) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(crc32(self.name.encode()))
        return {
            "lr_of": np.array([-1.5, -3.0, -3.3]) + rng.normal(0, 0.35, 3),
            "lr_width": rng.uniform(-0.25, -0.05, 1),
            "lr_batch": rng.uniform(0.05, 0.25, 1),
            "lr_depth": rng.uniform(-0.2, 0.0, 3),
            "basin": np.array([0.45, 0.8, 0.6]) * rng.uniform(0.8, 1.3, 3),
            "need": rng.uniform(9.0, 15.0, 1),
            "by_dropout": rng.uniform(4.0, 9.0, 1),
            "by_decay": rng.uniform(0.4, 1.2, 1),
            "decay_best": rng.uniform(-5.0, -2.5, 1),
            "pair": rng.uniform(0.0, 0.06, (3, 3)),
            "deep": np.array([0.0, 0.02, 0.004]) * rng.uniform(0.5, 2.0, 3),
            "depth_best": rng.uniform(1.5, 5.0, 1),
            "ripple": rng.uniform(0.0, 2 * math.pi, 4),
            "floor": rng.uniform(0.02, 0.15, 1),
        }

    def error(self, params: Params) -> float:
        """Return the error, from a few percent to `CHANCE`; NaN where training fails."""
        c = self._coefficients
        optimizer = OPTIMIZERS.index(params["optimizer"])
        activation = ACTIVATIONS.index(params["activation"])
        lr, decay = math.log10(params["lr"]), math.log10(params["weight_decay"])
        width, layers = math.log2(params["width"] / 128), params["layers"]
        batch, dropout = math.log2(params["batch"] / 64), params["dropout"]

        best_lr = (
            c["lr_of"][optimizer]
            + c["lr_width"][0] * width
            + c["lr_batch"][0] * batch
            + c["lr_depth"][activation] * (layers - 2)
        )
        off = (lr - best_lr) / c["basin"][optimizer]
        if off > 2.4:
            return math.nan if self.fails and off > 3.6 else CHANCE
        step = 1 - math.exp(-0.35 * off * off * (1.6 if off > 0 else 1.0))

        regularised = c["by_dropout"][0] * dropout + c["by_decay"][0] * max(decay + 6.0, 0.0)
        capacity = math.sqrt(layers) * math.log2(params["width"]) - regularised - c["need"][0]
        fit = 1 - math.exp(-0.012 * capacity**2 * (2.0 if capacity < 0 else 1.0))

        kept = 1.0
        for loss in (
            step,
            fit,
            float(c["pair"][optimizer, activation]),
            float(c["deep"][activation]) * (layers - 1),
            0.006 * (layers - c["depth_best"][0]) ** 2,
            0.01 * (decay - c["decay_best"][0]) ** 2,
            0.008 * (batch + 0.5) ** 2,
        ):
            kept *= 1 - min(loss, 1.0)
        ripple = 0.004 * sum(
            math.sin(speed * place + phase)
            for speed, place, phase in zip(
                (5.0, 4.0, 3.0, 18.0), (lr, decay, width, dropout), c["ripple"], strict=True
            )
        )
        floor = float(c["floor"][0])
        return min(CHANCE, floor + (CHANCE - floor) * (1 - kept) + ripple * kept)

    def seconds(self, params: Params) -> float:
        """Return how long an epoch takes, by the number of weights and the batch size."""
        return 0.2 + self.weights(params) / 2e5 * (1.0 + 24.0 / float(params["batch"]))

    @staticmethod
    def weights(params: Params) -> float:
        """Return the number of weights, with 64 inputs and 10 outputs."""
        width = params["width"]
        return float(width * (74 + (params["layers"] - 1) * width))
