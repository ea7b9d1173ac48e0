"""Pictures of samplers: what they model, and where their trials lie."""

from __future__ import annotations

from typing import Any

import numpy as np
from docs.pictures.palette import BLUE, FAINT, INK, MUTED, ORANGE
from docs.pictures.picture import Data, Picture, first_block

GRID = np.linspace(0, 1, 161)


def _gaussian_process_data() -> Data:
    """Return a posterior and its expected improvement, before and after one more trial."""
    from luthier.numerics.ensemble import Ensemble
    from luthier.numerics.kernels import Kernel, Term
    from luthier.numerics.log_ei import log_ei

    def loss(x: Any) -> Any:
        return np.sin(7 * x) + 1.5 * (x - 0.35) ** 2

    kernel = Kernel((Term(numeric=(0,), choices=()),))
    theta = np.log([[0.25, 1.0, 1e-5]])  # length-scale, amplitude and noise variance
    grid, states = GRID[:, None], []
    tried = [0.05, 0.3, 0.55, 0.95]
    for _ in range(2):
        X = np.array(tried)[:, None]
        model = Ensemble(kernel, theta, X, np.ones_like(X), loss(X[:, 0]))
        predicted = model.predict(grid, np.ones_like(grid))
        mean, sd = predicted.mean[0], predicted.sd[0]
        gain = np.exp(log_ei(mean, sd, float(loss(X[:, 0]).min())))
        states.append(
            {
                "tried": list(tried),
                "losses": loss(X[:, 0]).tolist(),
                "mean": mean.tolist(),
                "low": (mean - 1.645 * sd).tolist(),
                "high": (mean + 1.645 * sd).tolist(),
                "gain": (gain / gain.max()).tolist(),
                "next": float(GRID[gain.argmax()]),
            }
        )
        tried.append(states[-1]["next"])
    return {"truth": loss(GRID).tolist(), "states": states}


def _gaussian_process(drawn: Any, data: Data) -> None:
    panels = drawn.subplots(2, 2, sharex=True, sharey="row", gridspec_kw={"height_ratios": [3, 1]})
    for column, state in zip(panels.T, data["states"], strict=True):
        upper, lower = column
        upper.fill_between(
            GRID, state["low"], state["high"], color=BLUE, alpha=0.18, lw=0, label="nine of ten"
        )
        upper.plot(GRID, state["mean"], color=BLUE, lw=1.8, label="expected loss")
        upper.plot(GRID, data["truth"], color=MUTED, lw=1, ls=(0, (4, 2)), label="true loss")
        upper.plot(state["tried"], state["losses"], "o", color=INK, ms=5, label="trials")
        upper.set_title(f"after {len(state['tried'])} trials")
        lower.fill_between(GRID, 0, state["gain"], color=ORANGE, alpha=0.25, lw=0)
        lower.plot(GRID, state["gain"], color=ORANGE, lw=1.5)
        for axes in column:
            axes.axvline(state["next"], color=ORANGE, lw=1, ls=(0, (2, 2)), zorder=0)
        lower.set_xlabel("encoded parameter")
    panels[0, 0].set_ylabel("loss")
    panels[1, 0].set_ylabel("expected\nimprovement")
    panels[1, 0].set_yticks([])
    handles, labels = panels[0, 0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside upper center", ncols=4)


def _tpe_data() -> Data:
    """Return the two densities that TPE makes of 24 random trials."""
    import luthier
    from luthier.numerics.parzen import Points
    from luthier.samplers.tpe_axes import axes_of
    from luthier.samplers.tpe_model import Sizes, fit
    from luthier.samplers.tpe_record import record_of

    study = luthier.create_study({"x": luthier.Float(0, 1)}, sampler="random", seed=3)
    study.optimize(lambda trial: abs(trial["x"] - 0.7) ** 0.5, n_trials=24)
    problem, history = study.history.problem, study.history
    tpe = luthier.TPE()
    model = fit(
        axes_of(problem.space),
        record_of(problem, history),
        np.arange(24),
        Sizes(tpe.share, tpe.most_good, tpe.most_bad),
        0.0,
    )
    points = Points(GRID[:, None], np.empty((len(GRID), 0), np.int64))
    (ratio,) = model.ratios
    losses = history.losses[:, 0]
    good = set(np.argsort(losses)[: model.good].tolist())
    return {
        "x": [trial.params["x"] for trial in history.ended],
        "good": [number in good for number in range(24)],
        "density": {
            "good": np.exp(ratio.good.log_density(points)).tolist(),
            "bad": np.exp(ratio.bad.log_density(points)).tolist(),
        },
        "ratio": np.exp(ratio.log(points)).tolist(),
    }


def _tpe(drawn: Any, data: Data) -> None:
    upper, lower = drawn.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 2]})
    for kind, colour in (("good", ORANGE), ("bad", MUTED)):
        density = data["density"][kind]
        upper.plot(GRID, density, color=colour, lw=1.8, label=f"density of the {kind} trials")
        x = [
            at for at, good in zip(data["x"], data["good"], strict=True) if good == (kind == "good")
        ]
        upper.plot(x, [-0.25] * len(x), "|", ms=8, mew=1.4, color=colour)
    upper.set_ylabel("density")
    drawn.legend(loc="outside upper center", ncols=2)
    lower.plot(GRID, data["ratio"], color=BLUE, lw=1.8)
    lower.axhline(1, color=MUTED, lw=0.7, ls=(0, (2, 3)))
    lower.set_ylabel("good / bad")
    lower.set_xlabel("parameter")


