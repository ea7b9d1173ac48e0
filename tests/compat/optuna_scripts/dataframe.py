"""Trials as a table.

The result has to be 0.6 or less.
"""

import optuna


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    trial.set_user_attr("twice", 2 * x)
    return x**2


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=28))
study.optimize(objective, n_trials=30)
table = study.trials_dataframe(attrs=("number", "value", "params", "user_attrs", "state"))
assert list(table.columns) == ["number", "value", "params_x", "user_attrs_twice", "state"]
assert (table["value"] - table["params_x"] ** 2).abs().max() < 1e-12
nested = study.trials_dataframe(multi_index=True)
assert ("params", "x") in nested.columns
assert table["state"].unique().tolist() == ["COMPLETE"]
print("result:", table["value"].min())
