"""Trials that are paused, resumed, forked and stopped, as a scheduler says."""

import json
import sys
from dataclasses import dataclass

import pytest

import luthier
from luthier.errors import InvalidInput, InvalidParams, SpaceExhausted
from luthier.schedulers import Decision, Done, Resume, Start, Wait
from luthier.study.replay import replay_all

SPACE = {"x": luthier.Float(0, 1), "n": luthier.Int(0, 10)}


@dataclass(frozen=True)
class Rounds:
    """Every trial is set aside each `interval` steps, until it has had `rounds` such legs."""

    population: int = 3
    interval: int = 2
    rounds: int = 3

    def next(self, problem, history):
        if history.count < self.population:
            return Start()
        if history.paused:
            return Resume(min(history.paused, key=lambda t: (t.pauses, t.number)).number)
        return Wait() if history.running else Done()

    def decide(self, problem, history, trial):
        steps = trial.reports.last.step
        if steps % self.interval or steps >= self.interval * self.rounds:
            return Decision.CONTINUE
        return Decision.PAUSE


def train(trial, steps=6):
    state = trial.load() or {"total": 0.0, "step": 0}
    for step in range(state["step"] + 1, steps + 1):
        state = {"total": state["total"] + trial.params["x"] / step, "step": step}
        trial.report(state["total"], step)
        if trial.should_prune():
            trial.save(state)
            raise luthier.TrialPruned
    return state["total"]


def unbroken(seed=1, n=3):
    study = luthier.create_study(SPACE, seed=seed, sampler="random")
    study.optimize(train, n_trials=n)
    return study


@pytest.fixture(params=["memory", "sqlite"])
def storage(request, tmp_path):
    return "memory" if request.param == "memory" else str(tmp_path / "s.db")


@pytest.mark.parametrize("jobs", [1, 2])
def test_trials_that_pause_and_go_on_end_as_if_they_had_not(storage, jobs):
    study = luthier.create_study(
        SPACE, seed=1, sampler="random", scheduler=Rounds(), storage=storage
    )
    study.optimize(train, n_trials=3, n_jobs=jobs)
    assert study.stop_reason == "the schedule is complete"
    plain = unbroken()
    for trial, other in zip(study.trials, plain.trials, strict=True):
        assert trial.state is luthier.TrialState.COMPLETE
        assert trial.params == other.params
        assert trial.value == other.value
        assert trial.intermediate_values == other.intermediate_values
        assert (trial.attempt, trial.pauses, trial.restored_step) == (3, 2, 4)


def test_resumed_trials_are_no_new_trials_of_a_budget():
    study = luthier.create_study(SPACE, seed=1, scheduler=Rounds(population=100))
    study.optimize(train, total_trials=4)
    assert study.stop_reason == "4 trials in all"
    assert [trial.state.value for trial in study.trials] == ["PAUSED"] * 4
    study.scheduler = Rounds(population=4)
    seen = []
    study.optimize(train, n_trials=0, callbacks=[lambda _, trial: seen.append(trial.number)])
    assert seen == [0, 1, 2, 3]
    assert study.stop_reason == "the schedule is complete"


def test_ask_and_tell_follow_the_scheduler():
    study = luthier.create_study(SPACE, seed=1, scheduler=Rounds(population=1, rounds=2))
    trial = study.ask()
    with pytest.raises(SpaceExhausted, match="waits"):
        study.ask()
    trial.report(1.0, 1)
    assert not trial.should_prune()
    trial.report(0.9, 2)
    assert trial.should_prune()
    trial.save({"weights": [1.0, 2.0]})
    paused = study.tell(trial, state="PAUSED", metrics={"m": 3.0}, cost=2.0)
    assert paused.state is luthier.TrialState.PAUSED
    assert study.tell(trial, state="PAUSED") == paused
    again = study.ask()
    assert (again.number, again.attempt, again.restored_step) == (0, 2, 2)
    assert again.params == trial.params
    assert again.load() == {"weights": [1.0, 2.0]}
    assert dict(again.measured) == {"m": 3.0}
    with pytest.raises(InvalidInput, match="after 2"):
        again.report(0.8, 2)
    again.report(0.8, 3)
    told = study.tell(again, 0.5, cost=1.0)
    assert (told.cost, told.metrics, told.attempt) == (3.0, {"m": 3.0}, 2)
    assert told.intermediate_values == {1: 1.0, 2: 0.9, 3: 0.8}
    with pytest.raises(SpaceExhausted, match="complete"):
        study.ask()


