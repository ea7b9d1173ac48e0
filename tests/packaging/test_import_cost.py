"""`import luthier` is cheap: NumPy and the standard library, nothing else."""

from __future__ import annotations

import os
import subprocess
import sys

LIMIT_MS = 30.0
INTERPRETERS = 9

# What a study may need later, and a program that only imports Luthier must not pay for.
LAZY = [
    "alembic",
    "asyncio",
    "click",
    "cloudpickle",
    "distributed",
    "fsspec",
    "ray",
    "submitit",
    "http.client",
    "msgspec",
    "uvicorn",
    "concurrent.futures.process",
    "multiprocessing.context",
    "pandas",
    "polars",
    "psutil",
    "psycopg",
    "pyarrow",
    "pymysql",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "threadpoolctl",
    "torch",
    "ruamel",
    "tqdm",
    "tabulate",
]


# Settings of other tools that make every interpreter import or compile more than a user's does.
FOREIGN_SETTINGS = ("PYTHONDONTWRITEBYTECODE", "COVERAGE_")


def in_fresh_interpreter(code: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN_SETTINGS)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_import_takes_at_most_30_ms_beyond_numpy() -> None:
    code = (
        "from time import perf_counter; import numpy; begin = perf_counter(); import luthier; "
        "print((perf_counter() - begin) * 1000)"
    )
    # Other programs on the machine only ever add time, so the fastest run is the cost.
    fastest = min(float(in_fresh_interpreter(code)) for _ in range(INTERPRETERS))
    assert fastest <= LIMIT_MS


def test_import_loads_no_package_that_can_wait() -> None:
    loaded = in_fresh_interpreter("import sys, luthier; print(*sys.modules)").split()
    assert "luthier" in loaded
    assert [name for name in LAZY if name in loaded] == []


def test_studies_and_the_list_of_samplers_load_no_scipy() -> None:
    code = "import sys, luthier.study, luthier.samplers; print(*sys.modules)"
    loaded = in_fresh_interpreter(code).split()
    assert "luthier.samplers.registry" in loaded
    assert "scipy" not in loaded
