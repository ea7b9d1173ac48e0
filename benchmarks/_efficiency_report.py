"""What the results of many runs say: means, ranks, intervals, trials saved, seconds."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from _report import machine
from problems import KINDS, Problem, select
from problems.records import (
    FLOOR,
    geometric_mean,
    middle,
    random_search,
    relative,
    worst_quarter,
    yardstick,
)
from scipy.stats import rankdata
from tabulate import tabulate

RESAMPLES = 1000
QUIET = ("synthetic", "sklearn", "tabular", "conditional")
"""Kinds without noise, limits, known constraints and several objectives."""

SCALE = (50, 100, 150)
"""Budgets that are put on one scale, that of the first."""

UNTIL = 200
"""Trials needed are counted until what random search has reached after so many."""


@dataclass(slots=True)
class Run:
    """One tuner on one problem with one seed."""

    sampler: str
    problem: str
    seed: int
    regrets: list[float] = field(default_factory=list)
    held: list[bool | None] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    error: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A title, a sentence, and what is to be shown."""

    title: str
    about: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


def load(files: Iterable[Path]) -> list[Run]:
    """Read results; a run that was made twice counts once, with its last records."""
    runs: dict[tuple[str, str, int], Run] = {}
    for file in files:
        for line in file.read_text().splitlines() if file.exists() else ():
            row = json.loads(line)
            key = (row["sampler"], row["problem"], row["seed"])
            if row.get("trial") == 0 or key not in runs:
                runs[key] = Run(*key)
            if "error" in row:
                runs[key].error = row["error"]
            else:
                runs[key].regrets.append(row["regret"])
                runs[key].held.append(row.get("held"))
                runs[key].seconds.append(row["seconds"])
    return list(runs.values())


Regrets = dict[str, dict[str, dict[int, list[float]]]]
"""By sampler, problem and seed, trial by trial."""


def arranged(runs: Iterable[Run]) -> Regrets:
    table: Regrets = {}
    for run in runs:
        table.setdefault(run.sampler, {}).setdefault(run.problem, {})[run.seed] = run.regrets
    return table


def at_budget(table: Regrets, sampler: str, problem: str, at: int) -> list[float]:
    """Return the regrets after some trials of those runs that came so far."""
    found = table[sampler].get(problem, {})
    return [regrets[at - 1] for regrets in found.values() if len(regrets) >= at]


# ----------------------------------------------------------------------------------- the tables


def groups() -> Iterator[tuple[str, list[Problem]]]:
    """Yield the groups of problems that get a table each."""
    everything = select()
    plain = [p for p in everything if not p.limits and len(p.directions) == 1]
    yield "All problems", everything
    yield "One objective and no limits: what every tuner can be given", plain
    yield "The half that settings were chosen on", [p for p in plain if p.split == "tune"]
    yield "The half that was held back", [p for p in plain if p.split == "check"]
    yield "Neither noise nor limits nor several objectives", [p for p in plain if p.kind in QUIET]
    for kind in KINDS:
        yield f"Kind: {kind}", [p for p in everything if p.kind == kind]
    yield "The six problems of the slow tuners", [p for p in everything if p.slow]


def standing(table: Regrets, title: str, problems: list[Problem], budgets: Sequence[int]) -> Table:
    """Compare those tuners that were run on all problems of a group."""
    names = [problem.name for problem in problems]
    cells: dict[str, dict[int, list[str]]] = defaultdict(dict)
    order: dict[str, float] = {}
    for at in budgets:
        complete = [s for s in table if all(at_budget(table, s, name, at) for name in names)]
        shares = np.array(
            [
                [relative(middle(at_budget(table, s, name, at)), name, at) for name in names]
                for s in complete
            ]
        )
        if not complete:
            continue
        ranks = rankdata(shares, axis=0).mean(1)
        for place, sampler in enumerate(complete):
            worst = geometric_mean(
                relative(worst_quarter(at_budget(table, sampler, name, at)), name, at)
                for name in names
            )
            mean = geometric_mean(shares[place])
            order[sampler] = mean
            cells[sampler][at] = [f"{mean:.3f}", f"{worst:.3f}", f"{ranks[place]:.1f}"]
    rows = []
    for sampler in sorted(cells, key=lambda s: order[s]):
        seeds = min(len(table[sampler][name]) for name in names)
        figures = [text for at in budgets for text in cells[sampler].get(at, ["", "", ""])]
        rows.append([sampler, str(seeds), *figures])
    headers = ["", "seeds"]
    headers += [f"{what}@{at}" for at in budgets for what in ("median", "worst", "rank")]
    return Table(title, f"{len(names)} problems.", headers, rows)


