"""Does population-based training find a better learning rate than any constant one?

A small network learns the digits of scikit-learn from noisy images, on the CPU. Each contender has
the same number of epochs: a population of 8 that trains once, or 8 trainings with a constant
learning rate each. All are judged by the validation loss of their best training, and by the test
loss of that one. Then the schedule that was found is put to the test itself: trainings from other
initial weights follow it from the first epoch to the last, beside trainings with the best constant
rate.

    python benchmarks/population.py [--seeds 5] [--epochs 48] [--interval 6]

It needs PyTorch and scikit-learn.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import luthier
from luthier.analysis.lineage import Replay, schedule_of
from luthier.schedulers import PopulationBased

POPULATION = 8
BATCH = 16
NOISE = 0.6
"""Standard deviation of what is added to each pixel anew in each epoch; pixels are in [0, 1]."""

SPACE = {"lr": luthier.Float(1e-3, 1.0, log=True)}
OTHERS = 3
"""So many other initial weights a schedule is tried from."""


class Data:
    """The digits: 800 to train, 400 to choose by, 597 to judge by."""

    def __init__(self) -> None:
        x, y = load_digits(return_X_y=True)
        order = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))
        images = torch.tensor(x / 16, dtype=torch.float32)[order]
        digits = torch.tensor(y)[order]
        self.train = images[:800], digits[:800]
        self.valid = images[800:1200], digits[800:1200]
        self.test = images[1200:], digits[1200:]


class Training:
    """A network, its optimiser and its randomness: all that a checkpoint has to hold."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)
        self.draw = torch.Generator().manual_seed(seed)

    def epoch(self, data: Data, lr: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        images, digits = data.train
        noisy = images + NOISE * torch.randn(images.shape, generator=self.draw)
        for batch in torch.randperm(len(digits), generator=self.draw).split(BATCH):
            self.optimizer.zero_grad()
            cross_entropy(self.model(noisy[batch]), digits[batch]).backward()
            self.optimizer.step()

    def loss(self, part: tuple[Tensor, Tensor]) -> float:
        with torch.no_grad():
            return float(cross_entropy(self.model(part[0]), part[1]))

    def state(self) -> dict[str, object]:
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "draw": self.draw.get_state(),
        }

    def restore(self, state: dict[str, object]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.draw.set_state(state["draw"])


def objective(data: Data, seed: int, epochs: int) -> Callable[[luthier.Trial], float]:
    def train(trial: luthier.Trial) -> float:
        first = 1
        training = Training(1000 * seed + trial.number)
        if trial.restore_dir is not None:
            training.restore(torch.load(trial.restore_dir / "state.pt", weights_only=True))
            first = trial.restored_step + 1
        for epoch in range(first, epochs + 1):
            training.epoch(data, trial["lr"])
            loss = training.loss(data.valid)
            trial.report(loss, epoch)
            if trial.should_prune():
                with trial.checkpoint() as folder:
                    torch.save(training.state(), folder / "state.pt")
                raise luthier.TrialPruned
        trial.measure("test", training.loss(data.test))
        return loss

    return train


def follow(data: Data, seed: int, epochs: int, schedule: Replay) -> float:
    """Return the test loss of a training from initial weights that no study has used."""
    training = Training(900_000 + seed)
    for epoch in range(1, epochs + 1):
        training.epoch(data, schedule(epoch)["lr"])
    return training.loss(data.test)


def run(name: str, data: Data, seed: int, options: argparse.Namespace) -> luthier.Study:
    scheduler = {
        "constant": "full",
        "PBT": PopulationBased(options.interval, options.epochs, POPULATION),
        "PB2": PopulationBased(options.interval, options.epochs, POPULATION, explore="pb2"),
    }[name]
    study = luthier.create_study(SPACE, seed=seed, sampler="random", scheduler=scheduler)
    study.optimize(
        objective(data, seed, options.epochs), n_trials=POPULATION if name == "constant" else None
    )
    return study


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=48)
    parser.add_argument("--interval", type=int, default=6)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    data = Data()
    table: dict[str, list[tuple[float, ...]]] = {"constant": [], "PBT": [], "PB2": []}
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for name, rows in table.items():
            began = time.perf_counter()
            study = run(name, data, seed, options)
            seconds = time.perf_counter() - began
            best = study.best_trial
            schedule = Replay(schedule_of(study.history, best.number))
            again = [
                follow(data, OTHERS * seed + i, options.epochs, schedule) for i in range(OTHERS)
            ]
            epochs = sum(len(trial.reports) for trial in study.trials)
            rows.append((epochs, best.value, best.metrics["test"], statistics.mean(again)))
            rates = " ".join(f"{step}:{lr:.3g}" for step, lr in schedule.values["lr"])
            print(
                f"seed {seed} {name:8} {epochs} epochs, {seconds:4.1f} s, validation "
                f"{best.value:.4f}, test {best.metrics['test']:.4f}, "
                f"again {rows[-1][3]:.4f}; rates {rates}",
                flush=True,
            )
    print(
        f"\nmedian of {options.seeds} seeds  epochs  validation    test   again from other weights"
    )
    for name, rows in table.items():
        epochs, *losses = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"{name:18}    {epochs:6.0f}  " + "  ".join(f"{loss:8.4f}" for loss in losses))
    for name in ("PBT", "PB2"):
        pairs = zip(table[name], table["constant"], strict=True)
        wins = sum(mine[1] < theirs[1] for mine, theirs in pairs)
        print(f"{name} has the smaller validation loss in {wins} of {options.seeds} seeds")


if __name__ == "__main__":
    main()
