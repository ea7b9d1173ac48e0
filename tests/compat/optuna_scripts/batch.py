"""Several trials at a time.

The result has to be 0.5 or less.
"""

import optuna

study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=11))
for _ in range(12):
    trials = [study.ask() for _ in range(5)]
    points = [trial.suggest_float("x", -4, 4) for trial in trials]
    for trial, x in zip(trials, points):
        study.tell(trial, (x - 1) ** 2)
assert len(study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))) == 60
print("result:", study.best_value)
