import csv
import io
import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from luthier import __version__
from luthier.cli.main import COMMANDS, main
from luthier.cli.options import public_url, shown_url
from luthier.errors import CorruptStorage
from luthier.model.events import Asked
from luthier.storage.registry import open_storage
from luthier.study.create import create_study, load_study

READING = [
    ["list"],
    ["show", "toy"],
    ["best", "toy"],
    ["export", "toy"],
    ["replay", "toy"],
    ["enqueue", "toy", "x=1"],
    ["delete", "toy", "--yes"],
]


def test_version(luthier):
    assert luthier.ok("--version") == f"luthier {__version__}\n"


def test_help_lists_every_command(luthier):
    text = luthier.ok("--help")
    for name, about in COMMANDS.items():
        assert name in text
        assert about in text
        if name not in ("serve", "worker"):  # they run on and have no result
            command = ("import", "optuna") if name == "import" else (name,)
            assert "--json" in luthier.ok(*command, "--help")


def test_help_imports_no_numbers():
    code = (
        "import sys\nfrom luthier.cli.main import main\n"
        "main(['--help'], standalone_mode=False, prog_name='luthier')\n"
        "sys.exit(' '.join({'numpy', 'yaml', 'tqdm', 'luthier.study'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_there_are_no_other_commands():
    assert main.get_command(None, "nothing") is None


def test_a_mistyped_command_is_corrected(luthier):
    assert "Did you mean 'replay'?" in luthier.fails(2, "repaly")
    assert "No such command 'xyz'." in luthier.fails(2, "xyz")


@pytest.mark.parametrize("words", READING, ids=lambda words: words[0])
def test_reading_creates_no_file(luthier, tmp_path, words):
    message = luthier.fails(1, *words)
    assert message.startswith("error: there are no studies: the file ")
    assert "--storage" in message
    assert "missing.db" in luthier.fails(1, *words, "--storage", "missing.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", READING[1:], ids=lambda words: words[0])
def test_an_unknown_study_names_the_others(luthier, study, words):
    message = luthier.fails(1, words[0], "toi", *words[2:])
    assert "has no study 'toi' (did you mean 'toy'?); there are: toy" in message


def test_memory_is_no_place_for_studies(luthier):
    assert "memory ends with the command" in luthier.fails(2, "list", "--storage", "memory")


def test_a_strange_storage_is_refused(luthier):
    message = luthier.fails(2, "list", "--storage", "oracle://me:secret@host/db")
    assert message.startswith("error: storage: got ")
    assert "secret" not in message


def test_a_file_that_is_no_storage(luthier, tmp_path):
    (tmp_path / "x.db").write_text("hello, this is a text and no database at all" * 50)
    assert luthier.fails(1, "list", "--storage", "x.db").startswith("error: ")
    with pytest.raises(CorruptStorage):
        main(["list", "--storage", "x.db", "--debug"], standalone_mode=False)
    with pytest.raises(CorruptStorage):
        main(["--debug", "list", "--storage", "x.db"], standalone_mode=False)


def test_the_environment_names_the_storage(luthier, study, monkeypatch):
    create_study(study_name="other", storage="elsewhere.db")
    monkeypatch.setenv("LUTHIER_STORAGE", "sqlite:///elsewhere.db")
    assert luthier.json("list")["studies"][0]["study"] == "other"
    typed = luthier.json("list", "--storage", "luthier.db")
    assert typed["studies"][0]["study"] == "toy"


def test_passwords_are_not_shown():
    assert public_url("postgresql://me:secret@host/db") == "postgresql://me@host/db"
    assert shown_url("postgresql://me:se@cret@host/db") == "postgresql://me@host/db"
    assert shown_url("postgresql://host/db") == "postgresql://host/db"


def test_files_are_shown_as_paths(luthier, tmp_path):
    assert shown_url(f"sqlite:///{tmp_path}/a/b.db") == os.path.join("a", "b.db")
    assert shown_url("sqlite:////elsewhere/b.db") == "/elsewhere/b.db"


def test_list(luthier, study, front):
    data = luthier.json("list")
    toy, both = data["studies"]
    assert data["storage"].endswith("/luthier.db")
    assert toy["study"] == "toy"
    assert toy["trials"] == 8
    assert toy["states"]["FAILED"] == 1
    assert sum(toy["states"].values()) == 8
    assert toy["best"] == study.best_value
    assert (toy["metrics"], toy["directions"]) == (["loss"], ["minimize"])
    assert toy["last"] > study.trials[0].user_attrs.get("nothing", "2020")
    assert both["best"] == len(front.best_trials)
    text = luthier.ok("list")
    assert f"{study.best_value:.6g}" in text
    assert "front of 2" in text


def test_list_without_studies(luthier):
    create_study(study_name="gone", storage="luthier.db")
    luthier.ok("delete", "gone", "--yes")
    assert luthier.ok("list") == "luthier.db has no studies\n"
    assert luthier.json("list")["studies"] == []
    assert "has 0 studies" in luthier.fails(1, "show")


def test_the_only_study_needs_no_name(luthier, study):
    assert luthier.ok("show") == luthier.ok("show", "toy")
    create_study(study_name="second", storage="luthier.db")
    assert "has 2 studies: name one of toy, second" in luthier.fails(1, "show")


def test_show(luthier, study):
    text = luthier.ok("show", "toy")
    for part in ("minimize loss", "size <= 4.5", "auto", "1 failed", "Float(-5.0, 5.0)", "depth"):
        assert part in text
    assert f"(trial {study.best_trial.number})" in text
    assert "Why trial 4 failed: see it with --trial 4" in text
    assert "Why trial" not in luthier.ok("show", "toy", "--limit", 2)
    data = luthier.json("show", "toy")
    assert [trial["number"] for trial in data["trials"]] == list(range(8))
    assert data["problem"]["space"]["params"]["kind"]["choices"] == ["a", "b"]
    for shown, trial in zip(data["trials"], study.trials, strict=True):
        assert shown["params"] == trial.params
        assert shown["values"] == (None if trial.value is None else {"loss": trial.value})
        assert shown["metrics"] == trial.metrics


def test_show_sorts_and_limits(luthier, study):
    newest = luthier.json("show", "toy", "--limit", 3)["trials"]
    assert [trial["number"] for trial in newest] == [5, 6, 7]
    trials = luthier.json("show", "toy", "--sort", "value")["trials"]
    losses = [trial["values"]["loss"] for trial in trials[:-1]]
    assert losses == sorted(losses)
    assert trials[-1]["values"] is None
    best = luthier.json("show", "toy", "--sort", "value", "--limit", 2)["trials"]
    assert best == trials[:2]
    assert "3 of 8 trials; more with --limit" in luthier.ok("show", "toy", "--limit", 3)


def test_show_a_trial_with_a_param_that_the_space_has_lost(luthier, study):
    study.edit_space(study.space.remove("depth").remove("kind"))
    header = next(line for line in luthier.ok("show", "toy").splitlines() if "state" in line)
    assert header.split() == ["trial", "state", "loss", "size", "x", "kind", "depth"]
    assert "kind = " in luthier.ok("show", "toy", "--trial", 0)


def test_show_one_trial(luthier, study):
    text = luthier.ok("show", "toy", "--trial", 4)
    for part in ("failed", "number four never works", "Traceback", "step 0", "squared = "):
        assert part in text
    data = luthier.json("show", "toy", "--trial", 4)
    assert data["state"] == "FAILED"
    assert "number four never works" in data["traceback"]
    assert data["reports"][0]["metrics"] == {"loss": data["params"]["x"]}
    study.tell(study.ask(), {"loss": 1, "size": 1}, cost=2.5)
    assert "cost:       2.5" in luthier.ok("show", "toy", "--trial", 8)
    assert "no trial 99" in luthier.fails(1, "show", "toy", "--trial", 99)


def test_show_tells_why_a_point_was_chosen(luthier):
    space = {"x": {"type": "float", "low": 0, "high": 1}}
    study = create_study(space, study_name="why", storage="luthier.db", sampler="qmc", seed=1)
    study.ask()
    why = {"how": "model", "lengths": {"x": 0.25}, "gain": 1 / 3, "because": "so " * 30 + "be it"}
    study._journal.append(Asked(1, {"x": 0.5}, 3, "other", "me", why=why), claim="1")
    assert luthier.ok("show", "--trial", 0).endswith("\nwhy:\n  how = sobol\n  index = 0\n")
    assert luthier.ok("show", "--trial", 1).endswith(
        "\nwhy:\n  how = model\n  lengths:\n    x = 0.25\n  gain = 0.333333\n"
        f"  because = {'so ' * 30}be it\n"
    )
    assert luthier.json("show", "--trial", 1)["why"] == why


def test_show_a_front_and_an_empty_study(luthier, front):
    assert f"front:      {len(front.best_trials)} trials" in luthier.ok("show", "front")
    create_study(study_name="empty", storage="luthier.db")
    assert "trials:     none" in luthier.ok("show", "empty")


def test_a_waiting_trial_shows_what_was_given(luthier, study):
    number = study.enqueue_trial({"x": 2})
    assert "x = 2" in luthier.ok("show", "toy", "--trial", number)
    assert luthier.json("show", "toy", "--trial", number)["params"] == {"x": 2}


def test_best(luthier, study):
    trials = luthier.json("best", "toy", "--top", 3)["best"]
    eligible = [t for t in study.trials if t.values and t.metrics["size"] <= 4.5]
    expected = sorted(eligible, key=lambda trial: trial.value)[:3]
    assert [trial["number"] for trial in trials] == [trial.number for trial in expected]
    text = luthier.ok("best", "toy")
    params = dict(study.best_params)
    assert json.dumps(params) in text
    assert " ".join(f"--{name}={value}" for name, value in params.items()) in text


def test_best_of_several_objectives_is_the_front(luthier, front):
    data = luthier.json("best", "front")
    assert [t["number"] for t in data["best"]] == [t.number for t in front.best_trials]
    assert len(luthier.json("best", "front", "--top", 2)["best"]) == 2


def test_best_of_nothing(luthier):
    create_study({"x": [1]}, study_name="one", storage="luthier.db")
    assert "no trial yet" in luthier.fails(1, "best", "one")
    names = {"metric": ["a", "b"], "directions": ["minimize", "minimize"]}
    create_study({"x": [1]}, study_name="two", storage="luthier.db", **names)
    assert "no trial has a result" in luthier.fails(1, "best", "two")


def test_flags_survive_a_shell(luthier):
    space = {"text": ["it's a $HOME"], "flag": [True], "none": [None], "pair": [(1, "b c")]}
    study = create_study(space, study_name="quoted", storage="luthier.db")
    study.optimize(lambda trial: 0.0, 1)
    flags = luthier.ok("best", "quoted").splitlines()[-1]
    code = "import sys, json; print(json.dumps(sys.argv[1:]))"
    done = subprocess.run(
        f'{sys.executable} -c "{code}" {flags}', shell=True, capture_output=True, text=True
    )
    assert json.loads(done.stdout) == [
        "--text=it's a $HOME",
        "--flag=true",
        "--none=null",
        '--pair=[1, "b c"]',
    ]


def test_export_csv_is_exact(luthier, study):
    rows = list(csv.DictReader(io.StringIO(luthier.ok("export", "toy"))))
    assert len(rows) == 8
    for row, trial in zip(rows, study.trials, strict=True):
        assert int(row["number"]) == trial.number
        assert row["state"] == trial.state.value
        assert float(row["params_x"]) == trial.params["x"]
        assert row["params_depth"] == str(trial.params.get("depth", ""))
        assert row["loss"] == ("" if trial.value is None else repr(trial.value))
        assert float(row["user_attrs_squared"]) == trial.params["x"] ** 2
    assert rows[4]["error"] == "ValueError: number four never works"


def test_export_json(luthier, study, tmp_path):
    luthier.ok("export", "toy", "-o", "toy.json")
    data = json.loads((tmp_path / "toy.json").read_text())
    assert data == luthier.json("export", "toy")
    assert data["study"] == "toy"
    assert [trial["params"] for trial in data["trials"]] == [dict(t.params) for t in study.trials]
    assert data["trials"][0]["reports"][0]["step"] == 0


def test_export_parquet(luthier, study, tmp_path):
    import pyarrow.parquet as parquet

    luthier.ok("export", "toy", "-o", "toy.parquet")
    table = parquet.read_table(tmp_path / "toy.parquet").to_pydict()
    assert table["params_x"] == [trial.params["x"] for trial in study.trials]
    assert table["loss"] == [trial.value for trial in study.trials]
    assert table["started"][0].timestamp() == pytest.approx(study.trials[0].started, abs=1e-5)


def test_export_of_odd_values(luthier, tmp_path):
    study = create_study({"x": [1, "a", (1, "b"), float("inf")]}, study_name="o", storage="o.db")
    for x in (1, "a", (1, "b"), float("inf")):
        study.add_trial({"x": x}, 0.5)
    rows = list(csv.DictReader(io.StringIO(luthier.ok("export", "--storage", "o.db"))))
    assert [row["params_x"] for row in rows] == ["1", "a", '[1, "b"]', "inf"]
    trials = luthier.json("export", "--storage", "o.db")["trials"]
    assert [trial["params"]["x"] for trial in trials] == [1, "a", [1, "b"], "inf"]
    import pyarrow.parquet as parquet

    luthier.ok("export", "--storage", "o.db", "-o", "o.parquet")
    values = parquet.read_table(tmp_path / "o.parquet").to_pydict()["params_x"]
    assert values == ["1", "a", '[1, "b"]', "inf"]


def test_export_without_pyarrow(luthier, study, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    message = luthier.fails(1, "export", "toy", "-o", "toy.parquet")
    assert "pip install 'luthier[parquet]'" in message


def test_export_says_what_is_wrong(luthier, study):
    assert "add -o FILE" in luthier.fails(2, "export", "toy", "--format", "parquet")
    assert "contradict" in luthier.fails(2, "export", "toy", "--json", "--format", "csv")
    for name in ("no/where.csv", "no/where.parquet"):
        assert "no/where" in luthier.fails(1, "export", "toy", "-o", name)


def test_enqueue(luthier, study):
    data = luthier.json("enqueue", "toy", "x=-2", "kind=b", "depth=3")
    assert data == {"study": "toy", "number": 8, "params": {"x": -2, "kind": "b", "depth": 3}}
    assert "queued as trial 9" in luthier.ok("enqueue", "toy", "--params", '{"x": 0.5}')
    loaded = load_study("toy", storage="luthier.db")
    assert [trial.fixed for trial in loaded.history.waiting] == [data["params"], {"x": 0.5}]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["x=9"], "x: got 9; allowed: a number from -5.0 to 5.0"),
        (["y=1"], "y: got 1"),
        (["x=1", "x=2"], "given twice"),
        (["x=1", "--params", '{"x": 2}'], "given twice"),
        (["x"], "'x' is not NAME=VALUE"),
        (["=1"], "is not NAME=VALUE"),
        (["x=["], "is not YAML"),
        (["--params", "x"], "not JSON"),
        (["--params", "[1]"], "not a mapping"),
        ([], "Give params"),
    ],
)
def test_enqueue_refuses(luthier, study, words, part):
    assert part in luthier.fails(2, "enqueue", "toy", *words)
    assert load_study("toy", storage="luthier.db").history.count == 8


