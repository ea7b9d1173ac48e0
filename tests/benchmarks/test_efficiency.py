"""The comparison of samplers: runs are kept and gone on with, and the report counts right."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.problems import select
from benchmarks.problems.records import random_search

ROOT = Path(__file__).parents[2]
EFFICIENCY = ROOT / "benchmarks" / "efficiency.py"


def run(*arguments: object) -> str:
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_quick_runner_compares_with_random_search() -> None:
    problems = "branin,cash_digits,zdt1"
    shown = run(
        "-m", "benchmarks.problems.run", "--problems", problems, "--seeds", 2, "--trials", 20
    )
    assert "cash_digits" in shown
    assert "== all 3" in shown


def test_runs_are_kept_and_not_repeated(tmp_path: Path) -> None:
    arguments = ["--ours", "random", "--problems", "branin,shares", "--seeds", 2, "--budget", 20]
    first = run(EFFICIENCY, *arguments, "--results", tmp_path)
    assert "luthier-random: 4 runs of 20 trials" in first
    lines = (tmp_path / "luthier-random.jsonl").read_text().splitlines()
    assert len(lines) == 4 * 20
    # The last run was interrupted: it, and only it, is run again.
    (tmp_path / "luthier-random.jsonl").write_text("\n".join(lines[:-3]) + "\n")
    second = run(EFFICIENCY, *arguments, "--results", tmp_path)
    assert "luthier-random: 1 runs of 20 trials" in second
    again = (tmp_path / "luthier-random.jsonl").read_text().splitlines()[-20:]
    assert [json.loads(line)["regret"] for line in again] == [
        json.loads(line)["regret"] for line in lines[-20:]
    ]


def made_up_runs(folder: Path, sampler: str, share: float, trials: int = 50) -> None:
    """Write runs whose regret is always a share of random search's at the same time."""
    with (folder / f"{sampler}.jsonl").open("w") as file:
        for problem in select():
            median = random_search()[problem.name]["median"]
            for seed in range(4):
                whose = {"sampler": sampler, "problem": problem.name, "seed": seed}
                for trial in range(trials):
                    at = "20" if trial < 20 else "50"
                    regret = share * (1 + 0.1 * seed) / 1.15 * median[at]
                    record = {"trial": trial, "values": [1.0], "regret": regret, "seconds": 0.001}
                    if problem.noise is not None:
                        record["held"] = seed > 0
                    print(json.dumps({**whose, **record}), file=file)


def test_the_report(tmp_path: Path) -> None:
    made_up_runs(tmp_path, "luthier-good", 0.25)
    made_up_runs(tmp_path, "other", 0.5)
    written = tmp_path / "report.md"
    run(
        EFFICIENCY, "--report-only", "--results", tmp_path, "--budget", "20,50",
        "--ours", "good", "--markdown", written,
    )  # fmt: skip
    report = written.read_text()
    everything, *_ = report.split("## All problems")[1].split("##")
    rows = [line.split("|")[1:-1] for line in everything.splitlines() if line.startswith("|")]
    cells = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows[2:]}
    # Seeds, then median, worst quarter (the worst of four) and rank at 20 and at 50 trials.
    assert cells["luthier-good"] == ["4", *["0.250", "0.283", "1.0"] * 2]
    assert cells["other"] == ["4", *["0.500", "0.565", "2.0"] * 2]
    assert "0.250" in report.split("## On one scale")[1].split("luthier-good")[1].splitlines()[0]
    held = report.split("## Intervals")[1].split("luthier-good")[1].splitlines()[0]
    assert held.count("75% of 24") == 2
    against = report.split("## Against each other tuner")[1]
    low, high = against.split("0.50 (")[1].split(")")[0].split(" to ")
    assert 0.4 < float(low) < 0.5 < float(high) < 0.6
