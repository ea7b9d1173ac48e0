"""What racing over folds saves, and what it costs: cross-validations of scikit-learn.

Each study tunes a model by a cross-validation of a few hundred rows. The model it ends with
is fitted to all of them, and its true score is measured on thousands of rows that no study saw.
Random sampling gives all schedulers the same points, so that they differ by what they stop alone;
a confirming study measures its best three trials again by up to four more cross-validations, and
a study with seeds of its own splits the data anew for each trial.

    python benchmarks/racing.py [--trials 20] [--seeds 20] [--folds 5] [--sampler random]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from _report import Measure, report
from sklearn.base import ClassifierMixin
from sklearn.datasets import make_classification, make_moons
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import luthier

UNSEEN = 5_000
ROWS = 300
WAYS = ("full", "wilcoxon", "race", "race, confirmed", "own splits")
BAR = 0.5
"""Points of true accuracy, in percent, that may be lost as the mean over the seeds."""


@dataclass(frozen=True)
class Task:
    """A model, its space, and rows drawn from a distribution that is known."""

    name: str
    space: luthier.Space
    make: Callable[[Any], ClassifierMixin]
    draw: Callable[[], tuple[np.ndarray, np.ndarray]]

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        return self.draw()

    @cached_property
    def known(self) -> dict[Any, float]:
        """Scores of folds that were fitted before: studies of one seed share most of them."""
        return {}

    def scores(self, params: Any, folds: int, seed: int) -> Iterator[Callable[[], float]]:
        """Yield a function for each fold that fits the model and returns its accuracy."""
        x, y = self.data[0][:ROWS], self.data[1][:ROWS]
        splits = StratifiedKFold(folds, shuffle=True, random_state=seed).split(x, y)

        def score(key: Any, train: np.ndarray, test: np.ndarray) -> float:
            if key not in self.known:
                model = self.make(params).fit(x[train], y[train])
                self.known[key] = float(model.score(x[test], y[test]))
            return self.known[key]

        for fold, (train, test) in enumerate(splits):
            yield partial(score, (*params.items(), folds, seed, fold), train, test)

    def true_score(self, params: Any) -> float:
        """Return the accuracy in percent of a model fitted to all rows of the study."""
        x, y = self.data
        model = self.make(params).fit(x[:ROWS], y[:ROWS])
        return 100 * float(model.score(x[ROWS:], y[ROWS:]))


TASKS = (
    Task(
        "SVC",
        luthier.Space(
            {"C": luthier.Float(1e-2, 1e3, log=True), "gamma": luthier.Float(1e-4, 10, log=True)}
        ),
        lambda p: make_pipeline(StandardScaler(), SVC(C=p["C"], gamma=p["gamma"])),
        lambda: make_classification(
            ROWS + UNSEEN, 12, n_informative=6, flip_y=0.08, class_sep=0.8, random_state=1
        ),
    ),
    Task(
        "tree",
        luthier.Space(
            {
                "depth": luthier.Int(1, 20),
                "leaf": luthier.Int(1, 100, log=True),
                "features": luthier.Float(0.1, 1.0),
            }
        ),
        lambda p: DecisionTreeClassifier(
            max_depth=p["depth"],
            min_samples_leaf=p["leaf"],
            max_features=p["features"],
            random_state=0,
        ),
        lambda: make_moons(ROWS + UNSEEN, noise=0.35, random_state=2),
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20, help="of each study (default 20)")
    parser.add_argument("--seeds", type=int, default=20, help="studies of each kind (default 20)")
    parser.add_argument("--folds", type=int, default=5, help="of a cross-validation (default 5)")
    parser.add_argument("--sampler", default="random", help="default random")
    options = parser.parse_args()
    measures = []
    for task in TASKS:
        plain: list[float] = []
        for way in WAYS:
            runs = [
                study(task, way, options.trials, options.folds, options.sampler, seed)
                for seed in range(options.seeds)
            ]
            fits, reached = [run[0] for run in runs], [run[1] for run in runs]
            label = f"{task.name}, {way}"
            measures.append(Measure(f"{label}: fits", "", fits))
            measures.append(Measure(f"{label}: true accuracy", "%", reached))
            plain = plain or reached
            if way != WAYS[0]:
                lost = float(np.mean(plain) - np.mean(reached))
                bar = BAR if "race" in way else None
                measures.append(Measure(f"{label}: mean lost", "points", [lost], at_most=bar))
    title = f"Racing, {options.trials} trials of {options.folds} folds, {options.sampler}"
    sys.exit(report(title, measures))


def study(
    task: Task, way: str, trials: int, folds: int, sampler: str, seed: int
) -> tuple[float, float]:
    """Run a study, and return how many models it fitted and the true score of its result."""
    fits = 0

    def objective(trial: luthier.Trial) -> float:
        nonlocal fits
        splits = trial.own_seed if way == "own splits" else trial.seed
        parts = trial.folds(task.scores(trial.params, folds, splits))
        for score in parts:
            fits += 1
            parts.report(score())
        return float(parts.mean())

    scheduler = {"own splits": "full", "race, confirmed": "race"}.get(way, way)
    made = luthier.create_study(
        task.space, direction="maximize", sampler=sampler, scheduler=scheduler, seed=seed
    )
    made.optimize(objective, n_trials=trials)
    best = made.best_trial
    if way == "race, confirmed":
        best = made.confirm(objective, top=3, repeats=4)[0].trial
    return float(fits), task.true_score(best.params)


if __name__ == "__main__":
    main()
