"""Killed at any moment, a schedule comes to the same end, and no checkpoint is lost or mixed up.

The studies are those of benchmarks/kills.py, which kills them more often.
"""

import argparse
import importlib
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

import luthier
from luthier.model.events import Reported, Resumed

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def kills(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("kills")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize(
    ("kind", "victim", "jobs"),
    [("asha", "script", 1), ("pbt", "script", 1), ("pbt", "worker", 2)],
)
def test_nothing_is_lost_or_mixed_up(kills, tmp_path, kind, victim, jobs):
    options = argparse.Namespace(kills=3, seed=1)
    verdict = asdict(kills.torment(tmp_path, kind, victim, jobs, options))
    assert verdict.pop("kills") >= 3
    assert verdict.pop("studies") >= 1
    assert set(verdict.values()) == {0}, verdict


@pytest.fixture
def judged(kills, tmp_path):
    """Return what is said of a study whose trials do what `wrong` makes of them."""
    killed = importlib.import_module("_killed_population")

    def judge(wrong):
        url = str(tmp_path / "s.db")
        study = luthier.create_study(
            killed.SPACE,
            study_name="s",
            storage=url,
            sampler="random",
            scheduler=killed.SCHEDULERS["pbt"],
            seed=7,
        )

        def train(trial):
            state = wrong(trial, trial.load()) or {"trail": killed.BEGINNING}
            trail = state["trail"]
            for step in range((trial.restored_step or 0) + 1, killed.STEPS + 1):
                trail = killed.hashed(trail, trial.params, step)
                trial.report(killed.value_of(trail, step), step)
                if trial.should_prune():
                    trial.save({"trail": trail})
                    raise luthier.TrialPruned
            return 0.0

        study.optimize(train)
        verdict = kills.Verdict()
        kills.judge(url, "s", None, verdict)
        return asdict(verdict)

    return judge


def test_the_judge_is_content_with_a_study_that_nobody_killed(judged):
    assert set(judged(lambda trial, state: state).values()) == {0}


def test_the_judge_sees_the_checkpoint_of_another_trial(judged):
    seen = []

    def wrong(trial, state):
        seen.append(state)
        return seen[-2] if trial.attempt == 2 and trial.number == 3 else state

    assert judged(wrong)["mixed_up"] > 0


def test_the_judge_sees_a_checkpoint_that_was_ignored(judged):
    assert judged(lambda trial, state: None)["mixed_up"] > 0


def test_the_judge_sees_a_trial_that_lost_its_checkpoint(kills, tmp_path):
    url = str(tmp_path / "s.db")
    study = luthier.create_study({"x": luthier.Float(0, 1)}, study_name="s", storage=url)
    trial = study.ask()
    trial.report(1.0, 1)
    study.tell(trial, state="PAUSED")
    assert kills.lost(url, "s") == 0
    assert any(isinstance(event, Reported) for event in kills.events_of(url, "s"))
    study.scheduler = {"name": "asha", "kind": "promote", "eta": 2}
    owner = study.history.trial(0).owner
    anew = Resumed(0, 2, owner, None, 0.0)  # as if there had been nothing to go on from
    study._journal.append(anew, claim="0.2")
    assert kills.lost(url, "s") == 1
