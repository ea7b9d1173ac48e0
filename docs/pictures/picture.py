"""A picture: its data, and how they are drawn."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "docs" / "assets"

Data = dict[str, Any]
"""What a picture shows: numbers, texts, lists and mappings of them."""


@dataclass(frozen=True)
class Picture:
    """A picture of the documentation.

    Attributes
    ----------
    name : str
        Of the file in docs/assets, without its ending.
    compute : callable
        Returns the data, without matplotlib.
    draw : callable
        Draws the data into a matplotlib figure.
    size : pair of float
        Width and height in inches.
    steady : bool
        Whether the data are the same in every run, on any processor. They are not where linear
        algebra decides which points are tried, for a last digit may send a study elsewhere, nor
        where it depends on which worker is first.
    """

    name: str
    compute: Callable[[], Data]
    draw: Callable[[Any, Data], None]
    size: tuple[float, float] = (7.0, 3.2)
    steady: bool = True

    @property
    def path(self) -> Path:
        """The file in which the picture is kept."""
        return ASSETS / f"{self.name}.svg"


def digest(data: Data) -> str:
    """Return a short fingerprint of data, of three significant digits of each number.

    That leaves room for processors that round the last digits in different ways.
    """
    text = json.dumps(_rounded(data), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def kept_digest(path: Path) -> str | None:
    """Return the fingerprint of the data that a picture was drawn from."""
    found = re.search(r"data ([0-9a-f]{16})", path.read_text(encoding="utf-8"))
    return None if found is None else found[1]


@contextlib.contextmanager
def first_block(page: str) -> Iterator[dict[str, Any]]:
    """Run the first Python block of a page in an empty folder; give the names that it defines.

    Parameters
    ----------
    page : str
        Path of the page from the root of the repository.
    """
    text = (ROOT / page).read_text(encoding="utf-8")
    block = re.search(r"^```python\n(.*?)^```", text, re.M | re.S)
    if block is None:
        raise ValueError(f"{page} has no block of Python")
    names: dict[str, Any] = {"__name__": "__main__"}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        with contextlib.redirect_stdout(None):
            exec(compile(block[1], page, "exec", dont_inherit=True), names)
        yield names


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    if isinstance(value, float) and not isinstance(value, int):
        return f"{value + 0.0:.3g}" if math.isfinite(value) else str(value)
    return value
