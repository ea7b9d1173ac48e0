"""Fits in the log of a study: each fold is a report, from which the fit can be made again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import fsum, isfinite, sqrt
from typing import Any

import numpy as np

from luthier.integrations.sklearn._bench import Fit
from luthier.model.repeats import single, std_error
from luthier.model.trial import FrozenTrial
from luthier.study.trial import Trial

SCORE = re.compile(r"split(\d+)_(test|train)_(.*)", re.DOTALL)
TIME = re.compile(r"split(\d+)_(fit|score)_time")
ALONE = "score"
"""scikit-learn's name for the only score there is."""


def guide(fit: Fit, metric: str) -> float:
    """Return the score of a fit that leads the search."""
    scores = fit["test_scores"]
    if not isinstance(scores, dict):
        return float(scores)
    return float(scores[metric] if metric in scores else next(iter(scores.values())))


def report(trial: Trial, metric: str, fits: Mapping[int, Fit], fold: int) -> None:
    """Report a fold: its fit, and the mean of the folds so far.

    Parameters
    ----------
    trial : Trial
        Reports to its study.
    metric : str
        The objective.
    fits : mapping of int to Fit
        Of the folds up to this one, at least.
    fold : int
        The fold.
    """
    scores = [guide(fits[done], metric) for done in range(fold + 1)]
    metrics = {metric: mean(scores), single(metric): scores[-1], **_flat(fold, fits[fold])}
    trial.report(metrics, fold + 1)
    error = deviation(scores)
    if error is not None:
        trial.measure(std_error(metric), error)


def report_rung(trial: Trial, metric: str, fits: Mapping[int, Fit], step: int) -> None:
    """Report all folds at once, at a step; arguments as for `report`."""
    scores = [guide(fit, metric) for fit in fits.values()]
    metrics = {metric: mean(scores)}
    for fold, fit in fits.items():
        metrics |= _flat(fold, fit)
    trial.report(metrics, step)
    error = deviation(scores)
    if error is not None:
        trial.measure(std_error(metric), error)


def score_of(fits: Mapping[int, Fit], metric: str) -> tuple[float, str | None]:
    """Return the mean score of a candidate, and what is wrong with it, None if nothing is."""
    score = mean([guide(fit, metric) for fit in fits.values()])
    errors = [fit["fit_error"] for fit in fits.values() if fit["fit_error"]]
    if errors:
        return score, errors[-1].strip().splitlines()[-1]
    return score, None if isfinite(score) else f"the score is {score}"


def fits_of(trial: FrozenTrial) -> dict[int, Fit]:
    """Return the fits that a trial has reported, by fold."""
    found: dict[int, Fit] = {}
    for reported in trial.reports:
        for name, value in reported.metrics.items():
            if match := TIME.fullmatch(name):
                fit = found.setdefault(int(match[1]), {"fit_error": None})
                fit[f"{match[2]}_time"] = value
            elif match := SCORE.fullmatch(name):
                fit = found.setdefault(int(match[1]), {"fit_error": None})
                fit.setdefault(f"{match[2]}_scores", {})[match[3]] = value
    for fit in found.values():
        for kind in ("test_scores", "train_scores"):
            scores = fit.get(kind)
            if scores is not None and scores.keys() == {ALONE}:
                fit[kind] = scores[ALONE]
    return found


def missing(like: Fit) -> Fit:
    """Return a fit that was not made, for a table in which others were."""

    def blank(value: Any) -> Any:
        return dict.fromkeys(value, np.nan) if isinstance(value, dict) else np.nan

    return {name: blank(value) for name, value in like.items()}


def mean(scores: list[float]) -> float:
    """Return the mean, of whatever numbers."""
    if all(map(isfinite, scores)):
        return fsum(scores) / len(scores)
    return sum(scores) / len(scores)


def deviation(scores: list[float]) -> float | None:
    """Return the standard error of the mean, None where there is none."""
    if len(scores) < 2 or not all(map(isfinite, scores)):
        return None
    return float(np.std(scores, ddof=1)) / sqrt(len(scores))


def _flat(fold: int, fit: Fit) -> dict[str, float]:
    flat = {f"split{fold}_{kind}_time": float(fit[f"{kind}_time"]) for kind in ("fit", "score")}
    for kind in ("test", "train"):
        scores = fit.get(f"{kind}_scores")
        if scores is None:
            continue
        named = scores if isinstance(scores, dict) else {ALONE: scores}
        flat |= {f"split{fold}_{kind}_{name}": float(score) for name, score in named.items()}
    return flat
