"""What a worker is handed to run a trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from luthier.model.frozen import EMPTY
from luthier.space.base import Param
from luthier.study.snapshots import Restored


class Ticket(NamedTuple):
    """All that a worker needs to run a trial; travels to it.

    Attributes
    ----------
    number, attempt : int
        The trial and how often it was started.
    params : mapping of str to object
        Its params; what the sampler proposes in a define-by-run study.
    known : mapping of str to Param, optional
        In a define-by-run study: the parameters that the proposal is for.
    fixed : mapping of str to object
        What a person fixed when queueing the trial.
    user_attrs : mapping
        What was noted on the trial when it was queued.
    why : mapping of str to object
        How the sampler chose the params.
    metrics : mapping of str to float
        What the trial measured before it was set aside.
    folder : str, optional
        Where it may write checkpoints.
    restored : Restored, optional
        The checkpoint that it goes on from.
    parent : int, optional
        The trial that it was forked from.
    paused : bool
        Whether it was set aside before, and so began long ago.
    """

    number: int
    attempt: int
    params: Mapping[str, Any]
    known: Mapping[str, Param] | None
    fixed: Mapping[str, Any]
    user_attrs: Mapping[str, Any]
    why: Mapping[str, Any]
    metrics: Mapping[str, float] = EMPTY
    folder: str | None = None
    restored: Restored | None = None
    parent: int | None = None
    paused: bool = False