def test_a_pruned_answer_to_a_pause_is_a_pause():
    study = luthier.create_study(SPACE, seed=1, scheduler=Rounds())
    trial = study.ask()
    trial.report(1.0, 2)
    assert study.tell(trial, state="PRUNED").state is luthier.TrialState.PAUSED
    other = study.ask()
    other.report(1.0, 1)
    assert study.tell(other, state="PRUNED").state is luthier.TrialState.PRUNED


def test_a_trial_that_was_to_pause_and_returned_a_result_is_complete():
    study = luthier.create_study(SPACE, seed=1, scheduler=Rounds(population=1))

    def objective(trial):
        trial.report(1.0, 2)
        assert trial.should_prune()
        return 1.0

    study.optimize(objective, n_trials=1)
    assert study.trials[0].state is luthier.TrialState.COMPLETE


def test_only_a_running_trial_can_be_set_aside():
    study = luthier.create_study(SPACE, seed=1)
    study.enqueue_trial({"n": 1})
    with pytest.raises(InvalidInput, match="running"):
        study.tell(0, state="PAUSED")
    trial = study.ask()
    with pytest.raises(InvalidInput, match="none for a trial that is PAUSED"):
        study.tell(trial, 1.0, state="PAUSED")
    study.tell(trial, state="PAUSED")
    assert study.tell(trial, 0.5).state is luthier.TrialState.COMPLETE
    assert study.tell(trial, state="PAUSED").state is luthier.TrialState.COMPLETE


@pytest.mark.parametrize("number", [0, 1])
def test_a_scheduler_cannot_resume_what_is_not_paused(number):
    @dataclass(frozen=True)
    class Wrong(Rounds):
        def next(self, problem, history):
            return Resume(number) if history.count else Start()

    study = luthier.create_study(SPACE, seed=1, scheduler=Wrong())
    study.ask()
    with pytest.raises(InvalidInput, match="Resume"):
        study.ask()


def test_an_objective_that_saves_nothing_begins_anew(caplog):
    study = luthier.create_study(SPACE, seed=1, scheduler=Rounds(population=1, rounds=2))
    begun = []

    def objective(trial):
        begun.append(trial.restored_step)
        for step in range(1, 5):
            if trial.attempt > 1 and step == 2:
                continue
            trial.report(1.0 / step, step)
            trial.prune_if_hopeless()
        return 0.0

    study.optimize(objective, n_trials=1)
    assert "no checkpoint to go on from" in caplog.text
    assert begun == [None, None]
    assert study.trials[0].intermediate_values == {1: 1.0, 3: 1 / 3, 4: 0.25}


def test_define_by_run_trials_resume_with_the_same_params():
    study = luthier.create_study(seed=1, scheduler=Rounds(population=5), sampler="random")
    seen = {}

    def objective(trial):
        params = (
            trial.suggest_float("x", 0, 1),
            trial.suggest_int(f"n{trial.number}", 0, 10**6),
        )
        seen.setdefault(trial.number, set()).add(params)
        for step in range((trial.restored_step or 0) + 1, 7):
            trial.report(params[0], step)
            if trial.should_prune():
                trial.save({})
                raise luthier.TrialPruned
        return params[0]

    study.optimize(objective, n_trials=5)
    assert [trial.pauses for trial in study.trials] == [2] * 5
    assert [len(params) for params in seen.values()] == [1] * 5
    assert [set(trial.params) for trial in study.trials] == [{"x", f"n{i}"} for i in range(5)]


# ------------------------------------------------------------------ forks


@dataclass(frozen=True)
class Breed:
    """Trains two trials for a while, and then children of the better one with other params."""

    population: int = 2
    children: int = 2
    interval: int = 2

    def next(self, problem, history):
        if history.count < self.population:
            return Start()
        if len(history.paused) < self.population and history.count == self.population:
            return Wait()
        if history.count < self.population + self.children:
            parent = min(
                history.paused[: self.population], key=lambda t: t.reports.last.metrics["value"]
            )
            rng = problem.rng(history.count, "scheduler")
            x = min(1.0, parent.params["x"] * rng.choice([0.8, 1.2]))
            return Start({**parent.params, "x": x}, fork=parent.number)
        return Resume(history.paused[0].number) if history.paused else Done()

    def decide(self, problem, history, trial):
        first = trial.pauses == 0 and trial.parent is None
        at_end = trial.reports.last.step == self.interval
        return Decision.PAUSE if first and at_end else Decision.CONTINUE


