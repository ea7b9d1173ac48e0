"""Points that a person wants to see first.

The result has to be 0.6 or less.
"""

import optuna


def objective(trial):
    x = trial.suggest_float("x", 0, 10)
    y = trial.suggest_int("y", 0, 10)
    return (x - 5) ** 2 + (y - 5) ** 2


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=12))
study.enqueue_trial({"x": 5, "y": 4})
study.enqueue_trial({"x": 4.5}, user_attrs={"memo": "half of it"})
study.enqueue_trial({"x": 5, "y": 4}, skip_if_exists=True)
assert len(study.trials) == 2
study.optimize(objective, n_trials=40)
assert study.trials[0].params == {"x": 5, "y": 4}
assert study.trials[1].params["x"] == 4.5
assert study.trials[1].user_attrs == {"memo": "half of it"}
print("result:", study.best_value)
