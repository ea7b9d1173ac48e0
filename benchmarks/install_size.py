"""Disk space and number of packages that an installation takes, Luthier's and its peers'.

Every installation gets a fresh environment of its own with the newest versions that pip finds.
Counted is all that pip put into site-packages, in millions of bytes, less pip itself. Byte code
is what pip compiles after unpacking the wheels; installers such as uv leave it out.

    python benchmarks/install_size.py            Luthier from this checkout
    python benchmarks/install_size.py --peers    and its peers beside it
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import venv
from collections import Counter
from importlib.metadata import Distribution, distributions
from pathlib import Path

INSTALLATIONS = {"luthier": [str(Path(__file__).parents[1])]}
PEERS = {
    "optuna": ["optuna==5.0.0"],
    "optuna, scipy, cmaes": ["optuna==5.0.0", "scipy", "cmaes"],
    "scikit-optimize": ["scikit-optimize"],
    "ray[tune]": ["ray[tune]"],
}
NOT_COUNTED = {"pip", "setuptools"}
NUMERICAL = ("numpy", "scipy")


def main() -> None:
    parser = argparse.ArgumentParser(description="Disk space that an installation takes.")
    parser.add_argument("--peers", action="store_true", help=f"also {'; '.join(PEERS)}")
    options = parser.parse_args()

    print(
        f"{'':<22}{'MB':>8}{'of it byte code':>17}{'numpy, scipy':>14}{'rest':>7}{'packages':>10}"
    )
    for name, requirements in (INSTALLATIONS | (PEERS if options.peers else {})).items():
        files, byte_code = install_and_measure(requirements)
        numerical = sum(files[package] for package in NUMERICAL)
        total = files.total()
        print(
            f"{name:<22}{total:>8.1f}{byte_code.total():>17.1f}{numerical:>14.1f}"
            f"{total - numerical:>7.1f}{len(files):>10}"
        )


def install_and_measure(requirements: list[str]) -> tuple[Counter[str], Counter[str]]:
    """Return the MB of all files, and of the byte code among them, of each package."""
    with tempfile.TemporaryDirectory() as home:
        venv.create(home, with_pip=True, symlinks=True)
        python = Path(home, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "-qq", *requirements], check=True)
        (site,) = Path(home, "lib").glob("python*/site-packages")
        installed = [p for p in distributions(path=[str(site)]) if p.name not in NOT_COUNTED]
        files = Counter({p.name: megabytes(p, "*") for p in installed})
        return files, Counter({p.name: megabytes(p, "*.pyc") for p in installed})


def megabytes(package: Distribution, pattern: str) -> float:
    paths = (Path(str(package.locate_file(file))) for file in package.files or ())
    return sum(p.stat().st_size for p in paths if p.match(pattern) and p.is_file()) / 1e6


if __name__ == "__main__":
    main()
