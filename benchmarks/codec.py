"""How quickly params become points of the unit cube and come back: 10,000 rows of 10 parameters.

Two spaces: a flat one (floats, log scales, steps, integers, choices), and a conditional one of the
same kinds in which a choice and a switch decide what is active. One process, one thread. Rows are
those of random search; the codec is warm.

    python benchmarks/codec.py [--rows 10000] [--runs 15]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
from _report import Measure, report

from luthier import Categorical, Float, Int, Space

BAR_MS = 50.0
SINGLE_CALLS = 1000

FLAT = Space(
    {
        "lr": Float(1e-5, 1e-1, log=True),
        "weight_decay": Float(1e-6, 1e-2, log=True),
        "dropout": Float(0.0, 0.5),
        "label_smoothing": Float(0.0, 0.2, step=0.05),
        "momentum": Float(0.5, 0.999, scale="reverse_log"),
        "layers": Int(1, 12),
        "width": Int(16, 1024, log=True),
        "batch": Int(16, 512, log=True, step=2),
        "activation": Categorical(["relu", "gelu", "silu"]),
        "norm": Categorical(["batch", "layer", "none"]),
    }
)
CONDITIONAL = Space(
    {
        "model": Categorical(["svm", "forest", "boosting"]),
        "scaled": Categorical([False, True]),
        "C": Float(1e-3, 1e3, log=True, when={"model": "svm"}),
        "kernel": Categorical(["linear", "rbf", "poly"], when={"model": "svm"}),
        "gamma": Float(1e-5, 1e1, log=True, when={"kernel": {"rbf", "poly"}}),
        "degree": Int(2, 5, when={"kernel": "poly"}),
        "trees": Int(10, 1000, log=True, when={"model": {"forest", "boosting"}}),
        "depth": Int(1, 30, when={"model": "forest"}),
        "learning_rate": Float(1e-3, 1.0, log=True, when={"model": "boosting"}),
        "quantiles": Int(10, 1000, log=True, when={"scaled": True}),
    }
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000, help="default 10000")
    parser.add_argument("--runs", type=int, default=15, help="default 15")
    options = parser.parse_args()

    measures = []
    for name, space in (("flat", FLAT), ("conditional", CONDITIONAL)):
        codec = space.codec
        rows = space.sample(np.random.default_rng(0), options.rows)
        points = codec.encode(rows)
        assert codec.decode(points) == [space.canonical(row) for row in rows]

        def repeated(work: Callable[[], object], times: int = 1) -> list[float]:
            return [seconds(work, times) for _ in range(options.runs)]

        for what, samples in (
            ("encode", repeated(lambda: codec.encode(rows))),  # noqa: B023 - called at once
            ("decode", repeated(lambda: codec.decode(points))),  # noqa: B023
        ):
            milliseconds = [sample * 1e3 for sample in samples]
            label = f"{name}: {what} {options.rows:,} rows"
            measures.append(Measure(label, "ms", milliseconds, at_most=BAR_MS))
        rng = np.random.default_rng(0)
        for what, work in (
            ("encode one row", lambda: codec.encode(rows[:1])),  # noqa: B023
            ("decode one row", lambda: codec.decode(points[:1])),  # noqa: B023
            ("draw one row", lambda: space.sample(rng)),  # noqa: B023
        ):
            microseconds = [sample * 1e6 for sample in repeated(work, SINGLE_CALLS)]
            measures.append(Measure(f"{name}: {what}", "µs", microseconds))
    sys.exit(report("Params to unit cube and back", measures))


def seconds(work: Callable[[], object], times: int) -> float:
    """Return the seconds that one of several calls takes."""
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times


if __name__ == "__main__":
    main()
