"""The executor of persistent worker processes, with real crashes, kills and limits."""

import importlib.util
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import cloudpickle
import psutil
import pytest

from luthier.errors import ExecutorError, InvalidInput, ObjectiveError
from luthier.executors import Job, Limits, Processes
from luthier.testing.executors import ExecutorContract, run_jobs

PATIENCE = 20.0  # seconds; what is waited for takes a small part of it


def nothing(key, message):
    return None


def eventually(condition):
    """Wait for a condition without a guess of how long it takes."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class TestProcesses(ExecutorContract):
    @pytest.fixture
    def executor(self):
        return Processes(2)


class TestOneWorker(ExecutorContract):
    @pytest.fixture
    def executor(self):
        return Processes(1, capture_output=False)


@pytest.fixture
def run():
    """Run payloads, one after the other, on one worker; return the outcomes."""
    opened = []

    def run(task, *payloads, limits=None, handler=nothing, **options):
        executor = Processes(1, **options)
        opened.append(executor)
        executor.open(task, handler)
        outcomes = []
        for key, payload in enumerate(payloads):
            executor.start(Job(key, payload, limits or Limits()))
            outcomes += executor.poll()
        return outcomes

    yield run
    for executor in opened:
        executor.close()


def perform(payload, channel):
    """Run the task that comes with a payload."""
    task, own = payload
    return task(own, channel)


@pytest.fixture(scope="module")
def standing():
    """One executor, open for all that need no worker or task of their own."""
    executor = Processes(1)
    handlers = []
    executor.open(perform, lambda key, message: handlers[-1](key, message))
    yield executor, handlers
    executor.close()


@pytest.fixture
def share(standing):
    """Run payloads as `run` does, on a worker that the tests share; each brings its task."""
    executor, handlers = standing

    def share(task, *payloads, limits=None, handler=nothing):
        handlers.append(handler)
        outcomes = []
        for key, payload in enumerate(payloads):
            executor.start(Job(key, (task, payload), limits or Limits()))
            outcomes += executor.poll()
        return outcomes

    return share


@pytest.fixture
def children():
    """Return a function that lists the child processes that this test has started."""
    before = psutil.Process().children()
    return lambda: [child for child in psutil.Process().children() if child not in before]


# Crashes


def crash_task():
    def task(payload, channel):
        import ctypes
        import os
        import signal
        import sys

        print("about to", payload)
        match payload:
            case "segfault":
                ctypes.string_at(0)
            case "abort":
                os.abort()
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "_exit":
                os._exit(3)
            case "exit":
                sys.exit(4)
        return "alive"

    return task


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("segfault", "was killed by SIGSEGV"),
        ("abort", "was killed by SIGABRT"),
        ("kill", "was killed by SIGKILL (the system may have run out of memory)"),
        ("_exit", "exited with code 3"),
        ("exit", "exited with code 4"),
    ],
)
def test_a_crash_ends_one_job_and_the_worker_is_replaced(share, how, words):
    crashed, after = share(crash_task(), how, "nothing")
    assert crashed.ending == "crash"
    assert crashed.error == f"the worker process {words}"
    assert crashed.output.startswith(f"about to {how}\n")
    assert crashed.result is None
    assert (after.ending, after.result, after.output) == ("done", "alive", "about to nothing\n")


def test_the_output_of_a_fatal_signal_has_the_python_stack(share):
    (crashed,) = share(crash_task(), "segfault")
    assert "Segmentation fault" in crashed.output
    assert "in task" in crashed.output


def test_crashes_beside_other_jobs_lose_none_of_them():
    def task(payload, channel):
        import os

        if payload % 10 == 3:
            os._exit(1)
        return payload

    outcomes = run_jobs(Processes(2), task, range(60))
    assert len(outcomes) == 60
    assert {o.key for o in outcomes if o.ending == "crash"} == {3, 13, 23, 33, 43, 53}
    assert all(o.result == o.key for o in outcomes if o.ending == "done")


def test_sees_a_death_though_a_fork_keeps_the_pipe_open(share):
    def task(payload, channel):
        import os
        import time

        pid = os.fork()
        if pid == 0:
            time.sleep(600)
        channel.send(pid)
        os._exit(5)

    pids = []
    (crashed,) = share(task, None, handler=lambda key, pid: pids.append(pid))
    assert (crashed.ending, crashed.error) == ("crash", "the worker process exited with code 5")
    eventually(lambda: gone(pids[0]))


def test_a_worker_that_closes_its_channel_is_killed(share, monkeypatch):
    monkeypatch.setattr("luthier.executors._watcher._HANG_UP", 0.1)

    def task(payload, channel):
        import os
        import time

        os.closerange(3, 256)
        time.sleep(600)

    (crashed,) = share(task, None)
    assert crashed.ending == "crash"
    assert crashed.error == "the worker process closed its channel to the study"


def test_a_worker_that_dies_idle_costs_no_job():
    executor = Processes(1)
    executor.open(lambda payload, channel: os.getpid(), nothing)
    try:
        executor.start(Job(0, None))
        (first,) = executor.poll()
        os.kill(first.result, signal.SIGKILL)
        eventually(lambda: not psutil.pid_exists(first.result))  # the executor has reaped it
        executor.start(Job(1, None))
        (second,) = executor.poll()
        assert second.ending == "done"
        assert second.result != first.result
    finally:
        executor.close()


# Limits


def test_a_job_that_ignores_everything_is_killed_after_its_time(share):
    def task(payload, channel):
        import signal

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while payload:
            try:
                while True:
                    pass
            except BaseException:
                pass
        return "fine"

    late, after = share(task, True, False, limits=Limits(seconds=0.2, grace=0.1))
    assert late.ending == "timeout"
    assert late.error == "ran longer than its limit of 0.2 seconds"
    assert 0.3 <= late.seconds < 5.0  # measured: 0.31
    assert after.result == "fine"


def test_time_limits_hold_on_a_replaced_worker(run):
    def task(payload, channel):
        import os
        import time

        if payload == "die":
            os._exit(1)
        time.sleep(600)

    _, late = run(task, "die", "sleep", limits=Limits(seconds=0.1, grace=0))
    assert late.ending == "timeout"


def test_a_job_may_save_its_work_when_its_time_is_over(share):
    def task(payload, channel):
        while not channel.stopping:
            pass
        return "saved"

    (outcome,) = share(task, None, limits=Limits(seconds=0.1, grace=PATIENCE))
    assert (outcome.ending, outcome.result) == ("timeout", "saved")


def test_time_limits_hold_while_the_study_is_busy(children):
    def task(payload, channel):
        import time

        time.sleep(600)

    executor = Processes(1)
    executor.open(task, nothing)
    try:
        executor.start(Job(0, None, Limits(seconds=0.1, grace=0)))
        (worker,) = children()
        eventually(lambda: gone(worker.pid))  # without a call of poll
        (outcome,) = executor.poll()
        assert outcome.ending == "timeout"
    finally:
        executor.close()


def test_a_result_that_was_in_time_counts_however_late_it_is_read():
    executor = Processes(1)
    executor.open(lambda payload, channel: "x" * payload, nothing)
    try:
        executor.start(Job(0, 5_000_000, Limits(seconds=0.5, grace=0.1)))
        time.sleep(0.8)  # the study computes, far beyond limit and grace
        (outcome,) = executor.poll()
        assert (outcome.ending, len(outcome.result)) == ("done", 5_000_000)
    finally:
        executor.close()


def test_a_job_that_takes_too_much_memory_is_killed(share):
    def task(payload, channel):
        import time

        hog = bytearray(payload)
        hog[::4096] = b"x" * len(hog[::4096])
        if payload > 2**20:
            time.sleep(600)
        return "small"

    hog, after = share(task, 250 * 2**20, 1, limits=Limits(memory=150 * 2**20))
    assert hog.ending == "memory"
    assert hog.error.startswith("held ")
    assert hog.error.endswith(" MiB of memory; its limit is 150 MiB")
    assert after.result == "small"


def test_the_memory_of_child_processes_counts_and_they_die_too(share):
    def task(payload, channel):
        import subprocess
        import sys

        code = "import time; hog = b'x' * (200 * 2**20); time.sleep(600)"
        child = subprocess.Popen([sys.executable, "-c", code])
        channel.send(child.pid)
        child.wait()

    pids = []
    (hog,) = share(
        task, None, limits=Limits(memory=150 * 2**20), handler=lambda key, pid: pids.append(pid)
    )
    assert hog.ending == "memory"
    eventually(lambda: gone(pids[0]))


def test_memory_that_forks_share_counts_once(share):
    def task(payload, channel):
        import os
        import signal
        import time

        shared = b"x" * (60 * 2**20)
        pids = []
        for _ in range(4):
            pid = os.fork()
            if pid == 0:
                time.sleep(600)
            pids.append(pid)
        time.sleep(0.4)  # several looks at the memory
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        return len(shared)

    (outcome,) = share(task, None, limits=Limits(memory=200 * 2**20))
    assert (outcome.ending, outcome.result) == ("done", 60 * 2**20)


ORPHAN = ["sh", "-c", "(sleep 600 > /dev/null & echo $!)"]
ORPHAN_IN_A_GROUP = ["sh", "-c", "(sleep 600 > /dev/null & echo $!); exec sleep 600"]


@pytest.mark.parametrize(
    ("args", "options"),
    [
        (["sh", "-c", "echo $$; exec sleep 600"], {}),
        (["sh", "-c", "echo $$; exec sleep 600"], {"start_new_session": True}),
        (ORPHAN, {}),
        (ORPHAN_IN_A_GROUP, {"start_new_session": True}),
    ],
    ids=["child", "child in its session", "orphan", "orphan in a session"],
)
def test_killing_a_job_kills_its_children(args, options):
    def task(payload, channel):
        import subprocess
        import time

        child = subprocess.Popen(args, stdout=subprocess.PIPE, text=True, **options)
        channel.send(int(child.stdout.readline()))
        time.sleep(600)

    pids = []

    def handler(key, pid):
        pids.append(pid)
        executor.stop(key)

    executor = Processes(1)
    executor.open(task, handler)
    try:
        executor.start(Job(0, None, Limits(grace=0)))
        (outcome,) = executor.poll()
        assert outcome.ending == "stopped"
        eventually(lambda: gone(pids[0]))
    finally:
        executor.close()


def test_a_job_that_does_not_stop_is_killed_after_its_grace():
    def task(payload, channel):
        import time

        channel.send("running")
        time.sleep(600)

    executor = Processes(1)
    executor.open(task, lambda key, message: executor.stop(key))
    try:
        executor.start(Job(7, None, Limits(grace=0.2)))
        (outcome,) = executor.poll()
        assert (outcome.key, outcome.ending, outcome.error) == (7, "stopped", "stopped")
        assert outcome.seconds < PATIENCE
    finally:
        executor.close()


# What goes in and out


def test_needs_no_guard_in_the_script_and_takes_what_it_defines(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys
            from luthier.executors import Job, Processes

            class Point:
                def __init__(self, x):
                    self.x = x

            FACTOR = 3

            def double(point):
                return Point(FACTOR * point.x)

            def task(payload, channel):
                return double(payload), sys.argv[1:], channel.ask(Point)

            print("top level")
            executor = Processes(1)
            executor.open(task, lambda key, message: message is Point)
            executor.start(Job(0, Point(7)))
            (outcome,) = executor.poll()
            point, argv, same = outcome.result
            assert type(point) is Point, outcome
            print(point.x, argv, same)
            executor.close()
            """
        )
    )
    done = subprocess.run(
        [sys.executable, str(script), "--flag"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "top level\n21 ['--flag'] True\n"
    assert done.stderr == ""


def test_workers_have_our_path_directory_and_variables(run, monkeypatch, tmp_path):
    (tmp_path / "module_of_the_user.py").write_text("VALUE = 'found'")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("OF_THE_USER", "set")

    def task(payload, channel):
        import os

        import module_of_the_user

        return module_of_the_user.VALUE, os.getcwd(), os.environ["OF_THE_USER"]

    (outcome,) = run(task, None)
    assert outcome.result == ("found", str(tmp_path), "set")


def test_carries_large_values_both_ways(share):
    payload = os.urandom(8_000_000)
    (outcome,) = share(
        lambda payload, channel: channel.ask(payload),
        payload,
        handler=lambda key, message: message[::-1],
    )
    assert outcome.result == payload[::-1]


def test_a_large_task_is_carried_to_all_workers():
    data = os.urandom(4_000_000)
    outcomes = run_jobs(Processes(3), lambda payload, channel: data[payload], range(9))
    assert {o.key: o.result for o in outcomes} == {k: data[k] for k in range(9)}


class Unloadable:
    """Pickles well, and then calls a function instead of being loaded."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def test_results_that_cannot_travel_are_errors(share):
    def task(payload, channel):
        import operator
        import threading

        if payload == "pickle":
            return threading.Lock()

        class Fails:
            def __reduce__(self):
                return operator.truediv, (1, 0)

        return Fails()

    pickle, unpickle = share(task, "pickle", "unpickle")
    assert pickle.ending == unpickle.ending == "error"
    assert pickle.error.startswith("the result cannot be pickled: TypeError: cannot pickle")
    assert unpickle.error == ("the result cannot be unpickled: ZeroDivisionError: division by zero")


def test_an_exception_that_cannot_be_pickled_is_told_in_full(share):
    def task(payload, channel):
        class Strange(Exception):
            def __init__(self, a, b):
                super().__init__(f"{a} and {b}")
                self.lock = __import__("threading").Lock()

        raise Strange("this", "that")

    (outcome,) = share(task, None)
    assert outcome.ending == "error"
    assert outcome.error.endswith("Strange: this and that")
    assert 'raise Strange("this", "that")' in outcome.traceback


def test_takes_functions_of_a_module_that_workers_cannot_find(tmp_path):
    file = tmp_path / "loaded_by_path.py"
    file.write_text(
        "class Number:\n"
        "    def __init__(self, n):\n"
        "        self.n = n\n"
        "def task(payload, channel):\n"
        "    return Number(3 * payload.n)\n"
    )
    spec = importlib.util.spec_from_file_location("loaded_by_path", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["loaded_by_path"] = module
    try:
        spec.loader.exec_module(module)
        (outcome,) = run_jobs(Processes(1), module.task, [module.Number(5)])
        assert type(outcome.result) is module.Number
        assert outcome.result.n == 15
    finally:
        cloudpickle.unregister_pickle_by_value(module)
        del sys.modules["loaded_by_path"]


def test_an_objective_that_cannot_be_sent_is_refused():
    lock = threading.Lock()
    executor = Processes(1)
    with pytest.raises(ObjectiveError, match=r"cannot be sent to workers: .*lock"):
        executor.open(lambda payload, channel: lock, nothing)


def test_an_objective_that_cannot_be_loaded_is_refused(children):
    executor = Processes(2)
    with pytest.raises(ObjectiveError, match=r"worker process: ModuleNotFoundError: .*nowhere"):
        executor.open(Unloadable(__import__, "nowhere"), nothing)
    assert children() == []


def test_workers_that_die_while_they_start_are_an_error(children):
    executor = Processes(2)
    with pytest.raises(ExecutorError, match="the worker process exited with code 7"):
        executor.open(Unloadable(os._exit, 7), nothing)
    assert children() == []


def test_workers_that_do_not_start_in_time_are_an_error(children):
    executor = Processes(2, start_timeout=0.2)
    with pytest.raises(ExecutorError, match=r"did not start within 0\.2 seconds"):
        executor.open(Unloadable(time.sleep, 600), nothing)
    assert children() == []


def test_a_payload_that_cannot_be_pickled_takes_no_slot():
    executor = Processes(1)
    executor.open(lambda payload, channel: payload, nothing)
    try:
        with pytest.raises(InvalidInput, match="Job: payload"):
            executor.start(Job(0, threading.Lock()))
        executor.start(Job(0, "good"))
        with pytest.raises(InvalidInput, match="Job: key"):
            executor.start(Job(0, "again"))
        with pytest.raises(ExecutorError, match="slots are taken"):
            executor.start(Job(1, "too many"))
        assert executor.poll()[0].result == "good"
    finally:
        executor.close()


def test_outcomes_survive_a_broken_handler():
    def handler(key, message):
        if message == "bad":
            raise LookupError(message)

    def task(payload, channel):
        channel.send(payload)
        return payload

    executor = Processes(1)
    executor.open(task, handler)
    try:
        executor.start(Job(0, "bad"))
        with pytest.raises(LookupError):
            executor.poll()
        assert executor.poll()[0].result == "bad"
    finally:
        executor.close()


def test_a_thread_that_outlives_its_job_cannot_speak_for_the_next(run):
    def task(payload, channel):
        import threading

        if payload == "first":
            task.go = threading.Event()
            task.failed = threading.Event()

            def late():
                task.go.wait()
                try:
                    channel.send("late")
                except RuntimeError:
                    task.failed.set()

            threading.Thread(target=late, daemon=True).start()
            return "left a thread"
        task.go.set()
        return task.failed.wait(20)

    heard = []
    outcomes = run(task, "first", "second", handler=lambda key, message: heard.append(message))
    assert [o.result for o in outcomes] == ["left a thread", True]
    assert heard == []


def test_a_fork_that_comes_back_does_not_speak_for_its_worker(share):
    def task(payload, channel):
        import os

        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
            return "parent"
        return "child"

    outcomes = share(task, 0, 1)
    assert [o.result for o in outcomes] == ["parent", "parent"]


def test_a_failure_of_the_watcher_is_told_and_leaves_no_worker(children, monkeypatch):
    def fail(self):
        raise OSError("no luck")

    monkeypatch.setattr("luthier.executors._output.OutputFile.trim", fail)
    executor = Processes(2)
    executor.open(lambda payload, channel: time.sleep(600), nothing)
    try:
        executor.start(Job(0, None))
        with pytest.raises(ExecutorError, match="cannot be watched any more: no luck"):
            executor.poll()
        assert children() == []
    finally:
        executor.close()


# Output


def test_captures_the_output_of_python_c_and_children_for_the_right_job(share):
    def task(payload, channel):
        import ctypes
        import os
        import sys

        print(f"python {payload}", end="")
        print(" error", file=sys.stderr)
        os.system(f"echo child {payload}")
        ctypes.CDLL(None).printf(b"C %d\n", payload)

    outcomes = share(task, 1, 2)
    texts = [o.output for o in outcomes]
    assert texts == [f"python {n} error\nchild {n}\nC {n}\n" for n in (1, 2)]


def test_keeps_the_end_of_a_flood_of_output(share):
    def task(payload, channel):
        line = "x" * 999 + "\n"
        for _ in range(payload):
            print(line, end="")
        print("the end")

    flood, after = share(task, 40_000, 0)
    assert len(flood.output) == 16 * 1024
    assert flood.output.endswith("xxx\nthe end\n")
    assert after.output == "the end\n"


def test_a_long_flood_is_trimmed_while_it_flows(share):
    def task(payload, channel):
        import os

        size = 0
        for number in range(300):
            print("y" * 100_000, number)
            size = max(size, os.fstat(1).st_size)
            channel.ask(number)
        return size

    (outcome,) = share(task, None, handler=lambda key, number: time.sleep(0.001))
    assert outcome.output.endswith("yyy 299\n")
    assert len(outcome.output) == 16 * 1024
    assert outcome.result < 25_000_000  # of 30 million written


def test_output_that_is_no_text_is_shown_as_far_as_it_goes(share):
    def task(payload, channel):
        import os

        os.write(1, b"caf\xe9 \xff")
        print("ü \ud800")

    (outcome,) = share(task, None)
    assert outcome.ending == "done"
    assert outcome.output == "caf\ufffd \ufffdü \\ud800\n"


def test_output_passes_through_if_it_is_not_captured():
    code = textwrap.dedent(
        """
        from luthier.executors import Job, Processes
        executor = Processes(1, capture_output=False)
        executor.open(lambda payload, channel: print("from the job"), print)
        executor.start(Job(0, None))
        (outcome,) = executor.poll()
        executor.close()
        assert outcome.output == ""
        """
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "from the job\n"


# Slots, GPUs, threads


def environment_of_each_worker(*names, **options):
    """Return what each worker's environment has of these names, in a fixed order."""
    executor = Processes(**options)

    def task(payload, channel):
        import os

        return tuple(os.environ.get(name) for name in names)

    return sorted(o.result for o in run_jobs(executor, task, range(executor.slots)))


def test_workers_take_all_cores_by_default():
    cores = len(os.sched_getaffinity(0))
    assert Processes().slots == Processes(-1).slots == cores


def test_each_worker_sees_its_gpu(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    name = "CUDA_VISIBLE_DEVICES"
    shared = environment_of_each_worker(name, gpus=[3, "GPU-8f2a"], trials_per_gpu=2)
    assert shared == [("3",), ("3",), ("GPU-8f2a",), ("GPU-8f2a",)]
    assert environment_of_each_worker(name, gpus=(0, 1, 2), workers=2) == [("0",), ("1",)]


def test_gpu_numbers_count_among_the_visible_ones(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-77")
    assert environment_of_each_worker("CUDA_VISIBLE_DEVICES", gpus=[1, 0]) == [("4",), ("GPU-77",)]
    with pytest.raises(InvalidInput, match="a number below 2, since CUDA_VISIBLE_DEVICES is"):
        Processes(gpus=[2]).open(lambda payload, channel: None, nothing)


def test_a_replaced_worker_keeps_its_gpu(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def task(payload, channel):
        import os

        if payload:
            os._exit(1)
        return os.environ["CUDA_VISIBLE_DEVICES"]

    executor = Processes(gpus=[5, 6])
    outcomes = run_jobs(executor, task, [True, True, False, False])
    assert sorted(o.result for o in outcomes if o.ending == "done") == ["5", "6"]


def test_threads_of_numerical_libraries_share_the_cores(monkeypatch):
    cores = len(os.sched_getaffinity(0))
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    each = str(max(1, cores // 2))
    assert environment_of_each_worker(*names, workers=2) == [(each, "7")] * 2
    explicit = environment_of_each_worker(*names, workers=1, threads_per_worker=3)
    assert explicit == [("3", "3")]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"workers": 0}, "workers"),
        ({"workers": -2}, "workers"),
        ({"workers": True}, "workers"),
        ({"gpus": []}, "gpus"),
        ({"gpus": [0, 0]}, "gpus"),
        ({"gpus": [-1]}, "gpus"),
        ({"gpus": [""]}, "gpus"),
        ({"gpus": "01"}, "gpus: got '01'; allowed: a list of GPUs, such as"),
        ({"gpus": "cuda"}, "gpus: got 'cuda'"),
        ({"gpus": 2}, "gpus: got 2; allowed: a list of GPUs, such as"),
        ({"gpus": [0], "workers": 2}, "workers"),
        ({"gpus": [0], "trials_per_gpu": 0}, "trials_per_gpu"),
        ({"workers": 2, "trials_per_gpu": 2}, "trials_per_gpu"),
        ({"threads_per_worker": 0}, "threads_per_worker"),
        ({"start_timeout": 0}, "start_timeout"),
    ],
)
def test_refuses_what_makes_no_sense(options, field):
    with pytest.raises(InvalidInput, match=f"Processes: {field}"):
        Processes(**options)


@pytest.mark.parametrize(
    "limits", [{"seconds": 0}, {"seconds": float("nan")}, {"memory": -1}, {"grace": -0.1}]
)
def test_limits_must_make_sense(limits):
    with pytest.raises(InvalidInput, match="Limits: "):
        Limits(**limits)


# Life and death


def test_ctrl_c_is_not_for_workers(share):
    def task(payload, channel):
        import os
        import signal

        os.kill(os.getpid(), signal.SIGINT)
        return os.getpgid(0) == os.getpid()  # and the terminal's does not reach its group

    (outcome,) = share(task, None)
    assert outcome.result is True


def test_close_ends_every_process_at_once(children):
    def task(payload, channel):
        import subprocess
        import time

        channel.send(subprocess.Popen(["sleep", "600"]).pid)
        time.sleep(600)

    pids = []
    executor = Processes(2)
    executor.open(task, lambda key, pid: pids.append(pid))
    executor.start(Job(0, None))
    while not pids:
        executor.poll(0.1)
    workers = [child.pid for child in children()]
    assert len(workers) == 2
    executor.close()
    assert all(not psutil.pid_exists(pid) for pid in workers)
    eventually(lambda: gone(pids[0]))


def test_workers_and_their_children_die_with_the_study(tmp_path):
    script = tmp_path / "study.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, signal, subprocess
            from luthier.executors import Job, Processes

            def stubborn(payload, channel):
                for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                    signal.signal(number, signal.SIG_IGN)
                child = subprocess.Popen(["sleep", "600"], start_new_session=True)
                channel.send((os.getpid(), child.pid))
                while True:
                    try:
                        while True:
                            pass
                    except BaseException:
                        pass

            executor = Processes(2)
            executor.open(stubborn, lambda key, pids: print(*pids, flush=True))
            executor.start(Job(0, None))
            executor.start(Job(1, None))
            executor.poll()
            """
        )
    )
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True
    ) as study:
        pids = [int(word) for _ in range(2) for word in study.stdout.readline().split()]
        assert len(pids) == 4
        study.kill()
        eventually(lambda: all(gone(pid) for pid in pids))  # measured: 0.5 seconds


def test_runs_thousands_of_jobs_per_second():
    executor = Processes(2)
    executor.open(lambda payload, channel: payload, nothing)
    try:
        best = 0.0
        for _ in range(3):
            began = time.perf_counter()
            started = ended = 0
            while ended < 1000:
                while started < 1000 and started - ended < 2:
                    executor.start(Job(started, {"number": started, "params": {"x": 0.5}}))
                    started += 1
                ended += len(executor.poll())
            best = max(best, 1000 / (time.perf_counter() - began))
    finally:
        executor.close()
    assert best > 1000  # measured: 18,000


def test_waiting_costs_next_to_nothing():
    def task(payload, channel):
        import time

        time.sleep(0.5)

    executor = Processes(2)
    executor.open(task, nothing)
    try:
        executor.start(Job(0, None))
        began = time.process_time()
        executor.poll()
        assert time.process_time() - began < 0.1  # measured: 0.003
    finally:
        executor.close()


def test_poll_keeps_its_time():
    executor = Processes(1)
    executor.open(lambda payload, channel: time.sleep(600), nothing)
    try:
        executor.start(Job(0, None))
        for timeout in (0.0, 0.1):
            began = time.monotonic()
            assert executor.poll(timeout) == []
            assert timeout <= time.monotonic() - began < timeout + 2
    finally:
        executor.close()


def test_the_time_in_which_a_job_waits_for_an_answer_does_not_count():
    def slow(key, message):
        time.sleep(1.5)
        return "at last"

    def asks(payload, channel):
        return channel.ask("well?")

    executor = Processes(1)
    executor.open(asks, slow)
    try:
        executor.start(Job(0, None, Limits(seconds=1.0)))
        (outcome,) = executor.poll()
    finally:
        executor.close()
    assert (outcome.ending, outcome.result) == ("done", "at last")


def test_a_worker_that_is_killed_as_it_starts_is_replaced(monkeypatch):
    from luthier.executors import _process

    spawn, killed = _process.Worker._spawn, []

    def doomed(worker, theirs, environment):
        process = spawn(worker, theirs, environment)
        if not killed:
            killed.append(process.pid)
            process.kill()
        return process

    monkeypatch.setattr(_process.Worker, "_spawn", doomed)
    executor = Processes(2)
    executor.open(lambda payload, channel: payload, lambda key, message: None)
    try:
        executor.start(Job(0, "alive"))
        (outcome,) = executor.poll()
    finally:
        executor.close()
    assert killed
    assert outcome.result == "alive"
