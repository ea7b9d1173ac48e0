"""What still works.

The result has to be 0.6 or less.
"""

import math
import warnings

import optuna

warnings.simplefilter("ignore")  # they are deprecated


def objective(trial):
    x = trial.suggest_uniform("x", -5, 5)
    y = trial.suggest_loguniform("y", 1e-3, 1e3)
    z = trial.suggest_discrete_uniform("z", 0, 1, 0.25)
    assert z in (0, 0.25, 0.5, 0.75, 1)
    return x**2 / 10 + abs(math.log10(y)) / 10 + z / 10


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=31))
study.optimize(objective, n_trials=50)
assert study.best_trial.distributions["y"] == optuna.distributions.FloatDistribution(
    1e-3, 1e3, log=True
)
print("result:", study.best_value)
