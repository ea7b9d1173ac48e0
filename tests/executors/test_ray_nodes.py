"""Ray clusters that Luthier attaches to or starts, and the loss of a node."""

import psutil
import pytest

import luthier
from executors.cluster_runs import assert_resumed, disturbed, eventually

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]


def test_a_lost_node_costs_no_step(tmp_path):
    from ray.cluster_utils import Cluster

    from luthier.executors.ray import Ray

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]

        def lose_node(processes):
            cluster.remove_node(nodes[0], allow_graceful=False)
            eventually(lambda: not all(map(psutil.pid_exists, processes)))

        study = disturbed(tmp_path, Ray(2, address=cluster.address), lose_node, trials=2)
    finally:
        cluster.shutdown()
    assert_resumed(study, tmp_path)
    assert sorted(trial.attempt for trial in study.trials) == [1, 2]


def test_starts_a_cluster_where_there_is_none_and_ends_it(monkeypatch):
    import ray

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    study = luthier.create_study({"x": luthier.Float(0, 1)}, seed=1, sampler="random")
    study.optimize(lambda trial: trial["x"], n_trials=4, executor="ray", n_jobs=2)
    assert len(study.trials) == 4
    assert not ray.is_initialized()
