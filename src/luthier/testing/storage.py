# ruff: noqa: D102 - the names of tests say what they check
"""The promises of `luthier.storage.base.Storage` as tests, for whoever writes a storage.

Derive a class from `StorageContract`, or from `SharedStorageContract` if several
processes can reach the storage, and give it the fixtures it asks for::

    class TestMine(SharedStorageContract):
        @pytest.fixture
        def reopen(self, tmp_path):
            return functools.partial(Mine, tmp_path / "studies")
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from luthier.errors import Conflict, InvalidInput, StudyExists, StudyNotFound
from luthier.storage.base import Record, Storage
from luthier.testing._contenders import append_pairs, begin, claim_numbers
from luthier.testing._storage_model import NAMES, TEXTS, AgainstLists

_property = settings(
    deadline=None,
    max_examples=50,
    # Each class runs the same test on a storage of its own, and empties it after each example.
    suppress_health_check=[
        HealthCheck.differing_executors,
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],
)


class StorageContract:
    """What every storage promises. Give a fixture `storage`: an empty one, closed by you."""

    @pytest.fixture
    def storage(self) -> Iterator[Storage]:
        """Yield an empty storage."""
        raise NotImplementedError("give a fixture `storage`")

    def test_is_a_storage(self, storage: Storage) -> None:
        assert isinstance(storage, Storage)
        assert isinstance(storage.url, str)
        assert storage.studies() == []

    def test_versions_count_records_from_one(self, storage: Storage) -> None:
        assert storage.append("s", [Record("a")], create=True) == 1
        assert storage.append("s", [Record("b"), Record("c")]) == 3
        assert storage.read("s") == ["a", "b", "c"]
        assert storage.read("s", after=1) == ["b", "c"]
        assert storage.read("s", after=3) == []
        assert storage.read("s", after=99) == []
        assert storage.read("s", after=1, limit=1) == ["b"]
        assert storage.read("s", limit=0) == []

    def test_studies_are_listed_in_order_of_creation(self, storage: Storage) -> None:
        for name in ("zeta", "alpha", "mu"):
            storage.append(name, [Record("x")], create=True)
        storage.append("zeta", [Record("y")])
        assert storage.studies() == ["zeta", "alpha", "mu"]

    def test_a_claim_is_taken_once(self, storage: Storage) -> None:
        storage.append("s", [Record("a", "17")], create=True)
        with pytest.raises(Conflict) as caught:
            storage.append("s", [Record("b"), Record("c", "18"), Record("d", "17")])
        assert caught.value.claim == "17"
        assert storage.read("s") == ["a"]
        assert storage.append("s", [Record("e", "18")]) == 2

    def test_a_claim_is_taken_once_within_an_append(self, storage: Storage) -> None:
        storage.append("s", [Record("a")], create=True)
        with pytest.raises(Conflict):
            storage.append("s", [Record("b", "1"), Record("c", "1")])
        assert storage.read("s") == ["a"]

    def test_claims_of_another_study_do_not_matter(self, storage: Storage) -> None:
        storage.append("s", [Record("a", "17")], create=True)
        assert storage.append("t", [Record("b", "17")], create=True) == 1

    def test_names_and_claims_differ_by_every_character(self, storage: Storage) -> None:
        words = ["a", "A", "ä", "a\u0308", "a ", " a", "ａ", "\N{GUITAR}", "%", "_", "'", '"', "\\"]
        for place, word in enumerate(words):
            storage.append(word, [Record("x")], create=True)
            assert storage.append(words[0], [Record("x", word)]) == place + 2
        assert storage.studies() == words

    def test_a_study_begins_once(self, storage: Storage) -> None:
        storage.append("s", [Record("a")], create=True)
        with pytest.raises(StudyExists, match="'s'"):
            storage.append("s", [Record("b")], create=True)
        assert storage.read("s") == ["a"]

    def test_an_unknown_study_is_an_error(self, storage: Storage) -> None:
        storage.append("s", [Record("a")], create=True)
        attempts: list[Callable[[], Any]] = [
            lambda: storage.append("t", [Record("b")]),
            lambda: storage.read("t"),
            lambda: storage.identity("t"),
            lambda: storage.delete("t"),
            lambda: storage.beat("t", "owner"),
            lambda: storage.beats("t"),
        ]
        for attempt in attempts:
            with pytest.raises(StudyNotFound, match="'t'"):
                attempt()
        assert storage.studies() == ["s"]

    def test_a_deleted_study_leaves_nothing(self, storage: Storage) -> None:
        storage.append("s", [Record("a", "17")], create=True)
        storage.append("t", [Record("b")], create=True)
        storage.beat("s", "owner")
        storage.delete("s")
        assert storage.studies() == ["t"]
        with pytest.raises(StudyNotFound):
            storage.read("s")
        assert storage.append("s", [Record("c", "17")], create=True) == 1
        assert storage.beats("s") == {}
        assert storage.studies() == ["t", "s"]

    def test_an_identity_stays_and_is_shared_with_no_other_study(self, storage: Storage) -> None:
        identities = set()
        for place in range(4):
            storage.append("s", [Record("a")], create=True)
            storage.append(f"t{place}", [Record("b")], create=True)
            known = storage.identity("s")
            storage.append("s", [Record("c")])
            assert storage.identity("s") == known
            identities |= {known, storage.identity(f"t{place}")}
            storage.delete("s")
        assert len(identities) == 8

    def test_who_gives_the_identity_does_as_without_it(self, storage: Storage) -> None:
        storage.append("s", [Record("a", "1")], create=True)
        known = storage.identity("s")
        assert storage.append("s", [Record("b", "2"), Record("c")], identity=known) == 3
        assert storage.append("s", [Record("d")], identity=known) == 4
        assert storage.read("s", 1, 2, identity=known) == ["b", "c"]
        assert storage.read("s", 4, identity=known) == []
        with pytest.raises(Conflict):
            storage.append("s", [Record("e", "2")], identity=known)
        storage.beat("s", "owner", identity=known)
        assert list(storage.beats("s")) == ["owner"]

    def test_a_study_created_again_is_another_one(self, storage: Storage) -> None:
        storage.append("s", [Record("a")], create=True)
        old = storage.identity("s")
        attempts: list[Callable[[], Any]] = [
            lambda: storage.append("s", [Record("b", "17")], identity=old),
            lambda: storage.append("s", [Record("b"), Record("c")], identity=old),
            lambda: storage.read("s", identity=old),
            lambda: storage.read("s", 99, identity=old),
            lambda: storage.beat("s", "owner", identity=old),
        ]
        storage.read("s", identity=old)
        storage.delete("s")
        for attempt in attempts:
            with pytest.raises(StudyNotFound, match=r"'s' .*was deleted$"):
                attempt()
        storage.append("s", [Record("new")], create=True)
        for attempt in attempts:
            with pytest.raises(StudyNotFound, match=r"'s' .*was deleted and created again"):
                attempt()
        assert storage.read("s", identity=storage.identity("s")) == ["new"]
        assert storage.beats("s") == {}
        assert storage.append("s", [Record("d", "17")]) == 2

    def test_what_begins_has_no_identity_yet(self, storage: Storage) -> None:
        with pytest.raises(InvalidInput, match="identity"):
            storage.append("s", [Record("a")], create=True, identity="1")
        assert storage.studies() == []

    @pytest.mark.parametrize(
        ("study", "records"),
        [
            ("s", []),
            ("s", [Record("\0")]),
            ("s", [Record("\ud800")]),
            ("s", [Record("a", "")]),
            ("s", [Record("a", "\0")]),
            ("s", [Record("a", "x" * 251)]),
            ("", [Record("a")]),
            ("x" * 251, [Record("a")]),
        ],
        ids=ascii,
    )
    def test_what_not_every_storage_can_keep_is_rejected(
        self, storage: Storage, study: str, records: list[Record]
    ) -> None:
        with pytest.raises(InvalidInput):
            storage.append(study, records, create=True)
        assert storage.studies() == []

    def test_a_range_that_makes_no_sense_is_rejected(self, storage: Storage) -> None:
        storage.append("s", [Record("a")], create=True)
        with pytest.raises(InvalidInput, match="after"):
            storage.read("s", after=-1)
        with pytest.raises(InvalidInput, match="limit"):
            storage.read("s", limit=-1)

    def test_the_longest_names_and_long_bodies_fit(self, storage: Storage) -> None:
        name, claim, body = "\N{GUITAR}" * 250, "ü" * 250, "é" * 2_000_000
        storage.append(name, [Record(body, claim)], create=True)
        storage.beat(name, claim)
        assert storage.read(name) == [body]
        assert storage.studies() == [name]
        with pytest.raises(Conflict):
            storage.append(name, [Record("x", claim)])
        assert list(storage.beats(name)) == [claim]

    def test_many_records_at_once(self, storage: Storage) -> None:
        bodies = [f"{place}" for place in range(5000)]
        assert storage.append("s", [Record(body, body) for body in bodies], create=True) == 5000
        assert storage.read("s") == bodies
        assert storage.read("s", 4000, 500) == bodies[4000:4500]

    def test_beats_tell_the_age_of_the_last_one(self, storage: Storage) -> None:
        storage.append("s", [Record("a")], create=True)
        storage.append("t", [Record("a")], create=True)
        assert storage.beats("s") == {}
        storage.beat("s", "one")
        storage.beat("s", "two")
        time.sleep(0.05)
        storage.beat("s", "two")
        ages = storage.beats("s")
        assert set(ages) == {"one", "two"}
        assert 0.0 <= ages["two"] < ages["one"] < 60.0
        assert ages["one"] - ages["two"] >= 0.045
        assert storage.read("s") == ["a"]
        assert storage.beats("t") == {}

    @given(bodies=st.lists(TEXTS, min_size=1, max_size=5), name=NAMES)
    @_property
    def test_any_text_comes_back_as_it_was(
        self, storage: Storage, bodies: list[str], name: str
    ) -> None:
        storage.append(name, [Record(body) for body in bodies], create=True)
        try:
            assert storage.read(name) == bodies
            assert storage.studies() == [name]
        finally:
            storage.delete(name)

    def test_it_does_what_a_list_of_lists_does(self, storage: Storage) -> None:
        class AgainstThis(AgainstLists):
            tested = storage

        run_state_machine_as_test(
            AgainstThis,
            settings=settings(_property, max_examples=30, stateful_step_count=25),
        )

    def test_threads_number_claims_without_hole_or_double(self, storage: Storage) -> None:
        storage.append("s", [Record("begin")], create=True)
        with ThreadPoolExecutor(8) as threads:
            runs = [
                threads.submit(claim_numbers, lambda: _Unclosed(storage), "s", f"{owner}", 400)
                for owner in range(8)
            ]
            _assert_numbered(storage, runs, 400)

    def test_readers_never_see_a_hole_or_half_an_append(self, storage: Storage) -> None:
        storage.append("s", [Record("begin")], create=True)
        writing = threading.Event()
        writing.set()

        def follow() -> list[str]:
            seen: list[str] = []
            going = True
            while going:
                going = writing.is_set()  # look once more after the last append
                seen += storage.read("s", len(seen))
                assert len(seen) % 2 == 1
            return seen

        with ThreadPoolExecutor(4) as threads:
            readers = [threads.submit(follow) for _ in range(2)]
            writers = [
                threads.submit(append_pairs, lambda: _Unclosed(storage), "s", f"{owner}", 100)
                for owner in range(2)
            ]
            for writer in writers:
                writer.result()
            writing.clear()
            final = storage.read("s")
            assert len(final) == 401
            for reader in readers:
                assert reader.result() == final


class SharedStorageContract(StorageContract):
    """What a storage promises that several processes can reach.

    Give a fixture `reopen`: a picklable function that opens the storage, empty at the
    start of each test.
    """

    @pytest.fixture
    def reopen(self) -> Callable[[], Storage]:
        """Return a picklable function that opens the storage."""
        raise NotImplementedError("give a fixture `reopen`")

    @pytest.fixture
    def storage(self, reopen: Callable[[], Storage]) -> Iterator[Storage]:
        """Yield the storage."""
        storage = reopen()
        yield storage
        storage.close()

    def test_what_one_appends_the_other_reads(
        self, storage: Storage, reopen: Callable[[], Storage]
    ) -> None:
        other = reopen()
        assert other.studies() == []
        storage.append("s", [Record("a", "1")], create=True)
        storage.beat("s", "one")
        assert other.read("s") == ["a"]
        with pytest.raises(Conflict):
            other.append("s", [Record("b", "1")])
        assert other.append("s", [Record("c", "2")]) == 2
        assert storage.read("s", 1) == ["c"]
        assert list(other.beats("s")) == ["one"]
        known = storage.identity("s")
        assert other.identity("s") == known
        other.delete("s")
        with pytest.raises(StudyNotFound):
            storage.append("s", [Record("d")])
        other.append("s", [Record("e")], create=True)
        with pytest.raises(StudyNotFound, match="created again"):
            storage.append("s", [Record("f")], identity=known)
        assert other.read("s") == ["e"]
        other.close()

    def test_a_closed_storage_is_there_when_it_is_opened_again(
        self, reopen: Callable[[], Storage]
    ) -> None:
        for version in range(1, 4):
            storage = reopen()
            assert storage.append("s", [Record(str(version))], create=version == 1) == version
            storage.close()
        storage = reopen()
        assert storage.read("s") == ["1", "2", "3"]
        storage.close()

    @pytest.mark.parametrize(("method", "count", "total"), [("spawn", 4, 4000), ("fork", 8, 800)])
    def test_processes_number_claims_without_hole_or_double(
        self,
        storage: Storage,
        reopen: Callable[[], Storage],
        method: str,
        count: int,
        total: int,
    ) -> None:
        storage.append("s", [Record("begin")], create=True)
        with _processes(count, method) as processes:
            runs = [
                processes.submit(claim_numbers, reopen, "s", f"{owner}", total)
                for owner in range(count)
            ]
            _assert_numbered(storage, runs, total)

    def test_one_of_many_processes_begins_the_study(
        self, storage: Storage, reopen: Callable[[], Storage]
    ) -> None:
        with _processes(8, "fork") as processes:
            for study in ("s", "t", "u"):
                runs = [processes.submit(begin, reopen, study, f"{owner}") for owner in range(8)]
                won = [owner for owner, run in enumerate(runs) if run.result()]
                assert [f"{owner}" for owner in won] == storage.read(study)

    def test_a_forked_child_and_its_parent_both_go_on(self, storage: Storage) -> None:
        storage.append("s", [Record("before", "0")], create=True)
        child = multiprocessing.get_context("fork").Process(
            target=append_pairs, args=(lambda: storage, "s", "child", 50)
        )
        child.start()
        for place in range(50):
            storage.append("s", [Record(f"parent {place}")])
        child.join()
        bodies = storage.read("s")
        pairs = [f"child {place} {letter}" for place in range(50) for letter in "ab"]
        assert [body for body in bodies if body.startswith("child")] == pairs
        assert [body for body in bodies if body.startswith("parent")] == [
            f"parent {place}" for place in range(50)
        ]
        assert len(bodies) == 151


class _Unclosed:
    """The storage for one of several threads: that one closes it says nothing to the others."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def close(self) -> None:
        """Leave it open."""


def _processes(count: int, method: str) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(count, mp_context=multiprocessing.get_context(method))


def _assert_numbered(storage: Storage, runs: list[Future[list[int]]], total: int) -> None:
    versions = [version for run in runs for version in run.result()]
    # The first record begins the study, so number n stands at version n + 2.
    assert sorted(versions) == list(range(2, total + 2))
    bodies = storage.read("s", 1)
    assert [int(body.split(":")[1].split(",")[0]) for body in bodies] == list(range(total))
