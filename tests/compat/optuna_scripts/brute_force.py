"""Every path through the objective once.

The result has to be 0.0 or less.
"""

import optuna


def objective(trial):
    c = trial.suggest_categorical("c", ["float", "int"])
    if c == "float":
        return trial.suggest_float("x", 1, 3, step=0.5)
    a = trial.suggest_int("a", 1, 3)
    b = trial.suggest_int("b", a, 3)
    return a + b - 2


study = optuna.create_study(sampler=optuna.samplers.BruteForceSampler(seed=1))
study.optimize(objective)
assert len(study.trials) == 5 + 6
print("result:", study.best_value)
