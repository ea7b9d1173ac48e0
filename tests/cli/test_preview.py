"""`luthier.preview` and `luthier preview`: what a schedule will do."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.cli.preview import duration
from luthier.errors import InvalidInput
from luthier.schedulers.base import Decision, Start
from luthier.schedulers.compose import AnyOf
from luthier.study.create import load_study
from luthier.study.preview import Rung, preview

ASHA = {"name": "asha", "max_step": 27}

STUDY = """\
objective: nothing:there
space: {x: {type: float, low: 0, high: 1}}
scheduler: {name: asha, max_step: 27}
budget: {trials: 60}
workers: 4
"""


class Keep:
    """Like the scheduler that stops nothing, but simulated."""

    def next(self, problem, history):
        return Start()

    def decide(self, problem, history, trial):
        return Decision.CONTINUE


@given(
    n_trials=st.integers(1, 12) | st.none(),
    max_step=st.integers(1, 5),
    workers=st.integers(1, 6),
    seconds=st.floats(0.1, 100),
    waves=st.floats(0.1, 4) | st.none(),
)
def test_what_is_computed_is_what_is_simulated(n_trials, max_step, workers, seconds, waves):
    if n_trials is waves is None:
        n_trials = 3
    # Half a step between the starts of waves and the timeout, so that rounding decides nothing.
    timeout = None if waves is None else (math.floor(waves * max_step) + 0.5) * seconds
    settings = {
        "n_trials": n_trials,
        "max_step": max_step,
        "workers": workers,
        "seconds_per_step": seconds,
        "timeout": timeout,
    }
    computed, simulated = preview(None, **settings), preview(Keep(), **settings)
    assert computed.seconds == pytest.approx(simulated.seconds)
    assert computed.busy == pytest.approx(simulated.busy)
    for name in ("trials", "rungs", "brackets", "complete", "steps", "full_steps", "workers"):
        assert getattr(computed, name) == getattr(simulated, name)


def test_the_rungs_of_successive_halving():
    plan = preview(ASHA, n_trials=300, workers=10, seconds_per_step=60)
    assert [rung.step for rung in plan.rungs] == [1, 3, 9, 27]
    counts = [rung.trials for rung in plan.rungs]
    assert counts[0] == plan.trials == 300
    assert counts[-1] == plan.complete
    for longer, shorter in zip(counts[1:], counts, strict=False):
        # About a third goes on; more of the first ones, which have little to be compared with.
        assert 0.8 * shorter / 3 <= longer <= shorter / 3 + 20
    spent = sum(
        (rung.step - before) * rung.trials
        for rung, before in zip(plan.rungs, [0, 1, 3, 9], strict=True)
    )
    assert plan.steps == spent
    assert plan.full_steps == 300 * 27
    assert plan.seconds * plan.busy * plan.workers == pytest.approx(60 * plan.steps)


def test_paused_trials_go_on_and_no_step_is_done_twice():
    plan = preview({**ASHA, "kind": "promote"}, n_trials=90, workers=4)
    counts = {rung.step: rung.trials for rung in plan.rungs}
    assert counts[1] == 90
    assert 30 <= counts[3] <= 45  # a third, and those that were among the best only for a while
    assert plan.steps == counts[1] + 2 * counts[3] + 6 * counts[9] + 18 * counts[27]


@pytest.mark.parametrize("combined", [False, True])
def test_brackets_begin_at_different_rungs(combined):
    hyperband = {"name": "hyperband", "max_step": 9}
    scheduler = AnyOf([{"name": "threshold", "upper": 100.0}, hyperband])
    plan = preview(scheduler if combined else hyperband, n_trials=200, workers=5)
    assert [bracket.number for bracket in plan.brackets] == [0, 1, 2]
    assert [bracket.rungs[0].step for bracket in plan.brackets] == [1, 3, 9]
    assert sum(bracket.trials for bracket in plan.brackets) == 200
    longest = plan.brackets[2]
    assert longest.rungs == (Rung(9, longest.trials),)
    total = sum(bracket.rungs[-1].trials for bracket in plan.brackets)
    assert total == plan.complete == plan.rungs[-1].trials


def test_a_scheduler_may_go_by_any_metric():
    plan = preview(ASHA, n_trials=40)
    for settings in (
        {"metric": "accuracy", "direction": "maximize"},
        {"metric": "loss", "direction": "minimize"},
    ):
        assert preview({**ASHA, **settings}, n_trials=40).rungs == plan.rungs
    named = preview({**ASHA, "metric": "f1"}, n_trials=40, metric=["f1"], directions=["maximize"])
    assert named.rungs == plan.rungs


def test_a_scheduler_may_compare_by_several_objectives():
    plan = preview(ASHA, n_trials=60, metric=["a", "b"], directions=["minimize", "maximize"])
    assert [rung.step for rung in plan.rungs] == [1, 3, 9, 27]
    assert plan.rungs[0].trials == 60
    assert 20 <= plan.rungs[1].trials <= 40


def test_a_population_comes_to_its_end_by_itself():
    plan = preview({"name": "pbt", "interval": 5, "max_step": 40}, workers=2)
    assert (plan.complete, plan.steps, plan.seconds, plan.busy) == (8, 320, 160.0, 1.0)
    assert plan.rungs[-1] == Rung(40, 8)
    assert plan.trials > 8


def test_it_always_says_the_same():
    assert preview("median", n_trials=50, max_step=10) == preview(
        "median", n_trials=50, max_step=10
    )


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"max_step": 3}, "n_trials"),
        ({"n_trials": 3}, "max_step"),
        ({"n_trials": 0, "max_step": 3}, "n_trials"),
        ({"n_trials": 3, "max_step": 0}, "max_step"),
        ({"n_trials": 3, "max_step": 3, "workers": 0}, "workers"),
        ({"n_trials": 3, "max_step": 3, "seconds_per_step": 0.0}, "seconds_per_step"),
        ({"n_trials": 3, "max_step": 3, "timeout": math.inf}, "timeout"),
    ],
)
def test_refuses_what_makes_no_sense(settings, field):
    with pytest.raises(InvalidInput) as caught:
        preview(None, **settings)
    assert caught.value.field == field


# ---------------------------------------------------------------- the command


@pytest.fixture
def file(tmp_path, luthier):
    path = tmp_path / "study.yaml"
    path.write_text(STUDY)
    return path


def test_the_command_says_what_the_function_says(luthier, file):
    said = luthier.json("preview", "--step-time", "2min")
    plan = preview(ASHA, n_trials=60, workers=4, seconds_per_step=120)
    assert said["study"] == "study"
    assert said["scheduler"] == ASHA
    assert said["rungs"] == [{"step": r.step, "trials": r.trials} for r in plan.rungs]
    assert said["seconds"] == plan.seconds
    assert (said["steps"], said["complete"], said["workers"]) == (plan.steps, plan.complete, 4)


def test_the_command_runs_nothing_and_writes_nothing(luthier, file, tmp_path):
    luthier.ok("preview")
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]


def test_the_command_prints_a_table(luthier, file):
    plan = preview(ASHA, n_trials=60, workers=4)
    printed = luthier.ok("preview")
    assert "60 trials of up to 27 steps, 4 workers, asha (max_step 27)" in printed
    rows = [line.split() for line in printed.splitlines()]
    for rung in plan.rungs:
        assert [str(rung.step), str(rung.trials), f"{rung.trials / 60:.1%}"] in rows
    assert f"{plan.complete} of 60 trials run to the end" in printed
    assert f"as long as {plan.seconds:g} steps on 4 workers" in printed
    timed = luthier.ok("preview", "--step-time", "90s")
    assert duration(90 * plan.seconds) in timed


def test_options_go_before_the_file(luthier, file):
    said = luthier.json("preview", "--trials", "30", "--workers", "3", "--steps", "9")
    assert (said["trials"], said["workers"], said["max_step"]) == (30, 3, 9)
    assert said["seconds"] is None


def test_several_brackets_are_told_apart(luthier, file):
    file.write_text(STUDY.replace("name: asha", "name: hyperband"))
    printed = luthier.ok("preview")
    assert "bracket" in printed
    said = luthier.json("preview")
    assert [bracket["number"] for bracket in said["brackets"]] == [0, 1, 2, 3]


@pytest.mark.parametrize("sampler", ["grid", "random"])
def test_a_finite_space_has_no_more_trials_than_points(luthier, file, sampler):
    text = STUDY.replace("{type: float, low: 0, high: 1}", "[1, 2, 3, 4, 5]")
    file.write_text(text + f"sampler: {sampler}\n")
    assert luthier.json("preview")["trials"] == 5
    file.write_text(text + f"sampler: {sampler}\nduplicates: replicate\n")
    assert luthier.json("preview")["trials"] == (5 if sampler == "grid" else 60)


def test_without_a_scheduler_every_trial_is_complete(luthier, file):
    file.write_text(STUDY.replace("scheduler: {name: asha, max_step: 27}\n", ""))
    assert "--steps" in luthier.fails(2, "preview")
    said = luthier.json("preview", "--steps", "10")
    assert (said["complete"], said["steps"], said["scheduler"]) == (60, 600, "full")


def test_something_must_end_the_study_and_a_timeout_needs_the_time_of_a_step(luthier, file):
    file.write_text(STUDY.replace("{trials: 60}", "{patience: 5}"))
    assert "--trials" in luthier.fails(2, "preview")
    file.write_text(STUDY.replace("{trials: 60}", "{timeout: 1h}"))
    assert "--step-time" in luthier.fails(2, "preview")
    said = luthier.json("preview", "--step-time", "10min")
    assert said["trials"] == preview(ASHA, timeout=3600, seconds_per_step=600, workers=4).trials


def test_what_is_wrong_with_the_scheduler_is_said_with_its_line(luthier, file):
    for text, said in (("asha, mx_step: 3", "mx_step"), ("ahsa", "did you mean 'asha'?")):
        file.write_text(STUDY.replace("asha, max_step: 27", text))
        error = luthier.fails(2, "preview")
        assert "study.yaml:3" in error
        assert "scheduler" in error
        assert said in error


def test_the_scheduler_of_a_file_is_that_of_its_study(luthier, file, tmp_path):
    (tmp_path / "nothing.py").write_text("def there(trial):\n    return trial['x']\n")
    luthier.ok("run", "--trials", "1", "-q")
    assert load_study("study", storage="luthier.db").history.last_opened.scheduler == ASHA


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.25, "0.25 s"),
        (59.6, "1 min"),
        (90, "1 min 30 s"),
        (3600, "1 h"),
        (90061, "1 d 1 h"),
    ],
)
def test_durations(seconds, said):
    assert duration(seconds) == said
