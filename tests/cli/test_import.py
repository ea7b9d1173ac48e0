"""`luthier import optuna` brings studies over, and says what it left out."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import luthier
from luthier.cli.main import main

FILES = Path(__file__).parents[1] / "formats" / "optuna_files"


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect("old.db")) as connection:
        connection.executescript((FILES / "v5.sql").read_text(encoding="utf-8"))
    return "sqlite:///old.db"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["import", "optuna", *arguments, "--storage", "new.db"])


def test_all_studies_come_over_once(database: str) -> None:
    first = run(database)
    assert first.exit_code == 0
    assert first.output.splitlines() == [
        "one: 13 trials brought over",
        "  left out: 1 trial (still running there): 12",
        "  changed: 1 trial (infinite values: INFEASIBLE here): 5",
        "two: 5 trials brought over",
    ]
    assert "one: 0 trials brought over, 13 were here already" in run(database).output
    assert luthier.study_names("new.db") == ["one", "two"]
    assert len(luthier.load_study("one", storage="new.db").trials) == 13


def test_one_study_under_another_name(database: str) -> None:
    done = run("old.db", "--study", "two", "--name", "second", "--json")
    (brought,) = json.loads(done.output)
    assert (brought["source"], brought["study"], brought["added"]) == ("two", "second", 5)
    assert luthier.study_names("new.db") == ["second"]


def test_journal_is_read_as_well(database: str) -> None:
    assert run(str(FILES / "v5.log")).exit_code == 0
    assert luthier.study_names("new.db") == ["one", "two"]


def test_what_cannot_be_done_is_said(database: str) -> None:
    assert run("missing.db").output == "error: there is no file missing.db\n"
    several = run(database, "--name", "x")
    assert several.exit_code == 2
    assert "add --study" in several.output
    assert "it has 'one', 'two'" in run(database, "--study", "three").output
    luthier.create_study(study_name="one", storage="new.db")
    assert "another study 'one'" in run(database).output
