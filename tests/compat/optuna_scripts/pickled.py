"""A study that is saved as a whole.

The result has to be 0.6 or less.
"""

import pickle

import optuna


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    return x**2


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=32))
study.optimize(objective, n_trials=20)
again = pickle.loads(pickle.dumps(study))
assert again.best_value == study.best_value and len(again.trials) == 20
again.optimize(objective, n_trials=20)
assert len(again.trials) == 40 and len(study.trials) == 20
print("result:", again.best_value)
