import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from luthier.model.trial import TrialState
from luthier.samplers.random import Random
from luthier.study.create import create_study, load_study
from luthier.study.replay import replay_all

PROGRAM = [sys.executable, "-c", "from luthier.cli.main import main; main(prog_name='luthier')"]

STUDY = """\
objective: {module}:objective
space: {{x: {{type: float, low: 0, high: 1}}}}
enqueue: [{{x: 0.5}}]
seed: 3
budget: {{trials: {trials}, max_failures: 3}}
"""

COMMAND = """\
command: [{python}, train.py, "--x={{x}}"]
metric: loss
space: {{x: {{type: float, low: 0, high: 1}}}}
seed: 3
budget: {{trials: 3}}
"""


@pytest.fixture
def write(tmp_path):
    def write(name, body, trials=6):
        (tmp_path / f"{name}.py").write_text(body)
        (tmp_path / "study.yaml").write_text(STUDY.format(module=name, trials=trials))

    return write


def start(*words, **options):
    return subprocess.Popen(
        [*PROGRAM, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def wait_for(condition, process):
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_example_runs_at_once(luthier, tmp_path):
    assert luthier.json("init")["files"] == ["study.yaml", "train.py"]
    done = start("run", cwd=tmp_path)
    out, err = done.communicate(timeout=60)
    assert done.returncode == 0, err
    assert "begins" in err
    assert "/40 trials" in err
    assert "Stopped: 40 trials in all. Trials: 40 complete." in out
    assert "luthier best study" in out
    study = load_study("study", storage="luthier.db")
    assert study.trials[0].params == {"lr": 0.1, "batch": 32, "optimizer": "adam"}
    assert study.best_value < 0.3  # a coin has 0.69
    assert f"{study.best_value:.6g}" in out
    assert all(replayed.same is not False for replayed in replay_all(study))


def test_init_overwrites_nothing(luthier, tmp_path):
    (tmp_path / "train.py").write_text("mine")
    assert "train.py is there already" in luthier.fails(2, "init", "my study.yaml")
    assert not (tmp_path / "my study.yaml").exists()
    assert "luthier run 'my study.yaml'" in luthier.ok("init", "my study.yaml", "--force")
    assert "def objective" in (tmp_path / "train.py").read_text()
    assert "are there already" in luthier.fails(2, "init", "my study.yaml")
    assert "does not end in .yaml" in luthier.fails(2, "init", "study.txt")
    assert "nowhere" in luthier.fails(1, "init", "nowhere/study.yaml")


def test_run_goes_on_to_the_same_end(luthier, write):
    write("going_on", "def objective(trial):\n    return trial.params['x']\n")
    first = luthier.json("run")
    assert first["states"] == {"COMPLETE": 6}
    assert first["stop_reason"] == "6 trials in all"
    again = luthier("run")
    assert "goes on (6 complete)" in again.stderr
    more = luthier.json("run", "study.yaml", "--trials", 9)
    assert more["states"] == {"COMPLETE": 9}
    assert more["best"][0]["values"]["value"] == min(
        trial["values"]["value"] for trial in luthier.json("show")["trials"]
    )


def test_time_and_money_on_the_command_line(luthier, write):
    body = "import time\n\ndef objective(trial):\n    time.sleep(0.02)\n    trial.set_cost(1.5)\n"
    write("priced", body + "    return trial.params['x']\n")
    spent = luthier.json("run", "--max-cost", 7)
    assert spent["stop_reason"] == "cost 6 of 7 used, and a trial costs 1.5"
    assert spent["states"] == {"COMPLETE": 4}
    late = luthier("run", "--timeout", "0.01s", "--name", "late")
    assert "Stopped: timeout of 0.01 s." in late.stdout
    assert "a time such as 90s" in luthier.fails(2, "run", "--timeout", "soon")


def test_run_under_another_name_and_storage(luthier, write, tmp_path):
    write("other_name", "def objective(trial):\n    return trial.params['x']\n", trials=2)
    out = luthier.ok("run", "--name", "my study", "--storage", "sqlite:///other.db")
    assert "luthier best 'my study' --storage sqlite:///other.db" in out
    assert not (tmp_path / "luthier.db").exists()
    assert luthier.json("list", "--storage", "other.db")["studies"][0]["study"] == "my study"


def test_the_hints_name_the_storage_of_the_file(luthier, write, tmp_path):
    write("hinting", "def objective(trial):\n    return 1\n", trials=1)
    with (tmp_path / "study.yaml").open("a") as stream:
        stream.write("storage: kept.db\n")
    out = luthier.ok("run")
    hint = next(line for line in out.splitlines() if "luthier best" in line)
    assert hint.split("    ")[0].strip() == "luthier best study --storage kept.db"
    assert luthier.json("best", "study", "--storage", "kept.db")["best"]


def test_quiet_says_nothing(luthier, write):
    write("being_quiet", "def objective(trial):\n    return trial.params['x']\n")
    result = luthier("run", "--quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_what_the_objective_prints_is_kept_from_the_json(luthier, write):
    write("printing", "def objective(trial):\n    print('noise')\n    return 1.0\n")
    assert luthier.json("run")["states"] == {"COMPLETE": 6}


def test_workers_share_the_study(luthier, write):
    write(
        "working", "import os\ndef objective(trial):\n    return {'value': 1, 'pid': os.getpid()}\n"
    )
    assert luthier.json("run", "--workers", 2)["states"] == {"COMPLETE": 6}
    pids = {trial["metrics"]["pid"] for trial in luthier.json("show")["trials"]}
    assert os.getpid() not in pids


def test_a_command_is_run_in_the_folder_of_its_file(luthier, tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text(
        "import sys, json\nprint(json.dumps({'loss': float(sys.argv[1].partition('=')[2])}))\n"
    )
    (folder / "study.yaml").write_text(COMMAND.format(python=json.dumps(sys.executable)))
    data = luthier.json("run", "project/study.yaml")
    assert data["states"] == {"COMPLETE": 3}
    best = data["best"][0]
    assert best["values"]["loss"] == best["params"]["x"]


def test_too_many_failures(luthier, write):
    write("failing", "def objective(trial):\n    raise ValueError('no\\nway')\n")
    message = luthier.fails(1, "run", "--json")
    last = message.splitlines()[-1]
    assert last.startswith("error: 3 trials in a row failed; the last one: ValueError")
    assert "`luthier show study --trial 2`" in last
    assert "warning: trial 0 failed" in message
    assert "no" in luthier.json("show", "--trial", 2)["traceback"]
    assert "warning" not in luthier("run", "--quiet").stderr


def test_without_any_result_it_fails(luthier, write):
    body = "import luthier\ndef objective(trial):\n    raise luthier.Infeasible('never')\n"
    write("infeasible", body)
    result = luthier("run")
    assert result.exit_code == 1
    assert "No trial has a result." in result.stdout


def test_limits_that_nothing_keeps(luthier, write, tmp_path):
    write("limited", "def objective(trial):\n    return {'value': 1, 'size': 9}\n")
    with (tmp_path / "study.yaml").open("a") as stream:
        stream.write("limits: ['size <= 3']\n")
    assert "No trial keeps the limits: size <= 3" in luthier.ok("run")


def test_many_equally_good_trials_are_counted(luthier, write):
    write("equal", "def objective(trial):\n    return 1\n", trials=8)
    assert "... and 3 more as good" in luthier.ok("run")


def test_without_a_budget_it_says_so(luthier, write, tmp_path):
    write("endless", "def objective(trial):\n    return trial.params['x']\n")
    text = "objective: endless:objective\nspace: {x: [1, 2]}\n"
    (tmp_path / "study.yaml").write_text(text)
    result = luthier("run")
    assert "it runs until you press Ctrl-C" in result.stderr
    assert "Stopped: all 2 points of the space have been tried" in result.stdout


@pytest.mark.parametrize(
    ("change", "code", "part"),
    [
        (("low: 0", "low: 2"), 2, "error: study.yaml:2: space.x.high: got 1"),
        (("changing:objective", "nothing:objective"), 1, "there is no module 'nothing'"),
        (("seed: 3", "seed: 4"), 1, "exists with seed 3"),
        (("high: 1", "high: 2"), 1, "another space"),
        (("trials: 6", "trials: 6, target: x"), 2, "budget.target: got 'x'; allowed: a number"),
    ],
)
def test_errors_of_run(luthier, write, tmp_path, change, code, part):
    write("changing", "def objective(trial):\n    return 1\n")
    luthier.ok("run")
    file = tmp_path / "study.yaml"
    file.write_text(file.read_text().replace(*change))
    assert part in luthier.fails(code, "run")


def test_no_file_no_run(luthier, tmp_path):
    assert "'study.yaml' does not exist" in luthier.fails(2, "run")
    (tmp_path / "m.yaml").write_text("objective: a:b\nstorage: memory\n")
    assert "memory ends with the command" in luthier.fails(2, "run", "m.yaml")
    assert not (tmp_path / "luthier.db").exists()


SLOW = """\
import time
from pathlib import Path

def objective(trial):
    with open("started", "a") as stream:
        stream.write(f"{trial.number}\\n")
    if trial.number >= 3 and not Path("go").exists():
        time.sleep(SECONDS)
    return trial.params["x"]
"""


# Two signals that arrive together are one: the second is sent when the first was heard.
HEARD = """
import signal
slow = objective

def objective(trial):
    if trial.number == 3:
        handler = signal.getsignal(signal.SIGINT)

        def heard(*arguments):
            handler(*arguments)
            Path("heard").touch()

        signal.signal(signal.SIGINT, heard)
        Path("listening").touch()
    return slow(trial)
"""


def test_killed_and_started_again_it_goes_on_to_the_same_end(luthier, write, tmp_path):
    write("killed", SLOW.replace("SECONDS", "60"))
    started = tmp_path / "started"
    process = start("run", cwd=tmp_path)
    wait_for(lambda: started.exists() and started.read_text().endswith("3\n"), process)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    (tmp_path / "go").touch()
    data = luthier.json("run")
    assert data["states"] == {"COMPLETE": 6}
    study = load_study("study", storage="luthier.db")
    assert [trial.attempt for trial in study.trials] == [1, 1, 1, 2, 1, 1]
    assert started.read_text().split() == ["0", "1", "2", "3", "3", "4", "5"]
    assert study.trials[0].params == {"x": 0.5}
    assert all(replayed.same is not False for replayed in replay_all(study))


def test_ctrl_c_finishes_what_runs(luthier, write, tmp_path):
    write("interrupted", SLOW.replace("SECONDS", "0.3"))
    started = tmp_path / "started"
    process = start("run", cwd=tmp_path)
    wait_for(lambda: started.exists() and started.read_text().endswith("3\n"), process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "Stopped: interrupted." in out
    assert "luthier run study.yaml    go on" in out
    states = [trial.state for trial in load_study("study", storage="luthier.db").trials]
    assert states == [TrialState.COMPLETE] * 4


def test_the_second_ctrl_c_hands_back_what_runs(luthier, write, tmp_path):
    write("stopped", SLOW.replace("SECONDS", "60") + HEARD)
    process = start("run", cwd=tmp_path)
    wait_for((tmp_path / "listening").exists, process)
    process.send_signal(signal.SIGINT)
    wait_for((tmp_path / "heard").exists, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.endswith("interrupted\n")
    assert "Traceback" not in err
    last = load_study("study", storage="luthier.db").trials[-1]
    assert (last.number, last.state) == (3, TrialState.WAITING)


def test_a_terminal_shows_a_bar(luthier, write, tmp_path):
    body = (
        "def objective(trial):\n    if trial.number == 2: raise ValueError('two')\n    return 1\n"
    )
    write("on_terminal", body)
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    process = subprocess.Popen(
        [*PROGRAM, "run"], cwd=tmp_path, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other side was closed
            break
        shown += part
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 0
    text = shown.decode()
    assert "6/6 [" in text
    assert "best 1, 1 failed" in text
    assert "warning: trial 2 failed: ValueError: two\r\n" in text
    assert b"Stopped: 6 trials in all" in out


def test_a_closed_pipe_is_no_error(luthier, study, tmp_path):
    for _ in range(300):
        study.add_trial({"x": 1.0, "kind": "a"}, 0.0, metrics={"size": 1, "text": 0})
    script = "import sys; sys.stdout.write(sys.stdin.readline()); sys.stdin.close()"
    first = subprocess.Popen(
        [*PROGRAM, "export", "toy", "--format", "json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    second = subprocess.run([sys.executable, "-c", script], stdin=first.stdout, capture_output=True)
    first.stdout.close()
    _, err = first.communicate(timeout=60)
    assert second.stdout.startswith(b'{"study": "toy"')
    assert err == b""


def test_replay_of_a_changed_log(luthier, study):
    assert "8 the same" not in luthier.ok("replay", "toy")
    assert "7 the same, 0 different, 1 not to be compared" in luthier.ok("replay", "toy")
    data = luthier.json("replay", "toy", 3)
    assert data["trials"][0]["recorded"] == data["trials"][0]["recomputed"]
    assert "trial 3: the same" in luthier.ok("replay", "toy", 3)
    assert "given by a person" in luthier.ok("replay", "toy", 0)
    _tamper("luthier.db", number=7)  # the last one: later ones would learn from it
    text = luthier("replay", "toy")
    assert text.exit_code == 1
    assert "trial 7: DIFFERENT" in text.output
    assert "6 the same, 1 different" in text.output
    assert luthier("replay", "toy", "7", "--json").exit_code == 1


def test_replay_with_a_sampler_that_is_not_there(luthier):
    class Mine(Random):
        pass

    study = create_study({"x": [1, 2, 3]}, sampler=Mine(), study_name="own", storage="luthier.db")
    study.optimize(lambda trial: 1.0, 1)
    assert "0 the same, 0 different, 1 not to be compared" in luthier.ok("replay", "own")
    told = luthier.ok("replay", "own", 0)
    assert "Mine" in told
    assert "not installed" in told


def _tamper(path, number):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(Path(path))) as connection, connection:
        rows = connection.execute("SELECT seq, body FROM records").fetchall()
        for seq, body in rows:
            event = json.loads(body)
            if event["event"] == "asked" and event["number"] == number:
                event["params"]["x"] = 0.123
                text = json.dumps(event)
                connection.execute("UPDATE records SET body = ? WHERE seq = ?", (text, seq))