def _cmaes_data() -> Data:
    import luthier

    space = {"x": luthier.Float(-5, 5), "y": luthier.Float(-5, 5)}
    study = luthier.create_study(space, sampler="cmaes", seed=2)
    study.optimize(lambda trial: _bowl(trial["x"], trial["y"]), n_trials=150)
    return {
        "points": [(trial.params["x"], trial.params["y"]) for trial in study.trials],
        "generation": [trial.why.get("generation", -1) for trial in study.trials],
    }


def _bowl(x: Any, y: Any) -> Any:
    return (x - 1) ** 2 + 10 * (y - x) ** 2


def _cmaes(drawn: Any, data: Data) -> None:
    last = max(data["generation"])
    groups = [(0, last // 6), (last // 3, last // 2), (last - last // 6, last)]
    panels = drawn.subplots(1, 3, sharey=True)
    x, y = np.meshgrid(np.linspace(-5, 5, 60), np.linspace(-5, 5, 60))
    for axes, (first, until) in zip(panels, groups, strict=True):
        axes.contour(x, y, np.log10(_bowl(x, y) + 0.1), 6, colors=FAINT, linewidths=0.7)
        chosen = [
            point
            for point, generation in zip(data["points"], data["generation"], strict=True)
            if first <= generation <= until
        ]
        axes.plot(*zip(*chosen, strict=True), "o", ms=3.2, mew=0, color=BLUE)
        axes.plot(1, 1, "+", ms=9, mew=1.8, color=ORANGE)
        axes.set_title(f"generations {first} to {until}")
        axes.set_aspect("equal")
        axes.set_xlabel("x")
    panels[0].set_ylabel("y")


def _front_data() -> Data:
    with first_block("docs/how-to/objectives-and-limits.md") as names:
        trials, front = names["study"].trials, names["study"].best_trials
    numbers = {trial.number for trial in front}
    return {
        "beaten": [trial.values for trial in trials if trial.number not in numbers],
        "front": sorted(trial.values for trial in front),
    }


def _front(drawn: Any, data: Data) -> None:
    axes = drawn.subplots()
    corner = (0.6, 10.0)
    front = [point for point in data["front"] if point[0] < corner[0] and point[1] < corner[1]]
    # From point to point the front is a staircase: nothing is known to be in between.
    errors = [front[0][0], *(point[0] for point in front), corner[0]]
    times = [corner[1], *(point[1] for point in front), front[-1][1]]
    axes.fill_between(errors, times, corner[1], step="post", color=BLUE, alpha=0.15, lw=0)
    axes.step(errors, times, where="post", color=BLUE, lw=1.4)
    axes.plot(*zip(*data["beaten"], strict=True), "o", ms=4, mew=0, color=MUTED, label="beaten")
    axes.plot(*zip(*data["front"], strict=True), "o", ms=5, mew=0, color=BLUE, label="front")
    axes.plot(*corner, "s", ms=6, color=ORANGE, label="reference", clip_on=False)
    axes.annotate("hypervolume", (0.3, 7.5), color=BLUE, fontsize=9, ha="center")
    axes.set_xlim(0, corner[0])
    axes.set_ylim(0, corner[1])
    axes.set_xlabel("error")
    axes.set_ylabel("latency")
    drawn.legend(loc="outside upper center", ncols=3)


PICTURES = [
    Picture("gaussian-process", _gaussian_process_data, _gaussian_process, (7, 3.8)),
    Picture("tpe", _tpe_data, _tpe, (7, 3.6)),
    Picture("cmaes", _cmaes_data, _cmaes, (7, 2.9), steady=False),
    Picture("pareto-front", _front_data, _front, steady=False),
]