def against(table: Regrets, ours: str, budgets: Sequence[int], rng: np.random.Generator) -> Table:
    """Say how our regret compares with each other tuner's on the problems that both were run on.

    Problems, and of each problem the seeds, are drawn again with replacement.
    """
    rows = []
    for other in sorted(set(table) - {ours}):
        figures = []
        for at in budgets:
            pairs = [
                (name, ours_at, theirs_at)
                for name in table[other]
                if (ours_at := at_budget(table, ours, name, at))
                and (theirs_at := at_budget(table, other, name, at))
            ]
            if not pairs:
                figures.append("")
                continue
            low, middle_, high = _interval(pairs, at, rng)
            figures.append(f"{middle_:.2f} ({low:.2f} to {high:.2f})")
        rows.append([other, str(len(table[other])), *figures])
    about = (
        f"Regret of {ours} divided by the other's, geometric mean over the problems that both "
        "were run on, with 95 % bootstrap intervals. Below 1 ours is better."
    )
    return Table("Against each other tuner", about, ["", "problems", *map(str, budgets)], rows)


def _interval(
    pairs: Sequence[tuple[str, list[float], list[float]]], at: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Return the 2.5 %, 50 % and 97.5 % points of the resampled ratio."""
    ratios = np.empty((RESAMPLES, len(pairs)))
    for place, (name, mine, theirs) in enumerate(pairs):
        ratios[:, place] = _resampled(name, mine, at, rng) - _resampled(name, theirs, at, rng)
    drawn = rng.integers(len(pairs), size=(RESAMPLES, len(pairs)))
    means = np.take_along_axis(ratios, drawn, axis=1).mean(1)
    low, centre, high = np.exp(np.quantile(means, [0.025, 0.5, 0.975]))
    return float(low), float(centre), float(high)


def _resampled(
    name: str, regrets: Sequence[float], at: int, rng: np.random.Generator
) -> np.ndarray:
    """Return logarithms of the relative median regret of resampled seeds."""
    drawn = rng.choice(regrets, size=(RESAMPLES, len(regrets)))
    shares = np.median(drawn, axis=1) / yardstick(name, at)
    return np.asarray(np.log(np.maximum(shares, FLOOR)))


def needed(table: Regrets) -> Table:
    """Count the trials until a run is as good as random search after `UNTIL` trials."""
    rows = []
    for sampler, of_problem in table.items():
        medians, reached, runs = [], 0, 0
        longest = max(
            len(regrets) for of_seed in of_problem.values() for regrets in of_seed.values()
        )
        for name, of_seed in of_problem.items():
            goal = random_search()[name]["median"][str(UNTIL)]
            counts = []
            for regrets in of_seed.values():
                hits = np.flatnonzero(np.asarray(regrets) <= goal)
                counts.append(int(hits[0]) + 1 if len(hits) else longest + 1)
                reached += bool(len(hits))
                runs += 1
            medians.append(statistics.median(counts))
        middle_one = statistics.median(medians)
        shown = f"{middle_one:.0f}" if middle_one <= longest else f"> {longest}"
        rows.append([sampler, str(len(of_problem)), shown, str(longest), f"{reached / runs:.0%}"])
    about = (
        f"Until a run is as good as random search's median after {UNTIL} trials: median over "
        "problems of the median over seeds, and the share of runs that came so far."
    )
    rows.sort(key=lambda row: -float(row[-1].rstrip("%")))
    return Table("Trials needed", about, ["", "problems", "trials", "of", "reached"], rows)


def on_one_scale(table: Regrets) -> Table:
    """Return regrets after several budgets as shares of random search's after one of them."""
    everything = [p for p in select() if len(p.directions) == 1]
    rows = []
    for title, problems in (
        ("one objective", everything),
        ("of it without noise and limits", [p for p in everything if p.kind in QUIET]),
    ):
        for sampler in table:
            cells = []
            for at in SCALE:
                found = {p.name: at_budget(table, sampler, p.name, at) for p in problems}
                shares = [relative(middle(v), name, SCALE[0]) for name, v in found.items() if v]
                complete = len(shares) == len(problems)
                cells.append(f"{geometric_mean(shares):.3f}" if complete else "")
            if any(cells):
                rows.append([sampler, title, str(len(problems)), *cells])
    about = f"Medians as shares of random search's after {SCALE[0]} trials, whatever the budget."
    return Table("On one scale", about, ["", "", "problems", *map(str, SCALE)], rows)


def intervals(runs: Iterable[Run], budgets: Sequence[int]) -> Table:
    """Count how often the interval of the recommended trial holds its true value."""
    cells: dict[str, dict[int, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        for at in budgets:
            if len(run.held) >= at and (held := run.held[at - 1]) is not None:
                cells[run.sampler][at].append(held)
    rows = [
        [sampler, *(f"{statistics.fmean(by[at]):.0%} of {len(by[at])}" if by[at] else ""
                    for at in budgets)]
        for sampler, by in cells.items()
    ]  # fmt: skip
    about = "Of runs under noise, those where the stated 90 % interval held what it should."
    return Table("Intervals", about, ["", *map(str, budgets)], rows)


def speed(runs: Iterable[Run]) -> Table:
    """Return the seconds of a trial."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        seconds[run.sampler] += run.seconds
    rows = []
    for sampler, spent in sorted(seconds.items(), key=lambda item: statistics.fmean(item[1])):
        ms = [1e3 * float(value) for value in np.quantile(spent, [0.5, 0.95])]
        rows.append(
            [sampler, f"{ms[0]:.1f}", f"{1e3 * statistics.fmean(spent):.1f}", f"{ms[1]:.1f}"]
        )
    about = "Milliseconds of ask and tell, one thread, beside other programs: an orientation."
    return Table("What a trial costs", about, ["", "median", "mean", "95 %"], rows)


def failures(runs: Iterable[Run]) -> Table:
    """Count the runs that ended early."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for run in runs:
        if run.error:
            counts[run.sampler, f"{run.problem}: {run.error}"[:100]] += 1
    rows = [[sampler, what, str(n)] for (sampler, what), n in sorted(counts.items())]
    return Table("Runs that ended early", "", ["", "problem and error", "runs"], rows)


def tables(runs: list[Run], budgets: Sequence[int], ours: str) -> Iterator[Table]:
    """Yield all tables that have something to show."""
    table = arranged(runs)
    made = [standing(table, title, problems, budgets) for title, problems in groups()]
    if ours in table:
        made.append(against(table, ours, budgets, np.random.default_rng(0)))
    made += [on_one_scale(table), needed(table), intervals(runs, budgets)]
    made += [speed(runs), failures(runs)]
    yield from (one for one in made if one.rows)


# ----------------------------------------------------------------------------------- how it looks


def _shown(runs: list[Run], budgets: Sequence[int], ours: str, form: str, title: str) -> str:
    lines = [
        title.format("Sample efficiency"),
        machine() + ". Figures are regrets as shares of random search's median regret after as "
        "many trials: of the median run, and of the mean of the worst quarter of the runs; "
        f"geometric means over problems, floor {FLOOR:g}; mean ranks among the tuners of a table.",
    ]
    for one in tables(runs, budgets, ours):
        align = ["left"] + ["right"] * (len(one.headers) - 1)
        body = tabulate(one.rows, one.headers, form, disable_numparse=True, colalign=align)
        lines += [title.format(one.title), one.about, body]
    return "\n\n".join(line for line in lines if line) + "\n"


def text(runs: list[Run], budgets: Sequence[int], ours: str) -> str:
    """Return the report for a terminal."""
    return _shown(runs, budgets, ours, "simple", "{}")


def markdown(runs: list[Run], budgets: Sequence[int], ours: str) -> str:
    """Return the report for a page."""
    return _shown(runs, budgets, ours, "github", "## {}")
