"""``luthier lineage``: trees of trials, and the training behind one of them."""

from itertools import pairwise

import pytest

from luthier import Float, TrialPruned, create_study
from luthier.analysis import Replay


def train(trial):
    state = trial.load() or {"loss": 1.0}
    for step in range((trial.restored_step or 0) + 1, 7):
        state["loss"] *= 1 - trial["lr"] / step
        trial.report(state["loss"], step)
        if trial.should_prune():
            trial.save(state)
            raise TrialPruned
    return state["loss"]


@pytest.fixture
def population(luthier):
    study = create_study(
        {"lr": Float(0.1, 0.9)},
        study_name="grown",
        storage="luthier.db",
        scheduler={"name": "pbt", "interval": 2, "max_step": 6, "population": 4},
        sampler="random",
        seed=1,
    )
    study.optimize(train)
    return study


def test_it_draws_a_tree_for_each_first_trial(luthier, population):
    lines = luthier.ok("lineage").splitlines()
    assert len(lines) == len(population.trials)
    assert sum(line[0].isdigit() for line in lines) == 4
    for trial in population.trials:
        mark = f"{trial.number}: "
        line = next(line for line in lines if line.lstrip("│├└─ ").startswith(mark))
        assert trial.state.value.lower() in line
        if trial.parent is not None:
            assert f"from step {trial.parent_step} " in line
            before = population.trials[trial.parent].params["lr"]
            assert f"lr {before:.6g} -> {trial.params['lr']:.6g}" in line


def test_arms_reach_down_to_the_last_fork(luthier, population):
    lines = luthier.ok("lineage", "grown").splitlines()
    for above, below in pairwise(lines):
        for column, sign in enumerate(above):
            if sign in "├│":
                assert below[column] in "├│└"
            if sign == "└":
                assert below[column : column + 1] not in ("├", "│", "└")


def test_it_shows_the_training_behind_a_trial(luthier, population):
    number = population.best_trial.number
    table = luthier.ok("lineage", "grown", number).splitlines()
    assert table[0].split() == ["trial", "after", "step", "to", "step", "lr"]
    assert table[2].split()[1] == "0"
    assert table[-1].split()[:3:2] == [str(number), "6"]


def test_json_is_read_by_replay(luthier, population):
    number = population.best_trial.number
    data = luthier.json("lineage", "grown", number)
    assert data["trial"] == number
    assert data["segments"][-1]["until"] == 6
    replay = Replay(data["schedule"])
    assert replay.values == population.export_schedule()
    loss = 1.0
    for step in range(1, 7):
        loss *= 1 - replay(step)["lr"] / step
    assert loss == pytest.approx(population.best_value)


def test_json_of_all_trials(luthier, population):
    rows = luthier.json("lineage")["trials"]
    assert [row["number"] for row in rows] == [trial.number for trial in population.trials]
    for row, trial in zip(rows, population.trials, strict=True):
        assert (row["parent"], row["parent_step"]) == (trial.parent, trial.parent_step)


def test_an_unknown_trial_is_an_error(luthier, population):
    assert "no trial 99" in luthier.fails(1, "lineage", "grown", 99)
