"""Why a trial got its params, and from whom."""

import logging
from dataclasses import dataclass

import pytest

import luthier
from luthier.errors import InvalidInput
from luthier.samplers import QMC, Choice, Chooser, Grid, Random, Suggestion
from luthier.study.asking import REDRAWS
from luthier.study.replay import replay_all

SPACE = {"x": luthier.Float(0, 1), "kind": ["a", "b"]}


class Says:
    """Proposes one point, and says what it was given to say."""

    def __init__(self, why):
        self.why = why

    def suggest(self, problem, history, rng, n=1):
        return [Suggestion({"x": 0.5, "kind": "a"}, self.why)] * n


def remember_the_index(trial):
    trial.set_user_attr("index", trial.why["index"])
    return trial["x"]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_explanation_is_on_record(tmp_path, n_jobs):
    path = str(tmp_path / "s.db")
    study = luthier.create_study(SPACE, storage=path, sampler="qmc", seed=1)
    study.optimize(remember_the_index, n_trials=4, n_jobs=n_jobs)
    trials = luthier.load_study(storage=path).trials
    assert [trial.why for trial in trials] == [{"how": "sobol", "index": i} for i in range(4)]
    assert [trial.user_attrs["index"] for trial in trials] == [0, 1, 2, 3]


def test_a_trial_that_is_run_again_keeps_its_explanation():
    study = luthier.create_study(SPACE, sampler="qmc", seed=1)
    first = study.ask()
    study._engine.release(first.number, "interrupted")
    again = study.ask()
    assert (again.number, again.attempt) == (0, 2)
    assert again.why == first.why == {"how": "sobol", "index": 0}
    assert study.tell(again, 1.0).why == first.why


def test_what_a_person_gave_needs_no_explanation():
    study = luthier.create_study(SPACE, sampler="qmc", seed=1)
    study.enqueue_trial({"x": 0.5, "kind": "a"})
    study.enqueue_trial({"x": 0.5})
    study.optimize(lambda trial: 1.0, n_trials=2)
    study.add_trial({"x": 0.1, "kind": "b"}, 1.0)
    given, completed, added = study.trials
    assert given.why == added.why == {}
    assert completed.why["how"] == "sobol"


def test_a_define_by_run_trial_says_how_its_proposal_was_made():
    study = luthier.create_study(sampler="qmc", seed=1)
    for _ in range(2):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        study.tell(trial, 1.0)
    assert [trial.why.get("how") for trial in study.trials] == [None, "sobol"]


def test_a_sampler_that_is_overruled_is_not_given_the_credit():
    class Stubborn:
        def suggest(self, problem, history, rng, n=1):
            return [Suggestion({"kind": "a"}, {"how": "model"})] * n

    study = luthier.create_study({"kind": ["a", "b", "c"]}, sampler=Stubborn(), seed=1)
    study.optimize(lambda trial: 1.0, n_trials=3)
    first, *others = study.trials
    assert (first.params["kind"], first.why) == ("a", {"how": "model"})
    for trial in others:
        assert trial.why["how"] == "random"
        assert f"all {REDRAWS + 1} points" in trial.why["because"]
    assert all(replayed.same for replayed in replay_all(study))


def test_points_from_beliefs_are_told_from_the_others():
    belief = luthier.Around(0.1, sd=0.01)
    space = {"x": luthier.Float(0, 1, belief=belief)}
    study = luthier.create_study(space, sampler="random", seed=1)
    study.optimize(lambda trial: 1.0, n_trials=40)
    believed = [t.params["x"] for t in study.trials if t.why == {"how": "belief"}]
    others = [t.params["x"] for t in study.trials if t.why == {"how": "random"}]
    assert len(believed) + len(others) == 40
    assert 0.05 < min(believed) <= max(believed) < 0.15
    assert max(others) > 0.5


def test_beliefs_that_the_constraints_rule_out_are_said_to_be():
    belief = luthier.Around(0.1, sd=0.001)
    space = luthier.Space({"x": luthier.Float(0, 1, belief=belief)}, constraints=["x > 0.5"])
    study = luthier.create_study(space, sampler=Random(belief_share=1), seed=1)
    assert "beliefs" in study.ask().why["because"]


def test_an_explanation_is_kept_as_the_log_will_give_it_back():
    study = luthier.create_study(SPACE, sampler=Says({"how": "model", "lengths": (1, 2)}))
    assert study.ask().why == {"how": "model", "lengths": [1, 2]}


@pytest.mark.parametrize("why", [None, "a hunch", ["how"], {"how": object()}, {"how": {1, 2}}])
def test_an_explanation_that_the_log_cannot_keep_is_refused(why):
    study = luthier.create_study(SPACE, sampler=Says(why))
    with pytest.raises(InvalidInput, match="suggestion: why"):
        study.ask()
    assert study.trials == []


def test_a_record_cannot_be_changed():
    study = luthier.create_study(SPACE, sampler="qmc", seed=1)
    trial = study.ask()
    with pytest.raises(TypeError, match="copy"):
        trial.why["how"] = "genius"


@dataclass(frozen=True)
class Half:
    """Leaves two trials to one sampler and the others to another."""

    def choose(self, problem, history):
        if history.count < 2:
            return Choice(QMC("halton"), "nothing is known yet")
        return Choice(Random(), "enough is known")

    def suggest(self, problem, history, rng, n=1):
        chosen = self.choose(problem, history).sampler
        name = "qmc" if isinstance(chosen, QMC) else "random"
        return [
            Suggestion(params, {"sampler": name, **why})
            for params, why in chosen.suggest(problem, history, rng, n)
        ]


def test_a_sampler_that_chooses_says_what_comes_next():
    study = luthier.create_study(SPACE, sampler=Half(), seed=1)
    assert study.sampler_choice.name == {"name": "qmc", "kind": "halton"}
    assert str(study.sampler_choice) == "qmc, because nothing is known yet"
    study.optimize(lambda trial: 1.0, n_trials=3)
    assert study.sampler_choice.name == "random"
    assert [trial.why["sampler"] for trial in study.trials] == ["qmc", "qmc", "random"]


def test_a_sampler_that_does_the_work_itself_was_chosen_by_the_user():
    study = luthier.create_study(SPACE, sampler=Grid(resolution=3))
    assert not isinstance(study.sampler, Chooser)
    assert study.sampler_choice.name == {"name": "grid", "resolution": 3}
    assert str(study.sampler_choice) == "grid, because it was chosen by the user"


def test_another_choice_is_logged_once(caplog):
    study = luthier.create_study(SPACE, sampler=Half(), seed=1)
    with caplog.at_level(logging.INFO, logger="luthier"):
        study.optimize(lambda trial: 1.0, n_trials=6)
        study.optimize(lambda trial: 1.0, n_trials=6)
    said = [record.message for record in caplog.records if record.message.startswith("sampler")]
    assert said == [
        "sampler: qmc, because nothing is known yet",
        "sampler: random, because enough is known",
    ]


def test_a_sampler_without_a_choice_is_not_announced(caplog):
    study = luthier.create_study(SPACE, sampler=Says({"sampler": "other"}))
    with caplog.at_level(logging.INFO, logger="luthier"):
        study.ask()
    assert "sampler" not in caplog.text
