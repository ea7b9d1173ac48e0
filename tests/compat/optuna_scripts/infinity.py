"""Penalties without bound.

The result has to be 0.6 or less.
"""

import math

import optuna


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    if x > 2:
        return float("inf")
    return (x - 1) ** 2


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=17))
study.optimize(objective, n_trials=50)
assert all(trial.state == optuna.trial.TrialState.COMPLETE for trial in study.trials)
assert any(math.isinf(trial.value) for trial in study.trials)
assert math.isfinite(study.best_value)
print("result:", study.best_value)
