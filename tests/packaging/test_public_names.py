"""Every public name exists, is documented, and is listed once."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
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
