from dataclasses import dataclass

import numpy as np
import pytest

from luthier.errors import TrialNotFound
from luthier.model.events import Asked, Told
from luthier.model.trial import TrialState
from luthier.samplers.base import Suggestion
from luthier.samplers.random import Random
from luthier.study.create import create_study, load_study
from luthier.study.replay import replay, replay_all

SPACE = {"x": {"type": "float", "low": 0, "high": 1}, "kind": ["a", "b", "c"]}


@pytest.mark.parametrize("sampler", ["random", "qmc", {"name": "grid", "resolution": 5}])
def test_every_suggestion_comes_out_again(sampler):
    study = create_study(SPACE, sampler=sampler, seed=2)
    study.optimize(lambda trial: trial.params["x"], 12)
    replayed = replay_all(study)
    assert [one.number for one in replayed] == list(range(12))
    for one, trial in zip(replayed, study.trials, strict=True):
        assert one.same is True
        assert one.recorded == one.recomputed == trial.params
        assert replay(study, one.number) == one


def test_trials_asked_out_of_order_and_at_the_same_time():
    study = create_study(SPACE, sampler="qmc", seed=2)
    running = [study.ask() for _ in range(4)]
    for trial in reversed(running):
        study.tell(trial, 1.0)
    study.enqueue_trial({"x": 0.5})
    study.enqueue_trial({"x": 0.25, "kind": "a"})
    study.optimize(lambda trial: trial.params["x"], 5)
    study.enqueue_trial({"x": 0.75})
    replayed = replay_all(study)
    assert [one.same for one in replayed] == [True] * 5 + [None] + [True] * 3 + [None]
    assert replayed[4].recomputed["x"] == 0.5
    assert (replayed[5].by, replayed[5].note) == ("user", "given by a person")
    assert replayed[9].note == "not started yet"


def test_a_sampler_that_changed_on_the_way():
    study = create_study(SPACE, sampler="random", seed=2)
    study.optimize(lambda trial: 1.0, 3)
    study.sampler = "qmc"
    study.optimize(lambda trial: 1.0, 3)
    replayed = replay_all(study)
    assert [one.by for one in replayed] == ["random"] * 3 + ["qmc"] * 3
    assert all(one.same for one in replayed)


@dataclass(frozen=True)
class AroundTheBest:
    """Keeps a model of every third trial: where the best of all before was."""

    def suggest(self, problem, history, rng, n=1):
        size = len(history.ended) // 3 * 3
        if not size:
            return Random().suggest(problem, history, rng, n)
        best = history.remember((self, problem.space, size), lambda: self._best(history, size))
        x = min(1.0, max(0.0, best["x"] + rng.normal(scale=0.1)))
        return [Suggestion(problem.space.canonical({**best, "x": x}), {"how": "model"})] * n

    def _best(self, history, size):
        return history.ended[int(np.argmin(history.losses[:size]))].params


def test_a_sampler_that_remembers_comes_to_the_same_without_its_memory():
    study = create_study(SPACE, sampler=AroundTheBest(), seed=2)
    study.optimize(lambda trial: (trial.params["x"] - 0.4) ** 2, 14)
    assert [trial.why.get("how") for trial in study.trials] == [None] * 3 + ["model"] * 11
    assert replay(study, 13).same is True
    assert all(replayed.same for replayed in replay_all(study))


def test_define_by_run_compares_the_proposal():
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        return x + (trial.suggest_int("n", 1, 9) if x < 0.5 else 0)

    study = create_study(seed=4)
    study.optimize(objective, 12)
    replayed = replay_all(study)
    assert all(one.same for one in replayed)
    assert replayed[0].recorded == {}
    assert set(replayed[-1].recorded) == {"x", "n"}


def test_a_difference_is_seen(tmp_path):
    storage = str(tmp_path / "s.db")
    study = create_study(SPACE, study_name="s", storage=storage, seed=2)
    study.optimize(lambda trial: 1.0, 2)
    study._journal.append(
        Asked(2, {"x": 0.5, "kind": "a"}, study.history.version, "random", "me"),
        Told(2, TrialState.COMPLETE, (1.0,)),
        claim="2",
    )
    replayed = replay(load_study("s", storage=storage), 2)
    assert replayed.same is False
    assert replayed.recorded == {"x": 0.5, "kind": "a"}
    assert (
        replayed.recomputed
        == Random().suggest(study.problem, study.history, study.problem.rng(2))[0].params
    )


def test_a_sampler_that_is_not_registered():
    class Mine(Random):
        pass

    study = create_study(SPACE, sampler=Mine(), seed=2)
    study.optimize(lambda trial: 1.0, 1)
    assert replay(study, 0).same is True
    study.sampler = "random"
    replayed = replay(study, 0)
    assert replayed.same is None
    assert "Mine" in replayed.note


def test_an_unknown_trial():
    with pytest.raises(TrialNotFound):
        replay(create_study(SPACE), 0)
