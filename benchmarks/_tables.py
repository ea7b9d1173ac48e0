"""Tables of recorded losses: their axes, and how they are written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

TABLES = Path(__file__).with_name("tables")
WORST = 1e6
"""Stands for a loss that is infinite or no number."""

Array = np.ndarray


@dataclass(frozen=True)
class Axis:
    """One parameter and the levels at which it was tried.

    ``kind`` is "float" (between levels the problem interpolates), "ordered" or "categorical".
    """

    name: str
    kind: str
    levels: Sequence[Any]
    log: bool = False


def floats(name: str, low: float, high: float, n: int, *, log: bool = True) -> Axis:
    spaced = np.geomspace(low, high, n) if log else np.linspace(low, high, n)
    return Axis(name, "float", spaced.tolist(), log)


def ordered(name: str, *levels: Any) -> Axis:
    return Axis(name, "ordered", levels)


def choice(name: str, *levels: Any) -> Axis:
    return Axis(name, "categorical", levels)


def save(name: str, axes: Sequence[Axis], measures: Mapping[str, Array]) -> None:
    described = [
        {"name": a.name, "kind": a.kind, "log": a.log, "levels": list(a.levels)} for a in axes
    ]
    arrays = {
        key: np.nan_to_num(values, nan=WORST, posinf=WORST).astype(np.float32)
        for key, values in measures.items()
    }
    np.savez_compressed(TABLES / f"{name}.npz", axes=np.array(json.dumps(described)), **arrays)
    size = (TABLES / f"{name}.npz").stat().st_size
    print(f"{name}: {next(iter(arrays.values())).shape}, {size / 1024:.0f} KiB", flush=True)
