"""As many parameters as another one says.

The result has to be 0.4 or less.
"""

import math

import optuna


def objective(trial):
    n_layers = trial.suggest_int("n_layers", 1, 4)
    widths = [trial.suggest_int(f"n_units_l{i}", 4, 128, log=True) for i in range(n_layers)]
    return sum(abs(math.log2(width) - 5) for width in widths) / n_layers + abs(n_layers - 3) / 2


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=4))
study.optimize(objective, n_trials=70)
best = study.best_params
assert len(best) == 1 + best["n_layers"]
print("result:", study.best_value)
