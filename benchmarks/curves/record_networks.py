"""Records networks, hundreds of them trained at once as one batched product.

A cosine schedule is one of the choices: it is behind a constant rate for most of the training
and ahead in the end, so that what is best after few epochs is not what is best. The metric is
cross-entropy, which rises again where a network fits its few rows too well. Needs PyTorch 2.13.

    python benchmarks/curves/record_networks.py                   about 6 minutes on one core
    python benchmarks/curves/record_networks.py network_cancer    one of the two
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from itertools import pairwise

import numpy as np
import torch
from _recording import Array, Data, Params, Part, chosen, load, save
from torch import Tensor
from torch.nn.functional import cross_entropy

from luthier import Categorical, Float, Int, Space

STEPS = 54
BATCH = 32
SPACE = Space(
    {
        "lr": Float(1e-4, 10.0, log=True, step=10**0.5),
        "optimizer": Categorical(["adam", "momentum", "sgd"]),
        "schedule": Categorical(["constant", "cosine"]),
        "weight_decay": Float(1e-3, 1e-1, log=True, step=100.0),
        "dropout": Float(0.0, 0.5, step=0.25),
        "layers": Int(1, 3),
        "width": Int(16, 64, log=True, step=4),
    }
)


class Networks:
    """Many networks of one shape, and their optimizers: every tensor has an axis for them.

    Parameters
    ----------
    rows : list of params
    n_inputs, n_classes : int
    """

    def __init__(self, rows: list[Params], n_inputs: int, n_classes: int) -> None:
        layers, width = rows[0]["layers"], rows[0]["width"]
        sizes = [n_inputs, *[width] * layers, n_classes]
        draw = torch.Generator().manual_seed(0)
        self.weights: list[Tensor] = []
        for n_in, n_out in pairwise(sizes):
            # All networks of a shape begin with the same weights: they differ by their settings.
            first = torch.randn(n_in, n_out, generator=draw) * math.sqrt(2 / n_in)
            for start in (first, torch.zeros(1, n_out)):
                self.weights.append(start.repeat(len(rows), 1, 1).requires_grad_())
        self.rows = rows
        self.moments = [(torch.zeros_like(w), torch.zeros_like(w)) for w in self.weights]
        self.steps = 0
        self.dropout = self._setting(lambda row: row["dropout"])
        self.adam = self._setting(lambda row: row["optimizer"] == "adam").bool()
        self.decay = self._setting(lambda row: row["weight_decay"])
        self.mass = self._setting(lambda row: 0.9 if row["optimizer"] != "sgd" else 0.0)

    def _setting(self, of: object) -> Tensor:
        values = [float(of(row)) for row in self.rows]  # type: ignore[operator]
        return torch.tensor(values)[:, None, None]

    def logits(self, X: Tensor, draw: torch.Generator | None = None) -> Tensor:
        """Return the outputs, shape (networks, rows, classes); with dropout given a generator."""
        hidden = X.expand(len(self.rows), *X.shape)
        last = len(self.weights) - 2
        for i in range(0, len(self.weights), 2):
            hidden = torch.baddbmm(self.weights[i + 1], hidden, self.weights[i])
            if i == last:
                break
            hidden = hidden.relu()
            if draw is not None:
                # One mask for networks that are compared: they differ by their settings alone.
                kept = torch.rand(hidden.shape[1:], generator=draw) >= self.dropout
                hidden = hidden * kept / (1 - self.dropout)
        return hidden

    def train(self, X: Tensor, y: Tensor, rates: Tensor, draw: torch.Generator) -> None:
        """Make one step: Adam, or descent with or without momentum; decoupled weight decay."""
        logits = self.logits(X, draw)
        target = y.expand(len(self.rows), -1).reshape(-1)
        loss = cross_entropy(logits.flatten(0, 1), target, reduction="sum") / len(y)
        gradients = torch.autograd.grad(loss, self.weights)
        self.steps += 1
        with torch.no_grad():
            for weight, gradient, (first, second) in zip(
                self.weights, gradients, self.moments, strict=True
            ):
                # Momentum sums gradients up, Adam averages them.
                first.mul_(self.mass).add_(gradient * torch.where(self.adam, 0.1, 1.0))
                second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
                scaled = (first / (1 - 0.9**self.steps)) / (
                    (second / (1 - 0.999**self.steps)).sqrt() + 1e-8
                )
                weight.mul_(1 - rates * self.decay)
                weight.sub_(rates * torch.where(self.adam, scaled, first))

    def losses(self, X: Tensor, y: Tensor) -> np.ndarray:
        """Return the cross-entropy of each network."""
        with torch.no_grad():
            logits = self.logits(X).double()
            target = y.expand(len(self.rows), -1)
            return cross_entropy(logits.transpose(1, 2), target, reduction="none").mean(1).numpy()


def rates(rows: list[Params], progress: float) -> Tensor:
    """Return the learning rate of each row at a progress in [0, 1)."""
    falling = (1 + math.cos(math.pi * progress)) / 2
    values = [row["lr"] * (falling if row["schedule"] == "cosine" else 1.0) for row in rows]
    return torch.tensor(values)[:, None, None]


def record_networks(name: str, splits: list[Data]) -> None:
    """Train the networks on each division of the data, and write the table of the means."""
    runs = [train_networks(name, data) for data in splits]
    curves, final, seconds = (np.mean(parts, axis=0) for parts in zip(*runs, strict=True))
    save(name, SPACE, curves, final, seconds, metric="validation cross-entropy")


def train_networks(name: str, data: Data) -> tuple[Array, Array, Array]:
    """Train the networks of each shape together; return curves, final test losses and seconds."""
    train, valid, test = ((_tensor(part), torch.from_numpy(part.y)) for part in data)
    n_classes = len(train[1].unique())
    rows = list(SPACE.grid())
    curves = np.full((len(rows), STEPS), np.nan)
    final, seconds = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    shapes = defaultdict(list)
    for i, row in enumerate(rows):
        shapes[row["layers"], row["width"]].append(i)
    n_batches = len(train[1]) // BATCH
    for shape, members in shapes.items():
        draw = torch.Generator().manual_seed(0)
        networks = Networks([rows[i] for i in members], train[0].shape[1], n_classes)
        started = time.process_time()
        for epoch in range(STEPS):
            order = torch.randperm(len(train[1]), generator=draw)
            for batch in range(n_batches):
                progress = (epoch + batch / n_batches) / STEPS
                chosen_rows = order[batch * BATCH : (batch + 1) * BATCH]
                now = rates(networks.rows, progress)
                networks.train(train[0][chosen_rows], train[1][chosen_rows], now, draw)
            curves[members, epoch] = networks.losses(*valid)
        final[members] = networks.losses(*test)
        # A shape costs all its networks the same.
        seconds[members] = (time.process_time() - started) / STEPS / len(members)
        print(f"{name}: layers and width {shape}", flush=True)
    return curves, final, seconds


def _tensor(part: Part) -> Tensor:
    return torch.from_numpy(part.X).float()


TABLES = {"network_digits": ("digits", 450, 1), "network_cancer": ("breast_cancer", 280, 2)}

if __name__ == "__main__":
    torch.set_num_threads(1)
    for table in chosen(TABLES, __doc__):
        data_set, n_train, n_splits = TABLES[table]
        record_networks(table, [load(data_set, n_train, seed) for seed in range(n_splits)])
