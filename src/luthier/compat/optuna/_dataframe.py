"""Trials as a table with Optuna's columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from luthier.compat.optuna._base_trial import TrialState
from luthier.errors import MissingExtra

if TYPE_CHECKING:
    import pandas

    from luthier.compat.optuna._frozen_trial import FrozenTrial
    from luthier.compat.optuna._study_view import StudyView


def trials_dataframe(
    study: StudyView, attrs: tuple[str, ...], multi_index: bool
) -> pandas.DataFrame:
    """Return one row per trial; see `Study.trials_dataframe`.

    Raises
    ------
    MissingExtra
        If pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtra("a data frame of trials", "pandas") from error
    trials = study.get_trials(deepcopy=False)
    if not trials:
        return pd.DataFrame()
    if len(study.directions) > 1:
        attrs = tuple("values" if attr == "value" else attr for attr in attrs)
    names = study.metric_names
    seen: dict[str, dict[tuple[str, Any], None]] = defaultdict(dict)
    rows = []
    for trial in trials:
        row = {}
        for attr in attrs:
            for column, value in _cells(trial, attr, names, len(study.directions)):
                row[column] = value
                seen[attr][column] = None
        rows.append(row)
    columns = []
    for attr in attrs:
        keep = attr == "values" and names is not None
        found = list(seen[attr])
        columns += found if keep else sorted(found, key=lambda pair: (pair[0], str(pair[1])))
    frame = pd.DataFrame(rows, columns=pd.MultiIndex.from_tuples(columns))
    if not multi_index:
        frame.columns = ["_".join(str(part) for part in column if part != "") for column in columns]
    return frame


def _cells(
    trial: FrozenTrial, attr: str, names: list[str] | None, objectives: int
) -> Iterator[tuple[tuple[str, Any], Any]]:
    value = getattr(trial, attr)
    column = attr.removeprefix("_")
    if isinstance(value, TrialState):
        yield (column, ""), value.name
    elif isinstance(value, dict):
        for key, item in value.items():
            yield (column, key), item
    elif attr == "values":
        items = [None] * objectives if value is None else value
        for place, item in enumerate(items):
            yield (column, place if names is None else names[place]), item
    elif attr == "value" and names is not None:
        yield (column, names[0]), value
    else:
        yield (column, ""), value
