"""Studies, as in ``optuna.study``."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import datetime
from secrets import token_hex
from typing import Any

from luthier.compat.optuna import samplers
from luthier.compat.optuna._base_trial import TrialState
from luthier.compat.optuna._frozen_trial import FrozenTrial
from luthier.compat.optuna._study import Study
from luthier.compat.optuna._study_view import StudyDirection
from luthier.compat.optuna.logging import get_logger
from luthier.compat.optuna.storages import InMemoryStorage, get_storage
from luthier.errors import StudyExists
from luthier.storage.base import Record, Storage
from luthier.study.create import create_study as create_native
from luthier.study.create import delete_study as delete_native
from luthier.study.create import load_study as load_native

__all__ = [
    "MaxTrialsCallback",
    "Study",
    "StudyDirection",
    "StudySummary",
    "copy_study",
    "create_study",
    "delete_study",
    "get_all_study_names",
    "get_all_study_summaries",
    "load_study",
]

_log = get_logger("optuna")


def create_study(
    *,
    storage: Any = None,
    sampler: Any = None,
    pruner: Any = None,
    study_name: str | None = None,
    direction: str | StudyDirection | None = None,
    load_if_exists: bool = False,
    directions: Sequence[str | StudyDirection] | None = None,
) -> Study:
    """Create a study.

    Parameters
    ----------
    storage : str or storage, optional
        Where it is kept; None is the memory of this process.
    sampler : sampler, optional
        One of `samplers`, or one of Luthier's. Default: TPE, and a Gaussian process where trials
        take so long that its time does not count.
    pruner : pruner, optional
        One of `pruners`, or a scheduler of Luthier's. Default: `pruners.MedianPruner`.
    study_name : str, optional
        Name in the storage. Default: one made up.
    direction : {"minimize", "maximize"}, default "minimize"
        Which way the objective is better.
    load_if_exists : bool, default False
        Go on with a study of that name if there is one.
    directions : sequence, optional
        One direction per objective, for several.

    Raises
    ------
    DuplicatedStudyError
        If there is a study of that name already.
    ValueError
        If the directions make no sense.
    """
    ways = _directions(direction, directions)
    made = samplers.made(sampler)
    opened = get_storage(storage)
    named = study_name if study_name is not None else f"no-name-{token_hex(16)}"
    try:
        native = create_native(
            directions=ways,  # type: ignore[arg-type]  # checked by _directions
            study_name=named,
            storage=opened,
            sampler=made.native,
            scheduler="full",
            seed=made.seed,
        )
    except StudyExists:
        if not load_if_exists:
            raise
        _log.info("study %r exists: it goes on", named)
        native = load_native(named, storage=opened, sampler=made.native, scheduler="full")
    else:
        where = "memory" if isinstance(opened, InMemoryStorage) else "its storage"
        _log.info("A new study created in %s with name: %s", where, named)
    return Study(native, made, pruner)


def load_study(
    *, study_name: str | None, storage: Any, sampler: Any = None, pruner: Any = None
) -> Study:
    """Load a study to look at it or to go on with it.

    Parameters
    ----------
    study_name : str, optional
        Its name; None if the storage has only one study.
    storage, sampler, pruner
        As for `create_study`.

    Raises
    ------
    KeyError
        If there is no study of that name.
    ValueError
        If there is no name, and not exactly one study.
    """
    opened = get_storage(storage)
    if study_name is None:
        names = opened.studies()
        if len(names) != 1:
            raise ValueError(
                f"study_name: got None; allowed: a name, since {opened!r} has {len(names)} "
                f"studies: {', '.join(map(repr, names)) or 'none'}"
            )
        study_name = names[0]
    made = samplers.made(sampler)
    native = load_native(study_name, storage=opened, sampler=made.native, scheduler="full")
    return Study(native, made, pruner)


def delete_study(*, study_name: str, storage: Any) -> None:
    """Delete a study and everything that was recorded of it.

    Raises
    ------
    KeyError
        If there is no study of that name.
    """
    delete_native(study_name, storage=get_storage(storage))


def copy_study(
    *, from_study_name: str, from_storage: Any, to_storage: Any, to_study_name: str | None = None
) -> None:
    """Copy a study with its whole log.

    Raises
    ------
    KeyError
        If there is no study of that name.
    DuplicatedStudyError
        If there is one of the new name.
    """
    source, target = get_storage(from_storage), get_storage(to_storage)
    copy_log(source, from_study_name, target, to_study_name or from_study_name)


def copy_log(source: Storage, study: str, target: Storage, name: str) -> None:
    """Write the log of a study to a storage, under a name that is new there."""
    target.append(name, [Record(text) for text in source.read(study)], create=True)


def get_all_study_names(storage: Any) -> list[str]:
    """Return the names of all studies of a storage, the oldest first."""
    return get_storage(storage).studies()


def get_all_study_summaries(storage: Any, include_best_trial: bool = True) -> list[StudySummary]:
    """Return what there is to say of each study of a storage, the oldest first."""
    opened = get_storage(storage)
    return [
        StudySummary(load_study(study_name=name, storage=opened), study_id, include_best_trial)
        for study_id, name in enumerate(opened.studies())
    ]


class StudySummary:
    """What there is to say of a study.

    Attributes
    ----------
    study_name : str
        Its name.
    best_trial : FrozenTrial, optional
        The best one of a single objective.
    user_attrs : dict
        Notes.
    n_trials : int
        How many there are, in whatever state.
    datetime_start : datetime, optional
        When the first one began, in local time.
    """

    def __init__(self, study: Study, study_id: int, include_best_trial: bool) -> None:
        trials = study.get_trials(deepcopy=False)
        self.study_name = study.study_name
        self.user_attrs = study.user_attrs
        self.n_trials = len(trials)
        self.best_trial: FrozenTrial | None = None
        complete = any(trial.state is TrialState.COMPLETE for trial in trials)
        if include_best_trial and complete and len(study.directions) == 1:
            self.best_trial = study.best_trial
        began = [trial.datetime_start for trial in trials if trial.datetime_start is not None]
        self.datetime_start: datetime | None = min(began, default=None)
        self._directions = study.directions
        self._study_id = study_id

    def __lt__(self, other: StudySummary) -> bool:
        return self._study_id < other._study_id

    @property
    def direction(self) -> StudyDirection:
        """Which way the single objective is better.

        Raises
        ------
        RuntimeError
            If there are several.
        """
        if len(self._directions) > 1:
            raise RuntimeError("the study has several objectives: use directions")
        return self._directions[0]

    @property
    def directions(self) -> list[StudyDirection]:
        """Which way each objective is better."""
        return self._directions


class MaxTrialsCallback:
    """Stop when so many trials of the study are in some states.

    Parameters
    ----------
    n_trials : int
        How many.
    states : container of TrialState, optional
        Which states count; None is all. Default: complete ones.
    """

    def __init__(
        self, n_trials: int, states: Container[TrialState] | None = (TrialState.COMPLETE,)
    ) -> None:
        self._n_trials = n_trials
        self._states = states

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        """Count, and stop."""
        if len(study.get_trials(deepcopy=False, states=self._states)) >= self._n_trials:
            study.stop()


def _directions(
    direction: str | StudyDirection | None, directions: Sequence[str | StudyDirection] | None
) -> list[str]:
    if direction is not None and directions is not None:
        raise ValueError("direction and directions: only one of them")
    if direction is not None and not isinstance(direction, str | StudyDirection):
        raise ValueError(f"direction: got {direction!r}; for several objectives use directions")
    given = list(directions) if directions is not None else [direction or "minimize"]
    if not given:
        raise ValueError("directions: at least one")
    known: dict[Any, str] = {
        "minimize": "minimize",
        "maximize": "maximize",
        StudyDirection.MINIMIZE: "minimize",
        StudyDirection.MAXIMIZE: "maximize",
    }
    for way in given:
        if way not in known:
            raise ValueError(f"direction: got {way!r}; allowed: 'minimize' or 'maximize'")
    return [known[way] for way in given]
