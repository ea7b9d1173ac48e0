"""Trials on a real Dask cluster: the contract, resources, losses of workers."""

import psutil
import pytest

import luthier
from executors.cluster_runs import (
    PATIENCE,
    ClusterContract,
    assert_resumed,
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


def test_nothing_is_left_when_the_study_has_died(make_dask, client):
    """The client's end lets Dask drop the agents, and those end their worker processes."""
    from distributed import Client

    from luthier.executors import Job
    from luthier.executors.dask import Dask

    def stay(payload, channel):
        import os
        import time

        channel.send(os.getpid())
        time.sleep(PATIENCE)

    processes = []
    other = Client(client.scheduler.address, set_as_default=False)
    executor = Dask(other, 1)
    executor.open(stay, lambda key, message: processes.append(psutil.Process(message)))
    executor.start(Job(0, None))
    eventually(lambda: executor.poll(0) or processes)
    other.close()
    psutil.wait_procs(processes, PATIENCE)
    assert not processes[0].is_running()
    executor.close()
