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


if __name__ == "__main__":
    draw_progress(first_study(), ASSETS / "first-study.svg")
