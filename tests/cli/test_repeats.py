"""What the commands show of trials that were measured more than once."""

import numpy as np
import pytest

from luthier.space import Float
from luthier.study.create import create_study


def noisy(trial):
    rng = np.random.default_rng((trial.seed, trial.repeat, int(1e6 * trial.params["x"])))
    return trial.params["x"] + 0.01 * rng.standard_normal()


@pytest.fixture
def repeated(luthier):
    study = create_study(
        {"x": Float(0, 1)}, seed=1, study_name="folds", storage="luthier.db", sampler="random"
    )
    study.optimize(noisy, n_trials=5, repeats=3)
    return study


def test_the_standard_error_is_shown_beside_the_value(luthier, repeated):
    best = repeated.best_trial
    error = best.metrics["value_std_error"]
    assert f"best:       {best.value:.6g} ± {error:.6g} (trial {best.number})" in luthier.ok("show")
    header, _, row = luthier.ok("best").splitlines()[:3]
    assert header.split() == ["trial", "value", "value_std_error", "x"]
    assert row.split()[2] == f"{error:.6g}"
    assert f"value_std_error = {error}" in luthier.ok("show", "--trial", best.number)


def test_nothing_is_said_of_what_was_measured_once(luthier, study):
    assert "±" not in luthier.ok("show")
    assert "measured again" not in luthier.ok("best")
    assert luthier.json("best")["confirmed"] == []


def test_what_was_measured_again_is_shown(luthier, repeated):
    found = repeated.confirm(noisy, top=2, repeats=4)
    first, second = found
    shown = luthier.ok("show")
    assert (
        f"confirmed:  {first.value:.6g} ± {first.std_error:.6g} "
        f"(mean of {first.repeats} repeats, trial {first.trial.number})"
    ) in shown
    lines = luthier.ok("best").splitlines()
    at = lines.index("measured again:")
    assert lines[at + 1].split() == ["trial", "mean", "std", "error", "repeats", "p"]
    assert lines[at + 3].split() == [
        str(first.trial.number), f"{first.value:.6g}", f"{first.std_error:.6g}",
        str(first.repeats), "-",
    ]  # fmt: skip
    assert f"Params of trial {first.trial.number}:" in lines
    assert luthier.json("best")["confirmed"] == [
        {**row._asdict(), "trial": row.trial.number} for row in (first, second)
    ]


def test_where_every_repeat_failed_the_best_trial_stands(luthier, repeated):
    def fails(trial):
        raise ValueError

    repeated.confirm(fails, top=2, repeats=2)
    assert f"Params of trial {repeated.best_trial.number}:" in luthier.ok("best")
    assert {row["value"] for row in luthier.json("best")["confirmed"]} == {"inf"}
