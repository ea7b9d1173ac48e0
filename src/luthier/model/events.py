"""What can happen to a study: the lines of its log.

A study is its log. Every event is small, immutable and says only what happened;
what follows from it is worked out by `luthier.model.ledger.Ledger`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from luthier.model.frozen import EMPTY
from luthier.model.problem import Problem
from luthier.model.trial import Metrics, Params, TrialState
from luthier.space.base import Param


@dataclass(frozen=True, slots=True)
class Defined:
    """The study's problem, first of all; and again whenever its space is edited."""

    problem: Problem
    time: float = 0.0


@dataclass(frozen=True, slots=True)
class Opened:
    """A process begins to work on the study.

    Attributes
    ----------
    owner : str
        Its identity, which its trials carry.
    sampler : str or mapping
        The sampler it uses, as its registry knows it.
    about : mapping
        Host, process, versions of Python and of Luthier.
    scheduler : str or mapping, optional
        The scheduler it uses, as its registry knows it; None if the log does not say.
    checkpoints : str, optional
        The folder that a person chose for checkpoints; None is the usual one of the storage.
    """

    owner: str
    sampler: str | Mapping[str, Any]
    about: Mapping[str, Any] = field(default_factory=dict)
    time: float = 0.0
    scheduler: str | Mapping[str, Any] | None = None
    checkpoints: str | None = None


@dataclass(frozen=True, slots=True)
class Enqueued:
    """A person queues a trial; what is not fixed is left to the sampler.

    Attributes
    ----------
    request : str, optional
        Names the request that queued it, so that a repeated one queues nothing more.
    """

    number: int
    params: Params
    user_attrs: Mapping[str, Any] = field(default_factory=dict)
    time: float = 0.0
    request: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A trial gets its params and starts for the first time.

    Attributes
    ----------
    params : mapping of str to object
        The active parameters. In a define-by-run study what the sampler proposes
        for the names known so far; what the trial really uses is `Suggested`.
    at : int
        The version of the log that the sampler saw: the params are a function
        of the problem, the history up to there, and the trial's number.
    by : str or mapping
        The sampler, as its registry knows it, or the scheduler if that gave the params;
        ``"user"`` if a person gave all of them.
    owner : str, optional
        Who runs it; None for trials that were added with their result.
    why : mapping of str to object, default empty
        How the sampler chose the params, in its own words.
    parent : int, optional
        Number of the trial that it was forked from.
    parent_step : int, optional
        The step of the parent's checkpoint that it goes on from; None begins anew.
    request : str, optional
        Names the request that it answers, so that a repeated one gets the same trial.
    """

    number: int
    params: Params
    at: int
    by: str | Mapping[str, Any]
    owner: str | None = None
    time: float = 0.0
    why: Mapping[str, Any] = EMPTY
    parent: int | None = None
    parent_step: int | None = None
    request: str | None = None


@dataclass(frozen=True, slots=True)
class Suggested:
    """A define-by-run trial asked for parameters and got values.

    Attributes
    ----------
    values : mapping of str to object
        The values by name, in the order they were asked for.
    params : mapping of str to Param
        Those parameters among them that the history did not know in this form.
    """

    number: int
    values: Params
    params: Mapping[str, Param] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reported:
    """A running trial says how it goes. Reports of an attempt that is over are ignored."""

    number: int
    step: int
    metrics: Metrics
    attempt: int = 1
    time: float = 0.0


@dataclass(frozen=True, slots=True)
class Paused:
    """A running trial is set aside, to go on later from its checkpoint.

    Attributes
    ----------
    attempt : int, optional
        The attempt that is set aside; another one is not touched. None is whichever runs.
    metrics : mapping of str to float
        What the trial has measured so far.
    cost : float, optional
        What this attempt cost; it adds up with that of the other attempts.
    """

    number: int
    time: float = 0.0
    attempt: int | None = None
    metrics: Metrics = EMPTY
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Resumed:
    """A paused or handed-back trial starts again.

    Attributes
    ----------
    attempt : int
        One more than before.
    step : int, optional
        The step after which it goes on; later reports are dropped. None begins anew.
    request : str, optional
        As for `Asked`.
    """

    number: int
    attempt: int
    owner: str
    step: int | None = None
    time: float = 0.0
    request: str | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """A running trial is handed back without a result and waits to be started again.

    Attributes
    ----------
    reason : str
        Why: interrupted, failed and to be retried, its process died, ...
    attempt : int
        The attempt that ended; a later attempt is not touched.
    cost : float, optional
        What the attempt cost, as far as it is known.
    """

    number: int
    reason: str
    attempt: int
    time: float = 0.0
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A trial has ended. The first one counts; later ones stand in the log and change nothing."""

    number: int
    state: TrialState
    values: tuple[float, ...] | None = None
    metrics: Metrics = field(default_factory=dict)
    error: str = ""
    traceback: str = ""
    output: str = ""
    cost: float | None = None
    time: float = 0.0


@dataclass(frozen=True, slots=True)
class Noted:
    """A user attribute of a trial, or of the study if `number` is None. The last value counts."""

    number: int | None
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class Transferred:
    """What an earlier study found is taken over. The last table of a study counts.

    Fields are those of `luthier.model.earlier.Earlier`.
    """

    source: str
    identity: str
    params: tuple[Params, ...]
    ranks: tuple[tuple[float | None, ...], ...]
    time: float = 0.0


Event = (
    Defined
    | Opened
    | Enqueued
    | Asked
    | Suggested
    | Reported
    | Paused
    | Resumed
    | Released
    | Told
    | Noted
    | Transferred
)
