"""Finds the best that is known of each problem, and how random search does on it.

    python -m benchmarks.problems.known            all problems (about 10 minutes on one core)
    python -m benchmarks.problems.known NAME ...   some

Optima that are not known exactly are searched for with far more evaluations than any benchmark
allows: 20,000 random configurations, then 60 local searches around the best of them. Of random
search the regret is kept after 20 to 200 trials, from 60 runs.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from typing import Any

import numpy as np

from . import get
from .base import Problem
from .scoring import TABLES, Progress, hypervolume, known, write_known
from .spaces import Params, is_active, quantile, to_unit

DRAWN = 20_000
STARTS, STEPS = 60, 2500
"""Local searches, and the neighbours that each of them tries."""
FEW = 8
"""Local searches start at different combinations of parameters with at most so many levels."""
AT = (20, 25, 50, 100, 150, 200)
SEEDS = 60
RANDOM = TABLES / "random.json"


def scores(problem: Problem, params: Params) -> tuple[float, ...] | None:
    """Return the true values turned so that less is better; None where not eligible."""
    if not problem.allows(params):
        return None
    outcome = problem.evaluate(params)
    if not outcome.feasible or outcome.truth is None:
        return None
    return tuple(s * v for s, v in zip(problem.signs, outcome.truth, strict=True))


def neighbour(
    problem: Problem, params: Params, sd: float, rng: np.random.Generator
) -> dict[str, Any]:
    """Change one, two or all parameters, by little or to any value."""
    names = list(params)
    changed = set(rng.choice(names, 1 + int(rng.integers(2))).tolist())
    if rng.random() < 0.3:
        changed = {name for name in names if problem.space[name]["type"] == "float"}
    near: dict[str, Any] = {}
    for name, spec in problem.space.items():
        if not is_active(spec, near):
            continue
        if name not in params:
            near[name] = quantile(spec, rng.random())
        elif name not in changed:
            near[name] = params[name]
        elif spec["type"] == "categorical" or (len(changed) < 3 and rng.random() < 0.1):
            near[name] = quantile(spec, rng.random())
        elif spec["type"] == "float" and not spec["step"]:
            near[name] = quantile(spec, to_unit(spec, params[name]) + sd * rng.normal())
        else:  # levels: at least one up or down
            step = max(1, round(abs(4 * rng.standard_cauchy() * sd))) * int(rng.choice([-1, 1]))
            near[name] = _moved(spec, params[name], step)
    return near


def _moved(spec: Any, value: Any, step: int) -> Any:
    if "choices" in spec:
        place = spec["choices"].index(value) + step
        return spec["choices"][min(max(place, 0), len(spec["choices"]) - 1)]
    width = spec["step"] if spec["type"] == "float" else 1
    return min(max(value + step * width, spec["low"]), spec["high"])


def search(problem: Problem, rng: np.random.Generator) -> tuple[float, float]:
    """Return the best value found and the worst tenth of random eligible ones, as losses."""
    drawn = []
    for _ in range(DRAWN):
        params = problem.sample(rng)
        found = scores(problem, params)
        if found is not None:
            drawn.append((found[0], params))
    drawn.sort(key=lambda pair: pair[0])
    bad = float(np.quantile([value for value, _ in drawn], 0.9))
    best = drawn[0][0]
    for value, params in starts(problem, drawn):
        sd = 0.2
        for _ in range(STEPS):
            near = neighbour(problem, params, sd * 10 ** -rng.uniform(0, 2), rng)
            found = scores(problem, near)
            if found is not None and found[0] < value:
                value, params = found[0], near
                sd = min(0.3, sd * 1.5)
            else:
                sd = max(1e-9, sd * 0.99)
        best = min(best, value)
    return best, bad


def starts(
    problem: Problem, drawn: list[tuple[float, dict[str, Any]]]
) -> list[tuple[float, dict[str, Any]]]:
    """Return the best points, each of another combination of choices and few levels."""
    best: dict[Any, tuple[float, dict[str, Any]]] = {}
    for value, params in drawn:  # the best first
        few = tuple(
            (name, given) for name, given in params.items() if _levels(problem.space[name]) <= FEW
        )
        best.setdefault(few, (value, params))
    rest = [pair for pair in drawn[:STARTS] if pair not in best.values()]
    return [*best.values(), *rest][:STARTS]


def _levels(spec: Any) -> float:
    if "choices" in spec:
        return len(spec["choices"])
    return float(spec["high"] - spec["low"] + 1) if spec["type"] == "int" else math.inf


def search_front(problem: Problem, rng: np.random.Generator) -> float:
    """Return the largest hypervolume found."""
    reference = tuple(s * r for s, r in zip(problem.signs, problem.reference, strict=True))
    front: list[tuple[tuple[float, ...], Params]] = []

    def offer(params: Params) -> None:
        point = scores(problem, params)
        if point is None or any(all(np.less_equal(other, point)) for other, _ in front):
            return
        front[:] = [(o, p) for o, p in front if not all(np.greater_equal(o, point))]
        front.append((point, params))

    for _ in range(DRAWN // 2):
        offer(problem.sample(rng))
    for round_ in range(DRAWN):
        _, params = front[rng.integers(len(front))]
        offer(neighbour(problem, params, 0.2 * 0.01 ** (round_ / DRAWN), rng))
    return hypervolume([point for point, _ in front], reference)


def know(problem: Problem, before: float | None = None) -> dict[str, float]:
    """Return what the scoring needs.

    Parameters
    ----------
    problem : Problem
    before : float, optional
        The best that was found before; it is kept if the search finds nothing better.
    """
    rng = np.random.default_rng(len(problem.name))
    if len(problem.directions) > 1:
        if problem.best is not None:
            return {"best": problem.best}
        return {"best": max(search_front(problem, rng), before or 0.0)}
    sign = problem.signs[0]
    best, bad = search(problem, rng)
    if problem.best is not None:
        if sign * problem.best > best + 1e-6:
            sys.exit(f"{problem.name}: {best} is better than the optimum, {problem.best}")
        best = sign * problem.best
    elif before is not None:
        best = min(best, sign * before)
    return {"best": sign * best, "nothing": bad - best}


def random_search(problem: Problem, seeds: int = SEEDS) -> dict[str, Any]:
    """Return the mean and median regret of random search after some numbers of trials."""
    regrets: dict[int, list[float]] = {at: [] for at in AT}
    for seed in range(seeds):
        rng = np.random.default_rng((seed, 20_26))
        progress = Progress(problem)
        for trial in range(max(AT)):
            outcome = problem.evaluate(problem.sample(rng), seed=seed * 1000 + trial)
            regret = progress.add(outcome)
            if trial + 1 in regrets:
                regrets[trial + 1].append(regret)
    return {
        "seeds": seeds,
        "mean": {at: statistics.fmean(values) for at, values in regrets.items()},
        "median": {at: statistics.median(values) for at, values in regrets.items()},
    }


def main() -> None:
    from . import every

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="problems (default all)")
    parser.add_argument("--forget", action="store_true", help="what was known: a problem changed")
    options = parser.parse_args()
    for name in options.names or every():
        problem, began = get(name), time.perf_counter()
        before = {} if options.forget else known().get(name, {})
        write_known({**known(), name: know(problem, before.get("best"))})
        searched = time.perf_counter()
        baseline = json.loads(RANDOM.read_text()) if RANDOM.exists() else {}
        baseline[name] = random_search(problem)
        RANDOM.write_text(json.dumps(baseline, indent=1, sort_keys=True) + "\n")
        shown = ", ".join(f"{at}: {v:.3g}" for at, v in baseline[name]["median"].items())
        print(
            f"{name}: {known()[name]}; random {shown} "
            f"({searched - began:.0f} + {time.perf_counter() - searched:.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
