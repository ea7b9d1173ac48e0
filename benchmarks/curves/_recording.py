"""What the recorders share: the data, one loop over a grid, and how a table is written."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from luthier import Space

Array = np.ndarray
Params = dict[str, Any]
FOLDER = Path(__file__).parent


class Part(NamedTuple):
    X: Array
    y: Array


class Data(NamedTuple):
    """Rows to train on, rows that give the curves, and rows for the final test."""

    train: Part
    valid: Part
    test: Part


class Curve(NamedTuple):
    """One configuration: the metric after each step, the final test metric, CPU time per step."""

    values: Array
    test: float
    seconds: float


def load(name: str, n_train: int, seed: int = 0) -> Data:
    """Return a data set of scikit-learn, shuffled; what is not trained on is halved.

    Pixels are scaled to [0, 1], other features are standardised.
    """
    from sklearn import datasets

    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(y))
    X, y = X[order], y[order]
    X = X / 16.0 if name == "digits" else (X - X.mean(0)) / X.std(0)
    middle = (n_train + len(y)) // 2
    cuts = (slice(n_train), slice(n_train, middle), slice(middle, None))
    return Data(*(Part(X[cut], y[cut]) for cut in cuts))


def training(steps: int, epochs: Iterator[tuple[float, Callable[[], float]]]) -> Curve:
    """Go through the epochs of one configuration.

    Each item is the validation metric and a function that returns the test metric. Where
    training fails for numbers that are not finite, the rest of the curve is NaN.
    """
    values, test = np.full(steps, np.nan), np.nan
    started = time.process_time()
    done = 0
    with np.errstate(all="ignore"):
        try:
            for done, (value, last) in enumerate(epochs, 1):
                values[done - 1] = value
                if done == steps:
                    test = last()
        except (ValueError, FloatingPointError):
            pass
    return Curve(values, test, (time.process_time() - started) / max(done, 1))


def record(name: str, space: Space, curve: Callable[[Params], Curve], **described: Any) -> None:
    """Record every configuration of a finite space and write the table."""
    started = time.monotonic()
    curves = []
    for i, params in enumerate(space.grid()):
        curves.append(curve(params))
        if i % 100 == 0:
            print(f"{name}: {i} of {space.size}, {time.monotonic() - started:.0f} s", flush=True)
    save(
        name,
        space,
        np.array([c.values for c in curves]),
        np.array([c.test for c in curves]),
        np.array([c.seconds for c in curves]),
        **described,
    )


def save(
    name: str, space: Space, curves: Array, test: Array, seconds: Array, *, metric: str
) -> None:
    """Write a table; its rows are in the order of ``space.grid()``.

    From the first value that is not finite on a curve is NaN, and so is its test value.
    """
    import json

    lost = np.logical_or.accumulate(~np.isfinite(curves), axis=1)
    path = FOLDER / f"{name}.npz"
    np.savez_compressed(
        path,
        space=np.array(json.dumps(space.to_json())),
        metric=np.array(metric),
        curves=np.where(lost, np.nan, curves).astype(np.float32),
        test=np.where(lost[:, -1], np.nan, test).astype(np.float32),
        seconds=seconds.astype(np.float32),
    )
    print(f"{name}: {curves.shape}, {path.stat().st_size / 1024:.0f} KiB", flush=True)


def chosen(names: Any, description: str | None) -> list[str]:
    """Return the tables that the command line asks for; all without any."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"of {', '.join(names)}")
    given = parser.parse_args().tables
    for name in given:
        if name not in names:
            parser.error(f"no table {name!r}; there are {', '.join(names)}")
    return given or list(names)
