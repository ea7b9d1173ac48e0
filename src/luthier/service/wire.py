"""What travels: the bodies of requests and answers, as the OpenAPI document describes them.

Values that JSON lacks are written as in the log: a float that is not finite is
``{"float": "nan" | "inf" | "-inf"}``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

MOST_SECONDS = 60.0
"""Longest wait of one request, seconds."""

MOST_RECORDS = 1000
"""Most records or trials in one answer."""

Text = Annotated[str, Meta(max_length=4096)]
LongText = Annotated[str, Meta(max_length=65_536)]
Name = Annotated[
    str,
    Meta(min_length=1, max_length=250, description="1 to 250 characters, none of them NUL"),
]
Owner = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        description="The worker's own identity, unique for all times, such as 16 random digits",
    ),
]
Number = Annotated[int, Meta(ge=0, le=2**53, description="The trial's number, from 0")]
Attempt = Annotated[int, Meta(ge=1, le=2**53, description="Which attempt of the trial, from 1")]
Step = Annotated[int, Meta(ge=0, le=2**53, description="How far the trial is, in its own unit")]
Wait = Annotated[
    float,
    Meta(
        ge=0,
        le=MOST_SECONDS,
        description="Seconds to wait if there is nothing yet; the service may wait less",
    ),
]
Cost = Annotated[float, Meta(ge=0, description="What this attempt cost, in a unit of your own")]
State = Literal["WAITING", "RUNNING", "PAUSED", "COMPLETE", "PRUNED", "INFEASIBLE", "FAILED"]
Json = dict[str, Any]


class LogPage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of a log is wanted."""

    after: Annotated[int, Meta(ge=0, le=2**53, description="Begin behind this version")] = 0
    limit: Annotated[int, Meta(ge=0, le=MOST_RECORDS)] = MOST_RECORDS
    identity: Annotated[Name | None, Meta(description="Of this very study only")] = None
    wait: Wait = 0.0


class TrialPage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which trials are wanted."""

    start: Annotated[int, Meta(ge=0, le=2**53, description="Number of the first one")] = 0
    limit: Annotated[int, Meta(ge=1, le=MOST_RECORDS)] = 100


class OfAttempt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which attempt of the trial is meant."""

    attempt: Attempt


class Infinite(Struct, frozen=True, forbid_unknown_fields=True):
    """A float that is not finite."""

    float: Literal["nan", "inf", "-inf"]


Real = float | Infinite
Reals = dict[str, Real]


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """An empty object."""


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong (RFC 9457)."""

    type: Annotated[str, Meta(description="urn:luthier:error:<name of the exception>")]
    title: str
    status: int
    detail: str
    field: Annotated[str | UnsetType, Meta(description="What was wrong")] = UNSET
    given: Annotated[str | UnsetType, Meta(description="The value that was given")] = UNSET
    allowed: Annotated[str | UnsetType, Meta(description="What is allowed instead")] = UNSET


# ---------------------------------------------------------------- studies


class NewStudy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A study to create; fields as in a study file."""

    space: Annotated[Json, Meta(min_length=1, description="Parameters by name, as in a study file")]
    name: Annotated[Name | None, Meta(description="Default: one made up")] = None
    constraints: list[str | Json] = []
    metric: Annotated[
        str | list[str] | None, Meta(description="What the objective or objectives are called")
    ] = None
    direction: Annotated[
        Literal["minimize", "maximize"] | list[Literal["minimize", "maximize"]] | None,
        Meta(description="Which way is better, one for each metric"),
    ] = None
    limits: Annotated[list[Text], Meta(description='Such as "latency <= 20"')] = []
    sampler: Annotated[str | Json | None, Meta(description="A name, or one and settings")] = None
    scheduler: Annotated[str | Json | None, Meta(description="A name, or one and settings")] = None
    seed: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    duplicates: Literal["avoid", "reuse", "replicate"] | None = None
    load_if_exists: Annotated[
        bool, Meta(description="Go on with a study of that name and the same problem")
    ] = False


class StudyNames(Struct, frozen=True):
    """The studies of the storage, the oldest first."""

    studies: list[str]


class StudyInfo(Struct, frozen=True, kw_only=True):
    """What a study is, and how far it has come."""

    name: str
    problem: Annotated[Json, Meta(description="Space, objectives, limits and seed, as in the log")]
    sampler: str | Json | None
    scheduler: str | Json | None
    version: Annotated[int, Meta(description="How many events the log has")]
    trials: int
    states: Annotated[dict[str, int], Meta(description="How many trials are in each state")]
    best: Annotated[list[int], Meta(description="Numbers of the best trials")]
    user_attrs: Json


# ---------------------------------------------------------------- trials


class Report(Struct, frozen=True):
    """What a trial reported on its way."""

    step: int
    metrics: Reals
    time: float


