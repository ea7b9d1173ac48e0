"""Read a study file, and say in which line what is wrong with it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from luthier.errors import FormatError, InvalidInput, MissingExtra
from luthier.executors import make as make_executor
from luthier.executors.base import Limits
from luthier.executors.command import Command
from luthier.formats.check import check, shown
from luthier.formats.document import Document, Place, read_document
from luthier.formats.schema import SCHEMA
from luthier.formats.study_file import StudyFile
from luthier.formats.units import seconds
from luthier.model.problem import Limit, Objective, Problem
from luthier.model.trial import Params
from luthier.samplers.registry import Spec
from luthier.samplers.registry import make as make_sampler
from luthier.schedulers.registry import make as make_scheduler
from luthier.space.space import Space
from luthier.study.budget import Budget
from luthier.study.loop import make_limits
from luthier.study.outage import MAX_OUTAGE

_BUDGET_NAMES = {"trials": "total_trials"}


def read_study_file(path: str | os.PathLike[str]) -> StudyFile:
    """Read a study file, YAML or JSON, and check all of it that can be checked before a trial.

    Parameters
    ----------
    path : str or path
        The file.

    Raises
    ------
    FormatError
        With file, line and field of the first thing that is not allowed.
    """
    path = Path(path)
    document = read_document(path)
    check(document, SCHEMA)
    return _Reader(document, path).read()


class _Reader:
    """Builds the parts of a document that fits the schema."""

    def __init__(self, document: Document, path: Path) -> None:
        self._document = document
        self._path = path
        self._data: dict[str, Any] = document.value

    def read(self) -> StudyFile:
        data = self._data
        space = self._space()
        objectives = self._objectives()
        limits = self._limits()
        with self._blame("metric"):
            Problem(space or Space({}), objectives)
        per_trial = self._per_trial()
        return StudyFile(
            path=self._path,
            name=data.get("name", self._path.stem),
            objective=self._command(space) if "command" in data else data["objective"],
            objectives=objectives,
            space=space,
            storage=data.get("storage"),
            limits=limits,
            enqueue=self._enqueue(space),
            sampler=self._named("sampler", make_sampler),
            scheduler=self._named("scheduler", make_scheduler),
            seed=data.get("seed"),
            duplicates=data.get("duplicates"),
            budget=self._budget(objectives),
            executor=self._executor(),
            workers=data.get("workers", 1),
            gpus=tuple(data["gpus"]) if "gpus" in data else None,
            trials_per_gpu=data.get("trials_per_gpu", 1),
            trial_timeout=per_trial.get("timeout"),
            trial_memory=per_trial.get("memory"),
            grace=per_trial.get("grace", Limits().grace),
            retries=data.get("retries", 0),
            repeats=data.get("repeats", 1),
            max_outage=self._seconds("max_outage") or MAX_OUTAGE,
        )

    def _executor(self) -> Spec | None:
        def checked(given: Spec) -> None:
            with suppress(MissingExtra):  # who reads the file need not be who runs it
                make_executor(given)

        return self._named("executor", checked)

    def _space(self) -> Space | None:
        if "space" not in self._data:
            if self._data.get("constraints"):
                raise self._document.error(("constraints",), "needs the field 'space' beside it")
            return None
        params, constraints = self._data["space"], self._data.get("constraints", [])
        with self._blame("space"):
            Space.from_dict(params)
        # Each by itself, so that an error is known to be that one's.
        for index, constraint in enumerate(constraints):
            with self._blame("constraints", index):
                Space.from_dict(params, constraints=[constraint])
        return Space.from_dict(params, constraints=constraints)

    def _objectives(self) -> tuple[Objective, ...]:
        names = _listed(self._data.get("metric"))
        directions = _listed(self._data.get("direction"))
        if not directions:
            if len(names) > 1:
                message = f"needs a 'direction' for each of its {len(names)} metrics"
                raise self._document.error(("metric",), message)
            directions = ["minimize"]
        if not names:
            several = len(directions) > 1
            names = [f"value_{i}" for i in range(len(directions))] if several else ["value"]
        if len(names) != len(directions):
            message = f"has {len(directions)} entries; allowed: {len(names)}, one for each metric"
            raise self._document.error(("direction",), message)
        return tuple(Objective(n, way) for n, way in zip(names, directions, strict=True))

    def _limits(self) -> tuple[Limit, ...]:
        limits = []
        for index, text in enumerate(self._data.get("limits", ())):
            with self._blame("limits", index):
                limits.append(Limit.parse(text))
        return tuple(limits)

    def _command(self, space: Space | None) -> Command:
        given = self._data["command"]
        options: dict[str, Any] = {"args": given} if isinstance(given, list) else dict(given)
        folder = self._path.resolve().parent
        options["cwd"] = folder / options.get("cwd", "")
        with self._blame("command"):
            command = Command(**options)
            command.check(space.paths if space is not None else ())
        return command

    def _enqueue(self, space: Space | None) -> tuple[Params, ...]:
        queued = []
        for index, given in enumerate(self._data.get("enqueue", ())):
            params = given
            if space is not None:
                with self._blame("enqueue", index):
                    params = space.restore(given)
                    space.check(params, partial=True)
            queued.append(params)
        return tuple(queued)

    def _named(self, field: str, make: Callable[[Spec], object]) -> Spec | None:
        """Return a name, or a name and settings, of which `make` can make something."""
        given: Spec | None = self._data.get(field)
        if given is None:
            return None
        with self._blame(field):
            try:
                make(given)
            except TypeError as error:
                message = f"a setting is missing or of a wrong type ({error})"
                raise self._document.error((field,), message) from error
        return given

    def _budget(self, objectives: tuple[Objective, ...]) -> Budget:
        given: dict[str, Any] = dict(self._data.get("budget", {}))
        if "target" in given and len(objectives) > 1:
            message = "allowed: only in a study with one objective"
            raise self._document.error(("budget", "target"), message)
        if "timeout" in given:
            given["timeout"] = self._seconds("budget", "timeout")
        with self._blame("budget"):
            return Budget(**{_BUDGET_NAMES.get(name, name): v for name, v in given.items()})

    def _per_trial(self) -> dict[str, Any]:
        given = dict(self._data.get("per_trial", {}))
        for name in ("timeout", "grace"):
            if name in given:
                given[name] = self._seconds("per_trial", name)
        with self._blame("per_trial", "memory"):
            make_limits(None, given.get("memory"))
        return given

    def _seconds(self, *path: str) -> float | None:
        """Return a time that the file gives somewhere, None if it does not."""
        found: Any = self._data
        for name in path:
            found = found.get(name, {})
        if found == {}:
            return None
        with self._blame(*path):
            return seconds(found, path[-1])

    @contextmanager
    def _blame(self, *path: str | int) -> Iterator[None]:
        """Turn an error about a value into one about the line where the value stands."""
        try:
            yield
        except FormatError:
            raise
        except InvalidInput as error:
            place = self._place(error, path)
            message = f"got {shown(error.given)}; allowed: {error.allowed}"
            if place == path and error.field.startswith("constraint "):
                message = f"{error.field}: {message}"
            raise self._document.error(place, message) from error

    def _place(self, error: InvalidInput, path: Place) -> Place:
        """Return the place within `path` that an error speaks of, as exactly as it is known."""
        if path == ("space",):
            located = self._document.locate(error.field)
            if located is not None:
                return located
        lines = self._document.lines
        words = [error.field.rpartition(": ")[2], *re.findall(r"'([^']*)'", error.field)]
        if isinstance(error.given, str):
            words.append(error.given)
        for word in words:
            if (*path, word) in lines:
                return (*path, word)
        if path == ("command",):
            # An argument is known by its text, or by the placeholder in it.
            for place in lines:
                is_argument = place[:1] == path and isinstance(place[-1], int)
                if is_argument and str(error.given) in _at(self._data, place):
                    return place
        return path


def _listed(given: Any) -> list[Any]:
    return [] if given is None else given if isinstance(given, list) else [given]


def _at(value: Any, path: Place) -> Any:
    for part in path:
        value = value[part]
    return value
