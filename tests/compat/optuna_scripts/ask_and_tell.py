"""The loop by hand.

The result has to be 0.5 or less.
"""

import optuna

study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=9))
for i in range(50):
    trial = study.ask()
    x = trial.suggest_float("x", -5, 5)
    if i % 10 == 9:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    else:
        frozen = study.tell(trial.number, x**2)
        assert frozen.value == x**2
assert [trial.number for trial in study.trials] == list(range(50))
try:
    study.tell(0, 1.0)
except ValueError:
    pass
else:
    raise AssertionError("a trial is told once")
assert study.tell(0, 1.0, skip_if_finished=True).value == study.trials[0].value
print("result:", study.best_value)
