"""Bad trials stop early.

The result has to be 0.4 or less.
"""

import optuna


def objective(trial):
    rate = trial.suggest_float("rate", 1e-3, 1.0, log=True)
    loss = 10.0
    for step in range(20):
        loss -= loss * min(rate, 0.3) - max(0.0, rate - 0.3)
        trial.report(loss, step)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return loss


pruner = optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=2)
study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=5), pruner=pruner)
study.optimize(objective, n_trials=40)

states = optuna.trial.TrialState
pruned = study.get_trials(deepcopy=False, states=[states.PRUNED])
complete = study.get_trials(deepcopy=False, states=[states.COMPLETE])
assert pruned and len(pruned) + len(complete) == 40
for trial in pruned:
    assert trial.value == trial.intermediate_values[trial.last_step]
print("result:", study.best_value)
