"""Pictures of schedulers, from the studies of their pages."""

from __future__ import annotations

import itertools
from statistics import mean, median
from typing import Any

from docs.pictures.curves import ERRORS, best_of, curves_of, draw_curves, draw_rungs, key, plain_log
from docs.pictures.palette import BLUE, FAINT, GREEN, INK, MUTED, ORANGE, PURPLE
from docs.pictures.picture import Data, Picture, first_block

PAGES = "docs/explanation/early_stopping"


def _curves(page: str) -> Data:
    """Return the curves of the study of a page."""
    with first_block(f"{PAGES}/{page}.md") as names:
        return {"curves": curves_of(names["study"])}


def _studies(page: str) -> Data:
    """Return the curves of all studies of a page."""
    with first_block(f"{PAGES}/{page}.md") as names:
        return {name: curves_of(study) for name, study in names["studies"].items()}


def _halving(drawn: Any, data: Data) -> None:
    panels = drawn.subplots(1, 2, sharey=True)
    for axes, (kind, curves) in zip(panels, data.items(), strict=True):
        draw_curves(axes, curves, best_of(curves))
        draw_rungs(axes, [1, 3, 9], 27)
        plain_log(axes, ERRORS)
        epochs = sum(len(curve["steps"]) for curve in curves)
        axes.set_title(f'kind="{kind}": {epochs} epochs')
        axes.set_xlabel("epoch (logarithmic)")
    panels[0].set_ylabel("error")
    key(drawn, "best", "complete", "stopped", "waiting")


def _hyperband_data() -> Data:
    with first_block(f"{PAGES}/hyperband.md") as names:
        study = names["study"]
        brackets = study.scheduler.ladder(study.history)
        groups: list[list[Data]] = [[] for _ in brackets.levels]
        for curve in curves_of(study):
            groups[brackets.bracket(curve["number"])].append(curve)
    return {"rungs": [list(levels) for levels in brackets.levels], "groups": groups}


def _hyperband(drawn: Any, data: Data) -> None:
    panels = drawn.subplots(1, len(data["groups"]), sharey=True)
    found = best_of([curve for group in data["groups"] for curve in group])
    for index, axes in enumerate(panels):
        group, rungs = data["groups"][index], data["rungs"][index]
        draw_curves(axes, group, found if found in group else None)
        draw_rungs(axes, rungs, 27)
        axes.set_xlim(0.9, 30)
        plain_log(axes, ERRORS)
        axes.set_title(f"bracket {index}: {len(group)} trials")
    panels[0].set_ylabel("error")
    drawn.supxlabel("epoch (logarithmic)", fontsize=9)
    key(drawn, "best", "complete", "stopped")


def _adaptive(drawn: Any, data: Data) -> None:
    axes = drawn.subplots()
    for (mode, curves), colour in zip(data.items(), (ORANGE, BLUE, GREEN), strict=True):
        lengths = [len(curve["steps"]) for curve in curves]
        epochs = range(1, 65)
        training = [sum(length >= epoch for length in lengths) for epoch in epochs]
        label = f"{mode}: {sum(lengths):,} epochs in all"
        axes.step(epochs, training, where="mid", color=colour, lw=2, label=label)
    axes.set_xscale("log")
    axes.set_xticks([1, 4, 16, 64], ["1", "4", "16", "64"])
    axes.set_xticks([], minor=True)
    axes.set_ylim(0, 125)
    axes.set_xlabel("epoch (logarithmic)")
    axes.set_ylabel("trials that come so far")
    axes.legend()


def _pasha_data() -> Data:
    with first_block(f"{PAGES}/pasha.md") as names:
        reports = sorted(
            (report.time, report.step)
            for trial in names["study"].trials
            for report in trial.reports
        )
    return {"steps": [step for time, step in reports]}


def _pasha(drawn: Any, data: Data) -> None:
    axes = drawn.subplots()
    steps = data["steps"]
    top = list(itertools.accumulate(steps, max))
    spent = range(1, len(steps) + 1)
    axes.plot(spent, steps, "o", ms=2.6, color=BLUE, mew=0, label="a report of a trial")
    axes.step(spent, top, where="post", color=ORANGE, lw=1.6, label="the longest so far")
    axes.set_yscale("log")
    axes.set_yticks([1, 3, 9, 27, 81], ["1", "3", "9", "27", "81"])
    axes.set_yticks([], minor=True)
    axes.set_xlabel("epochs spent by all trials so far")
    axes.set_ylabel("epoch of the trial (logarithmic)")
    axes.legend(loc="upper left")


