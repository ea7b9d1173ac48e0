"""The option ``--no-skips`` of this test suite."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

A_PASS = "def test_passes(): pass\n"
A_SKIP = "import pytest\n@pytest.mark.skip(reason='no server')\ndef test_skips(): pass\n"
A_SKIPPED_MODULE = "import pytest\npytest.importorskip('no_such_module')\n"


@pytest.mark.parametrize(
    ("source", "option", "status"),
    [
        (A_PASS, "--no-skips", pytest.ExitCode.OK),
        (A_PASS + A_SKIP, "--no-skips", pytest.ExitCode.TESTS_FAILED),
        (A_PASS + A_SKIP, "--quiet", pytest.ExitCode.OK),
    ],
    ids=["nothing skipped", "one skipped", "one skipped, option not given"],
)
def test_exit_status(tmp_path: Path, source: str, option: str, status: int) -> None:
    assert run_pytest(tmp_path, option, test_one=source) == status


def test_a_module_skipped_as_a_whole_counts(tmp_path: Path) -> None:
    sources = {"test_one": A_PASS, "test_two": A_SKIPPED_MODULE}
    assert run_pytest(tmp_path, "--no-skips", **sources) == pytest.ExitCode.TESTS_FAILED
    assert run_pytest(tmp_path, "--quiet", **sources) == pytest.ExitCode.OK


def run_pytest(folder: Path, option: str, **sources: str) -> int:
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", option, str(folder)]
    return subprocess.run(command, cwd=folder, capture_output=True).returncode
