"""Successive halving and Hyperband.

The result has to be 0.4 or less.
"""

import optuna


def train(trial, steps):
    quality = trial.suggest_float("quality", 0.0, 1.0)
    for step in range(steps):
        error = (1 - quality) + 1 / (step + 1)
        trial.report(error, step)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return error


results = []
for pruner in (
    optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
    optuna.pruners.HyperbandPruner(min_resource=1, max_resource=27, reduction_factor=3),
):
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=6), pruner=pruner)
    study.optimize(lambda trial: train(trial, 27), n_trials=50)
    steps = sum(len(trial.intermediate_values) for trial in study.trials)
    assert steps < 0.9 * 50 * 27
    results.append(study.best_value)
print("result:", max(results))
