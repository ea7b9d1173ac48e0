"""What has to hold, said in the objective.

The result has to be 2.2 or less.
"""

import optuna


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    y = trial.suggest_float("y", -5, 5)
    trial.set_constraint("sum", 1 - x - y)
    return x**2 + y**2


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=20))
study.optimize(objective, n_trials=80)
best = study.best_trial
assert best.constraints["sum"] <= 0
assert best.params["x"] + best.params["y"] >= 1
assert any(trial.constraints["sum"] > 0 for trial in study.trials)
print("result:", study.best_value)
