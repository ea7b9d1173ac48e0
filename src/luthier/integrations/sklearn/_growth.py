"""Estimators that are fitted a little, and then further: by a parameter, or by passes over data."""

from __future__ import annotations

import hmac
import pickle
from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import NotFittedError, check_is_fitted

from luthier.errors import InvalidInput
from luthier.schedulers.rungs import geometric

PASSES = "partial_fit"
"""The resource that is counted in passes over the training data."""

PART = "n_resources"
"""Beside the params of a candidate: the `Part` of a fit that is to be made now."""

_MARK = 32  # bytes before what is kept

COUNTING_ALL = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
"""Estimators whose `max_iter` counts the iterations before a warm start, too."""


@dataclass(frozen=True)
class Growth:
    """How far candidates are fitted before they are compared.

    Attributes
    ----------
    resource : str
        A parameter of the estimator, or "partial_fit".
    amounts : tuple of int
        Growing; the last one is a whole fit.
    warm : str, optional
        The estimator's parameter that lets a fit go on from the one before. None if each fit
        begins anew.
    further : bool, default False
        Whether, when a fit goes on, the parameter says how much is added, not how much it is in
        all.
    """

    resource: str
    amounts: tuple[int, ...]
    warm: str | None = None
    further: bool = False

    @property
    def whole(self) -> int:
        """The amount of a whole fit."""
        return self.amounts[-1]

    def next(self, done: int) -> int:
        """Return the amount that comes after another one."""
        return next(amount for amount in self.amounts if amount > done)

    def params(self, amount: int) -> dict[str, int]:
        """Return what of a candidate's params says the amount."""
        return {} if self.resource == PASSES else {self.resource: amount}

    def fit(
        self, estimator: Any, done: int, amount: int, data: tuple[Any, ...], given: Any
    ) -> None:
        """Fit an estimator up to an amount, from what is done."""
        if self.resource == PASSES:
            _pass_over(estimator, amount - done, *data, given=given)
            return
        if self.warm is not None and (done or amount < self.whole):
            estimator.set_params(**{self.warm: True})
        value = amount - done if self.further else amount
        estimator.set_params(**{self.resource: value}).fit(*data, **given)


