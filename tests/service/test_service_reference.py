"""The page on the service leaves no request out."""

from __future__ import annotations

from pathlib import Path

from luthier.service import app
from luthier.service.routes import ROUTES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "service.md"


def test_the_table_has_every_request_with_its_role() -> None:
    assert len(ROUTES) > len(app.MODULES)
    rows = [
        f"| `{route.method} /v1/{'/'.join(route.path)}` | {route.role or '-'} | {route.summary} |"
        for route in ROUTES
    ]
    listed = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if " /v1/" in line]
    assert [line for line in listed if line.startswith("| `")] == rows
