"""Trials as a table: rows for data frames and for exports."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from luthier.errors import InvalidInput, MissingExtra
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial

if TYPE_CHECKING:
    import pandas
    import polars

BACKENDS = ("auto", "pandas", "polars")

_ABOUT = ("number", "state")
_COURSE = ("started", "ended", "duration", "cost", "attempt", "by", "error")
_PREFIXES = ("params_", "metrics_", "user_attrs_")


def trials_dataframe(
    history: History, *, backend: str = "auto"
) -> pandas.DataFrame | polars.DataFrame:
    """Return one row per trial, by number.

    The columns, always in this order: ``number``, ``state``, one per objective by the name of
    its metric (``values_<name>`` if another column is called so), ``params_<name>`` in the
    order of the space, ``metrics_<name>``, ``user_attrs_<key>``, ``started`` and ``ended``
    (UTC), ``duration`` (seconds), ``cost``, ``attempt``, ``by`` and ``error``. Where a trial
    has no value the cell is empty.

    Parameters
    ----------
    history : History
        The trials.
    backend : {"auto", "pandas", "polars"}, default "auto"
        The library. Auto takes pandas if it is installed, else polars.

    Raises
    ------
    MissingExtra
        If the library is not installed.
    InvalidInput
        If there is no such backend.
    """
    if backend not in BACKENDS:
        raise InvalidInput("backend", backend, ", ".join(map(repr, BACKENDS)))
    if backend == "auto":
        installed = [name for name in BACKENDS[1:] if find_spec(name) is not None]
        backend = installed[0] if installed else "pandas"
    columns = trial_columns(history)
    floats = ("duration", "cost", *_objective_columns(history.problem))
    try:
        if backend == "pandas":
            import pandas as pd

            return pd.DataFrame(columns).astype(dict.fromkeys(floats, float))
        import polars as pl
    except ImportError as error:
        raise MissingExtra("a data frame of trials", backend) from error

    def dtype(name: str) -> Any:
        # Values of different types in one column, such as 3 and "auto", have no type in polars.
        return pl.Float64 if name in floats else None if _uniform(columns[name]) else pl.Object

    return pl.DataFrame(
        [pl.Series(name, values, dtype=dtype(name)) for name, values in columns.items()]
    )


def column_names(history: History) -> list[str]:
    """Return the columns of the table in their order; see `trials_dataframe`."""
    trials = history.trials
    params = [*history.problem.space.params, *(name for trial in trials for name in trial.params)]
    return [
        *_ABOUT,
        *_objective_columns(history.problem),
        *(f"params_{name}" for name in dict.fromkeys(params)),
        *(f"metrics_{name}" for name in sorted({n for trial in trials for n in trial.metrics})),
        *(f"user_attrs_{k}" for k in sorted({k for trial in trials for k in trial.user_attrs})),
        *_COURSE,
    ]


def trial_rows(history: History) -> Iterator[dict[str, Any]]:
    """Yield a mapping from column to value for each trial, by number; empty cells are left out."""
    names = _objective_columns(history.problem)
    for trial in history.trials:
        yield _row(trial, names)


def trial_columns(history: History) -> dict[str, list[Any]]:
    """Return the table by columns, None where a cell is empty."""
    columns: dict[str, list[Any]] = {name: [] for name in column_names(history)}
    for row in trial_rows(history):
        for name, values in columns.items():
            values.append(row.get(name))
    return columns


def _objective_columns(problem: Problem) -> list[str]:
    names = [objective.name for objective in problem.objectives]
    taken = {*_ABOUT, *_COURSE}
    return [f"values_{n}" if n in taken or n.startswith(_PREFIXES) else n for n in names]


def _row(trial: FrozenTrial, objectives: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = dict(zip(objectives, trial.values or (), strict=False))
    row.update((f"params_{name}", value) for name, value in trial.params.items())
    row.update((f"metrics_{name}", value) for name, value in trial.metrics.items())
    row.update((f"user_attrs_{key}", value) for key, value in trial.user_attrs.items())
    row.update(
        number=trial.number,
        state=trial.state.value,
        started=_moment(trial.started),
        ended=_moment(trial.ended),
        duration=trial.duration,
        cost=trial.cost,
        attempt=trial.attempt,
        by=trial.by if trial.by is None or isinstance(trial.by, str) else trial.by["name"],
        error=trial.error or None,
    )
    return row


def _moment(seconds: float | None) -> datetime.datetime | None:
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _uniform(values: list[Any]) -> bool:
    kinds = {type(value) for value in values if value is not None}
    return len(kinds) <= 1 or kinds == {int, float}
