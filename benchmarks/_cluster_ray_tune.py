"""Ray Tune on a no-op objective: prints the trials per second of each run; for cluster.py.

Everything that only costs time is off: no log to the terminal, no callbacks, no checkpoints.
"""

from __future__ import annotations

import json
import os
import sys
import time

os.environ.update(
    RAY_USAGE_STATS_ENABLED="0",
    RAY_AIR_NEW_OUTPUT="0",
    TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1",
    TUNE_MAX_PENDING_TRIALS_PG="2",
)

import ray
from ray import tune


def objective(config: dict[str, float]) -> None:
    tune.report({"value": config["x"]})


def main() -> None:
    trials, runs, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    rates = []
    for run in range(runs):
        ends: list[float] = []

        class Clock(tune.Callback):
            def on_trial_complete(self, *args: object, **kwargs: object) -> None:
                ends.append(time.perf_counter())  # noqa: B023 - used within this round

        tuner = tune.Tuner(
            objective,
            param_space={"x": tune.uniform(0.0, 1.0)},
            tune_config=tune.TuneConfig(
                metric="value", mode="min", num_samples=trials, max_concurrent_trials=2
            ),
            run_config=tune.RunConfig(
                name=f"run-{run}", storage_path=folder, verbose=0, callbacks=[Clock()]
            ),
        )
        results = tuner.fit()
        assert len(results) == len(ends) == trials, results.errors
        rates.append((trials - 1) / (ends[-1] - ends[0]))
    ray.shutdown()
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