@pytest.mark.parametrize("jobs", [1, 2])
def test_children_begin_where_their_parent_stood(storage, jobs):
    study = luthier.create_study(
        SPACE, seed=5, sampler="random", scheduler=Breed(), storage=storage
    )
    study.optimize(train, n_trials=4, n_jobs=jobs)
    assert study.stop_reason == "the schedule is complete"
    trials = study.trials
    assert [trial.state.value for trial in trials] == ["COMPLETE"] * 4
    best = min(trials[:2], key=lambda t: t.intermediate_values[2])
    for child in trials[2:]:
        assert (child.parent, child.parent_step, child.restored_step) == (best.number, 2, 2)
        assert child.params["x"] != best.params["x"]
        assert list(child.intermediate_values) == [3, 4, 5, 6]
        expected = best.intermediate_values[2] + sum(child.params["x"] / s for s in range(3, 7))
        assert child.value == pytest.approx(expected, rel=1e-12)
        assert child.by == "Breed"
    replayed = replay_all(study)
    assert [item.same for item in replayed] == [True] * 4
    if storage != "memory":
        rows = study.storage._connection.execute("SELECT number, parent FROM trials").fetchall()
        assert sorted(rows) == [(t.number, t.parent) for t in trials]


def test_a_replay_tells_when_the_scheduler_has_changed():
    study = luthier.create_study(SPACE, seed=5, sampler="random", scheduler=Breed())
    study.optimize(train, n_trials=4)
    study.scheduler = Rounds()
    assert [item.comparable for item in replay_all(study)] == [True, True, False, False]

    @dataclass(frozen=True)
    class Other(Breed):
        def next(self, problem, history):
            step = super().next(problem, history)
            if isinstance(step, Start) and step.params:
                return Start({**step.params, "x": 0.5}, step.fork)
            return step

    Other.__qualname__ = "Breed"
    study.scheduler = Other()
    assert [item.same for item in replay_all(study)] == [True, True, False, False]


def test_a_child_whose_process_died_begins_again_where_its_parent_stood(tmp_path):
    path = str(tmp_path / "s.db")
    study = luthier.create_study(SPACE, seed=5, scheduler=Breed(), storage=path)
    for number in range(2):
        trial = study.ask()
        trial.report(float(number), 2)
        trial.save({"of": number})
        study.tell(trial, state="PAUSED")
    child = study.ask()
    assert (child.parent, child.load()) == (0, {"of": 0})
    parent = study.ask()  # the other child
    study.tell(parent, 1.0)
    study._engine.release(child.number, "lost")
    # What the parent writes and how it ends does not take away what its child needs.
    study.scheduler = Rounds(population=0)
    again = study.ask()
    assert (again.number, again.attempt, again.restored_step) == (2, 2, 2)
    parent = study.ask()
    assert parent.number == 0
    for step in range(3, 7):
        parent.save({"step": step}, step=step)
    study._engine.release(2, "lost")
    study.tell(parent, state="FAILED")
    again = study.ask()
    assert (again.number, again.load()) == (2, {"of": 0})
    again.save({"own": True}, step=3)
    study.tell(study.ask(), 5.0)  # trial 1
    study._engine.release(2, "lost")
    assert study.ask().load() == {"own": True}


def test_what_a_scheduler_gives_must_be_in_the_space():
    @dataclass(frozen=True)
    class Wrong(Rounds):
        def next(self, problem, history):
            return Start({"x": 2.0, "n": 1})

    study = luthier.create_study(SPACE, seed=1, scheduler=Wrong())
    with pytest.raises(InvalidParams, match="x"):
        study.ask()


def test_a_fork_of_a_trial_without_checkpoint_begins_anew(caplog):
    study = luthier.create_study(SPACE, seed=1, scheduler=Breed())
    for number in range(2):
        trial = study.ask()
        trial.report(float(number), 2)
        study.tell(trial, state="PAUSED")
    child = study.ask()
    assert (child.parent, child.restored_step, child.load()) == (0, None, None)
    assert "no checkpoint" in caplog.text


# ------------------------------------------------------------------ which scheduler


