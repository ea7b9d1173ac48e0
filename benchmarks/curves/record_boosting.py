"""Records boosted trees as they grow: one step is two trees.

With a learning rate that is too large the loss has its minimum early and grows again, so that
the best after few steps is not the best in the end.

    python benchmarks/curves/record_boosting.py                    about 6 minutes on one core
    python benchmarks/curves/record_boosting.py boosting_cancer    one of the two
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

# ruff: noqa: E402 - threads have to be limited before NumPy is imported
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np
from _recording import Array, Curve, Data, Params, chosen, load, record
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from luthier import Float, Int, Space

STEPS = 81
TREES = 2
SPLITS = 2
"""Curves are means over so many divisions of the few rows that there are."""
SPACE = Space(
    {
        "learning_rate": Float(0.01, 1.0, log=True, step=10**0.25),
        "max_leaf_nodes": Int(2, 32, log=True, step=4),
        "min_samples_leaf": Int(1, 25, log=True, step=5),
        "l2_regularization": Float(0.01, 100.0, log=True, step=10.0),
        "max_features": Float(0.1, 1.0, step=0.3),
    }
)


def log_loss(probabilities: Array, y: Array) -> float:
    """Return the mean negative logarithm of what was given to the right class."""
    right = np.clip(probabilities[np.arange(len(y)), y], 1e-12, 1.0)
    return float(-np.log(right).mean())


def root_mean_square(predicted: Array, y: Array) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(np.mean((predicted - y) ** 2)))


def classifier(data: Data, params: Params) -> Curve:
    """Train a classifier once; the metric is its log loss."""
    model, seconds = _fit(HistGradientBoostingClassifier, data, params)
    stages = list(model.staged_predict_proba(data.valid.X))[TREES - 1 :: TREES]
    values = np.array([log_loss(stage, data.valid.y) for stage in stages])
    return Curve(values, log_loss(model.predict_proba(data.test.X), data.test.y), seconds)


def regressor(data: Data, params: Params) -> Curve:
    """Train a regressor once; the metric is its root mean squared error."""
    model, seconds = _fit(HistGradientBoostingRegressor, data, params)
    stages = list(model.staged_predict(data.valid.X))[TREES - 1 :: TREES]
    values = np.array([root_mean_square(stage, data.valid.y) for stage in stages])
    return Curve(values, root_mean_square(model.predict(data.test.X), data.test.y), seconds)


def _fit(kind: Any, data: Data, params: Params) -> tuple[Any, float]:
    """Return the trained model and seconds per step."""
    model = kind(**params, max_iter=STEPS * TREES, early_stopping=False, random_state=0)
    started = time.process_time()
    model.fit(*data.train)
    return model, (time.process_time() - started) / STEPS


def curve(train: Callable[[Data, Params], Curve], splits: list[Data], params: Params) -> Curve:
    """Return the mean of a configuration's curves over the divisions of the data."""
    curves = [train(data, params) for data in splits]
    return Curve(
        np.mean([c.values for c in curves], axis=0),
        float(np.mean([c.test for c in curves])),
        float(np.mean([c.seconds for c in curves])),
    )


TABLES = {
    "boosting_cancer": (classifier, "breast_cancer", 280, "validation log loss"),
    "boosting_diabetes": (regressor, "diabetes", 220, "validation root mean squared error"),
}

if __name__ == "__main__":
    for name in chosen(TABLES, __doc__):
        train, data_set, n_train, metric = TABLES[name]
        splits = [load(data_set, n_train, seed) for seed in range(SPLITS)]
        record(name, SPACE, partial(curve, train, splits), metric=metric)
