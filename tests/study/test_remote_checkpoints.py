"""Checkpoints at a URI: uploaded as a whole, checked when they are read, deleted when unneeded."""

import json
from pathlib import Path

import fsspec
import numpy as np
import pytest

import luthier
from luthier.errors import InvalidInput


@pytest.fixture
def uri(tmp_path):
    return f"file://{tmp_path}/remote"


@pytest.fixture
def remote(tmp_path):
    return tmp_path / "remote"


def snapshots(remote):
    """Return the checkpoints that are there as a whole, by their names."""
    return sorted(path.parent.name for path in remote.rglob("manifest.json"))


def train(trial, steps=4):
    state = trial.load()
    weights, first = np.zeros(3), 1
    if state is not None:
        weights, first = state["weights"], trial.restored_step + 1
    for step in range(first, steps + 1):
        weights = weights + trial["x"]
        trial.report(float(weights.sum()), step)
        trial.save({"weights": weights})
        if trial.attempt == 1 and step == 2:
            raise ConnectionError("lost")
    return float(weights.sum())


def test_a_trial_goes_on_from_the_newest_one(uri, remote):
    study = luthier.create_study({"x": luthier.Float(0, 1)}, seed=1, checkpoints=uri)
    study.optimize(train, n_trials=1, retries=1)
    (trial,) = study.trials
    assert trial.attempt == 2
    assert trial.value == pytest.approx(12 * trial.params["x"])
    assert snapshots(remote) == ["2.3.0", "2.4.0"]  # the last two, of the best trial


def test_processes_reach_them(uri):
    study = luthier.create_study({"x": luthier.Float(0, 1)}, seed=1, checkpoints=uri)
    study.optimize(train, n_trials=3, n_jobs=2, retries=1)
    assert [trial.value for trial in study.trials] == pytest.approx(
        [12 * trial.params["x"] for trial in study.trials]
    )


def test_files_of_ones_own_keep_their_folders(uri):
    def objective(trial):
        if trial.restore_dir is not None:
            assert (trial.restore_dir / "model" / "weights.bin").read_bytes() == b"123"
            return 1.0
        trial.report(0.5, 1)
        with trial.checkpoint() as folder:
            (folder / "model").mkdir()
            (folder / "model" / "weights.bin").write_bytes(b"123")
        raise ConnectionError("lost")

    study = luthier.create_study({"x": luthier.Float(0, 1)}, seed=1, checkpoints=uri)
    study.optimize(objective, n_trials=1, retries=1)
    assert study.best_value == 1.0


def interrupt_after_two(uri):
    """Return a study whose only trial has checkpoints of steps 1 and 2, and was handed back."""
    study = luthier.create_study(
        {"x": luthier.Float(0, 1)}, seed=1, checkpoints=uri, study_name="interrupted"
    )

    with pytest.raises(KeyboardInterrupt):
        study.optimize(save_and_interrupt, n_trials=1)
    return study


def save_and_interrupt(trial):
    for step in (1, 2):
        trial.report(0.0, step)
        trial.save({"step": step})
    raise KeyboardInterrupt


def resumed_from(study):
    """Let the trial go on, and return from which step it did."""
    steps = []

    def objective(trial):
        steps.append(trial.restored_step)
        state = trial.load()
        assert state is None or state["step"] == trial.restored_step
        return 1.0

    study.optimize(objective, n_trials=1)
    return steps[0]


def test_one_without_its_manifest_was_never_written(uri, remote):
    study = interrupt_after_two(uri)
    assert snapshots(remote) == ["1.1.0", "1.2.0"]
    (newest,) = remote.rglob("1.2.0/manifest.json")
    newest.unlink()
    assert resumed_from(study) == 1
    assert not newest.parent.exists()


@pytest.mark.parametrize("damage", ["shorter", "missing", "manifest", "newer"])
def test_a_damaged_one_is_not_used(uri, remote, damage):
    study = interrupt_after_two(uri)
    (newest,) = remote.rglob("1.2.0/manifest.json")
    file = newest.parent / "data" / next(iter(json.loads(newest.read_text())["files"]))
    match damage:
        case "shorter":
            file.write_bytes(file.read_bytes()[:-1])
        case "missing":
            file.unlink()
        case "manifest":
            newest.write_text("{")
        case "newer":
            newest.write_text(json.dumps({**json.loads(newest.read_text()), "format": 2}))
    assert resumed_from(study) == 1


def test_a_change_that_keeps_the_size_fails_the_trial(uri, remote):
    study = interrupt_after_two(uri)
    (newest,) = remote.rglob("1.2.0/manifest.json")
    file = newest.parent / "data" / next(iter(json.loads(newest.read_text())["files"]))
    file.write_bytes(file.read_bytes()[::-1])
    study.optimize(lambda trial: trial.load() and 1.0, n_trials=1)
    assert "has changed" in study.trials[0].error


def test_deleting_the_study_deletes_them(uri, remote, tmp_path):
    storage = str(tmp_path / "study.db")
    study = luthier.create_study(
        {"x": luthier.Float(0, 1)}, seed=1, checkpoints=uri, storage=storage, study_name="gone"
    )
    study.optimize(train, n_trials=1, retries=1)
    assert snapshots(remote)
    luthier.delete_study("gone", storage=storage)
    assert snapshots(remote) == []


def test_a_study_that_is_loaded_finds_them_again(uri, tmp_path):
    storage = str(tmp_path / "study.db")
    study = luthier.create_study(
        {"x": luthier.Float(0, 1)}, seed=1, checkpoints=uri, storage=storage, study_name="again"
    )
    study.optimize(train, n_trials=1, retries=1)
    with pytest.raises(KeyboardInterrupt):
        study.optimize(save_and_interrupt, n_trials=1)
    assert resumed_from(luthier.load_study("again", storage=storage)) == 2


def test_a_place_that_nothing_can_open_is_refused():
    with pytest.raises(InvalidInput, match="a URI that fsspec can open"):
        luthier.Checkpoints("nowhere://bucket")


def test_a_stores_files_need_no_local_path(monkeypatch):
    """The checkpoints never touch the local disk by the URI's path: an object store has none."""
    fs = fsspec.filesystem("memory")
    study = luthier.create_study(
        {"x": luthier.Float(0, 1)}, seed=1, checkpoints="memory://bucket/deep"
    )
    study.optimize(train, n_trials=1, retries=1)
    names = [path for path in fs.find("/bucket/deep") if path.endswith("manifest.json")]
    assert sorted(Path(name).parent.name for name in names) == ["2.3.0", "2.4.0"]
    fs.rm("/bucket", recursive=True)
