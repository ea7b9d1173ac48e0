"""Checkpoints: what is saved comes back, as a whole or not at all, and goes away in time."""

import json
import logging
import math
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import luthier
from luthier.errors import InvalidInput, InvalidResult
from luthier.schedulers import Decision, Resume, Start
from luthier.storage import Memory
from luthier.study.plain_state import read_state, write_state

SPACE = {"lr": luthier.Float(0.01, 0.2)}
SLOW = settings(max_examples=25)

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec="utf-8"), max_size=5)
    | st.binary(max_size=5)
    | hnp.arrays(
        st.sampled_from([np.float32, np.int64, np.bool_, np.complex128]),
        hnp.array_shapes(min_dims=0, max_dims=2, max_side=3),
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


def same(a, b):
    """Tell whether two states are of the same types and values, NaN being like NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray | np.generic):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b))


@SLOW
@given(st.dictionaries(st.text(max_size=5), PLAIN, max_size=4))
def test_plain_values_come_back_as_they_were(tmp_path_factory, state):
    folder = tmp_path_factory.mktemp("state")
    write_state(folder, state)
    assert same(read_state(folder), state)


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        {3: "a key that is no text"},
        np.array([object()]),
        np.ma.masked_array([1, 2], [True, False]),
        lambda: 0,
    ],
)
def test_what_is_not_plain_is_refused_with_the_way_out(value):
    study = luthier.create_study(SPACE, seed=1)
    trial = study.ask()
    with pytest.raises(InvalidInput, match=r"save\['model'\]"):
        trial.save({"model": value}, step=1)
    if not isinstance(value, dict):
        with pytest.raises(InvalidInput, match="mapping"):
            trial.save(value, step=1)
        with pytest.raises(InvalidInput, match=r"trial\.checkpoint\(\)"):
            trial.save({"model": value}, step=1)


def test_a_checkpoint_needs_a_step_that_is_not_over():
    trial = luthier.create_study(SPACE, seed=1).ask()
    for step in (-1, 1.5, True):
        with pytest.raises(InvalidResult, match="step"):
            trial.save({}, step=step)
    with pytest.raises(InvalidResult, match="none was reported"):
        trial.save({})
    trial.report(1.0, 5)
    with pytest.raises(InvalidResult, match="from 5 on"):
        trial.save({}, step=4)
    with pytest.raises(InvalidInput, match="at least one file"), trial.checkpoint():
        pass


# ------------------------------------------------------------------ going on


def again(study, trial):
    """Hand a trial back, as a lost process does, and ask for it again."""
    study._engine.release(trial.number, "lost")
    return study.ask()


def test_a_trial_goes_on_from_its_newest_checkpoint():
    study = luthier.create_study(SPACE, seed=1)
    trial = study.ask()
    assert trial.load() is trial.restore_dir is trial.restored_step is None
    trial.save({"epoch": 1, "weights": np.arange(3.0)}, step=1)
    trial.report(1.0, 1)
    with trial.checkpoint(step=2) as folder:
        (folder / "model").mkdir()
        (folder / "model" / "weights.bin").write_bytes(b"123")
    trial.report(0.9, 2)
    trial.report(0.8, 3)
    second = again(study, trial)
    assert (second.attempt, second.restored_step) == (2, 2)
    assert (second.restore_dir / "model" / "weights.bin").read_bytes() == b"123"
    with pytest.raises(InvalidInput, match=r"trial\.save"):
        second.load()
    assert study.trials[0].intermediate_values == {1: 1.0, 2: 0.9}
    assert study.trials[0].restored_step == 2
    second.save({"epoch": 3}, step=3)
    assert again(study, second).load() == {"epoch": 3}


def test_a_checkpoint_that_was_not_finished_does_not_exist():
    study = luthier.create_study(SPACE, seed=1)
    trial = study.ask()
    trial.save({"epoch": 1}, step=1)
    folders = []

    def write():
        with trial.checkpoint(step=2) as folder:
            (folder / "half").write_text("x")
            folders.append(folder)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert not folders[0].exists()
    second = again(study, trial)
    assert second.load() == {"epoch": 1}


def damage_contents(data):
    path = data / "weights.bin"
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def damage_length(data):
    with (data / "weights.bin").open("ab") as file:
        file.truncate(1)


def damage_presence(data):
    (data / "weights.bin").unlink()


def damage_manifest(data):
    (data.parent / "manifest.json").write_text("{")


def written_by_a_newer_version(data):
    manifest = data.parent / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 2}))


def damage_by_deletion(data):
    (data.parent / "manifest.json").unlink()


@pytest.mark.parametrize(
    "damage",
    [
        damage_contents,
        damage_length,
        damage_presence,
        damage_manifest,
        damage_by_deletion,
        written_by_a_newer_version,
    ],
)
def test_a_damaged_checkpoint_gives_way_to_the_one_before(damage, caplog):
    study = luthier.create_study(SPACE, seed=1)
    trial = study.ask()
    for step in (1, 2):
        with trial.checkpoint(step) as folder:
            (folder / "weights.bin").write_bytes(b"%d" % (step * 1000))
    second = again(study, trial)
    damage(second.restore_dir)
    with caplog.at_level(logging.WARNING, "luthier"):
        third = again(study, second)
    assert "trial 0 at step 2 is not used" in caplog.text
    assert third.restored_step == 1
    assert (third.restore_dir / "weights.bin").read_bytes() == b"1000"
    damage(third.restore_dir)
    fourth = again(study, third)
    assert "trial 0 begins anew" in caplog.text
    assert fourth.restored_step is None
    with fourth.checkpoint(1) as folder:  # the new course counts, not what is left of the old one
        (folder / "weights.bin").write_bytes(b"new")
    assert (again(study, fourth).restore_dir / "weights.bin").read_bytes() == b"new"


def sgd(trial, steps=12):
    """Fit a line by stochastic gradient descent; the generator's state is a part of the state."""
    rng = np.random.default_rng(trial.number)
    weights, first = np.zeros(3), 1
    state = trial.load()
    if state is not None:
        rng.bit_generator.state = state["rng"]
        weights, first = state["weights"], state["step"] + 1
    for step in range(first, steps + 1):
        x = rng.normal(size=3)
        weights = weights - trial["lr"] * (weights @ x - x.sum()) * x
        trial.report(float(np.sum((weights - 1) ** 2)), step)
        if step % 3 == 0:
            trial.save({"step": step, "weights": weights, "rng": rng.bit_generator.state})
        if trial.should_prune():
            raise luthier.TrialPruned
    # Not from within the loop: what was lost between its last checkpoint and its end makes no step.
    return float(np.sum((weights - 1) ** 2))


class At:
    """Pauses trials after these steps, and lets them go on at once."""

    def __init__(self, steps):
        self.steps = steps

    def next(self, problem, history):
        return Resume(history.paused[0].number) if history.paused else Start()

    def decide(self, problem, history, trial):
        seen = self.steps[trial.pauses :]
        return Decision.PAUSE if trial.reports.last.step in seen[:1] else Decision.CONTINUE


@SLOW
@given(st.lists(st.integers(1, 11), max_size=5, unique=True))
def test_a_training_that_is_paused_anywhere_ends_as_an_unbroken_one(steps):
    unbroken = luthier.create_study(SPACE, seed=3)
    unbroken.optimize(sgd, n_trials=2)
    study = luthier.create_study(SPACE, seed=3, scheduler=At(tuple(sorted(steps))))
    study.optimize(sgd, n_trials=2)
    assert study.trials[0].pauses == len(steps)
    for trial, other in zip(study.trials, unbroken.trials, strict=True):
        assert trial.params == other.params
        assert trial.values == other.values
        assert trial.intermediate_values == other.intermediate_values


# ------------------------------------------------------------------ where, and for how long


def kept(folder):
    """Return which steps of which trials are there."""
    found = {}
    for path in Path(folder).glob("*/*/*/manifest.json"):
        found.setdefault(int(path.parent.parent.name), set()).add(
            int(path.parent.name.split(".")[1])
        )
    return found


def save_each(trial):
    for step in range(1, 5):
        trial.report(trial["lr"] / step, step)
        trial.save({"step": step})
    return trial["lr"]


@pytest.mark.parametrize(("keep", "steps"), [(1, {4}), (2, {3, 4}), (None, {1, 2, 3, 4})])
@pytest.mark.parametrize("jobs", [1, 2])
def test_the_newest_are_kept_of_the_best(tmp_path, keep, steps, jobs):
    policy = luthier.Checkpoints(tmp_path, keep_last=keep)
    study = luthier.create_study(SPACE, seed=1, sampler="random", checkpoints=policy)
    study.optimize(save_each, n_trials=6, n_jobs=jobs)
    assert kept(tmp_path) == {study.best_trial.number: steps}


@pytest.mark.parametrize(("ended", "trials"), [("all", [0, 1, 2]), ("none", [])])
def test_ended_trials_keep_all_or_nothing(tmp_path, ended, trials):
    policy = luthier.Checkpoints(tmp_path, keep_last=1, keep_ended=ended)
    study = luthier.create_study(SPACE, seed=1, checkpoints=policy)
    study.optimize(save_each, n_trials=3)
    assert kept(tmp_path) == {number: {4} for number in trials}


def test_a_later_process_cleans_up_what_an_earlier_one_kept(tmp_path):
    path = str(tmp_path / "s.db")
    study = luthier.create_study(SPACE, seed=1, storage=path, study_name="s")
    (folder,) = [tmp_path / "s.db.checkpoints"]
    for value in (2.0, 1.0):
        study = luthier.load_study(storage=path)
        trial = study.ask()
        trial.save({}, step=1)
        study.tell(trial, value)
    assert kept(folder) == {1: {1}}
    open_trial = study.ask()
    open_trial.save({}, step=7)
    study.tell(study.ask(), 3.0)
    assert kept(folder) == {1: {1}, 2: {7}}


def test_folders():
    storage = Memory()
    study = luthier.create_study(SPACE, storage=storage, seed=1, study_name="a/../b c")
    trial = study.ask()
    trial.save({}, step=1)
    (checkpoint,) = Path(trial._ticket.folder).iterdir()
    assert checkpoint.parent.parent.name.startswith("a-..-b-c-")
    home = checkpoint.parent.parent.parent
    other = luthier.load_study(storage=storage)
    assert Path(other._engine.keeper.folder(0)) == checkpoint.parent
    luthier.delete_study("a/../b c", storage=storage)
    assert not home.exists()


def test_a_new_study_of_an_old_name_does_not_find_the_old_checkpoints(tmp_path):
    folders = set()
    for _ in range(2):
        path = tmp_path / "s.db"
        study = luthier.create_study(SPACE, seed=1, storage=str(path), study_name="s")
        folders.add(study._engine.keeper.folder(0))
        study.storage.close()
        for file in tmp_path.glob("s.db*"):
            file.unlink()
    assert len(folders) == 2


def test_a_chosen_folder_is_found_again_and_deleted_with_the_study(tmp_path):
    path, chosen = str(tmp_path / "s.db"), tmp_path / "chosen"
    study = luthier.create_study(SPACE, seed=1, storage=path, study_name="s", checkpoints=chosen)
    trial = study.ask()
    trial.save({"epoch": 1}, step=1)
    again(study, trial)
    study._engine.release(0, "lost")
    other = luthier.load_study("s", storage=path)
    assert other.ask().load() == {"epoch": 1}
    assert chosen.is_dir()
    luthier.delete_study("s", storage=path)
    assert not chosen.exists()
    assert luthier.study_names(path) == []


def test_a_storage_without_a_usual_folder_asks_for_one(tmp_path):
    class Elsewhere:
        """A storage that is neither in memory nor a file."""

        def __init__(self):
            self.url, memory = "elsewhere", Memory()
            for name in ("append", "read", "identity", "studies", "delete", "beat", "beats"):
                setattr(self, name, getattr(memory, name))
            self.close = memory.close

    study = luthier.create_study(SPACE, seed=1, storage=Elsewhere())
    with pytest.raises(InvalidInput, match="create_study"):
        study.ask().save({}, step=1)
    study = luthier.create_study(SPACE, seed=1, storage=Elsewhere(), checkpoints=tmp_path)
    study.ask().save({}, step=1)
    assert kept(tmp_path) == {0: {1}}


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"folder": ""}, "folder"),
        ({"keep_last": 0}, "keep_last"),
        ({"keep_last": True}, "keep_last"),
        ({"keep_ended": "some"}, "keep_ended"),
    ],
)
def test_settings_are_checked(arguments, field):
    with pytest.raises(InvalidInput, match=field):
        luthier.Checkpoints(**arguments)


