"""Connections between agents and the study: who may have one, and what if it breaks."""

import asyncio
import logging
import pickle
import re
import resource
import socket
import threading
from dataclasses import replace

import pytest

from executors.cluster_runs import ask_in_turn, eventually
from executors.here import Here, HereLine, Proxy
from luthier.errors import InvalidInput
from luthier.executors import Job, _conversing, _direct
from luthier.executors._agent import Agent
from luthier.executors._direct import Switchboard, most_connections
from luthier.executors._ledger import Ledger
from luthier.testing.executors import ExecutorContract, run_jobs


class Speaker:
    """Somebody who says one thing, and notes what is said to it."""

    def __init__(self, says):
        self.ledger = Ledger()
        self.ledger.write(says)
        self.heard = []
        self.connected = []

    def take(self, packet):
        self.heard += self.ledger.read(packet)

    def reached(self, connection):
        self.connected.append(connection)

    def cut(self, connection):
        self.connected.remove(connection)


@pytest.fixture
def switchboard():
    switchboard = Switchboard("localhost")
    yield switchboard
    switchboard.close()


@pytest.fixture
def proxy():
    proxy = Proxy()
    yield proxy
    proxy.close()


def in_a_loop(coroutine):
    """Run a coroutine in a thread, and return the thread and a list for what it raises."""
    raised = []

    def run():
        try:
            asyncio.run(coroutine)
        except OSError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, raised


# ---------------------------------------------------------------------- who may connect


def test_both_sides_hear_each_other(switchboard):
    study, agent = Speaker("hello agent"), Speaker("hello study")
    thread, raised = in_a_loop(_direct.call(switchboard.expect(study), agent))
    eventually(lambda: study.heard and agent.heard)
    assert (study.heard, agent.heard) == (["hello study"], ["hello agent"])
    switchboard.close()
    thread.join()
    assert not raised
    assert not study.connected
    assert not agent.connected


def test_it_listens_on_the_interface_that_faces_the_cluster_only(switchboard):
    assert switchboard.host in ("127.0.0.1", "::1")


class Trap:
    """Notes in its class that it was unpickled."""

    sprung = 0

    def __reduce__(self):
        return spring, ()


def spring():
    Trap.sprung += 1


def framed(data):
    """Return data as a packet would be sent."""
    return len(data).to_bytes(8, "big") + data


@pytest.mark.parametrize("named", [True, False], ids=["right name", "wrong name"])
def test_who_does_not_know_the_secret_is_refused_and_nothing_of_it_unpickled(switchboard, named):
    study = Speaker("not for strangers")
    invitation = switchboard.expect(study)
    name = invitation.name if named else bytes(16)
    with socket.create_connection((invitation.host, invitation.port)) as stranger:
        stranger.sendall(name + bytes(32))
        stranger.sendall(bytes(32) + framed(pickle.dumps(Trap())))
        said = b""
        while data := receive(stranger):
            said += data
    assert len(said) == (64 if named else 0)  # a number and a proof, or not even that
    assert Trap.sprung == 0
    assert not study.heard
    assert not study.connected


def receive(connection):
    """Return what comes next; nothing if the other side has hung up, in whatever way."""
    try:
        return connection.recv(1000)
    except ConnectionResetError:
        return b""


def test_the_proof_of_another_connection_is_refused(switchboard):
    """Who has listened to a greeting cannot use what it heard."""
    study = Speaker("hello")
    invitation = switchboard.expect(study)
    proxy = Proxy()
    thread, _ = in_a_loop(_direct.call(proxy.before(invitation), Speaker("hello")))
    eventually(lambda: study.heard)
    proxy.close()
    thread.join()
    study.heard.clear()
    with socket.create_connection((invitation.host, invitation.port)) as stranger:
        stranger.sendall(bytes(proxy.said_by_agents))
        while receive(stranger):
            pass
    assert not study.heard
    assert not study.connected


def test_an_agent_hangs_up_on_who_is_not_the_study(switchboard):
    agent = Speaker("a result")
    said = b""

    def pose_as_study():
        nonlocal said
        connection, _ = listening.accept()
        with connection:
            connection.recv(48)
            connection.sendall(bytes(64) + framed(pickle.dumps(Trap())))
            while data := receive(connection):
                said += data

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=pose_as_study)
        thread.start()
        invitation = switchboard.expect(Speaker("hello"))
        elsewhere = replace(invitation, port=listening.getsockname()[1])
        with pytest.raises(ConnectionError, match="does not know the secret"):
            asyncio.run(_direct.call(elsewhere, agent))
        thread.join()
    assert said == b""
    assert Trap.sprung == 0
    assert not agent.heard


def test_who_was_forgotten_is_refused(switchboard):
    invitation = switchboard.expect(Speaker("hello"))
    switchboard.forget(invitation)
    with pytest.raises(ConnectionError, match="has hung up"):
        asyncio.run(_direct.call(invitation, Speaker("hello")))


