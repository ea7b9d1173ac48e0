"""Several objectives by the default sampler.

The result has to be 0.1 or less.
"""

import optuna


def objective(trial):
    x = trial.suggest_float("x", 0, 5)
    return x**2, (x - 2) ** 2


study = optuna.create_study(
    directions=["minimize", "maximize"], sampler=optuna.samplers.TPESampler(seed=19)
)
study.optimize(lambda trial: (objective(trial)[0], -objective(trial)[1]), n_trials=60)
assert study.directions[1] == optuna.study.StudyDirection.MAXIMIZE
best = min(study.best_trials, key=lambda trial: abs(trial.params["x"] - 1))
print("result:", abs(best.params["x"] - 1))
