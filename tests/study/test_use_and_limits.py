"""Values that an objective chooses itself, limits that change, instances in any order."""

from __future__ import annotations

import numpy as np
import pytest

import luthier
from luthier.errors import InvalidInput, InvalidParams, NoResult
from luthier.model.repeats import ITEM
from luthier.schedulers import Wilcoxon
from luthier.space.space import Space
from luthier.study.importances import importances


def test_a_value_of_ones_own_is_recorded_and_learnt_from() -> None:
    study = luthier.create_study(sampler="tpe", seed=1)
    trial = study.ask()
    trial.use("x", luthier.Float(0, 1), 0.25)
    assert trial.params == {"x": 0.25}
    assert trial.suggest_float("x", 0, 1) == 0.25
    assert study.tell(trial, 1.0).params == {"x": 0.25}
    assert study.space.params == {"x": luthier.Float(0, 1)}
    assert study.history.encoded()[0].tolist() == [[0.25]]
    with pytest.raises(InvalidParams):
        trial.use("x", luthier.Float(0, 1), 0.5)


def test_a_value_out_of_range_is_left_out_of_models() -> None:
    study = luthier.create_study(seed=1)
    trial = study.ask()
    trial.use("x", luthier.Float(0, 1), 7.0)
    assert study.tell(trial, 1.0).params == {"x": 7.0}
    assert study.history.encoded()[1].tolist() == [[0.0]]
    assert 0 <= study.ask().suggest_float("x", 0, 1) <= 1


def test_declared_values_are_the_studys() -> None:
    study = luthier.create_study({"x": luthier.Float(0, 1)})
    with pytest.raises(InvalidParams, match="define-by-run"):
        study.ask().use("y", luthier.Float(0, 1), 0.5)


def test_limits_change_what_is_best() -> None:
    study = luthier.create_study({"x": luthier.Float(0, 1)}, seed=1)
    for value, latency in ((1.0, 30.0), (2.0, 10.0), (3.0, 5.0)):
        study.tell(study.ask(), value, metrics={"latency": latency})
    before = study.history
    study.edit_limits(["latency <= 20"])
    assert study.best_value == 2.0
    assert study.history.violations.tolist() == [10.0, 0.0, 0.0]
    assert before.violations.tolist() == [0.0, 0.0, 0.0]
    study.edit_limits(["latency <= 20", "recall >= 0.9"])
    with pytest.raises(NoResult):
        _ = study.best_value
    study.edit_limits([])
    assert study.best_value == 1.0
    with pytest.raises(InvalidInput):
        study.edit_limits(["latency"])


def test_wilcoxon_pairs_instances_in_any_order() -> None:
    study = luthier.create_study(seed=1, scheduler=Wilcoxon())
    first = study.ask()
    for step, item in enumerate((3, 0, 2, 1, 4)):
        first.report({"value": float(item), ITEM: item}, step)
    study.tell(first, 2.0)
    second = study.ask()
    for step, item in enumerate((4, 2, 0, 1)):
        # Far worse on each instance, which only pairing by the item shows at such spread.
        second.report({"value": item + 0.5, ITEM: item}, step)
    assert second.should_prune()


def test_importances_rank_and_sum_up() -> None:
    space = Space({"x": luthier.Float(0, 1), "c": luthier.Categorical(["a", "b"])})
    study = luthier.create_study(space, sampler="random", seed=1)
    study.optimize(lambda trial: 3 * trial.params["x"] + 0.1 * (trial.params["c"] == "a"), 40)
    trials = study.trials
    losses = [float(np.asarray(trial.value)) for trial in trials]
    shares = importances(space, trials, losses)
    assert list(shares) == ["x", "c"]
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["x"] > 0.9
    assert importances(space, trials, [1.0] * 40) == {"x": 0.5, "c": 0.5}
    with pytest.raises(NoResult):
        importances(space, trials[:1], losses[:1])
