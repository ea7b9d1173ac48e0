"""Any program as the objective: what goes in, what comes back, how it ends."""

import json
import os
import pickle
import subprocess
import sys
import time

import psutil
import pytest

from luthier.errors import Infeasible, InvalidInput, InvalidResult, ObjectiveError, TrialPruned
from luthier.executors import Command, Inline, Job, Limits, Processes
from luthier.testing.executors import run_jobs


class Recorder:
    """A channel that remembers the reports, and answers True from a given step on."""

    def __init__(self, stop_at=float("inf")):
        self.reports = []
        self.stop_at = stop_at
        self.stopping = False

    def ask(self, message):
        kind, step, metrics = message
        assert kind == "report"
        self.reports.append((step, metrics))
        return step >= self.stop_at


def literal(text):
    return text.replace("{", "{{").replace("}", "}}")


def python(code, *args, **options):
    return Command([sys.executable, "-c", literal(code), *args], **options)


def run(command, params=None, channel=None, number=0, **more):
    payload = {"number": number, "params": params or {}, **more}
    return command(payload, channel or Recorder())


ARGUMENTS = "import json, sys; print(json.dumps({'n': 1})); print(sys.argv[1:])"


def arguments(args, params, **more):
    """Return the arguments as the program sees them."""
    result = run(python(ARGUMENTS, *args), params, **more)
    return eval(result["log_tail"].splitlines()[-1])


def await_end(pid):
    deadline = time.monotonic() + 20
    while True:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return
        except psutil.NoSuchProcess:
            return
        assert time.monotonic() < deadline, "it has not ended"
        time.sleep(0.01)


# In


def test_values_are_written_as_text_or_json():
    params = {
        "lr": 1e-05,
        "exact": 0.1 + 0.2,
        "n": 3,
        "on": True,
        "none": None,
        "name": "a b; $HOME 'ü'",
        "layers": (16, 32.5),
    }
    seen = arguments([f"--{name}={{{name}}}" for name in params], params)
    assert seen == [
        "--lr=1e-05",
        "--exact=0.30000000000000004",
        "--n=3",
        "--on=true",
        "--none=null",
        "--name=a b; $HOME 'ü'",
        "--layers=[16, 32.5]",
    ]
    assert float(seen[1].partition("=")[2]) == params["exact"]


def test_all_parameters_at_once():
    params = {"lr": 0.5, "name": "adam"}
    assert arguments(["{params}"], params) == ["--lr=0.5", "--name=adam"]
    assert arguments(["{params:flags}"], params) == ["--lr=0.5", "--name=adam"]
    assert json.loads(arguments(["{params:json}"], params)[0]) == params
    assert arguments(["{params}"], {}) == []


def test_an_argument_of_an_inactive_parameter_is_left_out():
    args = ["--lr={lr}", "--momentum={momentum}", "end"]
    assert arguments(args, {"lr": 1}) == ["--lr=1", "end"]


def test_braces_can_be_written():
    assert arguments(["{{lr}}={lr}{{"], {"lr": 2}) == ["{lr}=2{"]


def test_number_and_checkpoint_folder():
    seen = arguments(["{number}", "{checkpoint_dir}"], {}, number=17, checkpoint_dir="/some/where")
    assert seen == ["17", "/some/where"]
    with pytest.raises(InvalidInput, match="checkpoint_dir"):
        arguments(["{checkpoint_dir}"], {})


def test_the_environment_has_the_parameters():
    code = (
        "import json, os; e = os.environ; p = json.loads(e['LUTHIER_PARAMS']);"
        "assert p == json.load(open(e['LUTHIER_PARAMS_FILE']));"
        "print(json.dumps({'x': p['x'], 'number': int(e['LUTHIER_TRIAL']), 'own': int(e['OWN'])}))"
    )
    result = run(python(code, env={"OWN": "5"}), {"x": 0.25, "s": "ü"}, number=9)
    assert result["metrics"] == {"x": 0.25, "number": 9, "own": 5}


def test_runs_in_its_folder(tmp_path):
    code = "import os; print(os.getcwd()); print('{\"n\": 1}')"
    assert run(python(code, cwd=tmp_path))["log_tail"].splitlines()[0] == str(tmp_path)


