"""Studies from a journal file of Optuna."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from luthier.errors import InvalidInput, StorageError
from luthier.formats.optuna.params import read_distribution
from luthier.formats.optuna.records import STATES, OptunaStudy, OptunaTrial

DIRECTIONS = ("not set", "minimize", "maximize")

_FINISHED = ("COMPLETE", "PRUNED", "FAIL")


def read_journal(path: str) -> list[OptunaStudy]:
    """Return all studies of a journal file, in the order in which they were created.

    A last line that is cut short, by a process that died while it wrote, is left out.

    Raises
    ------
    StorageError
        If it is no journal file of Optuna.
    """
    journal = _Journal()
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = file.read().split("\n")
    for number, line in enumerate(lines[:-1], 1):
        try:
            journal.apply(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise StorageError(
                f"{path}:{number} is no line of a journal of Optuna ({error!r})"
            ) from error
    if not journal.seen:
        raise StorageError(f"{path} is neither a database nor a journal of Optuna")
    return [journal.study(index) for index in journal.studies]


class _Journal:
    """Folds the operations of a journal, in the way in which Optuna does."""

    def __init__(self) -> None:
        self.seen = 0
        self.studies: dict[int, OptunaStudy] = {}
        self._begun = 0
        self._trials: list[OptunaTrial] = []
        self._of_study: dict[int, list[int]] = {}
        self._operations: tuple[Callable[[dict[str, Any]], None], ...] = (
            self._create_study,
            self._delete_study,
            self._note_on_study,
            self._note_on_study,
            self._create_trial,
            self._set_param,
            self._set_state,
            self._set_report,
            self._note_on_trial,
            self._note_on_trial,
        )

    def apply(self, line: dict[str, Any]) -> None:
        self.seen += 1
        operation = line["op_code"]
        if operation < len(self._operations):  # later versions clean up in further ones
            self._operations[operation](line)

    def study(self, index: int) -> OptunaStudy:
        trials = [self._trials[trial] for trial in self._of_study[index]]
        return replace(self.studies[index], trials=trials)

    def _create_study(self, line: dict[str, Any]) -> None:
        if line["study_name"] in {study.name for study in self.studies.values()}:
            return
        directions = [DIRECTIONS[direction] for direction in line["directions"]]
        self.studies[self._begun] = OptunaStudy(line["study_name"], directions, ())
        self._of_study[self._begun] = []
        self._begun += 1

    def _delete_study(self, line: dict[str, Any]) -> None:
        self.studies.pop(line["study_id"], None)

    def _note_on_study(self, line: dict[str, Any]) -> None:
        study = self.studies.get(line["study_id"])
        if study is not None:
            self.studies[line["study_id"]] = replace(study, **_noted(study, line))

    def _create_trial(self, line: dict[str, Any]) -> None:
        if line["study_id"] not in self.studies:
            return
        own = self._of_study[line["study_id"]]
        own.append(len(self._trials))
        values = line.get("values")
        if values is None and line.get("value") is not None:
            values = [line["value"]]
        trial = OptunaTrial(
            len(own) - 1,
            STATES[line.get("state", 0)],
            None if values is None else tuple(values),
            reports={
                int(step): value for step, value in line.get("intermediate_values", {}).items()
            },
            user_attrs=line.get("user_attrs", {}),
            system_attrs=line.get("system_attrs", {}),
            started=_moment(line.get("datetime_start")),
            ended=_moment(line.get("datetime_complete")),
        )
        for name, stored in line.get("params", {}).items():
            trial = _with_param(trial, name, stored, line["distributions"][name])
        self._trials.append(trial)

    def _set_param(self, line: dict[str, Any]) -> None:
        self._update(
            line,
            lambda trial: _with_param(
                trial, line["param_name"], line["param_value_internal"], line["distribution"]
            ),
        )

    def _set_state(self, line: dict[str, Any]) -> None:
        state, values = STATES[line["state"]], line["values"]

        def told(trial: OptunaTrial) -> OptunaTrial:
            if state == "RUNNING" and trial.state != "WAITING":
                return trial  # another process was quicker
            return replace(
                trial,
                state=state,
                values=trial.values if values is None else tuple(values),
                started=_moment(line.get("datetime_start")) or trial.started,
                ended=_moment(line.get("datetime_complete")) or trial.ended,
            )

        self._update(line, told)

    def _set_report(self, line: dict[str, Any]) -> None:
        step, value = line["step"], line["intermediate_value"]
        self._update(line, lambda trial: replace(trial, reports={**trial.reports, step: value}))

    def _note_on_trial(self, line: dict[str, Any]) -> None:
        self._update(line, lambda trial: replace(trial, **_noted(trial, line)))

    def _update(
        self, line: Mapping[str, Any], change: Callable[[OptunaTrial], OptunaTrial]
    ) -> None:
        """Change a trial, unless it has ended before."""
        trial = self._trials[line["trial_id"]]
        if trial.state not in _FINISHED:
            self._trials[line["trial_id"]] = change(trial)


def _noted(record: OptunaStudy | OptunaTrial, line: Mapping[str, Any]) -> dict[str, Any]:
    if "user_attr" in line:
        return {"user_attrs": {**record.user_attrs, **line["user_attr"]}}
    return {"system_attrs": {**record.system_attrs, **line["system_attr"]}}


def _with_param(trial: OptunaTrial, name: str, stored: float, text: str) -> OptunaTrial:
    try:
        read = read_distribution(text)
        value = read.value(stored)
    except (InvalidInput, IndexError) as error:
        return replace(trial, unreadable=f"parameter {name!r}: {error}")
    return replace(
        trial,
        params={**trial.params, name: value},
        distributions={**trial.distributions, name: read.param},
    )


def _moment(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()
