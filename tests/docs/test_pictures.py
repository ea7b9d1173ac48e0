"""The pictures of the documentation show what Luthier does now."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.pictures.collection import PICTURES
from docs.pictures.picture import ASSETS, digest, kept_digest

DOCS = ASSETS.parent
LARGEST = 60_000
"""Bytes: a page with a picture loads at once on any line."""


@pytest.mark.parametrize("name", [name for name, each in PICTURES.items() if each.steady])
def test_a_picture_shows_what_is_computed_now(name: str) -> None:
    picture = PICTURES[name]
    now = digest(picture.compute())
    assert now == kept_digest(picture.path), f"draw it again: make pictures ARGS={name}"


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_small_and_follows_the_theme(name: str) -> None:
    svg = PICTURES[name].path.read_text(encoding="utf-8")
    assert kept_digest(PICTURES[name].path) is not None
    assert len(svg.encode()) < LARGEST
    assert "prefers-color-scheme:dark" in svg
    drawn = svg.partition("</style>")[2]
    assert not re.search(r"(?:fill|stroke): #", drawn), "a colour that no theme changes"


def test_every_picture_is_drawn_by_a_program_and_shown_on_a_page() -> None:
    files = {path.stem for path in ASSETS.glob("*.svg")}
    pages = [DOCS.parent / "README.md", *DOCS.rglob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    shown = set(re.findall(r"!\[[^\]]{20,}\]\(\S*assets/([\w-]+)\.svg\)", text))
    assert files == set(PICTURES) == shown


def test_a_digest_tells_data_apart_and_forgives_the_last_digits() -> None:
    data = {"a": [1.0, 2.0], "b": {"c": "text"}}
    assert digest(data) == digest({"b": {"c": "text"}, "a": (1.0 + 1e-9, 2.0)})
    assert digest(data) != digest({"a": [1.0, 2.01], "b": {"c": "text"}})


def test_a_file_without_a_digest_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    path.write_text("<svg/>")
    assert kept_digest(path) is None
