"""Trials in jobs of submitit, whose local executor stands in for Slurm."""

import signal

import psutil
import pytest

import luthier
from executors.cluster_runs import PATIENCE, ClusterContract, assert_resumed, disturbed
from luthier.errors import InvalidInput

pytestmark = [
    pytest.mark.integration,
    # submitit leaves the files and processes of its local jobs to the garbage collector.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture
def make_slurm(tmp_path):
    from luthier.executors.slurm import Slurm

    return lambda *args, **options: Slurm(
        *args, folder=tmp_path / "jobs", cluster="local", **options
    )


class TestWorkers(ClusterContract):
    @pytest.fixture
    def executor(self, make_slurm):
        return make_slurm(2)


class TestJobPerTrial:
    def test_every_trial_has_a_job_of_its_own(self, make_slurm):
        def objective(trial):
            import os

            trial.set_user_attr("job", os.environ["SUBMITIT_LOCAL_JOB_ID"])
            return trial["x"]

        study = luthier.create_study({"x": luthier.Float(0, 1)}, seed=1, sampler="random")
        study.optimize(objective, n_trials=3, executor=make_slurm(2, job_per_trial=True))
        assert len({trial.user_attrs["job"] for trial in study.trials}) == 3

    def test_an_objective_that_cannot_be_loaded_fails_its_trial(self, make_slurm):
        from executors.cluster_runs import Unloadable
        from luthier.executors import Job

        executor = make_slurm(1, job_per_trial=True)
        executor.open(Unloadable(), lambda key, message: None)
        executor.start(Job(0, None))
        (outcome,) = executor.poll()
        executor.close()
        assert outcome.ending == "crash"
        assert "cannot be loaded in a worker process: ValueError" in outcome.error


@pytest.mark.parametrize(
    "wrong", [{"minutes": 0}, {"cpus": 1.5}, {"memory_gb": 0}, {"cluster": "x"}, {"workers": 0}]
)
def test_wrong_arguments_are_refused(wrong):
    from luthier.executors.slurm import Slurm

    with pytest.raises(InvalidInput, match="Slurm: "):
        Slurm(**wrong)


@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGTERM])
def test_a_job_that_slurm_will_end_hands_its_trial_back(make_slurm, tmp_path, number):
    def preempt(processes):
        child = psutil.Process(processes[0])
        job = child.parent()
        job.send_signal(number)
        psutil.wait_procs([child], PATIENCE)
        assert not child.is_running()

    study = disturbed(tmp_path, make_slurm(1), preempt, trials=1)
    assert_resumed(study, tmp_path)


def test_a_killed_job_costs_no_step(make_slurm, tmp_path, monkeypatch):
    monkeypatch.setattr("luthier.executors.slurm._ASK_SLURM", 0.2)

    def kill(processes):
        child = psutil.Process(processes[0])
        job = child.parent()
        job.kill()
        psutil.wait_procs([child], PATIENCE)
        assert not child.is_running()

    study = disturbed(tmp_path, make_slurm(1), kill, trials=1)
    assert_resumed(study, tmp_path)


def test_nothing_is_left_of_the_messages(make_slurm, tmp_path):
    study = luthier.create_study({"x": luthier.Float(0, 1)}, seed=1, sampler="random")
    study.optimize(lambda trial: trial["x"], n_trials=2, executor=make_slurm(1))
    assert list((tmp_path / "jobs").glob("post-*")) == []
