"""A Pareto front.

The result has to be -0.7 or less.
"""

import optuna


def objective(trial):
    x = trial.suggest_float("x", 0, 2)
    y = trial.suggest_float("y", 0, 2)
    return x**2 + y, (x - 2) ** 2 + (y - 1) ** 2


study = optuna.create_study(
    directions=["minimize", "minimize"], sampler=optuna.samplers.NSGAIISampler(seed=18)
)
study.set_metric_names(["cost", "error"])
study.optimize(objective, n_trials=150)
front = study.best_trials
for one in front:
    assert not any(
        all(a <= b for a, b in zip(other.values, one.values)) and other.values != one.values
        for other in study.trials
    )
try:
    study.best_trial
except RuntimeError:
    pass
else:
    raise AssertionError("there is no single best trial")
area, last = 0.0, 6.0
for cost, error in sorted(trial.values for trial in front):
    if error < last and cost < 6:
        area += (6 - cost) * (last - error)
        last = error
print("result:", -area / 36)
