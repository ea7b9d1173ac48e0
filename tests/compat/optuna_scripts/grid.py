"""Every combination once.

The result has to be -1.0 or less.
"""

import optuna

search_space = {"x": [-50, 0, 50], "y": [-99, 0, 99], "kind": ["a", "b"]}


def objective(trial):
    x = trial.suggest_int("x", -100, 100)
    y = trial.suggest_float("y", -100, 100)
    return x**2 + y**2 - (trial.suggest_categorical("kind", ["a", "b"]) == "b")


study = optuna.create_study(sampler=optuna.samplers.GridSampler(search_space, seed=1))
study.optimize(objective)
assert len(study.trials) == 18
assert len({tuple(trial.params.values()) for trial in study.trials}) == 18
print("result:", study.best_value)
