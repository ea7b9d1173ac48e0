"""Every public name exists, is documented, and is listed once."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

import luthier

INTERNAL = ("luthier.cli", "luthier.numerics", "luthier.storage.migrations", "luthier.testing")
"""Packages whose modules are used one by one, or by nobody else."""

PACKAGES = [
    luthier.__name__,
    *(
        module.name
        for module in pkgutil.walk_packages(luthier.__path__, prefix="luthier.")
        if module.ispkg and not module.name.startswith(INTERNAL)
    ),
]


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


def has_own_docstring(value: object) -> bool:
    doc = value.__doc__
    # A dataclass without a docstring is given its signature as one.
    generated = f"{getattr(value, '__name__', '')}("
    return bool(doc) and not str(doc).startswith(generated)


def test_package_is_documented_and_lists_its_names_once(package: ModuleType) -> None:
    assert package.__doc__
    assert len(set(package.__all__)) == len(package.__all__)


def test_public_names_exist(package: ModuleType) -> None:
    assert [name for name in package.__all__ if not hasattr(package, name)] == []


def test_public_classes_and_functions_have_docstrings(package: ModuleType) -> None:
    values = {name: getattr(package, name) for name in package.__all__}
    bare = [
        name
        for name, value in values.items()
        if (inspect.isclass(value) or inspect.isfunction(value)) and not has_own_docstring(value)
    ]
    assert bare == []


@pytest.mark.parametrize("name", ["errors", "executors", "samplers", "schedulers", "storage"])
def test_packages_are_reached_without_an_import_of_their_own(name: str) -> None:
    lines = f"import luthier; print(luthier.{name}.__doc__)"
    found = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == str(importlib.import_module(f"luthier.{name}").__doc__).strip()
