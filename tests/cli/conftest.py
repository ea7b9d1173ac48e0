import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from luthier.cli.main import main
from luthier.study.create import create_study


class Luthier:
    """Types commands in a folder of its own."""

    def __call__(self, *args, stdin=""):
        return CliRunner().invoke(main, [str(arg) for arg in args], input=stdin)

    def ok(self, *args):
        result = self(*args)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *args):
        return json.loads(self.ok(*args, "--json"))

    def fails(self, code, *args):
        result = self(*args)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        assert result.stdout == ""
        return result.stderr


@pytest.fixture
def luthier(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUTHIER_STORAGE", raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield Luthier()
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file is not None and Path(file).is_relative_to(tmp_path):
            del sys.modules[name]


def branin_like(trial):
    """A function with failures, notes and metrics."""
    x, kind = trial.params["x"], trial.params["kind"]
    trial.set_user_attr("squared", x * x)
    trial.report(x, 0)
    if trial.number == 4:
        raise ValueError("number four never works")
    return {"loss": (x - 1) ** 2 + (kind == "b"), "size": abs(x)}


@pytest.fixture
def study(luthier):
    """A study of eight trials in luthier.db."""
    study = create_study(
        {
            "x": {"type": "float", "low": -5, "high": 5},
            "kind": ["a", "b"],
            "depth": {"type": "int", "low": 1, "high": 4, "when": {"kind": "b"}},
        },
        metric="loss",
        limits=["size <= 4.5"],
        study_name="toy",
        storage="luthier.db",
        seed=5,
    )
    study.enqueue_trial({"x": 1.5, "kind": "a"})
    study.enqueue_trial({"x": 0.1})
    study.optimize(branin_like, 8)
    return study


@pytest.fixture
def front(luthier):
    """A study with two objectives."""
    study = create_study(
        {"x": {"type": "int", "low": 0, "high": 9}},
        metric=["up", "down"],
        directions=["maximize", "minimize"],
        study_name="front",
        storage="luthier.db",
        seed=1,
    )
    study.optimize(lambda trial: (trial.params["x"], trial.params["x"] // 3), 10)
    return study
