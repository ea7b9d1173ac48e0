"""Draw the pictures of the documentation from real studies.

``python docs/make_pictures.py`` needs matplotlib and scikit-learn beside Luthier. The pictures
show what the code blocks on the pages compute: the first one of README.md is run as it stands.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "luthier"  # the same picture for the same study
mpl.rcParams["font.family"] = "DejaVu Sans"

import matplotlib.pyplot as plt  # noqa: E402 - after the choice of a backend

ROOT = Path(__file__).parents[1]
ASSETS = ROOT / "docs" / "assets"


def first_study() -> Any:
    """Run the first Python block of README.md, and return its study."""
    block = re.search(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    assert block is not None
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        exec(block[1], namespace)
        os.chdir(ROOT)
    return namespace["study"]


def draw_progress(study: Any, path: Path) -> None:
    """Draw the value of each trial, by kernel, and the best so far."""
    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    for kernel, colour in zip(["linear", "rbf", "poly"], ["#0f766e", "#b45309", "#7c3aed"]):
        trials = [trial for trial in study.trials if trial.params["kernel"] == kernel]
        axes.plot(
            [trial.number for trial in trials],
            [trial.value for trial in trials],
            "o",
            ms=5,
            color=colour,
            label=kernel,
        )
    best = [max(t.value for t in study.trials[: n + 1]) for n in range(len(study.trials))]
    axes.step(range(len(best)), best, where="post", color="#111827", lw=1.5, label="best so far")
    axes.set_xlabel("trial")
    axes.set_ylabel("accuracy, 3-fold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    figure.savefig(path, metadata={"Date": None}, facecolor="white")
    plt.close(figure)


if __name__ == "__main__":
    draw_progress(first_study(), ASSETS / "first-study.svg")
