"""Studies from the tables of an Optuna database."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import inf, nan
from typing import Any

from luthier.errors import InvalidInput, StorageError
from luthier.formats.optuna.params import read_distribution
from luthier.formats.optuna.records import OptunaStudy, OptunaTrial
from luthier.storage.tables import Row, Tables, open_tables

NEEDED = {"studies", "study_directions", "trials", "trial_params", "trial_values"}
"""Tables that each database has which Optuna from version 3 on has written or upgraded."""

TYPES = {"FINITE": None, "INF_POS": inf, "INF_NEG": -inf, "NAN": nan}
"""What the type of a value says of it, from version 3.0 on."""


def read_database(url: str) -> list[OptunaStudy]:
    """Return all studies of a database, in the order in which they were created.

    Raises
    ------
    StorageError
        If it is no database of Optuna from version 3 on, or cannot be read.
    """
    with open_tables(url) as tables:
        missing = NEEDED - tables.names()
        if missing:
            raise StorageError(
                f"this is no database of Optuna from version 3 on: it has no table "
                f"{', '.join(sorted(missing))}; `optuna storage upgrade` makes an older one new"
            )
        return _studies(tables)


def _studies(tables: Tables) -> list[OptunaStudy]:
    directions = defaultdict(list)
    for study, direction in tables.rows(
        "SELECT study_id, direction FROM study_directions ORDER BY study_id, objective"
    ):
        directions[study].append(str(direction).lower())
    notes = _attributes(tables, "study_user_attributes", "study_id")
    system = _attributes(tables, "study_system_attributes", "study_id")
    trials = _trials(tables)
    return [
        OptunaStudy(name, directions[study], trials[study], notes[study], system[study])
        for study, name in tables.rows("SELECT study_id, study_name FROM studies ORDER BY study_id")
    ]


def _trials(tables: Tables) -> dict[int, list[OptunaTrial]]:
    params = _grouped(tables, "trial_params", "param_name", "param_value", "distribution_json")
    values = _valued(tables, "trial_values", "objective", "value")
    reports = _valued(tables, "trial_intermediate_values", "step", "intermediate_value")
    notes = _attributes(tables, "trial_user_attributes", "trial_id")
    system = _attributes(tables, "trial_system_attributes", "trial_id")
    found: dict[int, list[OptunaTrial]] = defaultdict(list)
    for trial, study, state, started, ended in tables.rows(
        "SELECT trial_id, study_id, state, datetime_start, datetime_complete FROM trials "
        "ORDER BY study_id, number"
    ):
        chosen, distributions, unreadable = {}, {}, ""
        for name, stored, text in params[trial]:
            try:
                read = read_distribution(text)
                chosen[name], distributions[name] = read.value(stored), read.param
            except (InvalidInput, IndexError) as error:
                unreadable = f"parameter {name!r}: {error}"
        ordered = [_number(value, kind) for _, value, kind in sorted(values[trial])]
        found[study].append(
            OptunaTrial(
                len(found[study]),
                state,
                tuple(ordered) or None,
                chosen,
                distributions,
                {step: _number(value, kind) for step, value, kind in reports[trial]},
                notes[trial],
                system[trial],
                _moment(started),
                _moment(ended),
                unreadable,
            )
        )
    return found


def _valued(tables: Tables, table: str, key: str, value: str) -> Mapping[int, Sequence[Row]]:
    kind = f"{value}_type"
    known = kind in tables.columns(table)
    return _grouped(tables, table, key, value, kind if known else "'FINITE'")


def _grouped(tables: Tables, table: str, *columns: str) -> Mapping[int, Sequence[Row]]:
    """Return what trials have of something, by the trial."""
    groups: dict[int, list[Row]] = defaultdict(list)
    query = f"SELECT trial_id, {', '.join(columns)} FROM {table} ORDER BY trial_id"
    for key, *rest in tables.rows(query):
        groups[key].append(tuple(rest))
    return groups


def _attributes(tables: Tables, table: str, owner: str) -> Mapping[int, Mapping[str, Any]]:
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    # `key` is a word of MySQL's language, but not behind a dot.
    for one, key, text in tables.rows(f"SELECT t.{owner}, t.key, t.value_json FROM {table} AS t"):
        found[one][key] = json.loads(text)
    return found


def _number(value: float | None, kind: str) -> float:
    special = TYPES.get(kind)
    if special is not None:
        return special
    # Before version 3.0 a value that is not finite was not told from a missing one.
    return nan if value is None else float(value)


def _moment(given: datetime | str | None) -> float | None:
    """Return a time of the database, which is in UTC, in seconds since the epoch."""
    if given is None:
        return None
    parsed = datetime.fromisoformat(given) if isinstance(given, str) else given
    return parsed.replace(tzinfo=UTC).timestamp()
