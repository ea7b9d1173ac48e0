"""Says what the recorded learning curves are like, and draws them if told where.

python benchmarks/curves/summary.py [--plot FOLDER]

A trial is lost where early steps say little: hence the rank correlation of the values after 1, 3, 9
and 27 steps with the last ones (over all configurations, and over the better half of them), the
place that the best of those steps has in the end, and the place that the best in the end had then.
Ranges are from the best final value to the median one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from curves import Array, Source, sources

STEPS = (1, 3, 9, 27)


def ranks(values: Array) -> Array:
    """Return mean ranks, what is not finite last."""
    filled = np.where(np.isfinite(values), values, np.inf)
    _, place, counts = np.unique(filled, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def correlation(one: Array, other: Array) -> float:
    """Return Spearman's rank correlation."""
    return float(np.corrcoef(ranks(one), ranks(other))[0, 1])


def report(source: Source) -> None:
    """Print what a source is like."""
    final = source.final
    n = len(final)
    finite = np.isfinite(final)
    median = float(np.median(final))
    better = final <= median
    near = int((final <= source.best + 0.01 * (median - source.best)).sum())
    picked = source.test[int(final.argmin())]
    print(f"{source.name}: {n} x {source.steps}, {source.metric}")
    print(
        f"  diverged {1 - finite.mean():.1%}; best {source.best:.4g}, median {median:.4g}, ", end=""
    )
    print(f"{near} within 1 % of it")
    print(
        f"  best test {np.nanmin(source.test):.4g}, that of the best in validation {picked:.4g}, ",
        end="",
    )
    print(f"correlation of the two {correlation(final, source.test):.2f}")
    stuck = (final >= source.curves[:, 0]).mean()
    rises = np.where(np.isnan(source.curves), np.inf, source.curves).min(axis=1) < final - 0.05 * (
        median - source.best
    )
    print(f"  ends clearly above its least value: {(rises & finite).mean():.0%}; ", end="")
    print(f"where it began or worse: {stuck:.0%}")
    early = [source.curves[:, step - 1] for step in STEPS]
    print("  after steps", *STEPS)
    print("    correlation with the end ", *(f"{correlation(e, final):6.2f}" for e in early))
    half = (f"{correlation(e[better], final[better]):6.2f}" for e in early)
    print("    among the better half    ", *half)
    places = (f"{ranks(final)[np.nanargmin(e)]:6.0f}" for e in early)
    print("    final place of the best  ", *places)
    lost = (f"{ranks(e)[final.argmin()] / n:6.1%}" for e in early)
    print("    where the final best was ", *lost)
    seconds = source.seconds_per_step
    print(
        f"  seconds a step {np.median(seconds):.2g}, x{seconds.max() / seconds.min():.0f}; ", end=""
    )
    print(f"all in all {seconds.sum() * source.steps / 60:.1f} minutes")


def plot(source: Source, folder: Path) -> None:
    """Draw a hundred curves, and the best ones."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    drawn = np.random.default_rng(0).choice(len(source.curves), 100, replace=False)
    steps = np.arange(1, source.steps + 1)
    axes.plot(steps, source.curves[drawn].T, lw=0.6, color="#64748b", alpha=0.6)
    axes.plot(steps, source.curves[np.argsort(source.final)[:5]].T, lw=1.5, color="#b45309")
    axes.set(xscale="log", yscale="log", xlabel="step", ylabel=source.metric, title=source.name)
    shown = source.curves[np.isfinite(source.curves)]
    axes.set_ylim(shown.min() * 0.9, np.percentile(source.curves[drawn, 0], 98) * 1.2)
    figure.savefig(folder / f"{source.name}.png", dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plot", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    for each in sources().values():
        report(each)
        if arguments.plot is not None:
            plot(each, arguments.plot)