def test_enqueue_finds_choices_that_look_like_something_else(luthier):
    space = {"c": ["1", "true", 2, (1, 2)], "s": {"type": "subset", "items": ["a", "b"]}}
    create_study(space, study_name="odd", storage="luthier.db")
    given = [["c=1"], ["c=true"], ["c=2"], ["c=[1, 2]"], ["c=1", "s=[a]"]]
    for words in given:
        luthier.ok("enqueue", "odd", *words)
    waiting = load_study("odd", storage="luthier.db").history.waiting
    assert [trial.fixed["c"] for trial in waiting] == ["1", "true", 2, (1, 2), "1"]
    assert waiting[-1].fixed["s"] == ("a",)


def test_enqueue_for_a_define_by_run_study(luthier):
    create_study(study_name="free", storage="luthier.db")
    assert luthier.json("enqueue", "free", "x=1.5", "y=a")["params"] == {"x": 1.5, "y": "a"}


def test_delete_asks(luthier, study):
    kept = luthier("delete", "toy", stdin="n\n")
    assert kept.exit_code == 1
    assert "with its trials (7 complete, 1 failed)?" in kept.output
    assert open_storage("luthier.db").studies() == ["toy"]
    gone = luthier("delete", "toy", stdin="y\n")
    assert gone.exit_code == 0
    assert open_storage("luthier.db").studies() == []


