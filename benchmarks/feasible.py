"""How often a sampler proposes what a known constraint forbids: never, over many suggestions.

Four spaces, with rules that one random point in 2, 8, 30 and 120 satisfies, conditions among them.
Every suggestion is checked by plain Python, not by the space that made it. Studies are short, so
that a model has seen little, and begin anew until there are enough suggestions; a thousandth of
them is answered by a failure.

    python benchmarks/feasible.py [--suggestions 1000000] [--samplers random,tpe]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import Any

from _report import Measure, report

from luthier import Categorical, Float, Int, Space, create_study

Params = Mapping[str, Any]
TRIALS = 40

SPACES: dict[str, tuple[Space, Callable[[Params], bool]]] = {
    "one in 2": (
        Space({"x": Float(0, 1), "y": Float(0, 1)}, constraints=["x + y <= 1"]),
        lambda p: p["x"] + p["y"] <= 1,
    ),
    "one in 8": (
        Space(
            {
                "layers": Int(1, 8),
                "width": Int(16, 1024, log=True),
                "kind": Categorical(["dense", "sparse"]),
                "density": Float(0, 1, when={"kind": "sparse"}),
            },
            constraints=["layers * width <= 128", "kind == 'dense' or density <= 0.75"],
        ),
        lambda p: p["layers"] * p["width"] <= 128 and p.get("density", 0) <= 0.75,
    ),
    "one in 30": (
        Space(
            {name: Float(0, 1) for name in "abcd"},
            constraints=["a + b + c + d <= 1", "a <= b"],
        ),
        lambda p: sum(p.values()) <= 1 and p["a"] <= p["b"],
    ),
    "one in 120": (
        Space(
            {"low": Float(1e-5, 1, log=True), "mid": Float(1e-5, 1, log=True), "n": Int(1, 100)},
            constraints=["low * 10 <= mid", "mid * n <= 1", "n >= 90", "low >= 1e-4"],
        ),
        lambda p: (
            p["low"] * 10 <= p["mid"]
            and p["mid"] * p["n"] <= 1
            and p["n"] >= 90
            and p["low"] >= 1e-4
        ),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suggestions", type=int, default=1_000_000, help="of each sampler")
    parser.add_argument("--samplers", default="random,tpe", help="default random,tpe")
    options = parser.parse_args()

    measures = []
    for sampler in options.samplers.split(","):
        for name, (space, allowed) in SPACES.items():
            wanted = options.suggestions // len(SPACES)
            wrong = sum(study(space, allowed, sampler, seed) for seed in range(wanted // TRIALS))
            label = f"{sampler}, {name}: forbidden among {wanted // TRIALS * TRIALS:,}"
            measures.append(Measure(label, "", [wrong], at_most=0))
            print(label, wrong, file=sys.stderr, flush=True)
    sys.exit(report("Known constraints", measures))


def study(space: Space, allowed: Callable[[Params], bool], sampler: str, seed: int) -> int:
    """Run one short study, and return how many of its suggestions are forbidden."""
    made = create_study(space, sampler=sampler, seed=seed)
    wrong = 0
    for number in range(TRIALS):
        trial = made.ask()
        wrong += not allowed(trial.params)
        if (seed * TRIALS + number) % 1000 == 999:
            made.tell(trial, state="FAILED")
        else:
            loss = sum(value for value in trial.params.values() if isinstance(value, float))
            made.tell(trial, -loss)  # what is best lies where the rules forbid
    return wrong


if __name__ == "__main__":
    main()
