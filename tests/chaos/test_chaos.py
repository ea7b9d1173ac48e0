"""A few of the faults that `benchmarks/chaos.py` injects by the dozen."""

import importlib
import sys
from pathlib import Path

import pytest

from luthier.testing.servers import ServerMissing

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform == "win32", reason="signals"),
]


@pytest.fixture(scope="module")
def chaos():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield importlib.import_module("chaos")
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def sqlite(chaos):
    with chaos.PLACES["sqlite"]() as place:
        yield place


@pytest.fixture(scope="module")
def postgresql(chaos):
    try:
        with chaos.PLACES["postgresql"]() as place:
            yield place
    except ServerMissing as missing:
        pytest.skip(str(missing))


def survives(chaos, place, fault):
    verdict = chaos.torment(fault, place, times=2, seed=1, trials=25)
    assert verdict.injected == 2
    assert verdict.sound, verdict


@pytest.mark.parametrize("fault", ["worker_killed", "study_killed", "study_hung", "clock_jumped"])
def test_a_study_in_a_file_survives(chaos, sqlite, fault):
    survives(chaos, sqlite, fault)


@pytest.mark.parametrize("fault", ["study_terminated", "server_restarted", "network_cut"])
def test_a_study_in_a_database_survives(chaos, postgresql, fault):
    survives(chaos, postgresql, fault)


def test_a_full_disk_is_waited_out(chaos, sqlite):
    if sqlite.disk is None:  # this user may not mount one: any other writer has to do
        survives(chaos, sqlite, "file_locked")
    else:
        survives(chaos, sqlite, "disk_full")


def test_the_judge_sees_a_lost_and_a_changed_trial(chaos, sqlite):
    import luthier

    study = luthier.create_study(
        chaos.SPACE, study_name="judged", storage=sqlite.url, sampler="random", seed=chaos.SEED
    )
    study.optimize(lambda trial: chaos.expected(trial) + (trial.number == 1), n_trials=3)
    study.ask()
    params = [trial.params for trial in study.trials]
    scene = chaos.Scene(sqlite, "judged", Path(), None)
    verdict = chaos.Verdict()
    chaos.judge(scene, {0: {study.trials[0].value}, 2: {-1.0}}, params, verdict)
    # The open trial is lost; it has no value, and so is unlike what it should be, too.
    assert (verdict.lost, verdict.changed, verdict.announced) == (1, 2, 1)
    assert not verdict.sound
