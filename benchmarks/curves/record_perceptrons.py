"""Records the training of scikit-learn's perceptrons on the digits, epoch by epoch.

Few rows to train on make regularisation matter. Adam and plain descent share the learning rate,
so that most of a row of the grid is useless for one of them, as in real studies.

    python benchmarks/curves/record_perceptrons.py          about 8 minutes on one core
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator

# ruff: noqa: E402 - threads have to be limited before NumPy is imported
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np
from _recording import Curve, Params, chosen, load, record, training
from sklearn.neural_network import MLPClassifier

from luthier import Categorical, Float, Int, Space

STEPS = 81
SPACE = Space(
    {
        "lr": Float(1e-4, 1.0, log=True, step=10**0.5),
        "solver": Categorical(["adam", "sgd"]),
        "momentum": Categorical([0.0, 0.9], ordered=True, when={"solver": "sgd"}),
        "alpha": Float(1e-3, 1.0, log=True, step=10.0),
        "width": Int(8, 128, log=True, step=4),
        "batch": Int(16, 64, log=True, step=4),
        "activation": Categorical(["relu", "tanh"]),
    }
)
DATA = load("digits", 450)


def curve(params: Params) -> Curve:
    """Train one configuration; the metric is the share of wrong digits."""
    return training(STEPS, epochs(params))


def epochs(params: Params) -> Iterator[tuple[float, Callable[[], float]]]:
    model = MLPClassifier(
        (params["width"],),
        solver=params["solver"],
        learning_rate_init=params["lr"],
        momentum=params.get("momentum", 0.9),
        alpha=params["alpha"],
        batch_size=params["batch"],
        activation=params["activation"],
        random_state=0,
    )
    classes = np.unique(DATA.train.y)
    for _ in range(STEPS):
        model.partial_fit(*DATA.train, classes=classes)
        yield 1 - model.score(*DATA.valid), lambda: 1 - model.score(*DATA.test)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for name in chosen(["perceptron_digits"], __doc__):
        record(name, SPACE, curve, metric="validation error")
