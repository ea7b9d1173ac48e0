"""The benchmarks run: resume.py in earnest, since it proves something, the others at small size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(benchmark: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / benchmark), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


def test_a_killed_study_loses_nothing() -> None:
    done = run("resume.py", "--kills", "4", "--trials", "40")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "MISSED" not in done.stdout
    assert "printed results lost or changed" in done.stdout


@pytest.mark.integration
@pytest.mark.parametrize(
    ("benchmark", "arguments", "measured"),
    [
        ("codec.py", "--rows 50 --runs 1", "conditional: decode 50 rows"),
        ("cluster.py", "--trials 40 --runs 1", "Luthier on ray"),
        ("dispatch.py", "--trials 60 --runs 1 --busy-trials 20", "on dask, trials of 50 ms: busy"),
        ("latency.py", "--ours random --sizes 10,20 --repeats 3", "luthier random"),
        ("load.py", "--trials 300 --runs 1", "SQLite: resident memory gained"),
        ("many_processes.py", "--processes 3 --trials 90 --runs 1", "SQLite: numbers taken twice"),
        ("optuna_scripts.py", f"--optuna {sys.executable} --seeds 2", "branches    luthier"),
        ("overhead.py", "--trials 100 --scale 6000 --runs 1", "SQLite, growth"),
        ("racing.py", "--trials 6 --seeds 1 --folds 4", "SVC, race: mean lost"),
        ("scale.py", "--workers 20 --trials 200", "promote, 20 workers, 200 trials: busy"),
        ("service.py", "--workers 5 --trials 60 --memory-trials 2000 --runs 1", "ask and tell"),
        ("schedulers.py", "--trials 500 --reports 9", "hyperband, 500 trials: first question"),
    ],
)
def test_it_measures(benchmark: str, arguments: str, measured: str) -> None:
    done = run(benchmark, *arguments.split())
    # A bar may be missed: so few trials on a busy machine prove nothing about speed.
    assert done.stderr == ""
    assert done.returncode in (0, 1)
    assert measured in done.stdout
