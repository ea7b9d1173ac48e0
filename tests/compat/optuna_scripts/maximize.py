"""A study that maximizes, told how far it is by a progress bar.

The result has to be -0.9 or less.
"""

import optuna


def objective(trial):
    x = trial.suggest_float("x", 0, 1)
    y = trial.suggest_float("y", 0, 1)
    return 1 - (x - 0.3) ** 2 - (y - 0.7) ** 2


study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=1))
study.optimize(objective, n_trials=50, show_progress_bar=True)

assert study.direction == optuna.study.StudyDirection.MAXIMIZE
assert study.best_value == max(trial.value for trial in study.trials)
print("result:", -study.best_value)
