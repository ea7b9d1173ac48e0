"""A storage behind a service keeps the same promises as any other."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

import luthier
from luthier.errors import InvalidInput, StorageUnavailable, StudyNotFound
from luthier.service import Settings, Tokens
from luthier.service.tokens import new_token
from luthier.storage import HTTP, Memory, Record, SQLite, Storage, open_storage
from luthier.testing.storage import SharedStorageContract
from service.service_runs import Killable, served


class TestHTTP(SharedStorageContract):
    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Iterator[Callable[[], Storage]]:
        # Processes and threads of the suite work on one study: a file, as in real life.
        settings = Settings(rate=0, max_body=100_000_000)
        with served(SQLite(tmp_path / "studies.db"), settings=settings) as url:
            yield partial(HTTP, url)


def test_a_study_runs_behind_a_service_as_it_runs_here() -> None:
    def objective(trial: luthier.Trial) -> float:
        return trial.suggest_float("x", 0, 1) ** 2

    alone = luthier.create_study(seed=1, sampler="tpe")
    alone.optimize(objective, n_trials=12)
    with served(Memory()) as url:
        study = luthier.create_study(seed=1, sampler="tpe", storage=url, study_name="s")
        study.optimize(objective, n_trials=12)
        again = luthier.load_study("s", storage=url)
        assert [trial.params for trial in again.trials] == [t.params for t in alone.trials]
        luthier.delete_study("s", storage=url)
        with pytest.raises(StudyNotFound, match="'s'"):
            luthier.load_study("s", storage=url)


def test_more_records_than_one_page_are_read_in_order() -> None:
    with served(Memory()) as url:
        storage = HTTP(url)
        storage.append("s", [Record("0")], create=True)
        for begin in range(1, 2501, 500):
            storage.append("s", [Record(str(n)) for n in range(begin, begin + 500)])
        assert storage.read("s") == [str(n) for n in range(2501)]
        assert storage.read("s", 10, 2000) == [str(n) for n in range(10, 2010)]
        storage.close()


def test_the_token_comes_from_the_url_or_the_environment_and_is_never_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret, token = new_token("me", "admin")
    with served(Memory(), Tokens([token])) as url:
        with pytest.raises(luthier.errors.StorageError, match="send a token"):
            HTTP(url).studies()
        storage = open_storage(url.replace("://", f"://:{secret}@"))
        assert storage.studies() == []
        assert secret not in repr(storage)
        assert secret not in repr(luthier.create_study(storage=storage))
        monkeypatch.setenv("LUTHIER_TOKEN", secret)
        assert len(HTTP(url).studies()) == 1


@pytest.mark.parametrize("url", ["http://", "https://:80", "http://host:port", "http://h?x=1"])
def test_a_url_that_names_no_service_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="http"):
        open_storage(url)


def test_a_token_in_the_place_of_a_user_is_refused_and_not_shown() -> None:
    with pytest.raises(InvalidInput) as caught:
        open_storage("https://lut_secret@host")
    assert "lut_secret" not in str(caught.value)


def test_a_service_that_is_away_is_told_apart_and_found_again(tmp_path: Path) -> None:
    with Killable(tmp_path / "s.db") as service:
        storage = HTTP(service.url)
        storage.append("s", [Record("a")], create=True)
        service.end(signal.SIGKILL)
        with pytest.raises(StorageUnavailable, match=r"127\.0\.0\.1"):
            storage.append("s", [Record("b")])
        service.start()
        assert storage.append("s", [Record("c")]) == 2
        assert storage.read("s") == ["a", "c"]
        assert service.end() == 0
