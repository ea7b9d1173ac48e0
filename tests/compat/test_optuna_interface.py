"""Where Optuna's interface promises more than scripts show: errors, states, corner cases."""

from __future__ import annotations

import math
import sqlite3
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import luthier
from luthier.compat import optuna
from luthier.compat.optuna.trial import TrialState

optuna.logging.set_verbosity(optuna.logging.ERROR)


def quadratic(trial: Any) -> float:
    return float(trial.suggest_float("x", -5, 5) ** 2)


def random_study(**settings: Any) -> Any:
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1), **settings)


def test_studies_are_luthiers(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    study = random_study(storage=url, study_name="s", direction="maximize")
    study.optimize(quadratic, n_trials=3)
    native = luthier.load_study("s", storage=url)
    assert [trial.value for trial in native.trials] == [trial.value for trial in study.trials]
    assert native.direction == "maximize"


def test_luthiers_samplers_and_schedulers_are_taken() -> None:
    study = optuna.create_study(sampler=luthier.GP(), pruner=luthier.schedulers.Threshold(upper=1))
    study.optimize(quadratic, n_trials=6)
    assert {trial.by for trial in study._native.trials} == {"gp"}


def test_default_sampler_is_tpe_and_a_model_where_trials_take_long() -> None:
    study = optuna.create_study()
    assert study._native.sampler_choice.name == "tpe"
    slow = luthier.create_study({"x": luthier.Float(0, 1)}, sampler=luthier.Auto(free=0))
    slow._engine.clock = iter(range(0, 10_000, 60)).__next__
    slow.tell(slow.ask(), 1.0)
    assert slow.sampler_choice.name == "gp"


@pytest.mark.parametrize(
    "arguments",
    [
        {"direction": "up"},
        {"direction": ["minimize"]},
        {"directions": []},
        {"directions": ["minimize", "up"]},
        {"direction": "minimize", "directions": ["minimize"]},
    ],
)
def test_wrong_directions(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="direction"):
        optuna.create_study(**arguments)


@pytest.mark.parametrize(
    "make",
    [
        lambda: optuna.samplers.TPESampler(gamma=lambda n: 1),
        lambda: optuna.samplers.NSGAIISampler(crossover=object()),
        lambda: optuna.samplers.CmaEsSampler(source_trials=[]),
        lambda: optuna.pruners.HyperbandPruner(bootstrap_count=1),
        lambda: optuna.storages.JournalStorage(None),
        lambda: optuna.storages.journal.JournalFileBackend("x.log"),
        lambda: optuna.storages.GrpcStorageProxy(host="h", port=1),
        lambda: optuna.create_study(sampler="tpe"),
        lambda: optuna.create_study(pruner="median"),
        lambda: optuna.create_study(storage="redis://localhost"),
    ],
)
def test_what_is_not_here_says_what_to_use(make: Any) -> None:
    with pytest.raises(ValueError, match="allowed: "):
        make()


@pytest.mark.parametrize("name", ["artifacts", "integration", "terminator"])
def test_modules_that_are_not_here_say_what_to_use(name: str) -> None:
    with pytest.raises(AttributeError, match=f"no '{name}': "):
        getattr(optuna, name)


def test_all_names_of_the_package_are_there() -> None:
    for name in optuna.__all__:
        assert getattr(optuna, name) is not None


def test_database_of_optuna_is_told_from_ours(tmp_path: Path) -> None:
    dump = Path(__file__).parents[1] / "formats" / "optuna_files" / "v5.sql"
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
    with pytest.raises(optuna.exceptions.StorageInternalError, match="luthier import optuna"):
        optuna.create_study(storage=f"sqlite:///{path}")


def test_names_of_studies(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    with pytest.raises(ValueError, match="0 studies"):
        optuna.load_study(study_name=None, storage=url)
    random_study(storage=url, study_name="a").optimize(quadratic, n_trials=2)
    assert optuna.load_study(study_name=None, storage=url).study_name == "a"
    with pytest.raises(KeyError):
        optuna.load_study(study_name="b", storage=url)
    with pytest.raises(KeyError):
        optuna.delete_study(study_name="b", storage=url)
    with pytest.raises(optuna.exceptions.DuplicatedStudyError):
        optuna.create_study(study_name="a", storage=url)
    with pytest.raises(optuna.exceptions.DuplicatedStudyError):
        optuna.copy_study(from_study_name="a", from_storage=url, to_storage=url)
    other = optuna.create_study(
        study_name="a", storage=url, load_if_exists=True, direction="maximize"
    )
    assert other.direction.name == "MINIMIZE"  # the study's own


def test_copy_is_a_study_of_its_own() -> None:
    storage = optuna.storages.InMemoryStorage()
    study = random_study(storage=storage, study_name="a")
    study.optimize(quadratic, n_trials=3)
    optuna.copy_study(
        from_study_name="a", from_storage=storage, to_storage=storage, to_study_name="b"
    )
    copied = optuna.load_study(study_name="b", storage=storage)
    assert copied.trials == study.trials
    copied.optimize(quadratic, n_trials=2)
    assert (len(copied.trials), len(study.trials)) == (5, 3)


@pytest.mark.parametrize(
    ("values", "state", "message"),
    [
        (None, TrialState.COMPLETE, "values"),
        (1.0, TrialState.FAIL, "values"),
        (1.0, TrialState.PRUNED, "values"),
        (1.0, TrialState.WAITING, "state"),
        ([1.0, 2.0], TrialState.COMPLETE, "2 values"),
        (math.nan, TrialState.COMPLETE, "nan"),
        ("a", TrialState.COMPLETE, "no number"),
    ],
)
def test_contradictory_tells(values: Any, state: TrialState, message: str) -> None:
    study = random_study()
    trial = study.ask()
    with pytest.raises(ValueError, match=message):
        study.tell(trial, values, state=state)
    assert study.trials[0].state is TrialState.RUNNING


@pytest.mark.parametrize("values", [math.nan, "a", [1.0, 2.0]])
def test_results_that_are_no_numbers_fail_with_a_warning(values: Any) -> None:
    study = random_study()
    with pytest.warns(UserWarning, match="value"):
        assert study.tell(study.ask(), values).state is TrialState.FAIL


def test_tell_knows_trials() -> None:
    study = random_study()
    with pytest.raises(ValueError, match="no trial 3"):
        study.tell(3, 1.0)
    with pytest.raises(TypeError):
        study.tell("0", 1.0)


@pytest.mark.parametrize(
    ("value", "step", "error"),
    [("a", 0, TypeError), (1.0, "a", TypeError), (1.0, -1, ValueError), (None, 1, TypeError)],
)
def test_reports_that_are_none(value: Any, step: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="report"):
        random_study().ask().report(value, step)


def test_step_counts_once() -> None:
    study = random_study()
    trial = study.ask()
    trial.report(1.0, 5)
    with pytest.warns(UserWarning, match="reported already"):
        trial.report(2.0, 5)
    trial.report(3.0, 2)
    assert study.trials[0].intermediate_values == {5: 1.0, 2: 3.0}
    assert study.tell(trial, state=TrialState.PRUNED).value == 1.0


def test_several_objectives_have_no_reports() -> None:
    study = random_study(directions=["minimize", "maximize"])
    trial = study.ask()
    with pytest.raises(NotImplementedError):
        trial.report(1.0, 0)
    with pytest.raises(NotImplementedError):
        trial.should_prune()
    for name in ("best_trial", "best_params", "best_value", "direction"):
        with pytest.raises(RuntimeError):
            getattr(study, name)


def test_best_of_nothing() -> None:
    with pytest.raises(ValueError, match="no trial"):
        _ = random_study().best_value


def test_infinite_value_is_best_where_there_is_no_other() -> None:
    study = random_study()
    study.optimize(lambda trial: math.inf, n_trials=2)
    assert study.best_value == math.inf
    study.optimize(lambda trial: -math.inf, n_trials=1)
    assert (study.best_trial.number, study.best_value) == (2, -math.inf)


def test_name_is_of_one_kind() -> None:
    study = random_study()
    trial = study.ask()
    x = trial.suggest_float("x", 0, 1)
    with pytest.warns(RuntimeWarning, match="its value stays"):
        assert trial.suggest_float("x", 0, 9) == x
    with pytest.raises(ValueError, match="same kind"):
        trial.suggest_int("x", 0, 1)
    study.tell(trial, x)
    with pytest.raises(ValueError, match="as in earlier trials"):
        study.ask().suggest_categorical("x", ["a"])


@pytest.mark.parametrize(
    "ask",
    [
        lambda trial: trial.suggest_float("x", 1, 0),
        lambda trial: trial.suggest_float("x", 0, 1, log=True),
        lambda trial: trial.suggest_float("x", 1, 2, log=True, step=0.1),
        lambda trial: trial.suggest_float("x", 0, 1, step=0),
        lambda trial: trial.suggest_int("x", 2, 1),
        lambda trial: trial.suggest_int("x", 0, 2, log=True),
        lambda trial: trial.suggest_int("x", 1, 2, log=True, step=2),
        lambda trial: trial.suggest_categorical("x", []),
    ],
)
def test_ranges_that_make_no_sense(ask: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - which message is of no interest
        ask(random_study().ask())
    with pytest.raises(ValueError):  # noqa: PT011
        ask(optuna.trial.FixedTrial({"x": 1}))


def test_range_ends_at_a_multiple_of_its_step() -> None:
    with pytest.warns(UserWarning, match="no multiple"):
        assert optuna.distributions.FloatDistribution(0, 1, step=0.3).high == 0.9
    with pytest.warns(UserWarning, match="no multiple"):
        assert optuna.distributions.IntDistribution(0, 10, step=3).high == 9


def test_queued_value_out_of_range_is_used_with_a_warning() -> None:
    study = random_study()
    study.enqueue_trial({"x": 30.0})
    with pytest.warns(UserWarning, match="outside"):
        study.optimize(quadratic, n_trials=1)
    assert study.trials[0].params == {"x": 30.0}
    study.optimize(quadratic, n_trials=5)
    assert all(-5 <= trial.params["x"] <= 5 for trial in study.trials[1:])


def test_queue_takes_a_dict_and_skips_what_is_there() -> None:
    study = random_study()
    with pytest.raises(TypeError):
        study.enqueue_trial([("x", 1)])
    study.enqueue_trial({"x": 1})
    study.enqueue_trial({"x": 1.000001}, skip_if_exists=True)
    assert len(study.trials) == 2  # an int and a float of another value
    study.enqueue_trial({"x": 1}, skip_if_exists=True)
    study.enqueue_trial({"x": 1, "y": 2}, skip_if_exists=True)
    assert len(study.trials) == 3
    assert study.trials[0].state is TrialState.WAITING
    assert study.trials[0].params == {}
    assert study.trials[0].system_attrs == {"fixed_params": {"x": 1}}


def test_choices_of_any_type() -> None:
    choices = [[1, 2], {"a": 3}, float("nan"), 1, True]
    study = random_study()
    study.enqueue_trial({"c": [1, 2]})

    def objective(trial: Any) -> float:
        chosen = trial.suggest_categorical("c", choices)
        assert any(chosen is choice for choice in choices)
        return 1.0

    study.optimize(objective, n_trials=20)
    assert study.trials[0].params["c"] == [1, 2]
    assert len({repr(trial.params["c"]) for trial in study.trials}) > 3
    expected = optuna.distributions.CategoricalDistribution(choices)
    assert all(trial.distributions["c"] == expected for trial in study.trials)


def test_ranges_of_each_trial_are_kept() -> None:
    study = random_study()
    for high in (1, 2, 2, 5):
        trial = study.ask()
        trial.suggest_float("x", 0, high)
        study.tell(trial, 1.0)
    assert [trial.distributions["x"].high for trial in study.trials] == [1, 2, 2, 5]


def test_notes_that_json_cannot_say(tmp_path: Path) -> None:
    study = random_study()
    model = object()
    study.optimize(lambda trial: trial.set_user_attr("model", model) or 1.0, n_trials=1)
    study.set_user_attr("model", model)
    assert study.best_trial.user_attrs["model"] is model
    assert study.user_attrs["model"] is model
    study = random_study(storage=f"sqlite:///{tmp_path / 's.db'}")
    with pytest.raises(TypeError, match="JSON"):
        study.ask().set_user_attr("model", model)


def test_constraint_counts_once_and_is_a_number() -> None:
    study = random_study()
    trial = study.ask()
    trial.set_constraint("c", 1)
    with pytest.warns(UserWarning, match="set already"):
        trial.set_constraint("c", 0)
    with pytest.raises(TypeError):
        trial.set_constraint("d", "a")
    with pytest.raises(ValueError, match="finite"):
        trial.set_constraint("d", math.nan)
    assert trial.constraints == {"c": 1.0}
    assert study.tell(trial, 1.0).constraints == {"c": 1.0}
    with pytest.raises(ValueError, match="limits"):
        _ = study.best_trial
    study.tell(study.ask(), 5.0)
    assert study.best_value == 5.0  # nothing said means nothing exceeded


def test_trials_from_before_a_constraint_was_known_are_not_within_it() -> None:
    study = random_study()
    study.tell(study.ask(), 1.0)
    trial = study.ask()
    trial.set_constraint("c", -1.0)
    study.tell(trial, 2.0)
    assert study.best_value == 2.0


@pytest.mark.parametrize(
    "settings",
    [
        {"value": None},
        {"value": math.nan},
        {"state": TrialState.FAIL, "value": 1.0},
        {"value": 1.0, "params": {"x": 1.0}},
        {"value": 1.0, "values": [1.0]},
        {
            "value": 1.0,
            "params": {"x": 2.0},
            "distributions": {"x": optuna.distributions.FloatDistribution(0, 1)},
        },
    ],
)
def test_records_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - which message is of no interest
        optuna.create_trial(**settings)


def test_added_trials_keep_everything() -> None:
    added = optuna.create_trial(
        params={"x": 0.5, "c": (1, 2)},
        distributions={
            "x": optuna.distributions.FloatDistribution(0, 1),
            "c": optuna.distributions.CategoricalDistribution([[1], (1, 2)]),
        },
        values=[1.0],
        intermediate_values={0: 3.0, 4: 2.0},
        user_attrs={"k": 1},
        constraints={"c": 0.0},
    )
    study = random_study()
    study.add_trial(added)
    study.add_trial(optuna.create_trial(state=TrialState.PRUNED, intermediate_values={2: 7.0}))
    study.add_trial(optuna.create_trial(state=TrialState.FAIL))
    study.add_trial(optuna.create_trial(state=TrialState.WAITING))
    first, pruned, failed, waiting = study.trials
    assert (first.params, first.distributions) == (added.params, added.distributions)
    assert (first.value, first.intermediate_values) == (1.0, {0: 3.0, 4: 2.0})
    assert (first.user_attrs, first.constraints) == ({"k": 1}, {"c": 0.0})
    assert first.datetime_start == added.datetime_start
    assert pruned.value == 7.0
    assert (failed.state, waiting.state) == (TrialState.FAIL, TrialState.WAITING)
    with pytest.raises(ValueError, match="allowed: 1"):
        study.add_trial(optuna.create_trial(values=[1.0, 2.0]))


def test_record_is_a_copy() -> None:
    study = random_study()
    study.optimize(quadratic, n_trials=1)
    study.trials[0].params["x"] = 100
    study.trials[0].set_user_attr("k", 1)
    assert study.trials[0].params["x"] != 100
    assert study.trials[0].user_attrs == {}
    assert study.trials[0] == study.trials[0]
    assert study.trials[0].duration.total_seconds() >= 0


def test_loop_is_not_nested_and_stops_from_inside_only() -> None:
    study = random_study()
    with pytest.raises(RuntimeError):
        study.stop()

    def nested(trial: Any) -> float:
        with pytest.raises(RuntimeError):
            study.optimize(quadratic, n_trials=1)
        study.stop()
        return 1.0

    study.optimize(nested, n_trials=5)
    assert len(study.trials) == 1
    with pytest.raises(ValueError, match="n_jobs"):
        study.optimize(quadratic, n_trials=1, n_jobs=0)


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_error_ends_the_loop_and_fails_the_trial(n_jobs: int) -> None:
    study = random_study()

    def objective(trial: Any) -> float:
        if trial.number == 2:
            raise ZeroDivisionError("two")
        return 1.0

    with pytest.raises(ZeroDivisionError):
        study.optimize(objective, n_trials=1000, n_jobs=n_jobs)
    assert study.trials[2].state is TrialState.FAIL
    assert "ZeroDivisionError: two" in study._native.trials[2].error
    assert len(study.trials) < 1000  # other threads may be quicker than the error
    if n_jobs == 1:
        assert len(study.trials) == 3


def test_interrupted_trial_has_failed() -> None:
    study = random_study()

    def objective(trial: Any) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.optimize(objective, n_trials=3)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL]


def test_pruner_of_the_users_own() -> None:
    class AfterTwo(optuna.pruners.BasePruner):
        def prune(self, study: Any, trial: Any) -> bool:
            return trial.last_step >= 2

    def objective(trial: Any) -> float:
        for step in range(10):
            trial.report(1.0, step)
            if trial.should_prune():
                raise optuna.TrialPruned("enough")
        return 1.0

    study = random_study(pruner=AfterTwo())
    study.optimize(objective, n_trials=2)
    assert [trial.last_step for trial in study.trials] == [2, 2]
    assert study._native.trials[0].error == "enough" or study.trials[0].value == 1.0
    wrapped = random_study(pruner=optuna.pruners.PatientPruner(AfterTwo(), patience=1))
    wrapped.optimize(objective, n_trials=1)
    assert wrapped.trials[0].state is TrialState.COMPLETE  # it never got worse


def test_grid_has_to_know_the_parameters() -> None:
    study = optuna.create_study(sampler=optuna.samplers.GridSampler({"x": [1, 2]}))
    with pytest.raises(ValueError, match="not in the grid"):
        study.ask().suggest_int("y", 0, 1)
    with pytest.raises(ValueError, match="outside"):
        study.ask().suggest_int("x", 5, 6)
    with pytest.raises(ValueError, match="GridSampler"):
        optuna.samplers.GridSampler({"x": [object()]})


def test_brute_force_wants_finite_ranges_and_functions() -> None:
    study = optuna.create_study(sampler=optuna.samplers.BruteForceSampler())
    with pytest.raises(ValueError, match="finite"):
        study.ask().suggest_float("x", 0, 1)
    study = optuna.create_study(sampler=optuna.samplers.BruteForceSampler())
    study.optimize(lambda trial: trial.suggest_int("x", 0, 1), n_trials=1)
    with pytest.raises(ValueError, match="follow"):
        study.ask().suggest_int("y", 0, 1)


def test_suggestions_are_those_of_the_seed() -> None:
    def params() -> list[Any]:
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=3))
        study.optimize(quadratic, n_trials=15)
        return [trial.params for trial in study.trials]

    assert params() == params()


