"""The HTTP service under 200 workers on loopback: ask and tell pairs per second, p99, memory.

``luthier serve`` runs in a process of its own, on an SQLite file and with a token; the simulated
workers run in another one, each on a connection of its own. A worker asks for a trial, tells its
result and asks again, as fast as it is answered. The time of each request is taken by the worker.

Memory is that of the service's process. First all trials belong to one study, whose history the
service keeps; then they are spread over studies of a thousand trials, of which it keeps four.

    python benchmarks/service.py [--workers 200] [--trials 20000] [--memory-trials 100000]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
from _processes import fresh
from _report import Measure, report

from luthier.service.tokens import new_token, write_tokens
from luthier.storage._http_client import HttpClient

SPACE = {
    "lr": {"type": "float", "low": 1e-5, "high": 1.0, "log": True},
    "layers": {"type": "int", "low": 1, "high": 8},
    "optimizer": ["sgd", "adam", "lion"],
}
PER_STUDY = 1000
KEPT = 4


@dataclass
class Load:
    """What the workers have seen."""

    pairs: int = 0
    seconds: float = 0.0
    errors: list[str] = field(default_factory=list)
    took: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.pairs / self.seconds

    def percentile(self, share: float) -> float:
        """Return how many milliseconds this share of the requests took at most."""
        ordered = sorted(self.took)
        return 1e3 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=200, help="default 200")
    parser.add_argument("--trials", type=int, default=20_000, help="trials a run (default 20000)")
    parser.add_argument(
        "--memory-trials", type=int, default=100_000, help="for memory (default 100000; 0: none)"
    )
    parser.add_argument("--runs", type=int, default=3, help="default 3")
    options = parser.parse_args()

    loads, busy = [], []
    for _ in range(options.runs):
        with serving() as (service, process):
            service.create("load")
            before = cpu_seconds(process)
            loads.append(fresh(work, service.url, service.token, "load", *_load_of(options)))
            busy.append(1e3 * (cpu_seconds(process) - before) / options.trials)
    measures = [
        Measure("ask and tell", "pairs/s", [load.rate for load in loads], at_least=500.0),
        Measure("a request, median", "ms", [load.percentile(0.5) for load in loads]),
        Measure("a request, p99", "ms", [load.percentile(0.99) for load in loads], at_most=250.0),
        Measure("requests that failed", "", [len(load.errors) for load in loads], at_most=0.0),
        Measure("processor time of the service, each pair", "ms", busy),
    ]
    if options.memory_trials:
        measures += memory(options.workers, options.memory_trials)
    for error in sorted({error for load in loads for error in load.errors})[:5]:
        print(error)
    sys.exit(report(f"{options.workers} workers on one service", measures))


def _load_of(options: argparse.Namespace) -> tuple[int, int]:
    return options.workers, options.trials


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def memory(workers: int, trials: int) -> list[Measure]:
    """Return what the service's memory does over many trials."""
    with serving() as (service, process):
        service.create("one")
        fresh(work, service.url, service.token, "one", workers, PER_STUDY)
        before = process.memory_info().rss
        fresh(work, service.url, service.token, "one", workers, trials)
        one = process.memory_info().rss - before
    with serving("--max-studies", str(KEPT)) as (service, process):
        half: list[int] = []
        after: list[int] = []
        for index in range(max(2, trials // PER_STUDY)):
            service.create(f"study-{index}")
            fresh(work, service.url, service.token, f"study-{index}", workers, PER_STUDY)
            (half if 2 * index < trials // PER_STUDY else after).append(process.memory_info().rss)
    growth = 1e-6 * (max(after) - max(half))
    return [
        Measure(f"one study of {trials} trials: memory of each", "kB", [1e-3 * one / trials]),
        Measure(
            f"{trials} trials in studies of {PER_STUDY}: growth in the second half",
            "MB",
            [growth],
            at_most=10.0,
        ),
        Measure("the service in the end", "MB", [1e-6 * after[-1]]),
    ]


class Running:
    """A service that runs, and the way to it."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token

    def create(self, study: str) -> None:
        client = HttpClient(self.url, self.token)
        client.request("POST", ("studies",), {"name": study, "space": SPACE, "sampler": "random"})
        client.close()


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[Running, psutil.Process]]:
    """Start a service on a new SQLite file, and end it as an operator does."""
    with tempfile.TemporaryDirectory() as folder:
        secret, token = new_token("benchmark", "admin")
        write_tokens(f"{folder}/tokens.json", [token])
        command = [sys.executable, "-m", "luthier", "serve", "--port", "0", "--rate", "0"]
        command += ["--storage", f"{folder}/load.db", "--tokens", f"{folder}/tokens.json"]
        process = subprocess.Popen([*command, *arguments], stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        line = process.stderr.readline()
        match = re.search(r"(http://\S+)$", line.strip())
        assert match is not None, line
        try:
            yield Running(match[1], secret), psutil.Process(process.pid)
        finally:
            process.terminate()
            assert process.wait(60) == 0
            process.stderr.close()


def work(url: str, token: str, study: str, workers: int, trials: int) -> Load:
    """Be all the workers; runs in a process of its own."""
    return asyncio.run(_work(url, token, study, workers, trials))


async def _work(url: str, token: str, study: str, workers: int, trials: int) -> Load:
    load = Load()
    left = iter(range(trials))
    began = time.perf_counter()
    await asyncio.gather(
        *(
            _worker(url, token, study, f"worker-{n}-{os.getpid()}", left, load)
            for n in range(workers)
        )
    )
    load.seconds = time.perf_counter() - began
    return load


async def _worker(
    url: str, token: str, study: str, owner: str, left: Iterator[int], load: Load
) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    common = f"Host: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"

    async def post(path: str, body: dict[str, object], key: str) -> dict[str, object]:
        data = json.dumps(body)
        head = f"POST /v1/studies/{study}/{path} HTTP/1.1\r\n{common}Idempotency-Key: {key}\r\n"
        began = time.perf_counter()
        writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n{data}".encode())
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"content-length: (\d+)", answer, re.IGNORECASE)
        content = await reader.readexactly(int(length[1]) if length else 0)
        load.took.append(time.perf_counter() - began)
        if not answer.startswith("HTTP/1.1 200"):
            load.errors.append(f"{answer.splitlines()[0]}: {content[:200]!r}")
        parsed: dict[str, object] = json.loads(content)
        return parsed

    for number in left:
        asked = await post("ask", {"owner": owner}, f"{owner}-{number}")
        trial = asked.get("trial")
        if not isinstance(trial, dict):
            load.errors.append(f"no trial: {asked}")
            continue
        result = {"attempt": trial["attempt"], "values": trial["params"]["lr"]}
        await post(f"trials/{trial['number']}/tell", result, f"{owner}-{number}t")
        load.pairs += 1
    writer.close()


if __name__ == "__main__":
    main()
