"""Auto: it saves steps where that is safe, and never costs the best trial."""

import numpy as np
import pytest

from luthier.errors import InvalidInput
from luthier.model.problem import Objective, Problem
from luthier.schedulers import Auto, Decision
from luthier.schedulers.auto import rank_correlation
from luthier.space import Float, Space
from luthier.testing.schedulers import SchedulerContract
from schedulers.scheduler_runs import Run

CONTINUE, STOP = Decision.CONTINUE, Decision.STOP
STEPS = 16


class TestAuto(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return Auto()


def falling(level, rate=1.0):
    return [level + float(np.exp(-rate * step)) for step in range(1, STEPS + 1)]


def study(curves, scheduler=None):
    """Run the curves one after another; return the trials and the steps they took."""
    run = Run(scheduler or Auto())
    for curve in curves:
        decisions = run.trial(*curve)
        if decisions[-1] is CONTINUE:
            run.end(run.history.count - 1, curve[-1])
    return run.history.trials, sum(len(trial.reports) for trial in run.history.trials)


def test_parallel_curves_are_stopped_when_enough_is_known():
    levels = [0.3, 0.1, 0.2, 0.35, 0.5, 0.6, 0.15, 9.0, 0.7]
    trials, _ = study([falling(level) for level in levels])
    states = [trial.state.value for trial in trials]
    assert states[:4] == ["COMPLETE"] * 4
    assert states[-2:] == ["PRUNED", "PRUNED"]
    assert states[6] == "COMPLETE"
    assert len(trials[7].reports) < STEPS


def test_the_first_three_run_through_however_bad():
    trials, _ = study([falling(0.0), falling(99.0), [1e9] * STEPS])
    assert all(trial.state.value == "COMPLETE" for trial in trials)


def test_a_slow_starter_is_not_stopped():
    fast = [falling(1.0 + level / 100) for level in range(9)]
    slow = [8.0 - 2.0 * np.log2(step) for step in range(1, STEPS + 1)]  # ends at 0, the best
    trials, _ = study([*fast, slow])
    assert trials[-1].state.value == "COMPLETE"
    flat = [8.0] * STEPS
    trials, _ = study([*fast, flat])
    assert trials[-1].state.value == "PRUNED"


def test_where_beginnings_say_nothing_nothing_is_stopped():
    rng = np.random.default_rng(0)
    curves = []
    for level in rng.random(40):
        start = rng.random()  # all that is seen before the end
        curves.append([start] * (STEPS - 1) + [float(level)])
    trials, steps = study(curves)
    assert steps >= 0.8 * 40 * STEPS
    assert min(t.value for t in trials if t.value is not None) == min(c[-1] for c in curves)


def test_where_early_is_the_opposite_of_late_nothing_is_stopped():
    rng = np.random.default_rng(1)
    shares = np.arange(1, STEPS + 1) / STEPS
    curves = [list(level * shares + (1 - level) * (1 - shares)) for level in rng.random(40)]
    _, steps = study(curves)
    assert steps == 40 * STEPS


def power_laws(seed, n=40):
    """Make learning curves of various rates and ends, as of learning rates drawn at random."""
    rng = np.random.default_rng(seed)
    steps = np.arange(1, STEPS + 1)
    ends, speeds = rng.random(n), 10 ** rng.uniform(-1, 0.5, n)
    return [list(end + np.exp(-speed * steps)) for end, speed in zip(ends, speeds, strict=True)]


def test_the_best_trial_is_kept_in_nearly_all_studies_and_steps_are_saved():
    kept, spent = [], []
    for seed in range(40):
        curves = power_laws(seed)
        trials, steps = study(curves)
        found = min(trial.value for trial in trials if trial.value is not None)
        kept.append(found == min(curve[-1] for curve in curves))
        spent.append(steps / (len(curves) * STEPS))
    assert np.mean(kept) >= 0.95
    assert np.mean(spent) <= 0.75


def test_several_objectives_are_left_alone():
    problem = Problem(Space({"x": Float(0.0, 1.0)}), (Objective("a"), Objective("b")))
    run = Run(Auto(), problem)
    for _ in range(9):
        number = run.start()
        assert run.report(number, {"a": 1.0, "b": 1.0}, 8) is CONTINUE
        run.end(number, (1.0, 1.0))
    number = run.start()
    assert run.report(number, {"a": 9.0, "b": 9.0}, 4) is CONTINUE


def test_rank_correlation():
    assert rank_correlation([1, 2, 3], [10, 20, 30]) == pytest.approx(1.0)
    assert rank_correlation([1, 2, 3], [9, 4, 1]) == pytest.approx(-1.0)
    assert rank_correlation([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(0.9486832980505138)
    assert rank_correlation([1, 1], [1, 2]) == 1.0


def test_bad_settings_are_named():
    with pytest.raises(InvalidInput, match="slack"):
        Auto(-1.0)
