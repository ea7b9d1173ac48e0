"""The reference leaves nothing out: names, keys, events, commands."""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import pytest

import luthier
from luthier.cli.main import main
from luthier.formats.schema import SCHEMA
from luthier.model import events

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def documented() -> set[str]:
    """Return the objects that mkdocstrings shows."""
    texts = [path.read_text(encoding="utf-8") for path in REFERENCE.glob("*.md")]
    return set(re.findall(r"^::: (\S+)", "\n".join(texts), re.M))


@pytest.mark.parametrize("name", [n for n in luthier.__all__ if n != "__version__"])
def test_every_public_name_is_in_the_reference(name: str) -> None:
    value = getattr(luthier, name)
    assert {f"{value.__module__}.{value.__qualname__}", value.__module__} & documented()


def importable(name: str) -> object:
    """Return a case; what extends another library is there only where that one is installed."""
    heavy = name.startswith("luthier.integrations.optuna.")
    return pytest.param(name, marks=pytest.mark.integration if heavy else ())


@pytest.mark.parametrize("name", [importable(name) for name in sorted(documented())])
def test_the_reference_names_only_what_exists(name: str) -> None:
    home, _, attribute = name.rpartition(".")
    parent = importlib.import_module(home)
    assert hasattr(parent, attribute) or importlib.import_module(name)


def keys_of(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the keys of all mappings that a schema describes."""
    properties = schema.get("properties", {})
    yield from properties
    for part in (*properties.values(), *schema.get("anyOf", ()), *schema.get("items", {}).values()):
        if isinstance(part, dict):
            yield from keys_of(part)
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        yield from keys_of(more)


def test_the_page_of_the_study_file_knows_every_key() -> None:
    text = page("study-file.md")
    known = set(re.findall(r"`([^`\n]+)`", text)) | set(re.findall(r"\b(\w+):", text))
    assert set(keys_of(SCHEMA)) - known == set()


def test_the_page_of_the_study_file_knows_no_other_key() -> None:
    text = page("study-file.md").partition("## Keys")[2]
    told = set()
    for row in re.findall(r"^\| (`.*?) \|", text, re.M):
        told |= set(re.findall(r"`([^`]+)`", row))
    told -= {"float", "int", "categorical", "subset", "permutation", "simplex", "derived", "type"}
    assert told - set(keys_of(SCHEMA)) == set()


@pytest.mark.parametrize("event", get_args(events.Event))
def test_the_page_of_the_log_knows_every_event_and_its_fields(event: type[Any]) -> None:
    row = re.search(rf"^\| `{event.__name__.lower()}` \|.*", page("log.md"), re.M)
    assert row is not None
    told = set(re.findall(r"`(\w+)`", row[0]))
    assert {field.name for field in dataclasses.fields(event)} <= told


def test_the_page_of_the_command_line_shows_every_command() -> None:
    assert isinstance(main, click.Group)
    for name in main.list_commands(click.Context(main)):
        assert f"\n## luthier {name}\n" in page("command-line.md")
