"""What a user downloads: the sdist and the wheel are complete, and the wheel works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import pytest

import luthier

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and from it the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (path,) = dist.glob("luthier-*.whl")
    return path


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of an environment with the wheel and our own dependencies."""
    home = tmp_path_factory.mktemp("borrowing")
    python = install(wheel, home, "--no-deps", "--no-index")
    # The dependencies are borrowed instead of downloaded. A path that a .pth file names reads no
    # further .pth files: the editable Luthier of the lending environment stays out.
    lender = sysconfig.get_path("purelib")
    Path(path_in(home, "purelib"), "borrowed.pth").write_text(lender)
    return python


def install(wheel: Path, home: Path, *options: str) -> Path:
    run(sys.executable, "-m", "venv", "--without-pip", home)
    python = path_in(home, "scripts") / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *options, wheel)
    return python


def path_in(home: Path, kind: str) -> Path:
    return Path(sysconfig.get_path(kind, "venv", {"base": str(home), "platbase": str(home)}))


def run(*command: str | Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def package_files() -> set[str]:
    files = (path for path in SOURCE.rglob("*") if path.is_file())
    return {f.relative_to(SOURCE).as_posix() for f in files if f.suffix != ".pyc"}


def test_wheel_contains_every_file_of_the_package(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name for name in names if ".dist-info/" not in name} == package_files()
    assert "luthier/py.typed" in names


def test_sdist_contains_the_sources_tests_and_papers(dist: Path) -> None:
    (path,) = dist.glob("luthier-*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {f"src/{name}" for name in package_files()}
    assert names >= {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "tests/conftest.py"}


def test_installed_wheel_imports(python: Path) -> None:
    code = "import luthier; print(luthier.__version__, luthier.__file__)"
    version, file = run(python, "-c", code).split(maxsplit=1)
    assert version == luthier.__version__
    assert Path(file).is_relative_to(python.parents[1])


def test_installed_command_works(python: Path) -> None:
    command = python.with_name("luthier")
    assert luthier.__version__ in run(command, "--version")
    assert "Usage" in run(command, "--help")


IMPORT_EVERYTHING = """
import importlib, pkgutil, luthier
from luthier.errors import MissingExtra
for module in pkgutil.walk_packages(luthier.__path__, "luthier."):
    try:
        importlib.import_module(module.name)
    except MissingExtra:
        pass
    except ModuleNotFoundError as error:
        print(error.name)
"""


@pytest.mark.integration
@pytest.mark.timeout(600)
def test_declared_dependencies_are_all_that_is_needed(wheel: Path, tmp_path: Path) -> None:
    python = install(wheel, tmp_path)
    optional = {
        re.split(r"[^\w.-]", requirement)[0]
        for requirement in metadata.requires("luthier") or ()
        if "extra ==" in requirement
    }
    missing = {name.partition(".")[0] for name in run(python, "-c", IMPORT_EVERYTHING).split()}
    assert missing <= optional
    assert luthier.__version__ in run(python.with_name("luthier"), "--version")


def test_license_and_typing_are_declared(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        (file,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(file).decode().splitlines()
    assert f"Version: {luthier.__version__}" in lines
    assert "License-Expression: Apache-2.0" in lines
    assert "Classifier: Typing :: Typed" in lines
