"""A study that stops itself.

The result has to be 0.2 or less.
"""

import optuna


class StopWhenGoodEnough:
    def __init__(self, threshold):
        self.threshold = threshold
        self.seen = []

    def __call__(self, study, trial):
        self.seen.append(trial.number)
        if study.best_value < self.threshold:
            study.stop()


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    return x**2


callback = StopWhenGoodEnough(0.2)
study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=15))
study.optimize(objective, n_trials=500, callbacks=[callback])
assert callback.seen == list(range(len(study.trials))) and len(callback.seen) < 500

states = (optuna.trial.TrialState.COMPLETE,)
limit = optuna.study.MaxTrialsCallback(len(study.trials) + 3, states=states)
before = len(study.trials)
study.optimize(objective, callbacks=[limit])
assert len(study.trials) == before + 3
print("result:", study.best_value)
