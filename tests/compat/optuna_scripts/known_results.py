"""Trials that were run elsewhere.

The result has to be 0.6 or less.
"""

import optuna


def objective(trial):
    x = trial.suggest_float("x", 0, 10)
    return (x - 3) ** 2


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=13))
for x in (0.5, 2.5, 9.0):
    study.add_trial(
        optuna.trial.create_trial(
            params={"x": x},
            distributions={"x": optuna.distributions.FloatDistribution(0, 10)},
            value=(x - 3) ** 2,
        )
    )
study.optimize(objective, n_trials=30)
assert len(study.trials) == 33

other = optuna.create_study()
other.add_trials(study.trials)
assert [trial.value for trial in other.trials] == [trial.value for trial in study.trials]
assert other.best_params == study.best_params
print("result:", study.best_value)