class Trial(Struct, frozen=True, kw_only=True):
    """One configuration and what came of it."""

    number: int
    state: State
    attempt: int
    params: Annotated[Json, Meta(description="Plain values, tuples as arrays, as in the log")]
    values: list[float] | None
    metrics: Reals
    user_attrs: Json
    owner: str | None
    by: str | Json | None
    why: Json
    error: str
    cost: float | None
    parent: int | None
    restored_step: Annotated[
        int | None, Meta(description="The step of the checkpoint that it goes on from")
    ]
    created: float | None
    started: float | None
    ended: float | None


class FullTrial(Trial, frozen=True, kw_only=True):
    """A trial with its reports and output."""

    reports: list[Report]
    traceback: str
    output: str


class Trials(Struct, frozen=True):
    """A page of trials, by number."""

    trials: list[Trial]
    next: Annotated[int | None, Meta(description="`start` of the next page; null at the end")]


class Ask(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A worker wants something to do."""

    owner: Owner
    about: Annotated[
        dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=500)]],
        Meta(max_length=16, description="What people may want to know of the worker: host, ..."),
    ] = {}
    total_trials: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    wait: Wait = 0.0


class Asked(Struct, frozen=True, kw_only=True):
    """A trial to run, or the reason why there is none."""

    trial: Trial | None
    reason: Literal["", "wait", "budget", "done", "exhausted"]
    detail: str
    running: Annotated[int, Meta(description="How many trials of the study run")]
    checkpoint: Annotated[bool, Meta(description="There is a checkpoint to go on from")] = False


class Tell(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a trial ended, or that it is set aside."""

    attempt: Attempt
    values: Annotated[
        float | list[float] | dict[str, float] | None,
        Meta(description="One number, one for each objective, or metrics by name"),
    ] = None
    state: Annotated[
        Literal["COMPLETE", "PRUNED", "INFEASIBLE", "FAILED", "PAUSED"] | None,
        Meta(description="COMPLETE if there are values, else it must be given"),
    ] = None
    metrics: dict[str, float] = {}
    error: LongText = ""
    traceback: LongText = ""
    output: LongText = ""
    cost: Cost | None = None


class Told(Struct, frozen=True):
    """The record of a trial after somebody told how it ended."""

    trial: Trial
    counts: Annotated[
        bool, Meta(description="Whether this was the word that counts: the first one does")
    ]


class SayReport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a running trial goes."""

    attempt: Attempt
    step: Step
    metrics: Annotated[Reals, Meta(min_length=1)]


class Stop(Struct, frozen=True):
    """Whether a trial should end now."""

    stop: bool


class Release(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trial is handed back without a result, to be run by somebody else."""

    attempt: Attempt
    reason: Text = "handed back"


class Enqueue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A point to be tried next; the sampler chooses what is left out."""

    params: Json
    user_attrs: Json = {}


class Enqueued(Struct, frozen=True):
    """The trial that was queued."""

    number: int


class Note(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user attribute; the last value counts."""

    key: Annotated[str, Meta(min_length=1, max_length=250)]
    value: Any


class Running(Struct, frozen=True, forbid_unknown_fields=True):
    """A trial that a worker runs."""

    number: Number
    attempt: Attempt


class Heartbeat(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A worker lives."""

    owner: Owner
    trials: Annotated[list[Running], Meta(max_length=MOST_RECORDS)] = []


class Beaten(Struct, frozen=True):
    """Which of the worker's trials should stop, or are not its any more."""

    stop: list[int]


class Left(Struct, frozen=True):
    """The trials that a worker handed back when it left."""

    released: list[int]


# ---------------------------------------------------------------- files

FileName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$",
        description="Letters, digits and _ . - only, and no dot first",
    ),
]


class File(Struct, frozen=True):
    """An artifact of a trial."""

    name: str
    size: Annotated[int, Meta(description="Bytes")]


class Files(Struct, frozen=True):
    """The artifacts of a trial."""

    files: list[File]


# ---------------------------------------------------------------- the log


class LogRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a log."""

    body: str
    claim: Name | None = None


class Append(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lines for a study's log: all of them or none."""

    records: Annotated[list[LogRecord], Meta(min_length=1)]
    create: bool = False
    identity: Name | None = None


class Version(Struct, frozen=True):
    """How many records a log has."""

    version: int


class Records(Struct, frozen=True):
    """Lines of a log, in order."""

    records: list[str]


class Identity(Struct, frozen=True):
    """The mark of a study, which no other one has."""

    identity: str


class Beat(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An owner lives."""

    owner: Name
    identity: Name | None = None


class Beats(Struct, frozen=True):
    """Seconds since the last sign of life of each owner."""

    beats: dict[str, float]


class Health(Struct, frozen=True):
    """The service answers."""

    status: Literal["ok"]
    version: str
