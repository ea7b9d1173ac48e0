"""What has to hold, said to the sampler.

The result has to be 3.0 or less.
"""

import math
import warnings

import optuna

warnings.simplefilter("ignore")  # it is deprecated


def objective(trial):
    x = trial.suggest_float("x", -15, 30)
    y = trial.suggest_float("y", -15, 30)
    trial.set_user_attr("constraint", ((x - 5) ** 2 + y**2 - 25, 7.7 - (x - 8) ** 2 - (y + 3) ** 2))
    return 4 * x**2 + 4 * y**2, (x - 5) ** 2 + (y - 5) ** 2


sampler = optuna.samplers.NSGAIISampler(
    seed=21, constraints_func=lambda trial: trial.user_attrs["constraint"]
)
study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
study.optimize(objective, n_trials=200)
assert study.best_trials
for trial in study.best_trials:
    assert all(value <= 0 for value in trial.user_attrs["constraint"])
print("result:", math.log10(min(sum(trial.values) for trial in study.best_trials)))
