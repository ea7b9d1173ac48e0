"""Patience, a threshold, percentiles, and nothing at all.

The result has to be 0.15 or less.
"""

import optuna


def objective(trial):
    x = trial.suggest_float("x", 0, 1)
    for step in range(10):
        trial.report(x + step * (x > 0.5), step)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return x


worst = 0.0
for pruner, prunes in (
    (optuna.pruners.PatientPruner(None, patience=2), True),
    (optuna.pruners.ThresholdPruner(upper=2.0), True),
    (optuna.pruners.PercentilePruner(25.0, n_startup_trials=3), True),
    (optuna.pruners.NopPruner(), False),
):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=7), pruner=pruner)
    study.optimize(objective, n_trials=30)
    pruned = [t for t in study.trials if t.state == optuna.trial.TrialState.PRUNED]
    assert bool(pruned) is prunes
    worst = max(worst, study.best_value)
print("result:", worst)
