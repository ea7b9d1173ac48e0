"""Plots by Plotly, as in ``optuna.visualization`` (extra ``plotly``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from luthier.compat.optuna import _plots as parts
from luthier.compat.optuna._frozen_trial import FrozenTrial
from luthier.errors import InvalidInput

if TYPE_CHECKING:
    from luthier.compat.optuna._study import Study

__all__ = [
    "is_available",
    "plot_contour",
    "plot_edf",
    "plot_hypervolume_history",
    "plot_intermediate_values",
    "plot_optimization_history",
    "plot_parallel_coordinate",
    "plot_param_importances",
    "plot_pareto_front",
    "plot_rank",
    "plot_slice",
    "plot_terminator_improvement",
    "plot_timeline",
]

_STATE_COLORS = {"COMPLETE": "royalblue", "PRUNED": "orange", "FAIL": "crimson", "RUNNING": "green"}


def is_available() -> bool:
    """Tell whether Plotly is installed."""
    return find_spec("plotly") is not None


def plot_optimization_history(
    study: Study | Sequence[Study],
    *,
    target: parts.Target | None = None,
    target_name: str = "Objective Value",
    error_bar: bool = False,
) -> Any:
    """Plot the values of complete trials, and the best so far.

    Parameters
    ----------
    study : Study or sequence of Study
        Of several the values are drawn beside each other, or with `error_bar` their means.
    target : callable, optional
        What is drawn of a trial. Default: the single objective.
    target_name : str
        Its name.
    error_bar : bool, default False
        Whether several studies are summed up by mean and standard deviation.
    """
    go = parts.plotly()
    studies = parts.studies(study)
    figure = go.Figure(layout={"title": "Optimization History Plot"})
    figure.update_layout(xaxis_title="Trial", yaxis_title=target_name)
    if error_bar:
        rows = [parts.values_of(one, target) for one in studies]
        length = min(map(len, rows), default=0)
        table = np.array([[value for _, value in row[:length]] for row in rows])
        if table.size:
            bars = {"type": "data", "array": table.std(axis=0)}
            means = table.mean(axis=0)
            figure.add_scatter(y=means, error_y=bars, mode="markers", name=target_name)
        return figure
    for one in studies:
        suffix = f" of {one.study_name}" if len(studies) > 1 else ""
        pairs = parts.values_of(one, target)
        x, y = [number for number, _ in pairs], [value for _, value in pairs]
        figure.add_scatter(x=x, y=y, mode="markers", name=f"{target_name}{suffix}")
        if target is None:
            running = np.maximum if one.direction.name == "MAXIMIZE" else np.minimum
            best: Any = running.accumulate(y) if y else []
            figure.add_scatter(x=x, y=best, mode="lines", name=f"Best Value{suffix}")
    return figure


def plot_intermediate_values(study: Study) -> Any:
    """Plot what each trial reported on its way."""
    go = parts.plotly()
    figure = go.Figure(layout={"title": "Intermediate Values Plot", "showlegend": False})
    figure.update_layout(xaxis_title="Step", yaxis_title="Intermediate Value")
    for trial in study.get_trials(deepcopy=False):
        if trial.intermediate_values:
            steps = sorted(trial.intermediate_values)
            values = [trial.intermediate_values[step] for step in steps]
            figure.add_scatter(x=steps, y=values, mode="lines+markers", name=f"Trial{trial.number}")
    return figure


def plot_slice(
    study: Study,
    params: list[str] | None = None,
    *,
    target: parts.Target | None = None,
    target_name: str = "Objective Value",
) -> Any:
    """Plot the values of complete trials over each parameter; arguments as for `plot_contour`."""
    parts.plotly()
    from plotly.subplots import make_subplots

    names = parts.names_of(study, params)
    figure = make_subplots(1, max(len(names), 1), shared_yaxes=True)
    figure.update_layout(title="Slice Plot", showlegend=False)
    for column, name in enumerate(names, 1):
        trials = parts.trials_with(study, [name])
        figure.add_scatter(
            x=[trial.params[name] for trial in trials],
            y=[parts.value_of(trial, target) for trial in trials],
            mode="markers",
            marker=parts.by_number(trials, column == len(names)),
            row=1,
            col=column,
        )
        figure.update_xaxes(title=name, type=parts.axis_type(trials, name), row=1, col=column)
    figure.update_yaxes(title=target_name, row=1, col=1)
    return figure


def plot_contour(
    study: Study,
    params: list[str] | None = None,
    *,
    target: parts.Target | None = None,
    target_name: str = "Objective Value",
) -> Any:
    """Plot the values of complete trials over each pair of parameters.

    Parameters
    ----------
    study : Study
        The study.
    params : list of str, optional
        Only these.
    target : callable, optional
        What is drawn of a trial. Default: the single objective.
    target_name : str
        Its name.
    """
    return parts.pairs(study, params, target, target_name, ranked=False)


def plot_rank(
    study: Study,
    params: list[str] | None = None,
    *,
    target: parts.Target | None = None,
    target_name: str = "Objective Value",
) -> Any:
    """Plot the ranks of complete trials over pairs of parameters; arguments of `plot_contour`."""
    return parts.pairs(study, params, target, target_name, ranked=True)


def plot_parallel_coordinate(
    study: Study,
    params: list[str] | None = None,
    *,
    target: parts.Target | None = None,
    target_name: str = "Objective Value",
) -> Any:
    """Plot each complete trial as a line through its params; arguments as for `plot_contour`."""
    go = parts.plotly()
    names = parts.names_of(study, params)
    trials = parts.trials_with(study, names)
    values = [parts.value_of(trial, target) for trial in trials]
    axes: list[dict[str, Any]] = [{"label": target_name, "values": values}]
    axes += [parts.dimension(trials, name) for name in names]
    lines = go.Parcoords(dimensions=axes, line={"color": values, "colorscale": parts.COLORS})
    return go.Figure(lines, layout={"title": "Parallel Coordinate Plot"})


def plot_param_importances(
    study: Study,
    evaluator: Any = None,
    params: list[str] | None = None,
    *,
    target: parts.Target | None = None,
    target_name: str = "Objective Value",
) -> Any:
    """Plot how much each parameter matters; see `importance.get_param_importances`."""
    from luthier.compat.optuna.importance import get_param_importances

    go = parts.plotly()
    found = get_param_importances(study, evaluator=evaluator, params=params, target=target)
    names = list(reversed(found))
    shares = [found[name] for name in names]
    texts = [f"{share:.2f}" for share in shares]
    bars = go.Bar(x=shares, y=names, orientation="h", text=texts, name=target_name)
    figure = go.Figure(bars, layout={"title": "Hyperparameter Importances"})
    figure.update_layout(xaxis_title="Hyperparameter Importance", yaxis_title="Hyperparameter")
    return figure


def plot_pareto_front(
    study: Study,
    *,
    target_names: list[str] | None = None,
    include_dominated_trials: bool = True,
    constraints_func: None = None,
    targets: Callable[[FrozenTrial], Sequence[float]] | None = None,
) -> Any:
    """Plot two or three objectives against each other.

    Parameters
    ----------
    study : Study
        With two or three objectives, unless there are `targets`.
    target_names : list of str, optional
        Names of the axes.
    include_dominated_trials : bool, default True
        Whether trials that others beat are drawn, too.
    constraints_func : None
        Not here: constraints are known of each trial.
    targets : callable, optional
        What is drawn of a trial: two or three numbers.

    Raises
    ------
    ValueError
        If it is not two or three numbers.
    """
    go = parts.plotly()
    if constraints_func is not None:
        raise InvalidInput("constraints_func", constraints_func, "None: trials know constraints")
    best = {trial.number for trial in study.best_trials}
    complete = parts.complete(study)
    points = {t.number: list(targets(t) if targets else t.values or ()) for t in complete}
    width = len(next(iter(points.values()), study.directions))
    if width not in (2, 3):
        raise ValueError(f"plot_pareto_front: got {width} objectives; allowed: 2 or 3")
    names = target_names or study.metric_names or [f"Objective {i}" for i in range(width)]
    if len(names) != width:
        raise ValueError(f"target_names: got {names!r}; allowed: {width} names")
    figure = go.Figure(layout={"title": "Pareto-front Plot"})
    for label, wanted in (("Trial", False), ("Best Trial", True)):
        if not wanted and not include_dominated_trials:
            continue
        rows = [row for number, row in points.items() if (number in best) is wanted]
        x, y, *z = [list(column) for column in zip(*rows, strict=True)] or [[]] * width
        settings = {"mode": "markers", "name": label}
        if width == 2:
            figure.add_scatter(x=x, y=y, **settings)
        else:
            figure.add_scatter3d(x=x, y=y, z=z[0], **settings)
    if width == 2:
        figure.update_layout(xaxis_title=names[0], yaxis_title=names[1])
    else:
        axes = zip(("xaxis", "yaxis", "zaxis"), names, strict=True)
        figure.update_layout(scene={axis: {"title": name} for axis, name in axes})
    return figure


def plot_hypervolume_history(study: Study, reference_point: Sequence[float]) -> Any:
    """Plot the hypervolume that the trials so far dominate.

    Parameters
    ----------
    study : Study
        With several objectives.
    reference_point : sequence of float
        What nothing may be worse than.

    Raises
    ------
    ValueError
        If there is one objective, or the point has another number of them.
    """
    from luthier.numerics.hypervolume import hypervolume

    go = parts.plotly()
    signs = np.array(study._native.problem.signs)
    if len(signs) < 2:
        raise ValueError(
            "plot_hypervolume_history: several objectives; for one of them use "
            "plot_optimization_history"
        )
    if len(reference_point) != len(signs):
        raise ValueError(f"reference_point: got {reference_point!r}; allowed: {len(signs)} numbers")
    reference = signs * np.asarray(reference_point, dtype=float)
    limits = study._native.problem.within_limits
    history = study._native.history
    seen: list[Any] = []
    x, y = [], []
    for trial in parts.complete(study):
        if limits(history.trial(trial.number).metrics):
            seen.append(signs * np.array(trial.values))
        x.append(trial.number)
        y.append(hypervolume(np.array(seen), reference) if seen else 0.0)
    figure = go.Figure(layout={"title": "Hypervolume History Plot"})
    figure.add_scatter(x=x, y=y, mode="lines+markers")
    figure.update_layout(xaxis_title="Trial", yaxis_title="Hypervolume")
    return figure


def plot_edf(
    study: Study | Sequence[Study],
    *,
    target: parts.Target | None = None,
    target_name: str = "Objective Value",
) -> Any:
    """Plot which share of the trials reached a value; arguments of `plot_optimization_history`."""
    go = parts.plotly()
    figure = go.Figure(layout={"title": "Empirical Distribution Function Plot"})
    figure.update_layout(xaxis_title=target_name, yaxis_title="Cumulative Probability")
    for one in parts.studies(study):
        values = sorted(value for _, value in parts.values_of(one, target))
        shares = [(i + 1) / len(values) for i in range(len(values))]
        figure.add_scatter(x=values, y=shares, mode="lines", name=one.study_name)
    return figure


def plot_timeline(study: Study, n_recent_trials: int | None = None) -> Any:
    """Plot when trials ran, and how they ended.

    Parameters
    ----------
    study : Study
        The study.
    n_recent_trials : int, optional
        Only so many, the newest ones.
    """
    if n_recent_trials is not None and n_recent_trials <= 0:
        raise ValueError(f"n_recent_trials: got {n_recent_trials!r}; allowed: a positive integer")
    go = parts.plotly()
    trials = [t for t in study.get_trials(deepcopy=False) if t.datetime_start is not None]
    trials = trials[-n_recent_trials:] if n_recent_trials else trials
    now = datetime.now()
    figure = go.Figure(layout={"title": "Timeline Plot", "barmode": "overlay"})
    figure.update_layout(xaxis_title="Datetime", yaxis_title="Trial", xaxis_type="date")
    last = max((t.datetime_complete or t.datetime_start or now for t in trials), default=now)
    for state in dict.fromkeys(trial.state for trial in trials):
        own = [trial for trial in trials if trial.state is state]
        spans = [(t.datetime_complete or last) - (t.datetime_start or last) for t in own]
        figure.add_bar(
            base=[trial.datetime_start for trial in own],
            x=[span.total_seconds() * 1000 for span in spans],
            y=[trial.number for trial in own],
            orientation="h",
            name=state.name,
            marker_color=_STATE_COLORS.get(state.name, "gray"),
        )
    return figure


def plot_terminator_improvement(study: Study, *arguments: Any, **settings: Any) -> Any:
    """Not here: see ``luthier.Study.optimize(patience=...)``."""
    raise InvalidInput(
        "plot_terminator_improvement", study, "plot_optimization_history; patience= stops a study"
    )


def __getattr__(name: str) -> Any:
    if name == "matplotlib":
        raise AttributeError(
            "luthier.compat.optuna.visualization has no 'matplotlib': the functions of the same "
            "names in luthier.compat.optuna.visualization draw by Plotly"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
