"""Luthier as one of the tuners: a name of its registry, or JSON with settings."""

from _efficiency_worker import serve
from problems import Problem
from problems.ours import Ours, make_sampler


def make(problem: Problem, sampler: str, seed: int, trials: int) -> Ours:
    return Ours(problem, make_sampler(sampler, {}), seed)


if __name__ == "__main__":
    serve(make)