def test_the_params_file_is_json_and_is_removed():
    code = (
        "import json, sys; print(json.dumps({'n': json.load(open(sys.argv[1]))['x']}));"
        "print(sys.argv[1])"
    )
    result = run(python(code, "{params_file}"), {"x": 4})
    assert result["metrics"] == {"n": 4}
    assert not os.path.exists(result["log_tail"].splitlines()[-1])


def test_check_knows_the_names_of_the_space():
    command = Command(["train", "--lr={lr}", "{params_file}"], result_file="{number}/{name}.json")
    command.check(["lr", "name", "other"])
    with pytest.raises(InvalidInput, match=r"got '\{lr\}'"):
        command.check(["name"])
    with pytest.raises(InvalidInput, match="no parameter named 'number'"):
        command.check(["lr", "name", "number"])


@pytest.mark.parametrize(
    "argument", ["{", "}", "{}", "{lr", "{lr!r}", "{lr:.3f}", "x{params}", "{params:xml}"]
)
def test_malformed_arguments_are_refused(argument):
    with pytest.raises(InvalidInput, match="Command: argument"):
        Command(["train", argument])


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"args": []}, "args"),
        ({"args": "train --lr={lr}"}, "args"),
        ({"args": ["train", 3]}, "args"),
        ({"args": ["train"], "pattern": "("}, "pattern"),
        ({"args": ["train"], "pattern": "loss"}, "pattern"),
        ({"args": ["train"], "pattern": "(?P<step>.)"}, "pattern"),
        ({"args": ["train"], "grace": -1}, "grace"),
        ({"args": ["train"], "result_file": "{"}, "argument"),
    ],
)
def test_refuses_what_makes_no_sense(options, field):
    with pytest.raises(InvalidInput, match=f"Command: {field}"):
        Command(**options)


def test_values_that_json_cannot_express_are_refused():
    for value in (float("nan"), {1, 2}):
        with pytest.raises(InvalidInput, match="what JSON can express"):
            run(python("pass", "{params:json}"), {"x": value})


def test_a_command_is_a_value():
    command = Command(["train", "{params}"], env={"A": "1"}, pattern="(?P<loss>.*)")
    assert pickle.loads(pickle.dumps(command)) == command


# Out


def prints(*lines):
    return python(f"print({chr(10).join(lines)!r})")


def test_reports_are_told_in_order_and_the_last_is_the_result():
    channel = Recorder()
    command = prints('{"step": 0, "loss": 2.5}', "text", '{"loss": 1, "step": 1.0, "acc": 0.5}')
    result = run(command, channel=channel)
    assert channel.reports == [(0, {"loss": 2.5}), (1, {"loss": 1.0, "acc": 0.5})]
    assert result["metrics"] == {"loss": 1.0, "acc": 0.5}
    assert result["exit_code"] == 0


def test_lines_without_a_step_go_over_the_last_report():
    lines = ['{"loss": 3, "time": 9}', '{"step": 1, "loss": 2, "acc": 0.1}', '{"loss": 1}']
    assert run(prints(*lines))["metrics"] == {"loss": 1, "acc": 0.1, "time": 9}


def test_only_numbers_are_metrics():
    lines = ['{"loss": 1, "ok": true, "name": "x", "none": null, "list": [1]}', '{"name": "y"}']
    assert run(prints(*lines))["metrics"] == {"loss": 1}


def test_text_that_looks_like_json_does_no_harm():
    lines = ["{broken", "{" * 5_000, "[1]", '{"step": "first", "loss": 7}', '{"loss": 1}']
    channel = Recorder()
    assert run(prints(*lines), channel=channel)["metrics"] == {"loss": 1}
    assert channel.reports == []


def test_numbers_that_are_not_finite_are_told_as_they_are():
    result = run(prints('{"loss": NaN, "bound": -Infinity}'))
    assert str(result["metrics"]) == "{'loss': nan, 'bound': -inf}"


