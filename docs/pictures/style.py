"""How all pictures look, in a light and in a dark theme."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")

from docs.pictures.palette import INK, MUTED, PAPER, THEMES
from matplotlib.figure import Figure

mpl.rcParams.update(
    {
        "svg.hashsalt": "luthier",  # the same picture for the same data
        "svg.fonttype": "none",
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.titlesize": 9,
        "axes.titleweight": "bold",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": MUTED,
        "axes.facecolor": PAPER,
        "figure.facecolor": PAPER,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "lines.solid_capstyle": "round",
    }
)


def figure(size: tuple[float, float]) -> Any:
    """Return an empty figure of a width and a height in inches."""
    return Figure(figsize=size, layout="constrained")


def save(drawn: Any, path: Path, digest: str) -> None:
    """Write a figure whose colours follow the theme of the page that shows it."""
    drawn.savefig(path, metadata={"Date": None, "Creator": None, "Source": f"data {digest}"})
    svg = path.read_text(encoding="utf-8")
    # A tenth of a point is as fine as anyone sees, and no element is looked up by its name.
    svg = re.sub(r"<[^>]+>", lambda tag: re.sub(r"\d+\.\d{2,}", _tenths, tag[0]), svg)
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)
    svg = svg.replace("'DejaVu Sans'", "system-ui, 'DejaVu Sans', sans-serif")
    rules = {"light": "", "dark": ""}
    for name, (light, dark) in THEMES.items():
        svg = svg.replace(light, f"var(--{name})")
        rules["light"] += f"--{name}:{light};"
        rules["dark"] += f"--{name}:{dark};"
    style = (
        f"<style>svg{{{rules['light']}}}"
        f"@media (prefers-color-scheme:dark){{svg{{{rules['dark']}}}}}</style>"
    )
    svg = svg.replace("<defs>", f"{style}\n <defs>", 1)
    svg = re.sub(r"\s*\n\s*(?=[LQCz]|\" )", "", svg)
    svg = re.sub(r"\n\s+", "\n", svg)
    path.write_text(svg, encoding="utf-8")


def _tenths(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}"
