"""The navigation of the documentation site names every page, and no other."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def pages_in(nav: Any) -> Iterator[str]:
    """Yield the pages of a navigation entry: a page, a list of entries, or ``{title: entry}``."""
    if isinstance(nav, str):
        yield nav
    else:
        for entry in nav.values() if isinstance(nav, dict) else nav:
            yield from pages_in(entry)


def test_navigation_names_every_page_once() -> None:
    site = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    named = sorted(pages_in(site["project"]["nav"]))
    docs = ROOT / "docs"
    assert named == sorted(page.relative_to(docs).as_posix() for page in docs.rglob("*.md"))