def test_a_pattern_finds_metrics_in_both_streams():
    code = (
        "import sys; print('epoch 1: loss=0.5 acc=n/a'); print('final score 7', file=sys.stderr);"
        "print('epoch 2: loss=2.5e-1 acc=3')"
    )
    pattern = r"epoch (?P<step>\d+): loss=(?P<loss>\S+) acc=(?P<acc>\S+)|score (?P<score>\d+)"
    channel = Recorder()
    result = run(python(code, pattern=pattern), channel=channel)
    assert channel.reports == [(1, {"loss": 0.5}), (2, {"loss": 0.25, "acc": 3})]
    assert result["metrics"] == {"loss": 0.25, "acc": 3, "score": 7}


def test_json_counts_on_standard_output_only():
    code = "import sys; print('{\"a\": 1}'); print('{\"b\": 1}', file=sys.stderr)"
    assert run(python(code))["metrics"] == {"a": 1}


def test_a_line_after_a_progress_bar_counts():
    code = r"""print('10%\r20%\r{"loss": 3}')"""
    assert run(python(code))["metrics"] == {"loss": 3}


WRITE = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"


def test_the_result_file_goes_over_everything(tmp_path):
    code = 'print(\'{"loss": 9, "acc": 1}\');' + WRITE
    own = python(code, "{result_file}", '{{"loss": 2, "text": "x"}}')
    assert run(own)["metrics"] == {"loss": 2, "acc": 1}
    name = "{number}.json"
    named = python(WRITE, name, '{{"loss": 3}}', cwd=tmp_path, result_file=name)
    assert run(named, number=4)["metrics"] == {"loss": 3}


def test_an_old_result_file_does_not_count(tmp_path):
    (tmp_path / "result.json").write_text('{"loss": 1}')
    command = python("pass", cwd=tmp_path, result_file="result.json")
    with pytest.raises(InvalidResult, match="Command: metrics"):
        run(command)


@pytest.mark.parametrize("text", ["", "[1]", "{", "3"])
def test_a_broken_result_file_is_an_error(text):
    with pytest.raises(InvalidResult, match="a JSON object of metrics"):
        run(python(WRITE, "{result_file}", literal(text)))


def test_a_program_without_a_metric_is_an_error_that_says_what_to_do():
    with pytest.raises(InvalidResult, match=r"Command: metrics: got 'no metric.*pattern matches"):
        run(python("print('no metric')"))


# Endings


def test_a_failure_is_told_with_its_code_and_the_end_of_its_output():
    code = "import sys; print('epoch 1'); print('out of data', file=sys.stderr); sys.exit(3)"
    with pytest.raises(RuntimeError) as caught:
        run(python(code))
    assert "the command exited with code 3" in str(caught.value)
    assert "epoch 1" in str(caught.value)
    assert "out of data" in str(caught.value)


