"""Trials beside each other.

The result has to be 0.6 or less.
"""

import threading

import optuna

names = set()


def objective(trial):
    names.add(threading.current_thread().name)
    x = trial.suggest_float("x", -5, 5)
    return x**2


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=25))
study.optimize(objective, n_trials=40, n_jobs=4)
assert sorted(trial.number for trial in study.trials) == list(range(40))
assert threading.main_thread().name not in names
print("result:", study.best_value)
