"""Who looks into a database by hand sees the same trials as Luthier."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings

from luthier.storage import SQL, Record, SQLite, Storage
from storage.event_logs import folded, logs, number_of, texts

Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[tuple[Storage, Query]]:
    storage = SQLite(tmp_path / "studies.db")

    def query(text: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(storage.path)
        connection.text_factory = lambda text: text.decode(errors="replace")
        try:
            return connection.execute(text).fetchall()
        finally:
            connection.close()

    yield storage, query
    storage.close()


@pytest.fixture
def postgres(database: str) -> Iterator[tuple[Storage, Query]]:
    storage = SQL(database)
    engine = sa.create_engine(database.replace("postgresql:", "postgresql+psycopg:"))

    def query(text: str) -> list[tuple[Any, ...]]:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(text))]

    yield storage, query
    storage.close()
    engine.dispose()


# Logs shrink slowly, and say enough as they are.
_many = settings(
    max_examples=100,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

TRIALS = """
SELECT study, number, state, value, all_values, params, started, ended, duration, error
FROM {prefix}trials
"""
REPORTS = "SELECT study, number, step, metric, value FROM {prefix}reports"


@given(first=logs(), second=logs())
@settings(
    max_examples=60,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_views_of_sqlite_say_what_the_log_says(
    sqlite: tuple[Storage, Query], first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    _check(*sqlite, prefix="", logs={"first": first, "second": second})


@given(first=logs(), second=logs())
@settings(
    max_examples=60,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_views_of_postgresql_say_what_the_log_says(
    postgres: tuple[Storage, Query], first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    _check(*postgres, prefix="luthier_", logs={"first": first, "second": second})


def _check(
    storage: Storage, query: Query, *, prefix: str, logs: dict[str, list[dict[str, Any]]]
) -> None:
    for study, events in logs.items():
        storage.append(study, [Record(text) for text in texts(events)], create=True)
    try:
        seen = query(TRIALS.format(prefix=prefix))
        steps = query(REPORTS.format(prefix=prefix))
    finally:
        for study in logs:
            storage.delete(study)
    for study, events in logs.items():
        trials, reports = folded(events)
        rows = {row[1]: row[2:] for row in seen if row[0] == study}
        assert rows.keys() == trials.keys()
        for number, trial in trials.items():
            state, value, values, params, started, ended, duration, error = rows[number]
            assert (state, started, ended) == (trial["state"], trial["started"], trial["ended"])
            assert _plain(values) == trial["values"]
            expected = number_of(trial["values"][0]) if trial["values"] else None
            assert _without_nan(value) == expected
            assert _exactly(_plain(params)) == _exactly(trial["params"])
            assert duration == (ended - started if ended and started else None)
            assert _readable(error) == _readable(trial["error"])
        shown = [(*row[1:4], _without_nan(row[4])) for row in steps if row[0] == study]
        assert len(set(shown)) == len(shown)
        assert set(shown) == reports


def _plain(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _exactly(value: Any) -> str:
    # In Python True equals 1.
    return json.dumps(value, sort_keys=True)


def _without_nan(value: float | None) -> float | None:
    return None if value != value else value


def _readable(text: str) -> str:
    """Forget how the characters are shown that no database can show."""
    return text.replace("\0", "").replace("\ud800", "").replace("\ufffd", "")