def test_a_study_goes_on_with_the_scheduler_it_used_last(tmp_path):
    path = str(tmp_path / "s.db")
    spec = {"name": "percentile", "percentile": 30.0}
    study = luthier.create_study(SPACE, seed=1, scheduler=spec, storage=path)
    study.tell(study.ask(), 1.0)
    assert study.history.last_opened.scheduler == spec
    again = luthier.load_study(storage=path)
    assert again.scheduler == study.scheduler
    assert (
        luthier.load_study(storage=path, scheduler="full").scheduler
        == luthier.create_study().scheduler
    )


def test_a_scheduler_that_is_not_installed_is_told(tmp_path, caplog):
    path = str(tmp_path / "s.db")
    study = luthier.create_study(SPACE, seed=1, scheduler=Rounds(), storage=path)
    study.ask()
    luthier.load_study(storage=path)
    assert "'Rounds', which is not installed" in caplog.text


# ------------------------------------------------------------------ commands

PROGRAM = """
import json, os, pathlib, signal, sys, time

folder = pathlib.Path(os.environ["LUTHIER_CHECKPOINT_DIR"])
restore = os.environ.get("LUTHIER_RESTORE_DIR")
total, first = 0.0, 1
if restore:
    assert sys.argv[2] == f"--resume={restore}"
    total = float(pathlib.Path(restore, "total.txt").read_text())
    first = int(os.environ["LUTHIER_RESTORED_STEP"]) + 1
x = float(sys.argv[1])
HOW
for step in range(first, 7):
    total += x / step
    WRITE
print(json.dumps({"value": total}))
"""

NAMED = """
    part = folder / f"after-{step}"
    part.mkdir()
    (part / "total.txt").write_text(repr(total))
    print(json.dumps({"step": step, "value": total, "checkpoint": part.name}), flush=True)
    if step % 2 == 0: time.sleep(STEP)
"""

AT_END = """
    print(json.dumps({"step": step, "value": total}), flush=True)
    if step % 2 == 0: time.sleep(STEP)
"""

HANDLER = """
def stop(number, frame):
    (folder / "total.txt").write_text(repr(total))
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
"""


@pytest.mark.parametrize("way", ["named", "at end"])
@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_program_pauses_and_goes_on(tmp_path, way, executor):
    write, how = (NAMED, "") if way == "named" else (AT_END, HANDLER)
    # Where it is told to stop it waits for that; the last legs run through.
    write = write.replace("STEP", "60 if step < 6 else 0")
    script = tmp_path / "train.py"
    script.write_text(PROGRAM.replace("    WRITE", write).replace("HOW", how))
    study = luthier.create_study(
        SPACE, seed=1, sampler="random", scheduler=Rounds(), checkpoints=tmp_path / "kept"
    )
    command = luthier.Command([sys.executable, str(script), "{x}", "--resume={restore_dir}"])
    study.optimize(command, n_trials=3, executor=executor)
    assert study.stop_reason == "the schedule is complete"
    for trial in study.trials:
        assert trial.state is luthier.TrialState.COMPLETE, trial
        assert (trial.attempt, trial.restored_step) == (3, 4)
        assert list(trial.intermediate_values) == [1, 2, 3, 4, 5, 6]
        total = 0.0
        for step in range(1, 7):
            total += trial.params["x"] / step
        assert trial.value == total
    assert not list((tmp_path / "kept").glob("**/draft-*"))


def test_what_a_failed_program_left_does_not_count(tmp_path):
    script = tmp_path / "fails.sh"
    script.write_text(
        'test -z "$LUTHIER_RESTORE_DIR" || exit 4\n'
        'echo x > "$LUTHIER_CHECKPOINT_DIR/half"\n'
        "echo '{\"value\": 1}'\n"
        'test "$LUTHIER_TRIAL" != 0 || exit 3\n'
    )
    study = luthier.create_study(SPACE, seed=1, checkpoints=tmp_path)
    command = luthier.Command(["sh", str(script)])
    study.optimize(command, n_trials=2, retries=1, executor="inline")
    assert [trial.state.value for trial in study.trials] == ["FAILED", "COMPLETE"]
    assert study.trials[0].attempt == 2
    manifests = [json.loads(path.read_text()) for path in tmp_path.glob("**/manifest.json")]
    assert [(m["step"], list(m["files"])) for m in manifests] == [(0, ["half"])]