def growth(
    estimator: Any,
    resource: str,
    least: int | str,
    most: int | str,
    factor: int,
    searched: Collection[str],
) -> Growth:
    """Return how far candidates are to be fitted.

    Parameters
    ----------
    estimator : estimator
        What is searched.
    resource, least, most, factor
        The `resource`, `min_resources`, `max_resources` and `factor` of a search.
    searched : collection of str
        Names that the search varies.

    Raises
    ------
    InvalidInput
        If the estimator has no such resource, or the amounts do not grow.
    """
    prefix, _, name = resource.rpartition("__")
    params = estimator.get_params()
    owner = params.get(prefix) if prefix else estimator
    if resource == PASSES:
        if not hasattr(_last(estimator), PASSES):
            raise InvalidInput("resource", resource, f"a parameter: {estimator!r} has no {PASSES}")
    elif resource not in params or owner is None:
        allowed = f"{PASSES!r}, or one of the estimator's parameters, such as n_estimators"
        raise InvalidInput("resource", resource, allowed)
    elif resource in searched:
        raise InvalidInput("resource", resource, "a parameter that is not searched")
    if most == "auto":
        most = params.get(resource) if resource != PASSES else None  # type: ignore[assignment]
    if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 2:
        raise InvalidInput("max_resources", most, f"an integer from 2 on, of {resource}")
    if least == "auto":
        least = max(1, int(most) // factor**2)
    if not isinstance(least, int | np.integer) or least >= most:
        raise InvalidInput("min_resources", least, f"an integer below max_resources, {most}")
    amounts = (*geometric(int(least), int(most), factor), int(most))
    if resource == PASSES:
        return Growth(resource, amounts)
    warm = f"{prefix}__warm_start" if prefix else "warm_start"
    further = name == "max_iter" and not isinstance(owner, COUNTING_ALL)
    known = warm in params
    return Growth(resource, amounts, warm if known else None, known and further)


@dataclass(frozen=True)
class Part:
    """A part of a fit.

    Attributes
    ----------
    amount : int
        How far.
    done : int, default 0
        From where.
    before : Path, optional
        The file with the estimator that was fitted so far.
    after : Path, optional
        Where to keep it for the next part.
    secret : bytes, default b""
        Known to this search alone: files of others, which might run any code, are not read.
    """

    amount: int
    done: int = 0
    before: Path | None = None
    after: Path | None = None
    secret: bytes = field(default=b"", repr=False)

    def __str__(self) -> str:
        return str(self.amount)  # scikit-learn prints it where it is verbose

    def load(self) -> Any:
        """Return the estimator fitted so far; None if it was not kept, or not by this search."""
        if self.before is None or not self.before.exists():
            return None
        data = self.before.read_bytes()
        mark, kept = data[:_MARK], data[_MARK:]
        return pickle.loads(kept) if hmac.compare_digest(mark, self._mark(kept)) else None

    def keep(self, estimator: Any) -> None:
        """Keep an estimator if it can be kept; if not, the next part begins anew."""
        if self.after is None:
            return
        try:
            kept = cloudpickle.dumps(estimator)
        except (pickle.PicklingError, TypeError, AttributeError):
            self.after.unlink(missing_ok=True)
        else:
            self.after.write_bytes(self._mark(kept) + kept)

    def _mark(self, kept: bytes) -> bytes:
        return hmac.digest(self.secret, kept, "sha256")


class Growing:
    """An estimator whose `fit` goes on where an earlier one stopped; else it is the one inside.

    What it is to do comes among the params of a candidate, under the name `PART`. Without, it
    makes a whole fit.

    Parameters
    ----------
    estimator : estimator
        The one inside.
    growth : Growth
        How it is fitted.
    """

    def __init__(self, estimator: Any, growth: Growth) -> None:
        self.estimator = estimator
        self.growth = growth
        self.part: Part | None = None

    def __sklearn_clone__(self) -> Growing:
        return Growing(clone(self.estimator), self.growth)

    def __sklearn_tags__(self) -> Any:
        return deepcopy(get_tags(self.estimator))

    def __getattr__(self, name: str) -> Any:
        if name == "estimator" or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(name)  # it is being unpickled, or asked for a protocol
        return getattr(self.estimator, name)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the params of the estimator inside."""
        params: dict[str, Any] = self.estimator.get_params(deep)
        return params

    def set_params(self, **params: Any) -> Growing:
        """Set params of the estimator inside, and what part of a fit to make."""
        self.part = params.pop(PART, None)
        self.estimator.set_params(**params)
        return self

    def fit(self, X: Any, y: Any = None, **params: Any) -> Growing:
        """Make the part of a fit."""
        data = (X,) if y is None else (X, y)
        given = self.estimator.get_params()
        part = self.part or Part(given.get(self.growth.resource, self.growth.whole))
        kept, done = part.load(), part.done
        if kept is None:
            done = 0
        else:
            self.estimator = kept
        self.growth.fit(self.estimator, done, part.amount, data, params)
        if part.amount < self.growth.whole and (self.growth.warm or self.growth.resource == PASSES):
            part.keep(self.estimator)
        return self


def _last(estimator: Any) -> Any:
    return estimator[-1] if isinstance(estimator, Pipeline) else estimator


def _pass_over(
    estimator: Any, passes: int, X: Any, y: Any = None, *, given: Mapping[str, Any]
) -> None:
    """Let an estimator see its training data so many times more.

    The steps of a pipeline before the last one are fitted once.
    """
    model, begun = _last(estimator), _is_fitted(_last(estimator))
    if isinstance(estimator, Pipeline):
        prefix = f"{estimator.steps[-1][0]}__"
        foreign = [name for name in given if not name.startswith(prefix)]
        if foreign:
            raise InvalidInput("fit", foreign, f"only {prefix}..., which partial_fit can pass on")
        given = {name.removeprefix(prefix): value for name, value in given.items()}
        if len(estimator) > 1:
            head = estimator[:-1]
            X = head.transform(X) if begun else head.fit_transform(X, y)
            estimator.steps[:-1] = head.steps
    data = (X,) if y is None else (X, y)
    first = {}
    if not begun and y is not None and "classes" in signature(model.partial_fit).parameters:
        first["classes"] = unique_labels(y)
    for _ in range(passes):
        model.partial_fit(*data, **given, **first)
        first = {}


def _is_fitted(estimator: Any) -> bool:
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True
