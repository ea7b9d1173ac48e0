import json
import logging
import sys
from pathlib import Path

import pytest
import yaml

from luthier.errors import FormatError, InvalidInput, ObjectiveError, StudyExists
from luthier.executors.command import Command
from luthier.formats import read_study_file
from luthier.formats.units import seconds
from luthier.model.problem import Limit, Objective
from luthier.model.trial import TrialState
from luthier.space.params import Categorical, Float, Int
from luthier.study.budget import Budget

FULL = """\
name: digits
storage: runs.db
command: [python, train.py, "--lr={lr}", "{params}"]
metric: accuracy
direction: maximize
space:
  lr: {type: float, low: 1e-5, high: 0.1, log: true}
  optimizer: [adam, sgd]
  momentum: {type: float, low: 0, high: 0.99, when: {optimizer: sgd}}
  low: {type: int, low: 1, high: 10}
  high: {type: int, low: 1, high: 10}
constraints: ["low <= high / 2", {forbid: {optimizer: sgd, low: 3}}]
limits: ["latency <= 20"]
enqueue: [{lr: 0.001, optimizer: adam}]
sampler: {name: qmc, kind: halton}
seed: 1
duplicates: avoid
budget: {trials: 100, timeout: 1h 30m, target: 0.99, patience: 20, max_cost: 5, max_failures: 3}
workers: 4
gpus: [0, GPU-1]
trials_per_gpu: 2
per_trial: {timeout: 10m, memory: 4GB}
retries: 1
scheduler: {name: asha, eta: 4}
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])

    def write(text, name="study.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_every_field_is_read(write, tmp_path):
    path = write(FULL)
    read = read_study_file(path)
    assert read.path == path
    assert (read.name, read.storage, read.seed) == ("digits", "runs.db", 1)
    assert isinstance(read.objective, Command)
    assert read.objective.args == ("python", "train.py", "--lr={lr}", "{params}")
    assert read.objective.cwd == tmp_path
    assert read.objectives == (Objective("accuracy", "maximize"),)
    assert read.space.params["lr"] == Float(1e-5, 0.1, log=True)
    assert read.space.params["optimizer"] == Categorical(["adam", "sgd"])
    assert len(read.space.constraints) == 2
    assert not read.space.contains({"lr": 0.01, "optimizer": "adam", "low": 2, "high": 3})
    assert read.limits == (Limit("latency", high=20.0),)
    assert read.enqueue == ({"lr": 0.001, "optimizer": "adam"},)
    assert read.sampler == {"name": "qmc", "kind": "halton"}
    assert read.scheduler == {"name": "asha", "eta": 4}
    assert read.duplicates == "avoid"
    assert read.budget == Budget(
        total_trials=100, timeout=5400.0, target=0.99, patience=20, max_cost=5, max_failures=3
    )
    assert (read.workers, read.gpus, read.trials_per_gpu) == (4, (0, "GPU-1"), 2)
    assert (read.trial_timeout, read.trial_memory, read.retries) == (600.0, "4GB", 1)
    arguments = read.optimize_arguments()
    assert arguments["total_trials"] == 100
    assert arguments["trial_timeout"] == 600.0


def test_json_says_the_same_as_yaml(write):
    text = FULL.replace("1e-5", "0.00001")
    as_json = write(json.dumps(yaml.safe_load(text)), "digits.json")
    from_json, from_yaml = read_study_file(as_json), read_study_file(write(text))
    assert from_json.space == from_yaml.space
    assert from_json.optimize_arguments() == from_yaml.optimize_arguments()


def test_little_is_enough(write):
    read = read_study_file(write("objective: train:objective\n", "tiny.yaml"))
    assert read.name == "tiny"
    assert read.space is None
    assert read.objectives == (Objective("value", "minimize"),)
    assert read.budget == Budget()
    assert read.workers == 1


def test_several_objectives(write):
    head = "objective: train:objective\n"
    named = read_study_file(write(head + "metric: [a, b]\ndirection: [maximize, minimize]\n"))
    assert named.objectives == (Objective("a", "maximize"), Objective("b", "minimize"))
    unnamed = read_study_file(write(head + "direction: [maximize, minimize]\n"))
    assert [objective.name for objective in unnamed.objectives] == ["value_0", "value_1"]


def test_a_command_with_options(write, tmp_path):
    text = """\
command:
  args: [./train, "{params}"]
  env: {MODE: fast}
  cwd: sub
  pattern: "loss=(?P<loss>[0-9.]+)"
  result_file: out.json
  infeasible_exit: 3
  grace: 1
