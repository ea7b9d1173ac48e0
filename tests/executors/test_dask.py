"""Trials on a real Dask cluster: the contract, resources, losses of workers."""

import logging
import subprocess
from contextlib import contextmanager

import psutil
import pytest

import luthier
from executors.cluster_runs import (
    PATIENCE,
    ClusterContract,
    assert_resumed,
    assert_that_a_cut_costs_no_message,
    assert_that_calls_do,
    cut_connections,
    disturbed,
    eventually,
)
from luthier.errors import ExecutorError, InvalidInput

pytestmark = [
    pytest.mark.integration,
    # Dask leaves sockets of lost workers to the garbage collector.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def client():
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            resources={"seat": 1},
            dashboard_address=None,
            silence_logs=50,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def make_dask(client):
    from luthier.executors.dask import Dask

    # A worker that a test has killed is replaced by its nanny.
    eventually(lambda: len(client.nthreads()) == 2)
    return lambda *args, **options: Dask(client, *args, **options)


class TestDask(ClusterContract):
    @pytest.fixture
    def executor(self, make_dask):
        return make_dask(2)


def nothing(payload, channel):
    """Do nothing."""


def ignore(key, message):
    """Answer nothing."""


def test_a_cut_connection_costs_no_message(make_dask, caplog):
    assert_that_a_cut_costs_no_message(make_dask(1), caplog)


def test_without_connections_all_goes_by_calls(make_dask, caplog):
    assert_that_calls_do(make_dask(2, direct=False), caplog)


@contextmanager
def other_cluster(monkeypatch, **options):
    """Give a client of another cluster, while no client is the default one."""
    from distributed import Client, LocalCluster
    from distributed.client import _global_clients

    for number in list(_global_clients):
        monkeypatch.delitem(_global_clients, number)
    with (
        LocalCluster(
            1, threads_per_worker=1, dashboard_address=None, silence_logs=50, **options
        ) as cluster,
        Client(cluster, security=options.get("security"), set_as_default=False) as client,
    ):
        yield client


def test_the_address_of_a_scheduler_is_enough(monkeypatch, caplog):
    from luthier.executors.dask import Dask

    with other_cluster(monkeypatch) as client:
        assert_that_calls_do(Dask(client.scheduler.address, 1, direct=False), caplog)


def test_what_dask_encrypts_goes_through_dask(monkeypatch, tmp_path, caplog):
    from distributed import Security

    from luthier.executors.dask import Dask

    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=localhost", "-keyout", key, "-out", cert),
        ],
        check=True,
        capture_output=True,
    )
    roles = {
        f"tls_{role}_{kind}": path
        for role in ("client", "scheduler", "worker")
        for kind, path in (("cert", cert), ("key", key))
    }
    security = Security(require_encryption=True, tls_ca_file=cert, **roles)
    with other_cluster(monkeypatch, protocol="tls://", security=security) as client:
        assert client.scheduler.address.startswith("tls://")
        assert_that_calls_do(Dask(client, 1), caplog)


def test_takes_all_that_the_cluster_has_room_for(make_dask):
    executor = make_dask(resources={"seat": 1})
    executor.open(nothing, ignore)
    eventually(lambda: not executor.poll(0) and executor.slots == 2)
    executor.close()


def test_trials_hold_the_resources_of_their_worker(make_dask, client):
    executor = make_dask(resources={"seat": 1})
    executor.open(nothing, ignore)
    eventually(lambda: not executor.poll(0) and executor.slots == 2)
    other = client.submit(int, resources={"seat": 1}, pure=False)
    with pytest.raises(TimeoutError):
        other.result(timeout=0.3)
    executor.close()
    assert other.result(timeout=PATIENCE) == 0


def test_what_no_worker_has_is_an_error(make_dask):
    with pytest.raises(ExecutorError, match="no worker of the Dask cluster has 1 threads, 2 seat"):
        make_dask(resources={"seat": 2}).open(nothing, ignore)
    waiting = make_dask(1, threads=2, start_timeout=0.5)
    with pytest.raises(ExecutorError, match=r"no worker was ready within 0\.5 seconds"):
        waiting.open(nothing, ignore)


@pytest.mark.parametrize("wrong", [{"threads": 0}, {"resources": {"seat": 0}}, {"workers": 0}])
def test_wrong_arguments_are_refused(make_dask, wrong):
    with pytest.raises(InvalidInput, match="Dask: "):
        make_dask(**wrong)


def test_a_killed_worker_costs_no_step(make_dask, tmp_path):
    def kill(processes):
        children = [psutil.Process(process) for process in processes]
        worker = children[0].parent()
        worker.kill()
        psutil.wait_procs([worker, children[0]], PATIENCE)  # the child ends by itself
        assert not children[0].is_running()

    study = disturbed(tmp_path, make_dask(2), kill, trials=2)
    assert_resumed(study, tmp_path)
    assert sorted(trial.attempt for trial in study.trials) == [1, 2]


def test_starts_a_cluster_where_none_is_given():
    study = luthier.create_study({"x": luthier.Float(0, 1)}, seed=1, sampler="random")
    study.optimize(lambda trial: trial["x"], n_trials=4, executor="dask", n_jobs=2)
    assert len(study.trials) == 4


def test_nothing_is_left_when_the_study_has_died(make_dask, client, caplog):
    """The client's end lets Dask drop the agents, and those end their worker processes."""
    from distributed import Client

    from luthier.executors import Job
    from luthier.executors.dask import Dask

    def stay(payload, channel):
        import os
        import time

        channel.send(os.getpid())
        time.sleep(PATIENCE)

    caplog.set_level(logging.INFO, "luthier")
    processes = []
    other = Client(client.scheduler.address, set_as_default=False)
    executor = Dask(other, 1)
    executor.open(stay, lambda key, message: processes.append(psutil.Process(message)))
    executor.start(Job(0, None))
    eventually(lambda: executor.poll(0) or processes)
    other.close()
    cut_connections(caplog)
    psutil.wait_procs(processes, PATIENCE)
    assert not processes[0].is_running()
    executor.close()
