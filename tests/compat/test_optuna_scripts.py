"""Scripts in the style of Optuna's tutorials run unchanged, and get as far as under Optuna.

Each one checks what it shows by assertions, and says in its first lines how good its result has to
be. Under Optuna itself they run with the integration tests.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = sorted((Path(__file__).parent / "optuna_scripts").glob("*.py"))
OURS = "from luthier.compat import optuna"
THEIRS = "import optuna"


@pytest.fixture(autouse=True)
def _loud_again() -> Iterator[None]:
    """Undo what scripts say about logging, and turn no warning of theirs into an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    root = logging.getLogger("optuna")
    root.handlers.clear()
    for module in _loggings():
        module.enable_default_handler()
        module.set_verbosity(module.INFO)


def _loggings() -> list[ModuleType]:
    from luthier.compat.optuna import logging as ours

    found = [ours]
    if find_spec("optuna") is not None:
        from optuna import logging as theirs

        found.append(theirs)
    return found


def run(path: Path, line: str) -> tuple[float, float]:
    """Run a script with this line to import Optuna; return its result, and what it has to be."""
    source = path.read_text(encoding="utf-8")
    assert source.count(f"\n{THEIRS}\n") == 1
    goal = re.search(r"has to be (\S+) or less", source)
    assert goal is not None
    program = compile(source.replace(f"\n{THEIRS}\n", f"\n{line}\n"), str(path), "exec")
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        exec(program, {"__name__": "__main__"})
    result = stdout.getvalue().splitlines()[-1]
    return float(result.removeprefix("result:")), float(goal[1])


def test_there_are_at_least_thirty() -> None:
    assert len(SCRIPTS) >= 30


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script_runs_on_luthier(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result, goal = run(path, OURS)
    assert result <= goal


@pytest.mark.integration
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script_runs_on_optuna(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result, goal = run(path, THEIRS)
    assert result <= goal
