"""Our samplers and schedulers inside Optuna."""

from __future__ import annotations

import math
import pickle
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from luthier.formats.optuna import bring, read_studies
from luthier.storage.memory import Memory
from luthier.study.create import load_study
from luthier.testing.servers import mariadb_server, postgresql_server

pytestmark = pytest.mark.integration

SUITE = Path(__file__).with_name("optuna_suite.py")
CASES = 600
"""The suite has more; with fewer something was not collected."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.timeout(400)
def test_optunas_own_suite_passes() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(SUITE)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=SUITE.parents[2])
    assert done.returncode == 0, done.stdout[-4000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= CASES


def branches(trial: Any) -> float:
    x = trial.suggest_float("x", -5, 5)
    if trial.suggest_categorical("kind", ["a", "b"]) == "a":
        return float(x**2 + trial.suggest_float("y", 0, 3) ** 2)
    return float((x - 1) ** 2 + trial.suggest_int("n", 1, 9))


def test_sampler_learns_on_branches() -> None:
    import optuna

    from luthier.integrations.optuna import LuthierSampler

    study = optuna.create_study(sampler=LuthierSampler("gp", seed=1))
    study.optimize(branches, n_trials=40)
    assert study.best_value < 0.1
    assert all(("y" in t.params) is (t.params["kind"] == "a") for t in study.trials)


def test_same_seed_same_suggestions() -> None:
    import optuna

    from luthier.integrations.optuna import LuthierSampler

    def params() -> list[Any]:
        study = optuna.create_study(sampler=LuthierSampler("tpe", seed=4))
        study.optimize(branches, n_trials=25)
        return [trial.params for trial in study.trials]

    assert params() == params()


@pytest.mark.parametrize("by_function", [True, False])
def test_constraints_count(by_function: bool) -> None:
    import optuna

    from luthier.integrations.optuna import LuthierSampler

    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", 0, 10)
        if not by_function:
            trial.set_constraint("c", 4 - x)
        return float(x)

    function = (lambda trial: [4 - trial.params["x"]]) if by_function else None
    sampler = LuthierSampler("gp", seed=1, constraints_func=function)
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=25)
    within = [trial.value for trial in study.trials if trial.params["x"] >= 4]
    assert min(within) < 4.2
    late = [trial.params["x"] for trial in study.trials[10:]]
    assert sum(x >= 3.5 for x in late) > len(late) / 2  # not drawn to the forbidden zero


def test_running_trials_are_known() -> None:
    import optuna

    from luthier.integrations.optuna import LuthierSampler

    study = optuna.create_study(sampler=LuthierSampler("gp", seed=1))
    study.optimize(lambda trial: math.sin(9 * trial.suggest_float("x", 0, 1)), n_trials=6)
    beside = sorted(study.ask().suggest_float("x", 0, 1) for _ in range(4))
    assert all(high - low > 1e-3 for low, high in pairwise(beside))


def constant(width: int, trial: Any) -> list[float]:
    return [trial.suggest_float("x", 0, 1)] * width


def test_sampler_can_be_used_by_several_studies_and_pickled() -> None:
    import optuna

    from luthier.integrations.optuna import LuthierSampler

    sampler = pickle.loads(pickle.dumps(LuthierSampler("tpe", seed=2)))
    for directions in (["minimize"], ["minimize", "maximize"]):
        study = optuna.create_study(directions=directions, sampler=sampler)
        width = len(directions)
        study.optimize(partial(constant, width), n_trials=15)
        assert len(study.best_trials) >= 1


def test_pruner_stops_as_our_scheduler_does() -> None:
    import optuna

    from luthier.integrations.optuna import LuthierPruner

    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", 0, 1)
        for step in range(10):
            trial.report(x + step, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return x

    def pruned(pruner: Any) -> list[int]:
        sampler = optuna.samplers.RandomSampler(seed=3)
        study = optuna.create_study(sampler=sampler, pruner=pruner)
        study.optimize(objective, n_trials=30)
        states = optuna.trial.TrialState
        return [trial.number for trial in study.trials if trial.state == states.PRUNED]

    ours = pruned(LuthierPruner("median"))
    assert ours
    assert ours == pruned(optuna.pruners.MedianPruner())


def test_what_optuna_writes_now_is_brought_over(tmp_path: Path) -> None:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    url = f"sqlite:///{tmp_path / 'o.db'}"
    journal = str(tmp_path / "o.log")
    for storage in (url, JournalStorage(JournalFileBackend(journal))):
        sampler = optuna.samplers.RandomSampler(seed=1)
        study = optuna.create_study(study_name="s", storage=storage, sampler=sampler)
        study.optimize(branches, n_trials=10)
    for source in (url, journal):
        target = Memory()
        bring(read_studies(source)[0], target)
        found = load_study("s", storage=target)
        assert [t.params for t in found.trials] == [t.params for t in study.trials]
        assert [t.value for t in found.trials] == [t.value for t in study.trials]
        began = [trial.datetime_start.timestamp() for trial in study.trials[:1]]
        assert found.trials[0].started == pytest.approx(began[0], abs=60)


@pytest.mark.parametrize("serve", [postgresql_server, mariadb_server])
def test_databases_on_servers_are_read(serve: Any) -> None:
    import optuna

    with serve() as server:
        driver = "postgresql+psycopg" if serve is postgresql_server else "mysql+pymysql"
        url = f"{driver}://{server.url.partition('://')[2]}"
        storage = optuna.storages.RDBStorage(url)
        study = optuna.create_study(study_name="s", storage=storage)
        study.set_user_attr("k", [1])
        study.optimize(branches, n_trials=5)
        (found,) = read_studies(server.url)
        assert found.user_attrs == {"k": [1]}
        assert [trial.params for trial in found.trials] == [t.params for t in study.trials]
        assert [trial.values for trial in found.trials] == [(t.value,) for t in study.trials]
        began = study.trials[0].datetime_start.timestamp()
        assert found.trials[0].started == pytest.approx(began, abs=1.5)
        storage.remove_session()
        storage.engine.dispose()
