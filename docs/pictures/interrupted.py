"""The picture of trials that are interrupted and go on."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

from docs.pictures.palette import BLUE, FAINT, GREEN, ORANGE, PAPER
from docs.pictures.picture import Data, Picture

ENDINGS = {"paused": "paused", "released": "its worker died", "told": "complete"}


def _train(trial: Any) -> Generator[float, None, float]:
    """Take about a minute for an epoch; what was reported is not done again."""
    for epoch in range((trial.restored_step or 0) + 1, 10):
        yield 60.0 * trial["width"]
        trial.report(trial["lr"] + 1 / epoch, epoch)
        trial.prune_if_hopeless()
    return float(trial["lr"])


def _compute() -> Data:
    """Return when which trial ran, on three simulated workers that die now and then."""
    import luthier

    study = luthier.create_study(
        {"lr": luthier.Float(0, 1), "width": luthier.Float(0.6, 1.4)},
        scheduler={"name": "asha", "kind": "promote", "max_step": 9},
        sampler="random",
        seed=4,
    )
    workers = luthier.Simulated(3, startup=120, mean_life=1500, seed=5)
    study.optimize(_train, n_trials=9, retries=5, executor=workers)
    began: dict[int, float] = {}
    stretches, reports = [], []
    for event in map(json.loads, study.storage.read(study.name)):
        kind, number = event["event"], event.get("number")
        minute = event["time"] / 60
        if kind in ("asked", "resumed"):
            began[number] = minute
        elif kind == "reported":
            reports.append((number, minute))
        elif kind in ENDINGS:
            stretches.append((number, began.pop(number), minute, ENDINGS[kind]))
    return {"stretches": stretches, "reports": reports}


def _draw(drawn: Any, data: Data) -> None:
    axes = drawn.subplots()
    rows = sorted({number for number, *_ in data["stretches"]})
    for number in rows:
        own = [stretch for stretch in data["stretches"] if stretch[0] == number]
        axes.plot([own[0][1], own[-1][2]], [number] * 2, color=FAINT, lw=1, ls=(0, (2, 3)))
        for _, begin, end, _ in own:
            axes.plot([begin, end], [number] * 2, color=BLUE, lw=6, solid_capstyle="butt")
    numbers, minutes = zip(*data["reports"], strict=True)
    axes.plot(minutes, numbers, "|", color=PAPER, ms=5, mew=1.2)
    looks: dict[str, dict[str, Any]] = {
        "paused": {"marker": "o", "mfc": PAPER, "mec": BLUE, "mew": 1.4},
        "its worker died": {"marker": "X", "mfc": ORANGE, "mec": PAPER, "mew": 0.6, "ms": 9},
        "complete": {"marker": "o", "mfc": GREEN, "mec": GREEN},
    }
    for how, look in looks.items():
        ends = [(end, number) for number, _, end, ending in data["stretches"] if ending == how]
        axes.plot(*zip(*ends, strict=True), ls="none", zorder=4, label=how, **({"ms": 6} | look))
    axes.set_yticks(rows)
    axes.invert_yaxis()
    axes.set_xlabel("minutes")
    axes.set_ylabel("trial")
    drawn.legend(loc="outside upper center", ncols=3)


PICTURES = [Picture("interrupted", _compute, _draw)]