def test_a_program_killed_by_a_signal_is_told_so():
    with pytest.raises(RuntimeError, match="the command was killed by SIGSEGV"):
        run(python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"))


def test_a_program_that_does_not_exist_is_told_so():
    with pytest.raises(ObjectiveError, match="'no-such-program' cannot be started"):
        run(Command(["no-such-program"]))


def test_a_program_may_call_the_configuration_infeasible():
    with pytest.raises(Infeasible, match="too wide"):
        run(python('print(\'{"infeasible": "too wide"}\'); raise SystemExit(1)'))
    with pytest.raises(Infeasible, match="exited with code 65"):
        run(python("raise SystemExit(65)", infeasible_exit=65))
    with pytest.raises(RuntimeError, match="exited with code 65"):
        run(python("raise SystemExit(65)"))


LOOP = """
import itertools, json, signal, sys, time
if sys.argv[1] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
for step in itertools.count():
    print(json.dumps({"step": step, "loss": 1 / (step + 1)}))
    time.sleep(0.01)
"""


@pytest.mark.parametrize(("kind", "grace"), [("polite", 60), ("stubborn", 0.2)])
def test_the_study_ends_a_program_by_its_answer(kind, grace):
    channel = Recorder(stop_at=3)
    began = time.monotonic()
    with pytest.raises(TrialPruned):
        run(python(LOOP, kind, grace=grace), channel=channel)
    assert time.monotonic() - began < 20
    assert [step for step, _ in channel.reports] == [0, 1, 2, 3]


def test_a_stop_ends_a_program_that_says_no_more():
    class StopAfterFirst(Recorder):
        def ask(self, message):
            self.stopping = True
            return super().ask(message)

    command = python('print(\'{"loss": 1, "step": 0}\'); import time; time.sleep(600)')
    result = run(command, channel=StopAfterFirst())
    assert result["metrics"] == {"loss": 1}
    assert result["exit_code"] == -15


def test_no_child_outlives_the_program():
    code = (
        "import json, subprocess; child = subprocess.Popen(['sleep', '600']);"
        "print(json.dumps({'pid': child.pid}))"
    )
    began = time.monotonic()
    pid = int(run(python(code))["metrics"]["pid"])
    assert time.monotonic() - began < 20  # though the child holds the pipes open
    await_end(pid)


def test_floods_of_both_streams_do_not_block_and_the_log_is_bounded():
    code = (
        "import sys\n"
        "for i in range(20000):\n"
        "    print('o' * 200); print('e' * 200, file=sys.stderr)\n"
        "print('{\"loss\": 1}')"
    )
    result = run(python(code))
    assert result["metrics"] == {"loss": 1}
    assert len(result["log_tail"]) == 16 * 1024


def test_one_huge_line_and_bytes_that_are_no_text():
    code = (
        "import sys; w = sys.stdout.buffer.write; w(b'x' * 9_000_000 + b'\\n');"
        "w(b'caf\\xe9\\n{\"loss\": 4}')"
    )
    result = run(python(code))
    assert result["metrics"] == {"loss": 4}
    assert result["log_tail"].endswith('caf\ufffd\n{"loss": 4}')


def test_input_is_empty():
    assert run(python("import sys; print('{\"n\": %d}' % len(sys.stdin.read()))"))["metrics"] == {
        "n": 0
    }


# On executors


@pytest.mark.parametrize("make", [Inline, lambda: Processes(2)], ids=["inline", "processes"])
def test_runs_on_every_executor(make):
    command = python("import sys; print('{\"loss\": %s}' % sys.argv[1])", "{x}")
    payloads = [{"number": n, "params": {"x": n / 2}} for n in range(4)]
    outcomes = run_jobs(make(), command, payloads)
    assert {o.key: o.result["metrics"]["loss"] for o in outcomes} == {0: 0, 1: 0.5, 2: 1, 3: 1.5}


def test_killing_a_job_kills_its_program_and_keeps_its_output():
    code = (
        "import os, time; print('pid', os.getpid()); print('{\"step\": 0, \"loss\": 1}');"
        "time.sleep(600)"
    )
    executor = Processes(1)
    executor.open(python(code), lambda key, message: executor.stop(key))
    try:
        executor.start(Job(0, {"number": 0, "params": {}}, Limits(grace=0)))
        (outcome,) = executor.poll()
    finally:
        executor.close()
    assert outcome.ending == "stopped"
    word, pid, *_ = outcome.output.split()
    assert word == "pid"
    await_end(int(pid))


def test_a_job_that_is_killed_leaves_no_files(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)  # so that it is looked up again
    command = python("import os, signal; os.kill(os.getppid(), signal.SIGKILL)", "{params_file}")
    executor = Processes(1)
    executor.open(command, lambda key, message: None)
    try:
        executor.start(Job(0, {"number": 0, "params": {}}))
        (outcome,) = executor.poll()
        left = list(tmp_path.rglob("params.json"))
    finally:
        executor.close()
    assert outcome.ending == "crash"
    assert len(left) == 1  # the worker had no time to remove it
    assert list(tmp_path.iterdir()) == []


def test_finds_its_folder_though_the_system_has_cleared_it_away(tmp_path, monkeypatch):
    monkeypatch.setenv("LUTHIER_SCRATCH", str(tmp_path / "cleared" / "away"))
    assert run(prints('{"n": 1}'))["metrics"] == {"n": 1}


def test_a_shell_script_needs_no_library(tmp_path):
    script = tmp_path / "train.sh"
    script.write_text('echo "training with $1"\necho "{\\"loss\\": 0.5}"\n')
    subprocess.run(["sh", "-n", str(script)], check=True)
    assert run(Command(["sh", str(script), "{x}"]), {"x": 3})["metrics"] == {"loss": 0.5}
