"""Objectives that raise, and results that are no numbers.

The result has to be 0.6 or less.
"""

import optuna


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    if trial.number == 2:
        raise ValueError("broken")
    if trial.number == 4:
        return float("nan")
    if trial.number == 6:
        return None
    return x**2


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=16))
study.optimize(objective, n_trials=30, catch=(ValueError,))
failed = [t.number for t in study.trials if t.state == optuna.trial.TrialState.FAIL]
assert failed == [2, 4, 6]

try:
    optuna.create_study().optimize(lambda trial: 1 / 0, n_trials=3)
except ZeroDivisionError:
    pass
else:
    raise AssertionError("what is not caught ends the study")
print("result:", study.best_value)
