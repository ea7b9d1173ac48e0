"""Distributions that are given at once.

The result has to be 1.0 or less.
"""

import optuna

distributions = {
    "x": optuna.distributions.FloatDistribution(-10, 10),
    "n": optuna.distributions.IntDistribution(1, 8, step=1),
    "kind": optuna.distributions.CategoricalDistribution(["a", "b"]),
}
study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=10))
for _ in range(60):
    trial = study.ask(distributions)
    assert trial.distributions == distributions
    params = trial.params
    study.tell(trial, params["x"] ** 2 / 10 + abs(params["n"] - 3) / 4 + (params["kind"] == "a"))
print("result:", study.best_value)
