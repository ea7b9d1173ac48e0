"""Parameters that only some trials have.

The result has to be 0.2 or less.
"""

import math

import optuna


def objective(trial):
    name = trial.suggest_categorical("classifier", ["SVC", "RandomForest"])
    if name == "SVC":
        c = trial.suggest_float("svc_c", 1e-10, 1e10, log=True)
        return abs(math.log10(c)) / 10 + 0.1
    depth = trial.suggest_int("rf_max_depth", 2, 32, log=True)
    return abs(depth - 8) / 8


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=3))
study.optimize(objective, n_trials=60)

for trial in study.trials:
    expected = {"svc_c"} if trial.params["classifier"] == "SVC" else {"rf_max_depth"}
    assert set(trial.params) == {"classifier"} | expected
print("result:", study.best_value)
