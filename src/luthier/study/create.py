"""Create, load and delete studies."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from luthier.errors import InvalidInput, StudyExists, StudyNotFound
from luthier.model.events import Defined
from luthier.model.problem import Direction, Duplicates, Limit, Objective, Problem
from luthier.model.problem import make_limits as make_problem_limits
from luthier.samplers.base import Sampler
from luthier.samplers.registry import make as make_sampler
from luthier.samplers.registry import name_of
from luthier.samplers.registry import names as sampler_names
from luthier.schedulers.base import Scheduler
from luthier.schedulers.registry import make as make_scheduler
from luthier.schedulers.registry import name_of as scheduler_name_of
from luthier.schedulers.registry import names as scheduler_names
from luthier.space.space import Space
from luthier.storage.base import Storage
from luthier.storage.registry import open_storage
from luthier.study.checkpoints import (
    Checkpoints,
    checkpoint_folders,
    make_checkpoints,
    remove_folders,
)
from luthier.study.journal import Journal
from luthier.study.running import now
from luthier.study.study import Study

log = logging.getLogger("luthier")

DEFAULT_SAMPLER = "auto"
DEFAULT_SCHEDULER = "full"


def create_study(
    space: Space | Mapping[str, Any] | type | None = None,
    *,
    direction: Direction | None = None,
    directions: Sequence[Direction] | None = None,
    metric: str | Sequence[str] | None = None,
    study_name: str | None = None,
    storage: str | Storage | None = None,
    sampler: Sampler | str | Mapping[str, Any] | None = None,
    scheduler: Scheduler | str | Mapping[str, Any] | None = None,
    checkpoints: Checkpoints | str | os.PathLike[str] | None = None,
    seed: int | None = None,
    limits: Sequence[Limit | str] = (),
    duplicates: Duplicates | None = None,
    load_if_exists: bool = False,
) -> Study:
    """Create a study.

    Parameters
    ----------
    space : Space, mapping or dataclass, optional
        What can vary. None for define-by-run: the objective's `suggest_*` calls say it.
    direction : {"minimize", "maximize"}, default "minimize"
        Which way the objective is better.
    directions : sequence, optional
        One direction per objective, for several.
    metric : str or sequence of str, optional
        Names of the objectives. Default "value", or "value_0", "value_1", ...
    study_name : str, optional
        Name in the storage. Default: one made up.
    storage : str or Storage, optional
        Where it is kept: "memory" (default), "sqlite" (the file luthier.db), a path ending in
        .db, or a URL such as "postgresql://...".
    sampler : Sampler, str or mapping, optional
        What proposes params. Default: "auto", which chooses by the problem.
    scheduler : Scheduler, str or mapping, optional
        What stops, pauses and resumes trials. Default: every trial runs to its end.
    checkpoints : Checkpoints or path, optional
        Where trials keep their checkpoints, and which stay; see `Checkpoints`. Default: beside
        an SQLite file, or in a temporary folder for a study in memory.
    seed : int, optional
        Makes the study repeatable. None takes a new one; it is kept in the log.
    limits : sequence of Limit or str, optional
        Bounds on metrics that trials measure, such as "latency <= 20".
    duplicates : {"avoid", "reuse", "replicate"}, optional
        What happens when a point is proposed again. Default: finite spaces avoid it.
    load_if_exists : bool, default False
        Continue a study of that name if there is one with the same problem.

    Raises
    ------
    StudyExists
        If there is a study of that name already, or, with `load_if_exists`, one with another
        space, other objectives, limits or seed.
    InvalidInput
        If an argument is not allowed.
    """
    problem = Problem(
        space=_make_space(space),
        objectives=_make_objectives(direction, directions, metric),
        limits=make_problem_limits(limits or ()),
        seed=secrets.randbits(32) if seed is None else seed,
        duplicates=duplicates,
    )
    if study_name is None:
        study_name = f"study-{secrets.token_hex(4)}"
    elif not isinstance(study_name, str) or not study_name.strip():
        raise InvalidInput("study_name", study_name, "a name that is not empty")
    made = make_sampler(sampler if sampler is not None else DEFAULT_SAMPLER)
    scheduling = make_scheduler(scheduler if scheduler is not None else DEFAULT_SCHEDULER)
    make_checkpoints(checkpoints)
    opened = open_storage(storage)
    journal = Journal(opened, study_name, dict(problem.space.callables))
    try:
        journal.append(Defined(problem, now()), create=True)
    except StudyExists:
        if not load_if_exists:
            raise
        _check_same(study_name, journal.sync().problem, problem, seed)
    return Study(journal, made, scheduling, _make_checkpoints(checkpoints, journal))


def load_study(
    study_name: str | None = None,
    *,
    storage: str | Storage | None = None,
    sampler: Sampler | str | Mapping[str, Any] | None = None,
    scheduler: Scheduler | str | Mapping[str, Any] | None = None,
    checkpoints: Checkpoints | str | os.PathLike[str] | None = None,
    callables: Mapping[str, Callable[..., Any]] | None = None,
) -> Study:
    """Load a study to look at it or to go on with it.

    Parameters
    ----------
    study_name : str, optional
        Its name; may be left out if the storage has only one study.
    storage : str or Storage
        Where it is kept.
    sampler : Sampler, str or mapping, optional
        What proposes params. Default: what the study used last.
    scheduler : Scheduler, str or mapping, optional
        What stops, pauses and resumes trials. Default: what the study used last.
    checkpoints : Checkpoints or path, optional
        Where trials keep their checkpoints. Default: where the study kept them last.
    callables : mapping of str to callable, optional
        Functions that the space's constraints refer to by name: a log holds no code.

    Raises
    ------
    StudyNotFound
        If there is no study of that name.
    """
    opened = open_storage(storage)
    if study_name is None:
        names = opened.studies()
        if len(names) != 1:
            if not names:
                raise StudyNotFound(f"there is no study in {opened!r}")
            raise StudyNotFound(
                f"{opened!r} has {len(names)} studies: name one of {', '.join(names)}"
            )
        study_name = names[0]
    journal = Journal(opened, study_name, callables)
    last = journal.sync().last_opened
    if sampler is None:
        sampler = last.sampler if last is not None else DEFAULT_SAMPLER
        if name_of(sampler) not in sampler_names():
            log.warning(
                "study %r used the sampler %r, which is not installed here; it goes on with %r",
                study_name,
                name_of(sampler),
                DEFAULT_SAMPLER,
            )
            sampler = DEFAULT_SAMPLER
    if scheduler is None:
        used = last.scheduler if last is not None else None
        scheduler = DEFAULT_SCHEDULER if used is None else used
        if scheduler_name_of(scheduler) not in scheduler_names():
            log.warning(
                "study %r used the scheduler %r, which is not installed here; every trial runs "
                "to its end",
                study_name,
                scheduler_name_of(scheduler),
            )
            scheduler = DEFAULT_SCHEDULER
    kept = _make_checkpoints(checkpoints, journal)
    return Study(journal, make_sampler(sampler), make_scheduler(scheduler), kept)


def delete_study(study_name: str, *, storage: str | Storage) -> None:
    """Delete a study, everything that was recorded of it, and its checkpoints.

    Raises
    ------
    StudyNotFound
        If there is no study of that name.
    """
    opened = open_storage(storage)
    journal = Journal(opened, study_name)
    homes = {event.checkpoints for event in journal.openings() if event.checkpoints is not None}
    folders = checkpoint_folders(journal, homes)
    opened.delete(study_name)
    remove_folders(folders)


def study_names(storage: str | Storage) -> list[str]:
    """Return the names of all studies of a storage, the oldest first."""
    return open_storage(storage).studies()


def _make_checkpoints(
    given: Checkpoints | str | os.PathLike[str] | None, journal: Journal
) -> Checkpoints:
    last = journal.history.last_opened
    return make_checkpoints(given, None if last is None else last.checkpoints)


def _changed(stored: Space, given: Space) -> str:
    """Say in which parts two spaces differ."""
    names = dict.fromkeys([*stored.params, *given.params])
    parts = [name for name in names if stored.params.get(name) != given.params.get(name)]
    if parts:
        return f"{', '.join(parts)} differ"
    if list(stored.params) != list(given.params):
        return "the order of the parameters differs"
    return "constraints or settings differ"


def _make_space(space: Space | Mapping[str, Any] | type | None) -> Space:
    if space is None:
        return Space({}, partial=True)
    if isinstance(space, Space):
        return space
    if isinstance(space, Mapping):
        return Space.from_dict(space)
    if isinstance(space, type):
        return Space.from_dataclass(space)
    raise InvalidInput("space", space, "a Space, a mapping of parameters, or a dataclass")


def _make_objectives(
    direction: Direction | None,
    directions: Sequence[Direction] | None,
    metric: str | Sequence[str] | None,
) -> tuple[Objective, ...]:
    if direction is not None and directions is not None:
        raise InvalidInput("direction", direction, "either direction or directions")
    names = [metric] if isinstance(metric, str) else None if metric is None else list(metric)
    if directions is None:
        directions = [direction or "minimize"] * (1 if names is None else len(names))
        if direction is None and len(directions) > 1:
            raise InvalidInput("directions", None, f"{len(directions)} directions, one per metric")
    elif isinstance(directions, str) or not directions:
        raise InvalidInput("directions", directions, "a sequence of directions")
    if names is None:
        several = len(directions) > 1
        names = [f"value_{i}" for i in range(len(directions))] if several else ["value"]
    if len(names) != len(directions):
        raise InvalidInput("metric", metric, f"{len(directions)} names, one per direction")
    return tuple(Objective(name, way) for name, way in zip(names, directions, strict=True))


def _check_same(name: str, stored: Problem, given: Problem, seed: int | None) -> None:
    differences = []
    if stored.dynamic != given.dynamic or (not stored.dynamic and stored.space != given.space):
        changed = _changed(stored.space, given.space)
        differences.append(f"another space: {changed} (to change it, use Study.edit_space)")
    if stored.objectives != given.objectives:
        differences.append("other objectives")
    if stored.limits != given.limits:
        differences.append("other limits")
    if stored.duplicates != given.duplicates:
        differences.append("another duplicate policy")
    if seed is not None and stored.seed != given.seed:
        differences.append(f"seed {stored.seed}")
    if differences:
        raise StudyExists(f"study {name!r} exists with {', '.join(differences)}")
