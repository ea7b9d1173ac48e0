"""One parameter stays as it is.

The result has to be 0.5 or less.
"""

import warnings

import optuna

warnings.simplefilter("ignore")  # it is experimental


def objective(trial):
    x = trial.suggest_float("x", -1, 1)
    y = trial.suggest_int("y", -1, 1)
    return x**2 + y


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=23))
study.optimize(objective, n_trials=10)
best = study.best_params
study.sampler = optuna.samplers.PartialFixedSampler({"y": best["y"]}, study.sampler)
study.optimize(objective, n_trials=20)
assert all(trial.params["y"] == best["y"] for trial in study.trials[10:])
print("result:", study.best_value + 1)
