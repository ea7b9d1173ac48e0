"""The example scripts run as they stand, from any folder and without a guard in the way."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.integration
@pytest.mark.parametrize("name", ["on_ray", "on_dask", "on_slurm"])
def test_it_runs(name, tmp_path):
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), "--trials", "6"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("6 trials, the best: {'lr': ")
    assert "Traceback" not in done.stderr