def test_a_name_that_is_no_checkpoint_is_told(tmp_path):
    script = tmp_path / "names.sh"
    script.write_text(
        'echo \'{"step": 1, "value": 1.0, "checkpoint": "../outside"}\'\n'
        'echo \'{"step": 2, "checkpoint": "missing"}\'\n'
    )
    study = luthier.create_study(SPACE, seed=1, checkpoints=tmp_path)
    study.optimize(luthier.Command(["sh", str(script)]), n_trials=1)
    (trial,) = study.trials
    assert trial.intermediate_values == {1: 1.0}
    assert "'../outside'" in trial.output
    assert "'missing'" in trial.output


# ------------------------------------------------------------------ several processes


def test_one_study_resumes_what_another_one_paused(storage):
    first = luthier.create_study(
        SPACE, seed=1, scheduler=Rounds(population=1, rounds=2), storage=storage, study_name="s"
    )
    second = luthier.load_study("s", storage=first.storage, scheduler=first.scheduler)
    trial = first.ask()
    trial.report(0.5, 2)
    trial.save({"from": "first"})
    first.tell(trial, state="PAUSED")
    other = second.ask()
    assert (other.number, other.attempt, other.load()) == (0, 2, {"from": "first"})
    assert trial.params == other.params
    trial.report(9.0, 3)  # who has set it aside can say nothing more
    assert first.trials[0].intermediate_values == {2: 0.5}
    trial.report(9.0, 4)
    second.tell(other, 0.25)
    assert first.trials[0].intermediate_values == {2: 0.5}


def test_a_loop_waits_for_what_others_run(storage, monkeypatch):
    first = luthier.create_study(
        SPACE, seed=1, scheduler=Rounds(population=1), storage=storage, study_name="s"
    )
    second = luthier.load_study("s", storage=first.storage, scheduler=first.scheduler)
    trial = first.ask()
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 3:
            trial.report(0.5, 2)
            trial.save({"total": 0.5, "step": 2})
            first.tell(trial, state="PAUSED")

    monkeypatch.setattr("luthier.study.loop.time.sleep", sleep)
    second.optimize(train, n_trials=5)
    assert len(slept) == 3
    assert second.stop_reason == "the schedule is complete"
    assert second.trials[0].state is luthier.TrialState.COMPLETE
    assert second.trials[0].attempt == 3


def test_a_loop_ends_where_the_scheduler_waits_for_nothing():
    @dataclass(frozen=True)
    class Waits(Rounds):
        def next(self, problem, history):
            return Wait()

    study = luthier.create_study(SPACE, seed=1, scheduler=Waits())
    study.optimize(train, n_trials=5)
    assert study.stop_reason == "the scheduler waits for results, and no trial runs"


def test_paused_trials_go_on_after_the_space_is_exhausted():
    study = luthier.create_study(
        {"x": luthier.Categorical([0.1, 0.2, 0.3])},
        sampler="grid",
        scheduler=At3(),
        seed=1,
    )
    study.optimize(train, n_jobs=2)
    assert study.stop_reason == "all 3 points of the grid have been tried"
    assert sorted(trial.pauses for trial in study.trials) == [1, 1, 1]
    assert [trial.state.value for trial in study.trials] == ["COMPLETE"] * 3


@dataclass(frozen=True)
class At3:
    """Pauses each trial once, after its third step, and begins others in between."""

    def next(self, problem, history):
        return Resume(history.paused[0].number) if history.paused else Start()

    def decide(self, problem, history, trial):
        once = not trial.pauses and trial.reports.last.step == 3
        return Decision.PAUSE if once else Decision.CONTINUE


@pytest.mark.parametrize("state", ["PRUNED", "FAILED"])
def test_who_lost_a_trial_cannot_give_it_up(storage, state):
    first = luthier.create_study(SPACE, seed=1, storage=storage, study_name="s")
    second = luthier.load_study("s", storage=first.storage)
    trial = first.ask()
    assert second.trials[0].state is luthier.TrialState.RUNNING
    second._engine.release(0, "silent for too long")
    again = second.ask()
    assert (again.number, again.attempt) == (0, 2)
    trial.report(9.0, 1)
    assert trial.should_prune()
    assert first.tell(trial, state=state).state is luthier.TrialState.RUNNING
    again.report(0.5, 1)
    assert second.tell(again, 0.25).intermediate_values == {1: 0.5}
    assert first.trials[0].value == 0.25
