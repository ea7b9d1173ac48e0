"""A budget of time.

The result has to be 1.0 or less.
"""

import time

import optuna


def objective(trial):
    x = trial.suggest_float("x", -1, 1)
    time.sleep(0.02)
    return x**2


study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=26))
begin = time.time()
study.optimize(objective, timeout=0.5, gc_after_trial=True)
assert 0.5 <= time.time() - begin < 5
assert 1 <= len(study.trials) <= 25
print("result:", study.best_value)
