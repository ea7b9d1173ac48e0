"""The executors to measure: worker processes, and real clusters on this machine where installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import luthier
from luthier.executors import Executor

PACKAGES = {"processes": "luthier", "ray": "ray", "dask": "distributed"}


def installed() -> list[str]:
    """Return the names of the executors that can be measured here."""
    return [name for name, package in PACKAGES.items() if find_spec(package) is not None]


@contextmanager
def ready(name: str, workers: int) -> Iterator[Executor]:
    """Give an executor whose cluster is up, so that its start is not measured."""
    if name == "processes":
        yield luthier.Processes(workers)
    elif name == "ray":
        import os

        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        import ray

        from luthier.executors.ray import Ray

        ray.init(
            num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
        )
        yield Ray(workers)
        ray.shutdown()
    else:
        from distributed import Client, LocalCluster

        from luthier.executors.dask import Dask

        with (
            LocalCluster(
                workers, threads_per_worker=1, dashboard_address=None, silence_logs=50
            ) as cluster,
            Client(cluster, direct_to_workers=True) as client,
        ):
            yield Dask(client, workers)
