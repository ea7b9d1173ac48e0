"""Instances in random order, and a test that compares trials on them.

The result has to be 0.8 or less.
"""

import random

import optuna

rng = random.Random(0)
HARDNESS = [rng.uniform(0, 5) for _ in range(20)]


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    order = list(range(len(HARDNESS)))
    random.Random(trial.number).shuffle(order)
    scores = []
    for instance in order:
        scores.append(x**2 + HARDNESS[instance])
        trial.report(scores[-1], instance)
        if trial.should_prune():
            return sum(scores) / len(scores)
    return sum(scores) / len(scores)


pruner = optuna.pruners.WilcoxonPruner(p_threshold=0.1)
study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=8), pruner=pruner)
study.optimize(objective, n_trials=40)
assert any(len(trial.intermediate_values) < len(HARDNESS) for trial in study.trials)
full = [t for t in study.trials if len(t.intermediate_values) == len(HARDNESS)]
print("result:", min(trial.params["x"] ** 2 for trial in full))