def test_delete_without_asking(luthier, study):
    assert luthier.json("delete", "toy", "-y")["deleted"] is True
    assert "has no study 'toy'; it has none" in luthier.fails(1, "delete", "toy", "-y")


def test_schema_is_printed(luthier):
    assert luthier.json("schema")["properties"]["command"]


def test_completion(luthier):
    for shell in ("bash", "zsh", "fish"):
        data = luthier.json("completion", shell)
        assert luthier.ok("completion", shell) == data["script"] + "\n"
    assert "'csh'" in luthier.fails(2, "completion", "csh")


def test_the_bash_script_completes(luthier, study, tmp_path):
    script = luthier.ok("completion", "bash")
    (tmp_path / "completion.bash").write_text(script)
    program = f"#!{sys.executable}\nfrom luthier.cli.main import main\nmain()\n"
    (tmp_path / "luthier").write_text(program)
    (tmp_path / "luthier").chmod(0o755)

    def completed(*words):
        line = " ".join(f"'{word}'" for word in words)
        code = (
            f"source completion.bash; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1};"
            '_luthier_completion luthier; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        path = f"{tmp_path}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", code], env={**os.environ, "PATH": path}, capture_output=True, text=True
        )
        assert done.stderr == ""
        return done.stdout.split()

    assert completed("luthier", "re") == ["replay"]
    assert completed("luthier", "show", "to") == ["toy"]
    assert completed("luthier", "show", "--storage", "none.db", "to") == []


def test_json_survives_odd_texts(luthier):
    study = create_study({"ключ": ["значение\n\x1b"]}, study_name="имя", storage="luthier.db")
    study.optimize(lambda trial: 0.0, 1)
    trials = luthier.json("show", "имя")["trials"]
    assert trials[0]["params"] == {"ключ": "значение\n\x1b"}
    assert "ключ" in luthier.ok("show", "имя")


def test_no_color_codes_in_a_pipe(luthier, study):
    result = CliRunner().invoke(main, ["show", "toy"])
    assert "\x1b" not in result.output
