"""One objective of one parameter.

The result has to be 0.5 or less.
"""

import optuna


def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    return (x - 2) ** 2


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
study.optimize(objective, n_trials=60)

assert len(study.trials) == 60
assert study.best_params == study.best_trial.params
assert study.best_value == (study.best_params["x"] - 2) ** 2
print("result:", study.best_value)
