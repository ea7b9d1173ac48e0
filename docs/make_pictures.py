"""Draw the pictures of the documentation from real studies.

``python docs/make_pictures.py`` needs matplotlib and scikit-learn beside Luthier.
The pictures show what the code blocks on the pages compute: the first one of
README.md is run as it stands.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "luthier"  # the same picture for the same study
mpl.rcParams["font.family"] = "DejaVu Sans"

import matplotlib.pyplot as plt  # noqa: E402 - after the choice of a backend

ROOT = Path(__file__).parents[1]
ASSETS = ROOT / "docs" / "assets"


def first_study() -> Sequence[Any]:
    """Run the first Python block of README.md; return the trials of its study."""
    block = re.search(
        r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S
    )
    assert block is not None
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        exec(block[1], namespace)
        return namespace["study"].trials


def draw_progress(trials: Sequence[Any], path: Path) -> None:
    """Draw the value of each trial, by kernel, and the best so far."""
    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    for kernel, colour in {
        "linear": "#0f766e",
        "rbf": "#b45309",
        "poly": "#7c3aed",
    }.items():
        points = [
            (t.number, t.value) for t in trials if t.params["kernel"] == kernel
        ]
        axes.plot(*zip(*points, strict=True), "o", ms=5, color=colour, label=kernel)
    best = list(itertools.accumulate((trial.value for trial in trials), max))
    axes.step(
        range(len(best)),
        best,
        where="post",
        color="#111827",
        lw=1.5,
        label="best so far",
    )
    axes.set_xlabel("trial")
    axes.set_ylabel("accuracy, 3-fold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(
        frameon=False, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0)
    )
    figure.savefig(path, metadata={"Date": None}, facecolor="white")
    plt.close(figure)


def draw_schedules(path: Path) -> None:
    """Draw a course of every kind, and one of them after a warm-up."""
    from luthier import Course
    from luthier.space.courses import KINDS

    examples = {"cosine_restarts": {"restarts": 2}, "exponential": {"end": 0.02}}
    progress = [i / 400 for i in range(401)]
    figure, rows = plt.subplots(
        2, 4, figsize=(8, 3.6), sharex=True, sharey=True, layout="constrained"
    )
    for axes, kind in zip(rows.flat, [*KINDS, "cosine"], strict=True):
        last = axes is rows.flat[-1]
        course = Course(
            kind, 1.0, **({"warmup": 0.2} if last else examples.get(kind, {}))
        )
        axes.plot(progress, list(map(course, progress)), color="#0f766e", lw=1.8)
        axes.set_title(f"{kind}, warmup 0.2" if last else kind, fontsize=9)
        axes.set_ylim(-0.03, 1.08)
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    figure.supxlabel("progress of the training", fontsize=9)
    figure.supylabel("share of the peak", fontsize=9)
    figure.savefig(path, metadata={"Date": None}, facecolor="white")
    plt.close(figure)


def population() -> Any:
    """Run the first block of the page about populations; return its study."""
    page = ROOT / "docs" / "how-to" / "train-a-population.md"
    block = re.search(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S)
    assert block is not None
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        exec(block[1], namespace)
        return namespace["population"].history


def draw_population(history: Any, path: Path) -> None:
    """Draw rates and losses of a population, and the lineage of the best."""
    from luthier.analysis import best_trial, lineage

    figure, (rates, losses) = plt.subplots(
        2, 1, figsize=(7, 4.6), sharex=True, layout="constrained"
    )
    segments = {s.trial: s for s in lineage(history, best_trial(history).number)}
    for trial in history.trials:
        begin, parent = trial.parent_step or 0, trial.parent
        steps, values = zip(*trial.intermediate_values.items(), strict=True)
        rate = trial.params["lr"]
        if parent is not None:
            before = history.trial(parent)
            origin = before.intermediate_values.get(begin)
            jump = [before.params["lr"], rate]
            rates.plot([begin] * 2, jump, color="#d1d5db", lw=0.8)
            if origin is not None:
                steps, values = (begin, *steps), (origin, *values)
        rates.plot([begin, steps[-1]], [rate, rate], color="#94a3b8", lw=1.2)
        losses.plot(steps, values, color="#94a3b8", lw=0.9)
    last = None
    for number, segment in segments.items():
        trial = history.trial(number)
        rate = trial.params["lr"]
        bold = {"color": "#0f766e", "lw": 2.4, "solid_capstyle": "butt"}
        if last is not None:
            rates.plot([segment.after] * 2, [last, rate], **(bold | {"lw": 1.2}))
        rates.plot([segment.after, segment.until], [rate, rate], **bold)
        inside = [
            (step, value)
            for step, value in trial.intermediate_values.items()
            if step <= segment.until
        ]
        losses.plot(*zip(*inside, strict=True), **(bold | {"lw": 1.8}))
        last = rate
    for axes, name in ((rates, "learning rate"), (losses, "loss")):
        axes.set_yscale("log")
        axes.set_ylabel(name)
        axes.spines[["top", "right"]].set_visible(False)
    losses.set_xlabel("epoch")
    figure.savefig(path, metadata={"Date": None}, facecolor="white")
    plt.close(figure)


if __name__ == "__main__":
    draw_progress(first_study(), ASSETS / "first-study.svg")
    draw_schedules(ASSETS / "schedules.svg")
    draw_population(population(), ASSETS / "population.svg")
