"""Notes on studies and trials.

The result has to be 0.6 or less.
"""

import optuna


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    trial.set_user_attr("twice", 2 * x)
    trial.set_user_attr("listed", [1, {"a": None}])
    return x**2


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=14))
study.set_user_attr("contributors", ["Akiba", "Sano"])
study.optimize(objective, n_trials=30)
assert study.user_attrs == {"contributors": ["Akiba", "Sano"]}
assert study.best_trial.user_attrs["twice"] == 2 * study.best_params["x"]
assert study.trials[7].user_attrs["listed"] == [1, {"a": None}]
print("result:", study.best_value)
