"""The plots show what studies hold."""

from __future__ import annotations

from typing import Any

import pytest

from luthier.compat import optuna

plots = optuna.visualization
optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture(scope="module")
def study() -> Any:
    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", 0.01, 10, log=True)
        n = trial.suggest_int("n", 0, 5)
        c = trial.suggest_categorical("c", ["a", "b"])
        for step in range(3):
            trial.report(x + step, step)
        if trial.number == 4:
            raise optuna.TrialPruned
        return float(x + n + (c == "a"))

    made = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    made.optimize(objective, n_trials=12)
    return made


@pytest.fixture(scope="module")
def several() -> Any:
    made = optuna.create_study(
        directions=["minimize", "maximize"], sampler=optuna.samplers.RandomSampler(seed=1)
    )
    made.optimize(lambda t: (t.suggest_float("x", 0, 1), t.suggest_float("y", 0, 1)), n_trials=12)
    return made


def test_history_shows_values_and_the_best(study: Any) -> None:
    values, best = plots.plot_optimization_history(study).data
    complete = [trial for trial in study.trials if trial.number != 4]
    assert list(values.x) == [trial.number for trial in complete]
    assert list(values.y) == [trial.value for trial in complete]
    assert best.y[-1] == study.best_value
    assert list(best.y) == sorted(best.y, reverse=True)


def test_history_of_several_studies(study: Any) -> None:
    assert len(plots.plot_optimization_history([study, study]).data) == 4
    (bars,) = plots.plot_optimization_history([study, study], error_bar=True).data
    assert set(bars.error_y.array) == {0.0}


def test_intermediate_values(study: Any) -> None:
    lines = plots.plot_intermediate_values(study).data
    assert len(lines) == 12
    assert list(lines[4].y) == list(study.trials[4].intermediate_values.values())


def test_slice_and_pairs(study: Any) -> None:
    slices = plots.plot_slice(study, params=["x", "c"])
    assert len(slices.data) == 2
    assert slices.layout.xaxis.type == "log"
    assert slices.layout.xaxis2.type == "category"
    assert len(plots.plot_contour(study, params=["x", "n"]).data) == 2
    assert len(plots.plot_contour(study).data) == 2 * 6
    assert len(plots.plot_rank(study, params=["x", "n"]).data) == 1
    with pytest.raises(ValueError, match="params"):
        plots.plot_slice(study, params=["z"])


def test_parallel_coordinate(study: Any) -> None:
    (lines,) = plots.plot_parallel_coordinate(study).data
    assert [axis.label for axis in lines.dimensions] == ["Objective Value", "c", "n", "x"]
    assert list(lines.dimensions[1].ticktext) == ["a", "b"]


def test_importances(study: Any) -> None:
    (bars,) = plots.plot_param_importances(study).data
    assert sorted(bars.y) == ["c", "n", "x"]
    assert list(bars.x) == sorted(bars.x)


def test_front_and_hypervolume(several: Any) -> None:
    others, best = plots.plot_pareto_front(several, target_names=["a", "b"]).data
    assert len(best.x) == len(several.best_trials)
    assert len(others.x) + len(best.x) == 12
    assert len(plots.plot_pareto_front(several, include_dominated_trials=False).data) == 1
    (volume,) = plots.plot_hypervolume_history(several, [1.0, 0.0]).data
    assert list(volume.y) == sorted(volume.y)
    assert 0 < volume.y[-1] < 1
    with pytest.raises(ValueError, match="target"):
        plots.plot_optimization_history(several)


def test_edf_and_timeline(study: Any) -> None:
    (line,) = plots.plot_edf(study).data
    assert list(line.x) == sorted(line.x)
    assert line.y[-1] == 1.0
    complete, pruned = plots.plot_timeline(study).data
    assert (complete.name, len(complete.y), list(pruned.y)) == ("COMPLETE", 11, [4])
    assert len(plots.plot_timeline(study, n_recent_trials=3).data[0].y) == 3


def test_what_is_not_drawn_here_says_what_to_use(study: Any) -> None:
    with pytest.raises(ValueError, match="patience"):
        plots.plot_terminator_improvement(study)
    with pytest.raises(AttributeError, match="Plotly"):
        _ = plots.matplotlib
    assert plots.is_available()
