"""Where studies are kept, as in ``optuna.storages``."""

from __future__ import annotations

from typing import Any

from luthier.errors import CorruptStorage, InvalidInput, StorageError
from luthier.storage.base import Storage
from luthier.storage.memory import Memory
from luthier.storage.registry import open_storage

__all__ = [
    "InMemoryStorage",
    "JournalFileBackend",
    "JournalFileStorage",
    "JournalRedisBackend",
    "JournalRedisStorage",
    "JournalStorage",
    "GrpcStorageProxy",
    "RDBStorage",
    "RetryFailedTrialCallback",
    "RetryHeartbeatStaleTrialCallback",
    "fail_stale_trials",
    "get_storage",
    "journal",
]


class InMemoryStorage(Memory):
    """Memory of this process: `luthier.storage.Memory`."""


class RDBStorage:
    """A database: the storage of Luthier that its URL names.

    Parameters
    ----------
    url : str
        ``sqlite:///file.db``, ``postgresql://...`` or ``mysql://...``.
    engine_kwargs, skip_compatibility_check, heartbeat_interval, grace_period, \
failed_trial_callback, heartbeat_stale_trial_callback, skip_table_creation : optional
        Accepted without effect: each process gives signs of life, and lost trials are handed to
        others.
    """

    def __new__(
        cls,
        url: str,
        engine_kwargs: dict[str, Any] | None = None,
        skip_compatibility_check: bool = False,
        *,
        heartbeat_interval: int | None = None,
        grace_period: int | None = None,
        failed_trial_callback: Any = None,
        heartbeat_stale_trial_callback: Any = None,
        skip_table_creation: bool = False,
    ) -> Any:
        """Return the storage that the URL names."""
        return get_storage(url)


class RetryFailedTrialCallback:
    """Accepted without effect: lost trials are handed to others anyway."""

    def __init__(self, max_retry: int | None = None, inherit_intermediate_values: bool = False):
        self.max_retry = max_retry


class RetryHeartbeatStaleTrialCallback(RetryFailedTrialCallback):
    """Accepted without effect: lost trials are handed to others anyway."""


def fail_stale_trials(study: Any) -> None:
    """Do nothing: when the next trial is asked for, lost ones are handed out again."""


class _NotHere:
    _instead = "a database such as 'sqlite:///studies.db'"

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        raise InvalidInput("storage", type(self).__name__, self._instead)


class JournalStorage(_NotHere):
    """Not here: keep studies in a database; `luthier import optuna FILE` brings journals over."""

    _instead = (
        "a database such as 'sqlite:///studies.db', which any number of processes may share; "
        "`luthier import optuna FILE` brings the studies of a journal file over"
    )


class JournalFileBackend(JournalStorage):
    """Not here, see `JournalStorage`."""


class JournalFileStorage(JournalStorage):
    """Not here, see `JournalStorage`."""


class JournalRedisBackend(_NotHere):
    """Not here: use a database, or `luthier serve`."""

    _instead = "a database such as 'postgresql://...', or the URL of `luthier serve`"


class JournalRedisStorage(JournalRedisBackend):
    """Not here: use a database, or `luthier serve`."""


class GrpcStorageProxy(_NotHere):
    """Not here: use `luthier serve`."""

    _instead = "the URL of a service that `luthier serve` has started: 'http://host:port'"


class journal:
    """The names of ``optuna.storages.journal``, none of which is here; see `JournalStorage`."""

    JournalStorage = JournalStorage
    JournalFileBackend = JournalFileBackend
    JournalRedisBackend = JournalRedisBackend


def get_storage(storage: Any) -> Storage:
    """Return the storage that a URL names, a new one in memory for None.

    Raises
    ------
    InvalidInput
        If the URL is none of a database.
    StorageError
        If it cannot be used; if it is a database of Optuna, the error says how to bring it over.
    """
    if isinstance(storage, str):
        scheme, mark, rest = storage.partition("://")
        if mark and scheme.startswith("sqlite") and rest in ("", "/", "/:memory:"):
            return InMemoryStorage()
        if mark and not scheme.startswith("http"):
            storage = f"{scheme.partition('+')[0]}://{rest}"  # there is one driver for each
    if storage is None:
        return InMemoryStorage()
    try:
        opened = open_storage(storage)
        opened.studies()
    except CorruptStorage as error:
        if isinstance(storage, str) and _is_optunas(storage):
            raise StorageError(
                f"{storage} is a database of Optuna: bring its studies over with "
                f"`luthier import optuna {storage} --storage NEW.db`, and use sqlite:///NEW.db"
            ) from error
        raise
    return opened


def _is_optunas(url: str) -> bool:
    from luthier.storage.tables import open_tables

    try:
        with open_tables(url) as tables:
            return {"studies", "trials", "study_directions"} <= tables.names()
    except StorageError:
        return False
