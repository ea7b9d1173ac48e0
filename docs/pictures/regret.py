"""The picture of the comparison with other tuners.

Its runs take days, so they are no part of drawing: ``python -m docs.pictures.regret`` writes
what the picture needs of benchmarks/results to regret.json, which is kept beside this file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from docs.pictures.curves import plain_log
from docs.pictures.palette import BLUE, GREEN, MUTED, ORANGE
from docs.pictures.picture import ROOT, Data, Picture

KEPT = Path(__file__).with_suffix(".json")

TUNERS = {
    "luthier-random": "random search",
    "hyperopt-tpe": "Hyperopt",
    "optuna-tpe": "Optuna 5, default",
    "luthier-auto": "Luthier, default",
}
TRIALS, YARDSTICK = 150, 50


def summarize() -> Data:
    """Return the regrets of the tuners, as shares of random search's after `YARDSTICK` trials."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from _efficiency_report import arranged, at_budget, load
    from problems.records import geometric_mean, middle, relative, worst_quarter

    table = arranged(load(ROOT / "benchmarks" / "results" / f"{name}.jsonl" for name in TUNERS))
    problems = sorted(
        set.intersection(
            *(
                {name for name in table[tuner] if at_budget(table, tuner, name, TRIALS)}
                for tuner in TUNERS
            )
        )
    )

    def curve(tuner: str, summary: Any) -> list[float]:
        shares = (
            [
                relative(summary(at_budget(table, tuner, name, trial)), name, YARDSTICK)
                for name in problems
            ]
            for trial in range(1, TRIALS + 1)
        )
        return [round(geometric_mean(each), 4) for each in shares]

    return {
        "problems": len(problems),
        "median": {label: curve(tuner, middle) for tuner, label in TUNERS.items()},
        "worst": {label: curve(tuner, worst_quarter) for tuner, label in TUNERS.items()},
    }


def _draw(drawn: Any, data: Data) -> None:
    panels = drawn.subplots(1, 2, sharey=True)
    titles = {"median": "the median run", "worst": "the worst quarter of the runs"}
    for axes, (part, title) in zip(panels, titles.items(), strict=True):
        curves = zip(data[part].items(), (MUTED, GREEN, BLUE, ORANGE), strict=True)
        for (label, shares), colour in curves:
            width = 2.4 if colour == ORANGE else 1.6
            axes.plot(range(1, TRIALS + 1), shares, color=colour, lw=width, label=label)
        axes.set_title(title)
        axes.set_xlabel("trials")
    panels[0].set_ylabel(f"regret, as a share of random\nsearch's after {YARDSTICK} trials")
    plain_log(panels[0], (0.01, 0.03, 0.1, 0.3, 1, 3, 10))
    handles, labels = panels[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside upper center", ncols=4)


PICTURES = [Picture("regret", lambda: json.loads(KEPT.read_text()), _draw)]

if __name__ == "__main__":
    KEPT.write_text(json.dumps(summarize()) + "\n")
