"""Other samplers by their names.

The result has to be 1.5 or less.
"""

import optuna


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    y = trial.suggest_float("y", -5, 5)
    return (x - 1) ** 2 + (y + 2) ** 2


worst = 0.0
for sampler in (
    optuna.samplers.RandomSampler(seed=22),
    optuna.samplers.QMCSampler(seed=22, qmc_type="halton", scramble=True),
    optuna.samplers.TPESampler(seed=22, multivariate=True),
    optuna.samplers.NSGAIISampler(seed=22, population_size=10),
    optuna.samplers.NSGAIIISampler(seed=22, population_size=10),
    optuna.samplers.CmaEsSampler(seed=22),
):
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=80)
    assert len(study.trials) == 80
    worst = max(worst, study.best_value)
print("result:", worst)
