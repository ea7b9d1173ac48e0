"""Trials over HTTP: asked for, reported, told, handed back; repeated and late requests."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import luthier
from luthier.errors import AttemptOver, InvalidInput, InvalidResult, StorageUnavailable
from luthier.model.events import Asked, Told
from luthier.model.serde import from_texts
from luthier.service import Client
from luthier.storage import Memory, SQLite
from luthier.storage._http_client import HttpClient
from luthier.study import leases
from service.service_runs import SPACE, Killable, served

RUNG = {"name": "asha", "min_step": 1, "max_step": 9, "kind": "promote"}


class Place:
    """A service and its storage."""

    def __init__(self, url: str, storage: Memory) -> None:
        self.url = url
        self.storage = storage
        self.http = HttpClient(url)

    def create(self, **settings: object) -> None:
        study = {"name": "s", "space": SPACE, "sampler": "random", "seed": 1, **settings}
        self.http.request("POST", ("studies",), study)

    def client(self, owner: str | None = None) -> Client:
        return Client(self.url, "s", owner=owner)

    def events(self, kind: type) -> list:
        return [e for e in from_texts(self.storage.read("s")) if isinstance(e, kind)]


@pytest.fixture
def place() -> Iterator[Place]:
    storage = Memory()
    with served(storage) as url:
        yield Place(url, storage)


def test_trials_are_those_that_the_study_has_here(place: Place) -> None:
    place.create(sampler="tpe")
    here = luthier.create_study(luthier.Space.from_dict(SPACE), sampler="tpe", seed=1)
    client = place.client()
    for _ in range(15):
        asked = client.ask()["trial"]
        trial = here.ask()
        assert asked["params"] == dict(trial.params)
        client.tell(asked["number"], asked["attempt"], trial["x"])
        here.tell(trial, trial["x"])
    info = client.info()
    assert info["states"] == {"COMPLETE": 15}
    assert info["best"] == [here.best_trial.number]


def test_a_repeated_ask_gets_the_same_trial(place: Place) -> None:
    place.create()
    client = place.client()
    first = client.ask(key="a")["trial"]
    assert client.ask(key="a")["trial"] == first
    assert client.ask(key="b")["trial"]["number"] == 1
    assert len(place.events(Asked)) == 2


def test_a_key_is_one_workers_own(place: Place) -> None:
    place.create()
    place.client("one").ask(key="a")
    with pytest.raises(InvalidInput, match="another worker"):
        place.client("two").ask(key="a")


def test_a_late_repetition_of_an_ask_starts_nothing(place: Place) -> None:
    place.create()
    client = place.client()
    trial = client.ask(key="a")["trial"]
    client.tell(trial["number"], trial["attempt"], 0.5)
    with pytest.raises(AttemptOver, match="ask anew"):
        client.ask(key="a")
    assert len(place.events(Asked)) == 1


def test_the_first_result_counts_and_the_log_shows_the_other(place: Place) -> None:
    place.create()
    client = place.client()
    trial = client.ask()["trial"]
    number, attempt = trial["number"], trial["attempt"]
    client.tell(number, attempt, 0.5)
    assert client.tell(number, attempt, 0.5)["values"] == [0.5]  # the answer was lost
    assert len(place.events(Told)) == 1
    assert client.tell(number, attempt, 0.1)["values"] == [0.5]  # another result
    assert [event.values for event in place.events(Told)] == [(0.5,), (0.1,)]


def test_a_trial_that_is_handed_back_goes_on_elsewhere(place: Place) -> None:
    place.create()
    one, two = place.client("one"), place.client("two")
    trial = one.ask()["trial"]
    one.release(trial["number"], trial["attempt"])
    one.release(trial["number"], trial["attempt"])
    again = two.ask()["trial"]
    assert (again["number"], again["attempt"], again["owner"]) == (0, 2, "two")
    assert again["params"] == trial["params"]
    with pytest.raises(AttemptOver, match="attempt 1 of trial 0 is over"):
        one.report(0, 1, 1, {"value": 0.3})
    with pytest.raises(AttemptOver):
        one.tell(0, 1, state="FAILED", error="no disk")
    assert one.should_stop(0, 1)
    assert one.heartbeat({0: 1}) == [0]
    # What it measured is a result all the same, and the first one.
    assert one.tell(0, 1, 0.25)["values"] == [0.25]
    assert two.tell(0, 2, 0.75)["values"] == [0.25]
    assert two.should_stop(0, 2)


def test_a_worker_that_leaves_hands_back_what_it_has(place: Place) -> None:
    place.create()
    one, two = place.client(), place.client()
    numbers = [one.ask()["trial"]["number"] for _ in range(3)]
    assert one.leave() == numbers
    assert one.leave() == []
    assert [two.ask()["trial"]["number"] for _ in range(4)] == [*numbers, 3]


def test_a_report_says_when_to_stop_and_may_be_repeated(place: Place) -> None:
    place.create(scheduler={"name": "threshold", "upper": 1.0})
    client = place.client()
    client.ask()
    assert not client.report(0, 1, 1, {"value": 0.5})
    assert not client.report(0, 1, 1, {"value": 0.5})
    with pytest.raises(InvalidResult, match="a step after 1"):
        client.report(0, 1, 1, {"value": 0.6})
    assert client.report(0, 1, 2, {"value": float("nan")}) == client.report(
        0, 1, 2, {"value": float("nan")}
    )
    assert client.report(0, 1, 3, {"value": 2.0})
    assert client.report(0, 1, 3, {"value": 2.0})
    assert client.heartbeat({0: 1}) == [0]
    assert client.tell(0, 1, state="PRUNED")["state"] == "PRUNED"
    record = client.trial(0)
    assert [report["step"] for report in record["reports"]] == [1, 2, 3]
    assert record["reports"][1]["metrics"] == {"value": {"float": "nan"}}


def test_a_trial_that_pauses_is_not_ended_by_a_repeated_word(place: Place) -> None:
    place.create(scheduler=RUNG)
    client = place.client()
    client.ask()
    assert client.report(0, 1, 1, {"value": 0.5})
    assert client.tell(0, 1, state="PRUNED")["state"] == "PAUSED"
    assert client.tell(0, 1, state="PRUNED")["state"] == "PAUSED"
    assert place.events(Told) == []


def test_a_wait_ends_when_there_is_something_to_do(place: Place) -> None:
    place.create()
    one, two = place.client(), place.client()
    one.ask(total_trials=1)
    assert two.ask(total_trials=1)["reason"] == "budget"

    def hand_back() -> None:
        time.sleep(0.3)
        one.release(0, 1)

    thread = threading.Thread(target=hand_back)
    thread.start()
    began = time.monotonic()
    asked = two.ask(total_trials=1, wait=30.0)
    thread.join()
    assert asked["trial"]["attempt"] == 2
    assert time.monotonic() - began < 10
    two.tell(0, 2, 0.5)
    # Nothing runs any more, so there is nothing to wait for.
    assert two.ask(total_trials=1, wait=30.0)["running"] == 0


def test_a_log_is_followed_as_it_grows(place: Place) -> None:
    place.create()
    version = place.client().info()["version"]
    answers: list[list[str]] = []

    def follow() -> None:
        query = {"after": version, "wait": 30}
        answer = place.http.request("GET", ("studies", "s", "log"), query=query, wait=30)
        answers.append(answer.json()["records"])

    thread = threading.Thread(target=follow)
    thread.start()
    place.client().note("who", "me")
    thread.join(20)
    assert [from_texts(records)[0].value for records in answers] == ["me"]


def test_a_point_is_queued_once_for_each_key(place: Place) -> None:
    place.create()
    client = place.client()
    assert client.enqueue({"x": 0.25}, {"by": "me"}, key="k") == 0
    assert client.enqueue({"x": 0.25}, {"by": "me"}, key="k") == 0
    assert client.enqueue({"x": 0.5}) == 1
    trial = client.ask()["trial"]
    assert trial["params"] == {"x": 0.25}
    assert trial["user_attrs"] == {"by": "me"}
    with pytest.raises(InvalidInput, match="y: got 1"):
        client.enqueue({"y": 1})


def test_a_repeated_creation_is_one_study(place: Place) -> None:
    body = {"space": SPACE, "sampler": "random"}
    first = place.http.request("POST", ("studies",), body, key="k").json()
    assert place.http.request("POST", ("studies",), body, key="k").json() == first
    assert place.http.request("POST", ("studies",), body).json()["name"] != first["name"]
    assert first["sampler"] == "random"
    with pytest.raises(luthier.errors.StudyExists):
        place.http.request("POST", ("studies",), {**body, "name": first["name"]})


def test_a_define_by_run_study_has_no_thin_workers(place: Place) -> None:
    luthier.create_study(study_name="s", storage=place.storage)
    with pytest.raises(InvalidInput, match="a declared space"):
        place.client().ask()


def test_a_worker_that_fell_silent_loses_its_trials(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.create()
    one, two = place.client("one"), place.client("two")
    one.ask()
    real = place.storage.beats
    monkeypatch.setattr(leases, "SURE", 0.0)
    monkeypatch.setattr(place.storage, "beats", lambda study: {**real(study), "one": 61.0})
    assert two.ask()["trial"]["attempt"] == 2
    with pytest.raises(AttemptOver):
        one.report(0, 1, 1, {"value": 0.0})


@pytest.mark.parametrize("kept", [True, False])
def test_an_append_whose_answer_was_lost_is_there_once(
    place: Place, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    place.create()
    client = place.client()
    real = place.storage.append

    def cut(study: str, records: list, **options: object) -> int:
        monkeypatch.setattr(place.storage, "append", real)
        if kept:
            real(study, records, **options)
        raise StorageUnavailable("cut")

    def twice(work):
        monkeypatch.setattr(place.storage, "append", cut)
        with pytest.raises(StorageUnavailable):
            work()
        return work()

    client.ask(key="0")
    assert twice(lambda: client.ask(key="a"))["trial"]["number"] == 1
    assert twice(lambda: client.enqueue({"x": 0.5}, key="q")) == 2
    assert not twice(lambda: client.report(0, 1, 1, {"value": 1.0}))
    assert twice(lambda: client.tell(0, 1, 0.5))["values"] == [0.5]
    kinds = [type(event).__name__ for event in place.events(object)]
    assert kinds.count("Asked") == 2
    assert kinds.count("Enqueued") == kinds.count("Reported") == kinds.count("Told") == 1


def test_names_of_studies_may_hold_anything(place: Place) -> None:
    for name in ("a/b", "..", "%2F", "ä ö?#", "\N{GUITAR}"):
        place.http.request("POST", ("studies",), {"name": name, "space": SPACE})
        assert Client(place.url, name).info()["name"] == name


# ---------------------------------------------------------------- the service dies


@pytest.fixture
def killable(tmp_path: Path) -> Iterator[Killable]:
    luthier.create_study(
        luthier.Space.from_dict(SPACE),
        study_name="s",
        storage=SQLite(tmp_path / "s.db"),
        sampler="random",
        scheduler={"name": "threshold", "upper": 1.0},
        seed=1,
    ).ask()  # what the study uses is in its log
    with Killable(tmp_path / "s.db") as service:
        yield service


def test_a_service_that_is_started_again_goes_on(killable: Killable) -> None:
    client = Client(killable.url, "s")
    trial = client.ask(key="a")["trial"]
    number, attempt = trial["number"], trial["attempt"]
    assert not client.report(number, attempt, 1, {"value": 0.5})
    queued = client.enqueue({"x": 0.5}, key="q")
    killable.end(signal.SIGKILL)
    with pytest.raises(StorageUnavailable):
        client.report(number, attempt, 2, {"value": 0.5})
    killable.start()
    assert client.ask(key="a")["trial"] == trial
    assert client.enqueue({"x": 0.5}, key="q") == queued
    assert not client.report(number, attempt, 1, {"value": 0.5})
    assert client.report(number, attempt, 2, {"value": 2.0})
    killable.end(signal.SIGKILL)
    killable.start()
    assert client.should_stop(number, attempt)
    assert client.tell(number, attempt, state="PRUNED")["state"] == "PRUNED"
    assert killable.end() == 0


def test_no_kill_doubles_or_loses_a_trial(killable: Killable, tmp_path: Path) -> None:
    ended = threading.Event()
    told: dict[int, float] = {}
    failures: list[BaseException] = []

    def patiently(work):
        while True:
            try:
                return work()
            except StorageUnavailable:
                time.sleep(0.02)

    def work(name: int) -> None:
        try:
            client = Client(killable.url, "s", owner=f"w{name}")
            turn = 0
            while not ended.is_set():
                key = f"w{name}-{turn}"
                turn += 1
                trial = patiently(lambda key=key: client.ask(key=key))["trial"]
                value = trial["params"]["x"]
                ending = trial["number"], trial["attempt"], value
                patiently(lambda ending=ending: client.tell(*ending))
                told[trial["number"]] = value
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        time.sleep(0.4)
        killable.end(signal.SIGKILL)
        killable.start()
    time.sleep(0.4)
    ended.set()
    for thread in threads:
        thread.join(30)
    assert failures == []
    events = from_texts(SQLite(tmp_path / "s.db").read("s"))
    requests = [e.request for e in events if isinstance(e, Asked) and e.request]
    assert len(requests) == len(set(requests)) > 50
    study = luthier.load_study("s", storage=SQLite(tmp_path / "s.db"))
    assert {t.number: t.value for t in study.trials if t.state.final} == told
    assert len(told) == len(requests)
    assert len({event.number for event in events if isinstance(event, Told)}) == len(told)