def _auto(drawn: Any, data: Data) -> None:
    panels = drawn.subplots(1, 2, sharey=True)
    full = best_of(data["full"])
    for axes, name in zip(panels, ("asha", "auto"), strict=True):
        curves = data[name]
        draw_curves(axes, curves)
        twin = curves[full["number"]]
        axes.plot(twin["steps"], twin["values"], color=ORANGE, lw=2.4, zorder=4)
        axes.plot(twin["steps"][-1], twin["values"][-1], "o", ms=5, color=ORANGE, zorder=5)
        draw_rungs(axes, [1, 3, 9, 27] if name == "asha" else [1, 2, 4, 8, 16, 32])
        plain_log(axes, (0.05, *ERRORS))
        epochs = sum(len(curve["steps"]) for curve in curves)
        end = best_of(curves)["values"][-1]
        axes.set_title(f'"{name}": {epochs:,} epochs, best {end:.3f}')
        axes.set_xlabel("epoch (logarithmic)")
    panels[0].set_ylabel("error")
    key(drawn, "best", "complete", "stopped")


def _median(drawn: Any, data: Data) -> None:
    axes = drawn.subplots()
    curves = data["curves"]
    draw_curves(axes, curves, best_of(curves))
    complete = [curve["values"] for curve in curves if curve["state"] == "COMPLETE"]
    middle = [median(values) for values in zip(*complete, strict=True)]
    axes.plot(range(1, 28), middle, color=INK, lw=1.6, ls=(0, (4, 2)), zorder=5)
    axes.annotate(
        f"median of the {len(complete)} complete trials",
        (27, middle[-1]),
        (0, 22),
        textcoords="offset points",
        ha="right",
        fontsize=8,
        color=INK,
    )
    plain_log(axes, ERRORS)
    axes.set_xlabel("epoch")
    axes.set_ylabel("error")
    key(drawn, "best", "complete", "stopped")


