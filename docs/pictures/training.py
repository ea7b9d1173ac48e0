"""Pictures of the first study, of schedules, of a population and of freeze-thaw."""

from __future__ import annotations

import itertools
import math
from typing import Any

from docs.pictures.curves import ERRORS, best_of, curves_of, draw_curves, draw_rungs, key, plain_log
from docs.pictures.palette import BLUE, FAINT, GREEN, INK, MUTED, ORANGE, PURPLE
from docs.pictures.picture import Data, Picture, first_block


def _first_study_data() -> Data:
    with first_block("README.md") as names:
        trials = names["study"].trials
    return {
        "kernels": [trial.params["kernel"] for trial in trials],
        "values": [trial.value for trial in trials],
    }


def _first_study(drawn: Any, data: Data) -> None:
    axes = drawn.subplots()
    values = data["values"]
    for kernel, colour in {"linear": BLUE, "rbf": GREEN, "poly": PURPLE}.items():
        numbers = [i for i, each in enumerate(data["kernels"]) if each == kernel]
        points = [values[i] for i in numbers]
        axes.plot(numbers, points, "o", ms=5, mew=0, color=colour, label=kernel)
    best = list(itertools.accumulate(values, max))
    axes.step(range(len(best)), best, where="post", color=INK, lw=1.5, label="best so far")
    axes.set_xlabel("trial")
    axes.set_ylabel("accuracy, 3-fold")
    drawn.legend(loc="outside upper center", ncols=4)


def _schedules_data() -> Data:
    from luthier import Course
    from luthier.space.courses import KINDS

    examples: dict[str, dict[str, Any]] = {
        "cosine_restarts": {"restarts": 2},
        "exponential": {"end": 0.02},
    }
    progress = [i / 200 for i in range(201)]
    courses = [Course(kind, 1.0, **examples.get(kind, {})) for kind in KINDS]
    warm = Course("cosine", 1.0, warmup=0.2)
    return {
        "progress": progress,
        "names": [*KINDS, "cosine, warmup 0.2"],
        "shares": [list(map(course, progress)) for course in (*courses, warm)],
    }


def _schedules(drawn: Any, data: Data) -> None:
    rows = drawn.subplots(2, 4, sharex=True, sharey=True)
    panels = zip(rows.flat, data["names"], data["shares"], strict=True)
    for axes, name, shares in panels:
        axes.plot(data["progress"], shares, color=BLUE, lw=1.8)
        axes.set_title(name, fontsize=8.5)
        axes.set_ylim(-0.03, 1.08)
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    drawn.supxlabel("progress of the training", fontsize=9)
    drawn.supylabel("share of the peak", fontsize=9)


def _population_data() -> Data:
    """Return rates and losses of a population, and of the lineage of its best."""
    from luthier.analysis import best_trial, lineage

    with first_block("docs/how-to/train-a-population.md") as names:
        history = names["population"].history
        found = lineage(history, best_trial(history).number)
    members = []
    for trial in history.trials:
        begin, losses = trial.parent_step or 0, dict(trial.intermediate_values)
        before = None
        if trial.parent is not None:
            parent = history.trial(trial.parent)
            before = parent.params["lr"]
            if begin in parent.intermediate_values:
                losses[begin] = parent.intermediate_values[begin]
        member = {"begin": begin, "rate": trial.params["lr"], "before": before, "losses": losses}
        members.append(member)
    line = [{"trial": s.trial, "after": s.after, "until": s.until} for s in found]
    return {"members": members, "lineage": line}


def _population(drawn: Any, data: Data) -> None:
    rates, losses = drawn.subplots(2, 1, sharex=True)
    for member in data["members"]:
        begin, rate = member["begin"], member["rate"]
        steps = sorted(member["losses"])
        if member["before"] is not None:
            rates.plot([begin, begin], [member["before"], rate], color=FAINT, lw=0.8)
        rates.plot([begin, steps[-1]], [rate, rate], color=FAINT, lw=1.4)
        values = [member["losses"][step] for step in steps]
        losses.plot(steps, values, color=FAINT, lw=0.9)
    course: list[tuple[int, float]] = []
    for segment in data["lineage"]:
        member = data["members"][segment["trial"]]
        after, until = segment["after"], segment["until"]
        course += [(after, member["rate"]), (until, member["rate"])]
        steps = sorted(step for step in member["losses"] if after <= step <= until)
        values = [member["losses"][step] for step in steps]
        losses.plot(steps, values, color=ORANGE, lw=1.8)
    rates.plot(*zip(*course, strict=True), color=ORANGE, lw=2.4, solid_joinstyle="miter")
    for axes, name in ((rates, "learning rate"), (losses, "loss")):
        axes.set_yscale("log")
        axes.set_ylabel(f"{name} (logarithmic)")
    losses.set_xlabel("epoch")


def _freeze_thaw_data() -> Data:
    """Return the curves of a study, and how its best grows beside that of other schedulers."""
    import luthier

    schedulers = {"asha": {"name": "asha", "max_step": 27}, "full training": None}
    with first_block("docs/explanation/multi_fidelity.md") as names:
        studies = {"freeze_thaw": names["study"]}
        for name, scheduler in schedulers.items():
            study = luthier.create_study(
                names["space"], scheduler=scheduler, sampler="random", seed=1
            )
            study.optimize(names["train"], n_trials=40)
            studies[f"random, {name}"] = study
        return {
            "curves": curves_of(names["study"]),
            "progress": {name: _progress(study) for name, study in studies.items()},
        }


def _progress(study: Any) -> list[tuple[int, float]]:
    """Return, after each complete trial, the epochs spent by all and the best value."""
    times = sorted(report.time for trial in study.trials for report in trial.reports)
    ended = [t for t in study.trials if t.state.name == "COMPLETE"]
    best, course = math.inf, []
    for trial in sorted(ended, key=lambda trial: trial.ended):
        spent = sum(time <= trial.ended for time in times)
        best = min(best, trial.value)
        course.append((spent, best))
    return course


def _freeze_thaw(drawn: Any, data: Data) -> None:
    curves, progress = drawn.subplots(1, 2)
    draw_curves(curves, data["curves"], best_of(data["curves"]))
    draw_rungs(curves, [1, 2, 4, 8, 16], 27)
    plain_log(curves, ERRORS)
    curves.set_xlabel("epoch (logarithmic)")
    curves.set_ylabel("error")
    curves.set_title("freeze_thaw")
    styles = zip(data["progress"].items(), (ORANGE, BLUE, MUTED), strict=True)
    for (name, course), colour in styles:
        progress.step(*zip(*course, strict=True), where="post", color=colour, lw=1.8, label=name)
    progress.set_xscale("log")
    progress.set_xlabel("epochs spent by all trials (logarithmic)")
    progress.set_ylabel("best complete trial, error")
    progress.legend()
    key(drawn, "best", "complete", "waiting")


PICTURES = [
    Picture("first-study", _first_study_data, _first_study, steady=False),
    Picture("schedules", _schedules_data, _schedules, (8, 3.6)),
    Picture("population", _population_data, _population, (7, 4.6)),
    Picture("freeze-thaw", _freeze_thaw_data, _freeze_thaw, steady=False),
]
