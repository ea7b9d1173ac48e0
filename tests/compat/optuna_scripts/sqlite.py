"""A study in a file, resumed, copied and deleted.

The result has to be 0.5 or less.
"""

import optuna


def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    return (x - 2) ** 2


url = "sqlite:///example.db"
study = optuna.create_study(
    study_name="example", storage=url, sampler=optuna.samplers.TPESampler(seed=24)
)
study.optimize(objective, n_trials=20)
try:
    optuna.create_study(study_name="example", storage=url)
except optuna.exceptions.DuplicatedStudyError:
    pass
else:
    raise AssertionError("there is a study of that name")
study = optuna.create_study(study_name="example", storage=url, load_if_exists=True)
study.optimize(objective, n_trials=20)
loaded = optuna.load_study(study_name="example", storage=url)
assert len(loaded.trials) == 40 and loaded.best_value == study.best_value
optuna.copy_study(from_study_name="example", from_storage=url, to_storage=url, to_study_name="b")
assert sorted(optuna.get_all_study_names(storage=url)) == ["b", "example"]
summaries = optuna.get_all_study_summaries(storage=url)
assert [summary.n_trials for summary in summaries] == [40, 40]
optuna.delete_study(study_name="b", storage=url)
assert optuna.get_all_study_names(storage=url) == ["example"]
try:
    optuna.load_study(study_name="b", storage=url)
except KeyError:
    pass
else:
    raise AssertionError("it is deleted")
print("result:", loaded.best_value)
