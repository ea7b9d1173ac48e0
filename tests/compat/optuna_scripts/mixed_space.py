"""All kinds of parameters.

The result has to be 0.8 or less.
"""

import math

import optuna


def objective(trial):
    optimizer = trial.suggest_categorical("optimizer", ["MomentumSGD", "Adam"])
    layers = trial.suggest_int("num_layers", 1, 3)
    channels = trial.suggest_int("num_channels", 32, 512, log=True)
    units = trial.suggest_int("num_units", 10, 100, step=5)
    dropout = trial.suggest_float("dropout_rate", 0.0, 1.0)
    rate = trial.suggest_float("learning_rate", 1e-5, 1e-2, log=True)
    drop_path = trial.suggest_float("drop_path_rate", 0.0, 1.0, step=0.1)
    assert units % 5 == 0
    assert abs(drop_path * 10 - round(drop_path * 10)) < 1e-9
    loss = abs(math.log10(rate) + 3) + (dropout - 0.2) ** 2 + abs(layers - 2) / 4
    return loss + abs(math.log2(channels) - 7) / 8 + (optimizer != "Adam") * 0.3 + units / 500


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=2))
study.optimize(objective, n_trials=80)
assert set(study.best_params) == {
    "optimizer",
    "num_layers",
    "num_channels",
    "num_units",
    "dropout_rate",
    "learning_rate",
    "drop_path_rate",
}
print("result:", study.best_value)
