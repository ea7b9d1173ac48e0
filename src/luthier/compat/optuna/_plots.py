"""What the plots share: which trials, which values, which axes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import isfinite, log10
from typing import TYPE_CHECKING, Any

import numpy as np

from luthier.compat.optuna._base_trial import TrialState
from luthier.compat.optuna._frozen_trial import FrozenTrial
from luthier.compat.optuna.distributions import CategoricalDistribution
from luthier.errors import MissingExtra

if TYPE_CHECKING:
    from luthier.compat.optuna._study import Study

Target = Callable[[FrozenTrial], float]

COLORS = "Blues"


def plotly() -> Any:
    """Return Plotly's graph objects.

    Raises
    ------
    MissingExtra
        If Plotly is not installed.
    """
    try:
        import plotly.graph_objects as go
    except ImportError as error:
        raise MissingExtra("a plot", "plotly") from error
    return go


def studies(study: Study | Iterable[Study]) -> list[Study]:
    """Return studies as a list, one alone as well."""
    return list(study) if isinstance(study, Iterable) else [study]


def complete(study: Study) -> list[FrozenTrial]:
    """Return the complete trials with finite values."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [trial for trial in trials if all(map(isfinite, trial.values or ()))]


def values_of(study: Study, target: Target | None) -> list[tuple[int, float]]:
    """Return numbers and values of the complete trials."""
    if target is None and len(study.directions) > 1:
        raise ValueError("target: a function of a trial, in a study with several objectives")
    return [(trial.number, value_of(trial, target)) for trial in complete(study)]


def value_of(trial: FrozenTrial, target: Target | None) -> float:
    """Return what is drawn of a trial."""
    if target is not None:
        return target(trial)
    if len(trial.values or ()) != 1:
        raise ValueError("target: a function of a trial, in a study with several objectives")
    return (trial.values or [0.0])[0]


def names_of(study: Study, params: list[str] | None) -> list[str]:
    """Return the parameters that are drawn, by name."""
    known = sorted({name for trial in complete(study) for name in trial.params})
    for name in params or ():
        if name not in known:
            raise ValueError(f"params: got {name!r}; allowed: {', '.join(known) or 'none yet'}")
    return known if params is None else list(params)


def trials_with(study: Study, names: Sequence[str]) -> list[FrozenTrial]:
    """Return the complete trials that have all of some parameters."""
    return [trial for trial in complete(study) if all(name in trial.params for name in names)]


def axis_type(trials: Sequence[FrozenTrial], name: str) -> str:
    """Return the kind of axis that a parameter needs."""
    distribution = trials[0].distributions[name] if trials else None
    if isinstance(distribution, CategoricalDistribution):
        return "category"
    return "log" if getattr(distribution, "log", False) else "linear"


def by_number(trials: Sequence[FrozenTrial], scale: bool) -> dict[str, Any]:
    """Return markers that are the darker the later a trial was."""
    return {
        "color": [trial.number for trial in trials],
        "colorscale": COLORS,
        "showscale": scale,
        "colorbar": {"title": "Trial"},
        "line": {"width": 0.5, "color": "gray"},
    }


def pairs(
    study: Study, params: list[str] | None, target: Target | None, name: str, *, ranked: bool
) -> Any:
    """Draw each pair of parameters, as a contour or by ranks."""
    go = plotly()
    from plotly.subplots import make_subplots

    names = names_of(study, params)
    title = f"Rank ({name})" if ranked else "Contour Plot"
    if len(names) < 2:
        return go.Figure(layout={"title": title})
    # Two parameters make one picture; of more each one is drawn against all others.
    xs, ys = ([names[0]], [names[1]]) if len(names) == 2 else (names, names)
    figure = make_subplots(len(ys), len(xs), shared_xaxes=True, shared_yaxes=True)
    figure.update_layout(title=title, showlegend=False)
    for row, y in enumerate(ys, 1):
        for column, x in enumerate(xs, 1):
            if x != y:
                _pair(figure, study, (x, y), (row, column), target, ranked=ranked)
        figure.update_yaxes(title=y, row=row, col=1)
    for column, x in enumerate(xs, 1):
        figure.update_xaxes(title=x, row=len(ys), col=column)
    return figure


def _pair(
    figure: Any,
    study: Study,
    names: tuple[str, str],
    place: tuple[int, int],
    target: Target | None,
    *,
    ranked: bool,
) -> None:
    trials = trials_with(study, names)
    values = np.array([value_of(trial, target) for trial in trials])
    x, y = ([trial.params[name] for trial in trials] for name in names)
    row, column = place
    if ranked:
        colors = values.argsort(kind="stable").argsort() / max(len(values) - 1, 1)
        marker = {"color": colors, "colorscale": "RdYlBu_r", "cmin": 0, "cmax": 1}
        figure.add_scatter(x=x, y=y, mode="markers", marker=marker, row=row, col=column)
    else:
        figure.add_contour(
            x=x,
            y=y,
            z=values,
            colorscale=COLORS,
            connectgaps=True,
            showscale=False,
            row=row,
            col=column,
        )
        marker = {"color": "black", "size": 4}
        figure.add_scatter(x=x, y=y, mode="markers", marker=marker, row=row, col=column)
    figure.update_xaxes(type=axis_type(trials, names[0]), row=row, col=column)
    figure.update_yaxes(type=axis_type(trials, names[1]), row=row, col=column)


def dimension(trials: Sequence[FrozenTrial], name: str) -> dict[str, Any]:
    """Return the axis of a parameter among parallel ones."""
    values = [trial.params[name] for trial in trials]
    kind = axis_type(trials, name)
    if kind == "category":
        places = {text: i for i, text in enumerate(sorted({str(value) for value in values}))}
        numbers = [places[str(value)] for value in values]
        ticks = {"tickvals": list(places.values()), "ticktext": list(places)}
        return {"label": name, "values": numbers, **ticks}
    if kind == "log" and values:
        logs = [log10(value) for value in values]
        marks = list(range(int(np.floor(min(logs))), int(np.ceil(max(logs))) + 1))
        ends = [marks[0], max(marks[-1], marks[0] + 1)]
        texts = [f"{10.0**mark:g}" for mark in marks]
        ticks = {"tickvals": marks, "ticktext": texts, "range": ends}
        return {"label": name, "values": logs, **ticks}
    return {"label": name, "values": values}
