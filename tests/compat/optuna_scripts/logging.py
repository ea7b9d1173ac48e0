"""What is said, and where.

The result has to be 1.0 or less.
"""

import io
import logging

import optuna

stream = io.StringIO()
optuna.logging.disable_default_handler()
optuna.logging.get_logger("optuna").addHandler(logging.StreamHandler(stream))
study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=30))
study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
assert "Trial 2 finished with value" in stream.getvalue()

optuna.logging.set_verbosity(optuna.logging.WARNING)
assert optuna.logging.get_verbosity() == logging.WARNING
said = len(stream.getvalue())
study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
assert len(stream.getvalue()) == said
print("result:", study.best_value)
