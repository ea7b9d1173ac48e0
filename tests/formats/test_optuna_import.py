"""Studies of Optuna are read from its databases and journals, and brought over whole.

The files were written by Optuna itself (3.0 and 5.0): `v*.sql` are dumps of SQLite databases.
"""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import luthier
from luthier.errors import StorageError, StorageUnavailable, StudyExists, StudyNotFound
from luthier.formats.optuna import OptunaStudy, OptunaTrial, bring, read_studies
from luthier.formats.optuna.params import read_distribution
from luthier.storage.memory import Memory

FILES = Path(__file__).parent / "optuna_files"
FLOAT = luthier.Float(0, 1)


@pytest.fixture(params=["v5.sql", "v5.log", "v3.sql"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param.endswith(".log"):
        return str(FILES / request.param)
    return database(FILES / request.param, tmp_path)


def database(dump: Path, folder: Path) -> str:
    path = folder / "optuna.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
    return f"sqlite:///{path}"


def study_of(*trials: OptunaTrial, directions: tuple[str, ...] = ("minimize",)) -> OptunaStudy:
    return OptunaStudy("s", directions, trials)


def trial(number: int, **fields: object) -> OptunaTrial:
    usual = {"state": "COMPLETE", "values": (1.0,), "params": {"x": 0.5}}
    made = {**usual, "distributions": {"x": FLOAT}, "started": 10.0, "ended": 12.0, **fields}
    return OptunaTrial(number, **made)  # type: ignore[arg-type]


def test_whole_study_is_read(source: str) -> None:
    one, two = read_studies(source)
    assert (one.name, one.directions, one.user_attrs) == ("one", ["minimize"], {"who": "me"})
    assert (two.name, two.directions, len(two.trials)) == ("two", ["minimize", "maximize"], 5)
    states = [trial.state for trial in one.trials]
    assert states[3:6] == ["PRUNED", "FAIL", "COMPLETE"]
    assert states[12:] == ["RUNNING", "WAITING"]
    first = one.trials[0]
    assert first.params == {"c": "b", "n": 2}
    assert first.values == (4.0,)
    assert first.user_attrs == {"k": [1, {"a": 2}]}
    assert list(first.reports) == [0, 1, 2]
    assert math.isnan(first.reports[2])
    assert first.started is not None
    assert first.ended is not None
    assert 0 <= first.ended - first.started < 60
    assert one.trials[5].values == (math.inf,)
    assert one.trials[8].distributions["x"] == luthier.Float(-5, 7)
    assert one.trials[10].distributions["x"] == luthier.Float(-5, 6)
    assert one.trials[0].distributions["n"] == luthier.Int(1, 100, log=True)
    assert one.trials[0].distributions["c"] == luthier.Categorical(["a", "b", None])
    assert two.trials[0].distributions["y"] == luthier.Float(0, 1, step=0.25)


def test_study_is_brought_over_and_goes_on(source: str) -> None:
    storage = Memory()
    one, two = (bring(study, storage) for study in read_studies(source))
    assert (one.created, one.added, one.known) == (True, 13, 0)
    assert one.left_out == {"still running there": [12]}
    assert one.changed == {"infinite values: INFEASIBLE here": [5]}
    assert (two.added, two.left_out, two.changed) == (5, {}, {})

    study = luthier.load_study("one", storage=storage)
    assert study.user_attrs["who"] == "me"
    states = [trial.state.value for trial in study.trials]
    assert states[3:6] == ["PRUNED", "FAILED", "INFEASIBLE"]
    assert study.trials[0].params == {"c": "b", "n": 2}
    assert study.trials[0].intermediate_values[1] == 3.0
    assert study.trials[12].fixed == {"c": "a", "x": 2.0}
    assert study.best_value == 1.0
    duration = study.trials[0].duration
    assert duration is not None
    assert 0 <= duration < 60
    queued = study.ask()
    assert queued.suggest_categorical("c", ["a", "b", None]) == "a"
    assert luthier.load_study("two", storage=storage).directions == ["minimize", "maximize"]


def test_constraints_become_limits() -> None:
    storage = Memory()
    bring(
        study_of(
            trial(0, values=(0.0,), system_attrs={"constraints:c": 2.0}),
            trial(1, system_attrs={"constraints:c": -1.0}),
            trial(2, values=(3.0,), system_attrs={"constraints": [0.0], "constraints:c": 0.0}),
        ),
        storage,
    )
    study = luthier.load_study("s", storage=storage)
    assert [limit.metric for limit in study.problem.limits] == ["constraint:c", "constraint:0"]
    assert study.trials[1].metrics == {"constraint:c": -1.0}
    assert study.best_trial.number == 2  # the only one that says that it keeps both


def test_again_brings_only_what_is_new() -> None:
    storage = Memory()
    bring(study_of(trial(0), trial(1, state="RUNNING", values=None)), storage)
    again = bring(study_of(trial(0), trial(1), trial(2)), storage)
    assert (again.created, again.added, again.known) == (False, 2, 1)
    study = luthier.load_study("s", storage=storage)
    assert [t.user_attrs["optuna:number"] for t in study.trials] == [0, 1, 2]


def test_another_study_of_that_name_stays_as_it_is() -> None:
    storage = Memory()
    luthier.create_study(study_name="s", storage=storage)
    with pytest.raises(StudyExists, match="another name"):
        bring(study_of(trial(0)), storage)
    assert bring(study_of(trial(0)), storage, "t").study == "t"
    assert luthier.load_study("s", storage=storage).trials == []


def test_what_cannot_be_brought_over_is_said() -> None:
    brought = bring(
        study_of(
            trial(0, unreadable="parameter 'x': odd"),
            trial(1, values=None),
            trial(2, values=(math.nan,)),
            trial(3, params={"x": 7.0}),
        ),
        Memory(),
    )
    assert list(brought.left_out.values()) == [[0], [1], [2]]
    assert brought.added == 1
    assert list(brought.changed.values()) == [[3]]


def test_names_of_metrics_are_kept() -> None:
    storage = Memory()
    named = OptunaStudy(
        "s", ["minimize"], [trial(0)], system_attrs={"study:metric_names": ["loss"]}
    )
    bring(named, storage)
    assert luthier.load_study("s", storage=storage).problem.objectives[0].name == "loss"


@pytest.mark.parametrize(
    ("name", "attributes", "param"),
    [
        ("UniformDistribution", {"low": 0, "high": 1}, luthier.Float(0, 1)),
        ("LogUniformDistribution", {"low": 1, "high": 9}, luthier.Float(1, 9, log=True)),
        (
            "DiscreteUniformDistribution",
            {"low": 0, "high": 1.1, "q": 0.5},
            luthier.Float(0, 1, step=0.5),
        ),
        ("IntUniformDistribution", {"low": 1, "high": 8, "step": 3}, luthier.Int(1, 7, step=3)),
        (
            "IntLogUniformDistribution",
            {"low": 1, "high": 8, "step": 1},
            luthier.Int(1, 8, log=True),
        ),
        ("FloatDistribution", {"low": 2, "high": 2, "step": 1, "log": False}, luthier.Float(2, 2)),
        (
            "CategoricalDistribution",
            {"choices": [[1, 2], "a"]},
            luthier.Categorical([(1, 2), "a"]),
        ),
        ("CategoricalDistribution", {"choices": [1, True]}, luthier.Categorical(["1", "True"])),
    ],
)
def test_distributions_of_all_versions(
    name: str, attributes: dict[str, object], param: object
) -> None:
    assert read_distribution(json.dumps({"name": name, "attributes": attributes})).param == param


def test_choice_is_found_by_its_place() -> None:
    text = json.dumps({"name": "CategoricalDistribution", "attributes": {"choices": ["a", None]}})
    assert read_distribution(text).value(1.0) is None


def test_source_that_is_not_there_or_something_else(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        read_studies(str(tmp_path / "none.db"))
    luthier.create_study(storage=str(tmp_path / "ours.db"))
    with pytest.raises(StorageError, match="no database of Optuna"):
        read_studies(f"sqlite:///{tmp_path / 'ours.db'}")
    (tmp_path / "notes.txt").write_text("hello\n", encoding="utf-8")
    with pytest.raises(StorageError, match=r"notes\.txt:1"):
        read_studies(str(tmp_path / "notes.txt"))
    (tmp_path / "empty.log").write_text("", encoding="utf-8")
    with pytest.raises(StorageError, match="neither"):
        read_studies(str(tmp_path / "empty.log"))
    with pytest.raises(StudyNotFound, match="'one', 'two'"):
        read_studies(str(FILES / "v5.log"), "three")


def test_journal_that_is_cut_short_is_read_up_to_there(tmp_path: Path) -> None:
    text = (FILES / "v5.log").read_text(encoding="utf-8")
    (tmp_path / "cut.log").write_text(text[:-20], encoding="utf-8")
    assert [study.name for study in read_studies(str(tmp_path / "cut.log"))] == ["one", "two"]


def test_reading_changes_nothing(tmp_path: Path) -> None:
    url = database(FILES / "v5.sql", tmp_path)
    path = tmp_path / "optuna.db"
    before = path.read_bytes()
    read_studies(url)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["optuna.db"]