def _bandit(drawn: Any, data: Data) -> None:
    axes = drawn.subplots()
    curves = data["curves"]
    draw_curves(axes, curves, best_of(curves))
    steps = range(1, 28)
    best = [
        min(v for c in curves for s, v in zip(c["steps"], c["values"], strict=True) if s <= step)
        for step in steps
    ]
    above = [value + 0.1 for value in best]
    axes.fill_between(steps, best, above, color=PURPLE, alpha=0.18, lw=0)
    axes.plot(steps, above, color=PURPLE, lw=1.4)
    axes.axvline(5, color=MUTED, lw=0.7, ls=(0, (2, 3)))
    axes.annotate(
        "judged from here on",
        (5, 1.1),
        (8, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        color=INK,
    )
    axes.annotate(
        "best so far + slack_amount",
        (27, above[-1]),
        (0, 4),
        ha="right",
        textcoords="offset points",
        fontsize=8,
        color=PURPLE,
    )
    plain_log(axes, ERRORS)
    axes.set_xlabel("epoch")
    axes.set_ylabel("error")
    key(drawn, "best", "complete", "stopped")


def _truncation(drawn: Any, data: Data) -> None:
    axes = drawn.subplots()
    curves = data["curves"]
    draw_curves(axes, curves, best_of(curves))
    for step in range(5, 27, 5):
        axes.axvline(step, color=MUTED, lw=0.7, ls=(0, (2, 3)), zorder=0)
    axes.set_xticks([1, 5, 10, 15, 20, 25])
    plain_log(axes, ERRORS)
    axes.set_xlabel("epoch")
    axes.set_ylabel("error")
    key(drawn, "best", "complete", "stopped")


def _threshold(drawn: Any, data: Data) -> None:
    axes = drawn.subplots()
    curves = data["curves"]
    draw_curves(axes, curves, best_of(curves))
    axes.set_yscale("log")
    axes.axhline(20, color=PURPLE, lw=1.4)
    axes.annotate(
        "upper = 20",
        (40, 20),
        (0, 4),
        textcoords="offset points",
        ha="right",
        fontsize=8,
        color=PURPLE,
    )
    axes.set_ylim(1e-3, 300)
    axes.set_xlabel("step")
    axes.set_ylabel("loss (logarithmic)")
    key(drawn, "best", "complete", "stopped")


def _patience(drawn: Any, data: Data) -> None:
    rows = drawn.subplots(2, 3, sharex=True, sharey=True)
    for axes, curve in zip(rows.flat, data["curves"], strict=True):
        steps, values = curve["steps"], curve["values"]
        axes.plot(steps, values, color=BLUE, lw=1.2)
        axes.plot(steps[-6:], values[-6:], color=ORANGE, lw=2.2)
        axes.plot(steps[-1], values[-1], "o", ms=4, color=ORANGE)
        best = min(values)
        axes.axhline(best, color=MUTED, lw=0.7, ls=(0, (2, 3)))
        axes.set_title(f"trial {curve['number']}: {len(steps)} epochs", fontsize=8.5)
        plain_log(axes, ERRORS)
    drawn.supxlabel("epoch", fontsize=9)
    drawn.supylabel("error", fontsize=9)


def _differences(page: str) -> Data:
    """Return, for each trial, its mean difference to the best one over the folds so far."""
    with first_block(f"{PAGES}/{page}.md") as names:
        trials, best = names["study"].trials, names["study"].best_trial.number
    scores = {
        trial.number: [report.metrics["value_single"] for report in trial.reports]
        for trial in trials
    }
    lines = []
    for trial in trials:
        own = scores[trial.number]
        gaps = [a - b for a, b in zip(own, scores[best], strict=False)]
        lines.append(
            {
                "state": trial.state.name,
                "best": trial.number == best,
                "means": [mean(gaps[: i + 1]) for i in range(len(gaps))],
            }
        )
    return {"lines": lines}


def _draw_differences(drawn: Any, data: Data, unit: str, places: range) -> None:
    axes = drawn.subplots()
    for line in sorted(data["lines"], key=lambda line: line["state"] == "COMPLETE"):
        complete, means = line["state"] == "COMPLETE", line["means"]
        colour = ORANGE if line["best"] else BLUE if complete else FAINT
        steps = range(1, len(means) + 1)
        axes.plot(steps, means, color=colour, lw=2.4 if line["best"] else 1.1)
        if not complete:
            axes.plot(len(means), means[-1], "o", ms=3.5, color=MUTED, zorder=3)
    axes.set_xticks(places)
    axes.set_xlabel(f"{unit}s so far")
    axes.set_ylabel("error above the best trial's,\nmean so far")
    key(drawn, "best", "complete", "stopped")


def _together(drawn: Any, data: Data) -> None:
    panels = drawn.subplots(1, 3, sharey=True)
    titles = {"Patience": "patience", "Median": "median", "AllOf": "both"}
    for axes, (name, curves) in zip(panels, data.items(), strict=True):
        draw_curves(axes, curves, best_of(curves))
        plain_log(axes, ERRORS)
        epochs = sum(len(curve["steps"]) for curve in curves)
        axes.set_title(f"{titles[name]}: {epochs} epochs")
        axes.set_xticks([1, 9, 18, 27])
    panels[0].set_ylabel("error")
    drawn.supxlabel("epoch", fontsize=9)
    key(drawn, "best", "complete", "stopped")


def _curves_picture(name: str, draw: Any) -> Picture:
    return Picture(name, lambda: _curves(name), draw)


PICTURES = [
    Picture("successive-halving", lambda: _studies("successive_halving"), _halving),
    Picture("hyperband", _hyperband_data, _hyperband),
    Picture("adaptive", lambda: _studies("adaptive"), _adaptive, (7, 3)),
    Picture("pasha", _pasha_data, _pasha, (7, 3)),
    Picture("auto", lambda: _studies("auto"), _auto),
    _curves_picture("median", _median),
    _curves_picture("bandit", _bandit),
    _curves_picture("truncation", _truncation),
    _curves_picture("threshold", _threshold),
    Picture("patience", lambda: _curves("patience"), _patience, (7, 3.6)),
    Picture(
        "race",
        lambda: _differences("race"),
        lambda drawn, data: _draw_differences(drawn, data, "fold", range(1, 11)),
    ),
    Picture(
        "wilcoxon",
        lambda: _differences("wilcoxon"),
        lambda drawn, data: _draw_differences(drawn, data, "instance", range(2, 21, 2)),
    ),
    Picture("together", lambda: _studies("together"), _together),
]