def test_checkpoints_of_a_study_in_memory_end_with_its_process():
    script = (
        "import luthier; t = luthier.create_study({'x': luthier.Float(0, 1)}).ask();"
        "t.save({}, step=1); print(t._ticket.folder)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert Path(ran.stdout.strip()).parent.parent.name.startswith("luthier-checkpoints-")
    assert not Path(ran.stdout.strip()).parent.parent.exists()


# ------------------------------------------------------------------ real deaths


def dies_once(trial, how):
    """Train as `sgd` does, and die in the first attempt of trial 1 after step 7."""

    class Deadly:
        def __getattr__(self, name):
            return getattr(trial, name)

        def __getitem__(self, name):
            return trial[name]

        def report(self, value, step):
            trial.report(value, step)
            if (trial.number, trial.attempt, step) == (1, 1, 7):
                how()

    return sgd(Deadly())


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def unbroken(n):
    study = luthier.create_study(SPACE, seed=3, sampler="random")
    study.optimize(sgd, n_trials=n)
    return study


def test_a_worker_that_is_killed_costs_the_steps_since_the_last_checkpoint(tmp_path):
    study = luthier.create_study(SPACE, seed=3, sampler="random", storage=str(tmp_path / "s.db"))
    study.optimize(lambda trial: dies_once(trial, die), n_trials=3, n_jobs=2, retries=1)
    assert [trial.attempt for trial in study.trials] == [1, 2, 1]
    assert study.trials[1].restored_step == 6
    assert [t.values for t in study.trials] == [t.values for t in unbroken(3).trials]


def preempt():
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_worker_that_is_asked_to_stop_hands_its_trial_back(tmp_path):
    study = luthier.create_study(SPACE, seed=3, sampler="random")
    study.optimize(lambda trial: dies_once(trial, preempt), n_trials=3, n_jobs=2)
    assert [trial.state.value for trial in study.trials] == ["COMPLETE"] * 3
    assert [trial.attempt for trial in study.trials] == [1, 2, 1]
    assert study.trials[1].restored_step == 6
    assert [t.values for t in study.trials] == [t.values for t in unbroken(3).trials]


STUDY = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import luthier
from test_checkpoints import SPACE, sgd

def objective(trial):
    {accident}
    return sgd(trial)

study = luthier.create_study(
    SPACE, seed=3, sampler="random", storage={path!r}, study_name="s", load_if_exists=True
)
study.optimize(objective, total_trials=3, n_jobs={jobs}, grace=0.2)
"""

IN_THE_MIDDLE = """
    if trial.number == 1 and trial.attempt == 1:
        report = trial.report
        def deadly(value, step):
            report(value, step)
            if step == 8:
                with trial.checkpoint() as folder:
                    (folder / "state.json").write_text('{"map": {}}')
                    os.kill(PID, signal.SIGNAL)
                    while True:
                        signal.pause()
        trial.report = deadly
"""


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(("way", "code"), [("SIGKILL", -signal.SIGKILL), ("SIGTERM", 143)])
def test_a_study_that_ends_while_it_writes_goes_on_from_the_checkpoint_before(
    tmp_path, jobs, way, code
):
    path = str(tmp_path / "s.db")
    pid = "os.getpid()" if jobs == 1 else "os.getppid()"
    accident = IN_THE_MIDDLE.replace("PID", pid).replace("SIGNAL", way)
    fill = {"tests": str(Path(__file__).parent), "path": path, "jobs": jobs}
    ran = subprocess.run([sys.executable, "-c", STUDY.format(accident=accident, **fill)])
    assert ran.returncode == code
    subprocess.run([sys.executable, "-c", STUDY.format(accident="pass", **fill)], check=True)
    trials = luthier.load_study(storage=path).trials
    assert trials[1].attempt == 2
    assert trials[1].restored_step == 6
    assert [t.values for t in trials] == [t.values for t in unbroken(3).trials]
    assert not list(Path(f"{path}.checkpoints").glob("**/draft-*"))


def test_a_trial_that_comes_further_each_time_may_be_lost_often():
    study = luthier.create_study(SPACE, seed=1)
    trial = study.ask()
    for attempt in range(1, 15):
        assert trial.attempt == attempt
        trial.save({}, step=attempt)
        trial = again(study, trial)
    assert study.trials[0].futile == 0
    for _ in range(3):
        trial = again(study, trial)
    assert study.trials[0].futile == 3


def test_a_fork_of_a_study_in_memory_has_checkpoints_of_its_own():
    study = luthier.create_study(SPACE, seed=1)
    trial = study.ask()
    trial.save({"of": "parent"}, step=1)
    pid = os.fork()
    if not pid:
        child = 1
        try:
            mine = study.ask()
            mine.save({}, step=1)
            apart = Path(mine._ticket.folder).parent != Path(trial._ticket.folder).parent
            shutil.rmtree(Path(mine._ticket.folder).parents[1])  # nothing runs at its exit
            child = 0 if apart else 2
        finally:
            os._exit(child)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert again(study, trial).load() == {"of": "parent"}