def test_importances_of_chosen_params_and_targets() -> None:
    study = random_study(directions=["minimize", "minimize"])
    study.optimize(
        lambda t: (t.suggest_float("x", 0, 1), t.suggest_float("y", 0, 1) ** 2), n_trials=30
    )
    shares = optuna.importance.get_param_importances
    with pytest.raises(ValueError, match="target"):
        shares(study)
    assert shares(study, target=lambda t: t.values[0])["x"] > 0.9
    assert shares(study, target=lambda t: t.values[1])["y"] > 0.9
    assert shares(study, params=["y"], target=lambda t: t.values[1]) == {"y": 1.0}
    assert set(shares(study, target=lambda t: 1.0).values()) == {0.5}
    with pytest.raises(ValueError, match="params"):
        shares(study, params=["z"], target=lambda t: 1.0)
    with pytest.raises(ValueError, match="two complete"):
        shares(random_study())
    with pytest.raises(TypeError):
        shares(study, evaluator=object(), target=lambda t: 1.0)


def test_pickled_study_in_a_file_is_the_same_study(tmp_path: Path) -> None:
    import pickle

    study = random_study(storage=f"sqlite:///{tmp_path / 's.db'}", study_name="s")
    study.optimize(quadratic, n_trials=3)
    again = pickle.loads(pickle.dumps(study))
    again.optimize(quadratic, n_trials=2)
    assert len(study.trials) == 5


def test_distributions_as_text_and_back() -> None:
    distributions = optuna.distributions
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old = distributions.LogUniformDistribution(1, 10)
    for given, expected in (
        (distributions.FloatDistribution(0, 1, step=0.5), None),
        (distributions.IntDistribution(1, 9, log=True), None),
        (distributions.CategoricalDistribution(("a", None, 1.5)), None),
        (old, distributions.FloatDistribution(1, 10, log=True)),
    ):
        text = distributions.distribution_to_json(given)
        assert distributions.json_to_distribution(text) == (expected or given)
    with pytest.raises(ValueError, match="none of"):
        distributions.json_to_distribution('{"name": "Odd", "attributes": {}}')