def test_a_secret_is_not_shown(switchboard):
    invitation = switchboard.expect(Speaker("hello"))
    assert repr(invitation.secret) not in repr(invitation)


# ---------------------------------------------------------------------- jobs


class TestBroken(ExecutorContract):
    """All that holds anywhere, while connections break all the time and calls are all there is."""

    @pytest.fixture
    def executor(self, monkeypatch):
        monkeypatch.setattr(_conversing, "_PAUSE", 0.001)
        proxy = Proxy(patience=2000)
        yield Here(2, proxy=proxy)
        proxy.close()


def test_with_a_connection_the_cluster_is_hardly_called():
    before = HereLine.calls
    outcomes = run_jobs(Here(1), ask_in_turn, [200], lambda key, message: message)
    assert outcomes[0].result == list(range(200))
    assert HereLine.calls - before < 10


def test_without_one_all_goes_by_calls(caplog):
    caplog.set_level(logging.INFO, "luthier")
    outcomes = run_jobs(Here(1, direct=False), ask_in_turn, [20], lambda key, message: message)
    assert outcomes[0].result == list(range(20))
    assert "may connect" not in caplog.text


def test_a_connection_that_is_cut_costs_no_message(proxy, monkeypatch):
    monkeypatch.setattr(_conversing, "_PAUSE", 0.001)
    heard = []

    def handler(key, message):
        heard.append(message)
        if message == 50:
            proxy.cut()
        if message == 150:
            eventually(lambda: proxy.connections == 2)  # it was made again
        return message

    (outcome,) = run_jobs(Here(1, proxy=proxy), ask_in_turn, [200], handler)
    assert outcome.ending == "done"
    assert heard == outcome.result == list(range(200))


def test_calls_do_where_a_connection_cannot_be_made_again(proxy):
    def handler(key, message):
        if message == 50:
            proxy.close()
        return message

    (outcome,) = run_jobs(Here(1, proxy=proxy), ask_in_turn, [200], handler)
    assert outcome.result == list(range(200))
    assert proxy.connections == 1


def test_calls_bring_what_a_dead_connection_has_swallowed(proxy, monkeypatch):
    monkeypatch.setattr(_conversing, "_ATTENTION", 0.05)

    def handler(key, message):
        if message == 10:
            proxy.swallowing = True
        return message

    (outcome,) = run_jobs(Here(1, proxy=proxy), ask_in_turn, [20], handler)
    assert outcome.result == list(range(20))


def test_a_job_can_be_stopped_after_its_connection_was_cut(proxy):
    executor = Here(1, proxy=proxy)

    def handler(key, message):
        if message == 5:
            proxy.close()
            executor.stop(key)

    executor.open(ask_in_turn, handler)
    try:
        executor.start(Job(0, 10**6))
        (outcome,) = executor.poll()
    finally:
        executor.close()
    assert outcome.ending == "stopped"
    assert len(outcome.result) >= 5


def test_an_agent_that_cannot_connect_is_spoken_to_by_calls_and_says_so(proxy, caplog):
    caplog.set_level(logging.INFO, "luthier")
    proxy.close()  # nobody listens at its port
    (outcome,) = run_jobs(Here(1, proxy=proxy), ask_in_turn, [20], lambda key, number: number)
    assert outcome.result == list(range(20))
    assert f"is spoken to through Here, as it has no way to 127.0.0.1, port {proxy.port}: " in (
        caplog.text
    )


@pytest.mark.parametrize("direct", [True, False])
def test_an_agent_that_cannot_do_as_it_is_told_is_replaced(direct, monkeypatch):
    obey = Agent.obey
    tried = []

    def fail_once(agent, command):
        if command[0] == "start" and not tried:
            tried.append(command)
            raise OSError("no more processes")
        obey(agent, command)

    monkeypatch.setattr(Agent, "obey", fail_once)
    lost, done = run_jobs(Here(1, direct=direct), ask_in_turn, [3, 3])
    assert (lost.ending, lost.error) == ("lost", "OSError: no more processes")
    assert (done.ending, len(done.result)) == ("done", 3)


def test_workers_beyond_the_limit_of_open_files_are_spoken_to_by_calls(proxy, monkeypatch):
    monkeypatch.setattr(_direct, "most_connections", lambda: 1)
    outcomes = run_jobs(Here(2, proxy=proxy), ask_in_turn, [20] * 4, lambda key, number: number)
    assert [outcome.result for outcome in outcomes] == [list(range(20))] * 4
    assert proxy.connections == 1


def test_half_of_the_open_files_are_for_connections():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (600, before[1]))
    try:
        assert most_connections() == 300
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_direct_is_true_or_false():
    with pytest.raises(InvalidInput, match="Here: direct"):
        Here(1, direct="yes")


def test_nothing_listens_when_the_executor_is_closed(caplog):
    caplog.set_level(logging.INFO, "luthier")
    run_jobs(Here(1), ask_in_turn, [1])
    (port,) = re.findall(r"workers may connect to 127\.0\.0\.1, port (\d+)", caplog.text)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)))
