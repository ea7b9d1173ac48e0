"""An objective without a study, and one with the best params.

The result has to be 0.6 or less.
"""

import optuna


def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    y = trial.suggest_int("y", 0, 5)
    trial.report(x, 0)
    assert not trial.should_prune() or isinstance(trial, optuna.trial.Trial)
    trial.set_user_attr("seen", True)
    return x + y


fixed = optuna.trial.FixedTrial({"x": 1.0, "y": 3})
assert objective(fixed) == 4.0
assert fixed.params == {"x": 1.0, "y": 3} and fixed.user_attrs == {"seen": True}
try:
    objective(optuna.trial.FixedTrial({"x": 1.0}))
except ValueError:
    pass
else:
    raise AssertionError("y is missing")


def quadratic(trial):
    x = trial.suggest_float("x", -10, 10)
    return x**2


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=27))
study.optimize(quadratic, n_trials=40)
assert quadratic(study.best_trial) == study.best_value  # a record is a trial as well
print("result:", study.best_value)
