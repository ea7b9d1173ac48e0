import datetime
import sys

import pandas as pd
import polars as pl
import pytest

from luthier.errors import Infeasible, InvalidInput, MissingExtra
from luthier.study.create import create_study
from luthier.study.frames import column_names, trials_dataframe


def objective(trial):
    trial.set_user_attr("note", f"n{trial.number}")
    trial.set_cost(0.5)
    if trial.number == 1:
        raise Infeasible("too small")
    return {"loss": trial.params["x"], "size": 2.0}


@pytest.fixture
def study():
    space = {
        "kind": ["a", "b"],
        "x": {"type": "float", "low": 0, "high": 1},
        "depth": {"type": "int", "low": 1, "high": 4, "when": {"kind": "b"}},
        "mixed": [3, "auto"],
    }
    study = create_study(space, metric="loss", seed=1)
    study.optimize(objective, 8)
    study.enqueue_trial({"x": 0.5})
    return study


COLUMNS = [
    "number",
    "state",
    "loss",
    "params_kind",
    "params_x",
    "params_depth",
    "params_mixed",
    "metrics_size",
    "user_attrs_note",
    "started",
    "ended",
    "duration",
    "cost",
    "attempt",
    "by",
    "error",
]


def test_pandas(study):
    frame = trials_dataframe(study.history)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == COLUMNS
    assert list(frame["number"]) == list(range(9))
    for name in ("loss", "params_x", "params_depth", "metrics_size", "duration", "cost"):
        assert frame[name].dtype == float
    for row, trial in zip(frame.to_dict("records"), study.trials, strict=True):
        assert row["state"] == trial.state.value
        assert row["params_kind"] == trial.params.get("kind") or trial.number == 8
        assert pd.isna(row["params_depth"]) == ("depth" not in trial.params)
        assert pd.isna(row["loss"]) == (trial.value is None)
    assert frame["error"][1] == "too small"
    assert pd.isna(frame["started"][8])
    first = study.trials[0]
    assert frame["started"][0].tzinfo is not None
    assert frame["started"][0].timestamp() == pytest.approx(first.started, abs=1e-5)
    assert frame["duration"][0] == first.duration


def test_polars(study):
    frame = trials_dataframe(study.history, backend="polars")
    assert isinstance(frame, pl.DataFrame)
    assert frame.columns == COLUMNS
    assert frame["loss"].to_list() == [trial.value for trial in study.trials]
    assert frame["params_mixed"].to_list()[:8] == [t.params["mixed"] for t in study.trials[:8]]
    assert frame["params_depth"].to_list() == [t.params.get("depth") for t in study.trials]
    assert frame["started"][0].utcoffset() == datetime.timedelta(0)


def test_the_study_gives_its_frame(study):
    assert study.trials_dataframe().equals(trials_dataframe(study.history))


def test_an_empty_study():
    history = create_study({"x": [1, 2]}, directions=["minimize", "minimize"]).history
    for backend in ("pandas", "polars"):
        frame = trials_dataframe(history, backend=backend)
        assert list(frame.columns)[2:5] == ["value_0", "value_1", "params_x"]
        assert len(frame) == 0


def test_metrics_with_the_names_of_columns():
    study = create_study(
        {"x": [1, 2]}, metric=["state", "params_x"], directions=["minimize", "minimize"]
    )
    study.optimize(lambda trial: (7.0, 8.0), 1)
    assert column_names(study.history)[:5] == [
        "number",
        "state",
        "values_state",
        "values_params_x",
        "params_x",
    ]
    frame = trials_dataframe(study.history)
    assert list(frame.iloc[0][["state", "values_state", "values_params_x"]]) == ["COMPLETE", 7, 8]


def test_another_backend_if_one_is_missing(study, monkeypatch):
    installed = {"polars"}
    monkeypatch.setattr("luthier.study.frames.find_spec", lambda name: name in installed or None)
    assert isinstance(trials_dataframe(study.history), pl.DataFrame)
    installed.clear()
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match=r"luthier\[pandas\]"):
        trials_dataframe(study.history)


def test_an_unknown_backend(study):
    with pytest.raises(InvalidInput, match="'spark'"):
        trials_dataframe(study.history, backend="spark")
