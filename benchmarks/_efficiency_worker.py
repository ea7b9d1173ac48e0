"""What the scripts that run in a peer's environment share: jobs in, records out.

A job is a line of JSON on standard input, an answer one on standard output. What a library
prints itself goes to standard error.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from problems import Problem, get
from problems.runs import Tuner, run
from problems.spaces import Params, Space, Spec, is_active


@dataclass(frozen=True, slots=True)
class Plain:
    """A parameter as every tuner knows it: a "real", a "whole" number, or "one of" some choices.

    Levels and steps become whole numbers, their places; `value` turns them back.
    """

    kind: str
    low: Any = None
    high: Any = None
    log: bool = False
    choices: tuple[Any, ...] = ()


def plain(spec: Spec) -> Plain:
    """Return what a peer is told of a parameter."""
    if spec["type"] == "categorical":
        return Plain("one of", choices=tuple(spec["choices"]))
    if spec["type"] == "ordered":
        return Plain("whole", 0, len(spec["choices"]) - 1)
    if spec["type"] == "float" and spec["step"]:
        return Plain("whole", 0, round((spec["high"] - spec["low"]) / spec["step"]))
    kind = "real" if spec["type"] == "float" else "whole"
    return Plain(kind, spec["low"], spec["high"], spec["log"])


def value(spec: Spec, raw: Any) -> Any:
    """Return the value that a peer's proposal means, within the bounds."""
    if spec["type"] == "categorical":
        return raw
    if spec["type"] == "ordered":
        return spec["choices"][round(raw)]
    if spec["type"] == "float" and spec["step"]:
        return spec["low"] + spec["step"] * round(raw)
    number = round(raw) if spec["type"] == "int" else float(raw)
    return min(max(number, spec["low"]), spec["high"])


def active(space: Space, raw: Params) -> dict[str, Any]:
    """Return the values of what is active, from proposals for all parameters."""
    params: dict[str, Any] = {}
    for name, spec in space.items():
        if is_active(spec, params):
            params[name] = value(spec, raw[name])
    return params


class Losses:
    """One loss per trial for tuners that must be told a number of every trial, failed or not."""

    def __init__(self, problem: Problem) -> None:
        self._sign = problem.signs[0]
        self._worst = 1.0

    def of(self, values: tuple[float, ...] | None) -> float:
        """Return the loss; of a failure the worst one so far."""
        if values is None:
            return self._worst
        loss = self._sign * values[0]
        self._worst = max(self._worst, loss)
        return loss


Make = Callable[[Problem, str, int, int], Tuner]


def serve(make: Make) -> None:
    """Answer jobs until standard input ends.

    Parameters
    ----------
    make : callable
        Takes the problem, the name of the sampler, the seed and the number of trials.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        job = json.loads(line)
        records: list[dict[str, Any]] = []
        error = ""
        try:
            problem = get(job["problem"])
            with limited(job["limit"]):
                tuner = make(problem, job["sampler"], job["seed"], job["trials"])
                for record in run(problem, tuner, job["seed"], job["trials"]):
                    records.append(asdict(record))  # noqa: PERF401 - kept when time is up
        except Exception as problem_of_it:
            error = f"{type(problem_of_it).__name__}: {problem_of_it}"
        print(json.dumps({"records": records, "error": error}), file=answers, flush=True)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` in the block after some time."""

    def stop(*_: Any) -> None:
        raise TimeoutError(f"more than {seconds:g} s")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
