"""Which parameters matter.

The result has to be 0.2 or less.
"""

import optuna


def objective(trial):
    x = trial.suggest_float("x", -1, 1)
    y = trial.suggest_float("y", -1, 1)
    z = trial.suggest_float("z", -1, 1)
    return 3 * x**2 + 0.3 * y**2 + 0.001 * z


study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=29))
study.optimize(objective, n_trials=80)
shares = optuna.importance.get_param_importances(study)
assert list(shares) == sorted(shares, key=shares.get, reverse=True)
assert abs(sum(shares.values()) - 1) < 1e-9
assert next(iter(shares)) == "x"
print("result:", shares["z"])
