"""Trials on a real Ray cluster: the contract, resources, losses of workers."""

import psutil
import pytest

import luthier
from executors.cluster_runs import (
    PATIENCE,
    ClusterContract,
    assert_resumed,
    assert_that_a_cut_costs_no_message,
    assert_that_calls_do,
    disturbed,
    eventually,
    training,
)
from luthier.errors import ExecutorError, InvalidInput

pytestmark = [
    pytest.mark.integration,
    # Ray leaves sockets and files to the garbage collector, and uses what is deprecated.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def ray():
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield ray
    ray.shutdown()


@pytest.fixture
def make_ray(ray):
    from luthier.executors.ray import Ray

    return Ray


class TestRay(ClusterContract):
    @pytest.fixture
    def executor(self, make_ray):
        return make_ray(2)


def nothing(payload, channel):
    """Do nothing."""


def ignore(key, message):
    """Answer nothing."""


def test_a_cut_connection_costs_no_message(make_ray, caplog):
    assert_that_a_cut_costs_no_message(make_ray(1), caplog)


def test_without_connections_all_goes_by_calls(make_ray, caplog):
    assert_that_calls_do(make_ray(2, direct=False), caplog)


def test_takes_all_that_the_cluster_has_room_for(make_ray):
    executor = make_ray()
    executor.open(nothing, ignore)
    eventually(lambda: not executor.poll(0) and executor.slots == 2)
    executor.close()


def test_is_known_by_name(ray):
    study = luthier.create_study({"x": luthier.Float(0, 1)}, seed=1, sampler="random")
    study.optimize(lambda trial: trial["x"], n_trials=4, executor="ray", n_jobs=2)
    assert len(study.trials) == 4


def test_what_no_node_has_is_an_error(make_ray):
    with pytest.raises(ExecutorError, match="no node of the Ray cluster has 1 CPU, 1 unicorn"):
        make_ray(resources={"unicorn": 1}).open(nothing, ignore)
    waiting = make_ray(1, resources={"unicorn": 1}, start_timeout=0.5)
    with pytest.raises(ExecutorError, match=r"no worker was ready within 0\.5 seconds"):
        waiting.open(nothing, ignore)


@pytest.mark.parametrize(
    "wrong", [{"cpus": -1}, {"gpus": "one"}, {"memory": 0}, {"strategy": "LOOSE"}, {"cpus": 0}]
)
def test_wrong_arguments_are_refused(make_ray, wrong):
    with pytest.raises(InvalidInput, match="Ray: "):
        make_ray(**wrong)


def test_a_killed_actor_costs_no_step(make_ray, tmp_path):
    def kill(processes):
        (process,) = processes
        child = psutil.Process(process)
        actor = child.parent()
        actor.kill()
        psutil.wait_procs([actor, child], PATIENCE)  # the child ends by itself
        assert not child.is_running()

    study = disturbed(tmp_path, make_ray(1), kill, trials=1)
    assert_resumed(study, tmp_path)


def test_a_population_trains_through_ray(make_ray, tmp_path):
    (tmp_path / "go").touch()
    study = luthier.create_study(
        {"x": luthier.Float(0, 1)},
        seed=1,
        sampler="random",
        scheduler={"name": "pbt", "population": 4, "interval": 2, "max_step": 8},
        checkpoints=tmp_path / "checkpoints",
    )
    study.optimize(training(tmp_path), executor=make_ray(2))
    assert any(trial.parent is not None for trial in study.trials)
    assert sum(str(trial.state) == "COMPLETE" for trial in study.trials) == 4


def test_a_trial_has_a_placement_group_for_workers_of_its_own(make_ray):
    def objective(trial):
        import ray
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        from luthier.executors.ray import trial_group

        group = trial_group()

        @ray.remote(num_cpus=1)
        def square(x):
            return x * x, ray.util.get_current_placement_group().id.hex()

        place = PlacementGroupSchedulingStrategy(group, 1)
        value, where = ray.get(square.options(scheduling_strategy=place).remote(trial["x"]))
        trial.set_user_attr("same", where == group.id.hex())
        return value

    study = luthier.create_study({"x": [2.0, 3.0]}, sampler="grid")
    study.optimize(objective, n_trials=2, executor=make_ray(bundles=[{"CPU": 1}]))
    assert sorted(trial.value for trial in study.trials) == [4.0, 9.0]
    assert all(trial.user_attrs["same"] for trial in study.trials)