space: {x: {type: int, low: 1, high: 3}}
"""
    command = read_study_file(write(text)).objective
    assert command.cwd == tmp_path / "sub"
    assert command.env == {"MODE": "fast"}
    assert (command.result_file, command.infeasible_exit, command.grace) == ("out.json", 3, 1)


ERRORS = [
    # what is changed in FULL, the line and the field of the error, and a part of its text
    ("low: 1e-5", "low: -1", 7, "space.lr.low", "positive number"),
    ("low: 1e-5", "lo: 1", 7, "space.lr.lo", "did you mean 'low'?"),
    ("low: 1e-5", "low: abc", 7, "space.lr.low", "got 'abc'; allowed: a number"),
    ("low: 1e-5", "low: .nan", 7, "space.lr.low", "finite"),
    ("low: 1e-5", "low: 3", 7, "space.lr.high", "at least low"),
    ("log: true", "log: yes", 7, "space.lr.log", "true or false"),
    ("type: float, low: 1e-5", "low: 1", 7, "space.lr", "needs a 'type'"),
    ("type: float", "type: flaot", 7, "space.lr.type", "did you mean 'float'?"),
    ("type: float", "type: 3", 7, "space.lr.type", "got 3"),
    ("[adam, sgd]", "[adam, adam]", 8, "space.optimizer", "values that differ"),
    ("[adam, sgd]", "[]", 8, "space.optimizer", "not empty"),
    ("when: {optimizer: sgd}", "when: {optimzer: sgd}", 9, "space.momentum.when", "'optimizer'"),
    ("when: {optimizer: sgd}", "when: {optimizer: sg}", 9, "space.momentum.when.optimizer", "'sg'"),
    ("when: {optimizer: sgd}", "when: 'optimizer =='", 9, "space.momentum", "expression"),
    ("low <= high", "lw <= high", 12, "constraints[0]", "'low'"),
    ("low <= high", "import os", 12, "constraints[0]", "expression"),
    ("{forbid: {optimizer", "{forbid: {optimize", 12, "constraints[1]", "optimizer"),
    ("latency <= 20", "latency < 20", 13, "limits[0]", "'metric <= number'"),
    ("lr: 0.001", "lr: 5", 14, "enqueue[0].lr", "got 5"),
    ("lr: 0.001", "rl: 5", 14, "enqueue[0].rl", "lr"),
    ("lr: 0.001", "low: 9, high: 10", 14, "enqueue[0]", "low <= high / 2"),
    ("name: qmc", "name: qcm", 15, "sampler", "did you mean 'qmc'?"),
    ("kind: halton", "kind: halon", 15, "sampler.kind", "'sobol' or 'halton'"),
    ("kind: halton", "knd: halton", 15, "sampler.knd", "kind"),
    ("{name: qmc, kind: halton}", "{kind: halton}", 15, "sampler", "'name'"),
    ("{name: qmc, kind: halton}", "fixed", 15, "sampler", "points"),
    ("name: asha", "name: ahsa", 24, "scheduler", "did you mean 'asha'?"),
    ("eta: 4", "eta: 1", 24, "scheduler.eta", "at least 2"),
    ("eta: 4", "etta: 4", 24, "scheduler.etta", "eta"),
    ("seed: 1", "seed: -1", 16, "seed", "from 0 on"),
    ("seed: 1", "sed: 1", 16, "sed", "did you mean 'seed'?"),
    ("duplicates: avoid", "duplicates: avoyd", 17, "duplicates", "did you mean 'avoid'?"),
    ("trials: 100", "trials: 0", 18, "budget.trials", "from 1 on"),
    ("trials: 100", "trials: 1e2", 18, "budget.trials", "a whole number"),
    ("trials: 100", "trails: 100", 18, "budget.trails", "did you mean 'trials'?"),
    ("1h 30m", "1 hour", 18, "budget.timeout", "1h 30m"),
    ("1h 30m", "0s", 18, "budget.timeout", "a time above 0"),
    ("target: 0.99", "target: high", 18, "budget.target", "a number"),
    ("workers: 4", "workers: -2", 19, "workers", "-1"),
    ("workers: 4", "workers: true", 19, "workers", "got True"),
    ("gpus: [0, GPU-1]", "gpus: 2", 20, "gpus", "a list"),
    ("gpus: [0, GPU-1]", "", 21, "trials_per_gpu", "'gpus'"),
    ("timeout: 10m", "timeout: 10x", 22, "per_trial.timeout", "a time"),
    ("timeout: 10m", "timeout: 0m", 22, "per_trial.timeout", "above 0"),
    ("memory: 4GB", "memory: 4 bananas", 22, "per_trial.memory", "4GB"),
    ("memory: 4GB", "memory: 0GB", 22, "per_trial.memory", "positive"),
    ("retries: 1", "retries: -1", 23, "retries", "from 0 on"),
    ("name: digits", "name: ''", 1, "name", "not empty"),
    ("{lr}", "{rl}", 3, "command[2]", "{rl}"),
    ("{params}", "x{params}", 3, "command[3]", "whole argument"),
    ("{lr}", "{lr", 3, "command[2]", "matching braces"),
    ('[python, train.py, "--lr={lr}", "{params}"]', "python train.py", 3, "command", "a list such"),
    ("[python, train.py", "[3", 3, "command[0]", "a text"),
    ("name: digits", "objective: a:b", 3, "command", "not both"),
    ("direction: maximize", "direction: maximise", 5, "direction", "did you mean 'maximize'?"),
    ("direction: maximize", "direction: [maximize, minimize]", 5, "direction", "2 entries"),
    ("metric: accuracy", "metric: [a, b]", 5, "direction", "1 entries"),
    ("metric: accuracy\ndirection: maximize", "metric: [a, b]", 4, "metric", "'direction'"),
    (
        "metric: accuracy\ndirection: maximize",
        "metric: [a, a]\ndirection: [minimize, minimize]",
        4,
        "metric",
        "a name of its own",
    ),
    (
        "metric: accuracy\ndirection: maximize",
        "metric: [a, b]\ndirection: [minimize, minimize]",
        18,
        "budget.target",
        "one objective",
    ),
]


@pytest.mark.parametrize(("old", "new", "line", "field", "part"), ERRORS)
def test_an_error_names_file_line_and_field(write, old, new, line, field, part):
    assert old in FULL
    path = write(FULL.replace(old, new, 1))
    with pytest.raises(FormatError) as caught:
        read_study_file(path)
    error = caught.value
    assert (error.file, error.line, error.field) == (str(path), line, field)
    assert part in error.message
    assert str(error).startswith(f"{path}:{line}: {field}: ")
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "a mapping"),
        ("[1]", "a mapping"),
        ("seed: 1", "needs the field 'objective' or 'command'"),
        ("command: [ls]", "needs the field 'space' beside it"),
        ("objective: train.py", "train:objective"),
        ("objective: a:b\nconstraints: ['x < 1']", "needs the field 'space'"),
        ("objective: a:b\nspace: {}", "not empty"),
        ("command: {env: {A: b}}\nspace: {x: 1}", "needs the field 'args'"),
        ("command: {args: [a], env: {A: 1}}\nspace: {x: 1}", "command.env.A: got 1"),
        ("command: {args: [a], pattern: '('}\nspace: {x: 1}", "command.pattern"),
    ],
)
def test_other_errors(write, text, part):
    with pytest.raises(FormatError) as caught:
        read_study_file(write(text))
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(90, 90), ("90s", 90), ("1.5h", 5400), ("1h 30m", 5400), ("2min", 120), ("1d", 86400)],
)
def test_times(given, expected):
    assert seconds(given, "timeout") == expected


@pytest.mark.parametrize("given", ["", "5", "m5", "1h,", 0, -1, float("nan")])
def test_bad_times(given):
    with pytest.raises(InvalidInput, match="timeout"):
        seconds(given, "timeout")


SMALL = """\
objective: {module}:objective
space: {{x: {{type: int, low: 0, high: 20}}, y: [a, b]}}
enqueue: [{{x: 3}}, {{x: 4, y: a}}]
seed: {seed}
budget: {{trials: {trials}}}
"""


def test_what_is_queued_is_tried_first_and_once(write, tmp_path):
    write("def objective(trial):\n    return trial.params['x']\n", "once_objective.py")
    storage = str(tmp_path / "s.db")
    for trials in (1, 6):
        text = SMALL.format(module="once_objective", seed=1, trials=trials)
        read = read_study_file(write(text))
        study = read.open_study(storage=storage)
        study.optimize(read.load_objective(), **read.optimize_arguments())
    trials = study.trials
    assert len(trials) == 6
    assert trials[0].params["x"] == 3
    assert trials[1].params == {"x": 4, "y": "a"}
    assert [trial.fixed for trial in trials[2:]] == [None] * 4
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}


def test_another_problem_under_the_same_name_is_refused(write, tmp_path):
    storage = str(tmp_path / "s.db")
    read_study_file(write(SMALL.format(module="m", seed=1, trials=1))).open_study(storage=storage)
    changed = read_study_file(write(SMALL.format(module="m", seed=2, trials=1)))
    with pytest.raises(StudyExists, match="seed 1"):
        changed.open_study(storage=storage)
    changed.open_study(storage=storage, study_name="another")


@pytest.mark.parametrize(
    ("code", "objective", "part"),
    [
        (None, "not_there_1:objective", "no module 'not_there_1' in "),
        ("x = 1\n", "objective_a:objective", "has no 'objective'"),
        ("objective = 1\n", "objective_b:objective", "is not a function"),
        ("\n\n1 / 0\n", "objective_c:objective", "ZeroDivisionError"),
        ("import not_there_2\n", "objective_d:objective", "not_there_2"),
        ("def objective(\n", "objective_e:objective", "SyntaxError"),
    ],
)
def test_an_objective_that_cannot_be_loaded(write, code, objective, part):
    if code is not None:
        write(code, f"{objective.partition(':')[0]}.py")
    read = read_study_file(write(f"objective: {objective}\n"))
    with pytest.raises(ObjectiveError) as caught:
        read.load_objective()
    assert part in str(caught.value)


def test_the_line_of_a_broken_module_is_named(write):
    write("\n\n1 / 0\n", "objective_line.py")
    read = read_study_file(write("objective: objective_line:objective\n"))
    with pytest.raises(ObjectiveError, match=r"objective_line\.py:3\)"):
        read.load_objective()


def test_a_module_that_is_hidden_by_another_is_refused(write):
    assert logging.__file__  # it is loaded, and not from here
    write("def objective(trial):\n    return 0\n", "logging.py")
    read = read_study_file(write("objective: logging:objective\n"))
    with pytest.raises(ObjectiveError, match="another module 'logging'"):
        read.load_objective()


def test_a_function_of_a_class_can_be_named(write):
    write(
        "class Task:\n    @staticmethod\n    def run(trial):\n        return 7\n", "objective_f.py"
    )
    read = read_study_file(write("objective: objective_f:Task.run\n"))
    assert read.load_objective()(None) == 7


def test_types_survive(write):
    text = "objective: a:b\nspace: {x: {type: int, low: 1, high: 3}, y: [1, 2.0, a, null, true]}\n"
    with pytest.raises(FormatError, match="values that differ"):  # 1 and true are equal
        read_study_file(write(text))
    space = read_study_file(write(text.replace(", true", ", false"))).space
    assert space.params["x"] == Int(1, 3)
    assert [type(choice) for choice in space.params["y"].choices] == [
        int,
        float,
        str,
        type(None),
        bool,
    ]


def test_a_program_needs_no_loading(write):
    read = read_study_file(write(FULL))
    assert read.load_objective() is read.objective


def test_the_name_of_a_parameter_may_hold_dots(write):
    text = "objective: a:b\nspace:\n  a: 1\n  a.low: {type: float, low: 3, high: 1}\n"
    with pytest.raises(FormatError) as caught:
        read_study_file(write(text))
    assert caught.value.line == 4


def test_the_name_of_a_parameter_may_not_hold_control_characters(write):
    with pytest.raises(FormatError, match="control characters") as caught:
        read_study_file(write('objective: a:b\nspace:\n  "a\\x01": 1\n'))
    assert caught.value.line == 3


def test_a_relative_path_works(write, monkeypatch, tmp_path):
    write("def objective(trial):\n    return 1\n", "objective_g.py")
    write("objective: objective_g:objective\n")
    monkeypatch.chdir(tmp_path)
    read = read_study_file(Path("study.yaml"))
    assert read.load_objective()(None) == 1


SPACE_OF_ONE = "objective: a:b\nspace: {x: {type: float, low: 0, high: 1}}\n"


def test_prices_patience_and_repeats_reach_the_study(write):
    extra = (
        "budget: {cost: {per_second: 0.5}, max_cost: 3}\n"
        "per_trial: {grace: 1m}\nrepeats: 2\nmax_outage: 2h\n"
    )
    arguments = read_study_file(write(SPACE_OF_ONE + extra)).optimize_arguments()
    assert arguments["cost"] == {"per_second": 0.5}
    assert arguments["max_cost"] == 3
    assert arguments["grace"] == 60.0
    assert arguments["repeats"] == 2
    assert arguments["max_outage"] == 7200.0


def test_what_is_left_out_is_as_in_python(write):
    import inspect

    from luthier.study.study import Study

    arguments = read_study_file(write(SPACE_OF_ONE)).optimize_arguments()
    parameters = inspect.signature(Study.optimize).parameters
    for name in ("cost", "grace", "repeats", "max_outage"):
        assert arguments[name] == parameters[name].default


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ("budget: {cost: -1}", "budget.cost"),
        ("budget: {cost: {per_hour: 1}}", "budget.cost"),
        ("per_trial: {grace: soon}", "per_trial.grace"),
        ("repeats: 0", "repeats"),
        ("max_outage: long", "max_outage"),
    ],
)
def test_prices_and_times_that_make_no_sense(write, extra, field):
    with pytest.raises(FormatError) as caught:
        read_study_file(write(SPACE_OF_ONE + extra))
    assert (caught.value.line, caught.value.field.startswith(field)) == (3, True)
