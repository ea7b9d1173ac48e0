"""What has happened up to one version of the log: all that a sampler or scheduler may know."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from luthier.errors import TrialNotFound
from luthier.model.columns import Array, Columns, encoded, point_key
from luthier.model.earlier import Earlier
from luthier.model.events import Opened, Reported
from luthier.model.folding import Happening, Result, State
from luthier.model.memo import T
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial, Params, TrialState
from luthier.model.unended import UnendedView


class History:
    """An immutable snapshot of a study, made by `luthier.model.ledger.Ledger.snapshot`.

    Attributes
    ----------
    problem : Problem
        As it stood at this version; in a define-by-run study with the space
        that the trials showed so far.
    version : int
        Number of events behind this snapshot.
    count : int
        Number of trials, whatever their state.
    asked_by : mapping of str to int
        How many trials each sampler proposed as a whole since the problem was
        last defined, by its name.
    owners : mapping of str to Opened
        The processes that worked on the study.
    user_attrs : mapping of str to object
        What users noted on the study.
    transferred : tuple of Earlier
        What earlier studies found, as `luthier.Study.transfer_from` brought it here. It may
        be part of a key of `remember`.
    next_waiting : FrozenTrial, optional
        The trial that has waited longest to be started or restarted.
    running_of : mapping of str to int
        How many trials each process is running.
    last_opened : Opened, optional
        The process that came last, with its sampler.
    requests : mapping of str to (int, int)
        Trial and attempt that answer each named request, later ones of the study included.
    """

    def __init__(
        self,
        *,
        problem: Problem,
        version: int,
        count: int,
        columns: Columns,
        ended: int,
        open_trials: UnendedView,
        happened: int,
        reported: int,
        asked_by: Mapping[str, int],
        owners: Mapping[str, Opened],
        user_attrs: Mapping[str, Any],
        transferred: tuple[Earlier, ...],
        last_opened: Opened | None,
        n_waiting: int,
        next_waiting: FrozenTrial | None,
        running_of: Mapping[str, int],
        requests: Mapping[str, tuple[int, int]],
    ) -> None:
        self.problem = problem
        self.version = version
        self.count = count
        self.asked_by = asked_by
        self.owners = owners
        self.user_attrs = user_attrs
        self.transferred = transferred
        self.last_opened = last_opened
        self._columns = columns
        self._ended = ended
        self._unended = open_trials
        self._happened = happened
        self._reported = reported
        self._n_waiting = n_waiting
        self.next_waiting = next_waiting
        self.running_of = running_of
        self.requests = requests

    def __len__(self) -> int:
        return self.count

    def __repr__(self) -> str:
        return f"History(version={self.version}, {self.count} trials, {self._ended} ended)"

    @property
    def ended(self) -> Sequence[FrozenTrial]:
        """Trials that have ended, in the order in which they ended."""
        return Prefix(self._columns.trials, self._ended)

    @cached_property
    def open(self) -> tuple[FrozenTrial, ...]:
        """Trials that have not ended (waiting, running, paused), by number."""
        return self._unended.all()

    def of_state(self, *states: TrialState) -> list[FrozenTrial]:
        """Return the trials in one of these states, in the order of `ended`, open ones last."""
        wanted = frozenset(states)
        return [trial for trial in (*self.ended, *self.open) if trial.state in wanted]

    @property
    def running(self) -> list[FrozenTrial]:
        """Trials that are being run, by number."""
        return self._unended.of_state(TrialState.RUNNING)

    @property
    def waiting(self) -> list[FrozenTrial]:
        """Trials that wait to be started or restarted, by number."""
        return self._unended.of_state(TrialState.WAITING)

    @property
    def paused(self) -> list[FrozenTrial]:
        """Trials that were set aside and may go on, by number."""
        return self._unended.of_state(TrialState.PAUSED)

    @property
    def n_waiting(self) -> int:
        """How many trials wait to be started or restarted."""
        return self._n_waiting

    @cached_property
    def complete(self) -> list[FrozenTrial]:
        """Trials with a result, in the order in which they ended."""
        return [trial for trial in self.ended if trial.state is TrialState.COMPLETE]

    @cached_property
    def trials(self) -> list[FrozenTrial]:
        """All trials by number."""
        return sorted((*self.ended, *self.open), key=lambda trial: trial.number)

    def trial(self, number: int) -> FrozenTrial:
        """Return one trial.

        Raises
        ------
        TrialNotFound
            If there is none of that number.
        """
        unended = self._unended.find(number)
        if unended is not None:
            return unended
        found = self._columns.by_number.get(number)
        if found is not None and found < self._ended:
            return self._columns.trials[found]
        raise TrialNotFound(f"the study has no trial {number!r}; it has {self.count} trials")

    @property
    def losses(self) -> Array:
        """Values of the ended trials turned so that less is better, ``(len(ended), m)``.

        NaN for trials without a result.
        """
        return self._columns.losses(self._ended)

    @property
    def violations(self) -> Array:
        """Sum of the violations of the problem's limits by each ended trial, ``(len(ended),)``."""
        return self._columns.violations(self._ended, self.problem.limits)

    def encoded(self) -> tuple[Array, Array]:
        """Return params of the ended trials as unit coordinates, and which are active.

        Returns
        -------
        points, activity : arrays of shape ``(len(ended), d)``
            In [0, 1], as `luthier.space.codec.Codec.encode` gives them; 1.0 where active.
        """
        return self._columns.encoded(self.problem.space, self._ended)

    def encoded_running(self) -> tuple[Array, Array]:
        """Return the same of the running trials, by number: ``(len(running), d)`` each.

        A define-by-run trial counts with what was proposed to it.
        """
        rows = [t.params if t.proposed is None else t.proposed for t in self.running]
        return encoded(self.problem.space, rows)

    def find(self, params: Params) -> FrozenTrial | None:
        """Return a trial that was run, is running or waits with just these params, or None."""
        key = point_key(params)
        number = self._columns.open_points.find(key, self.version, self.open)
        return self._columns.find(key, self._ended) if number is None else self.trial(number)

    def remember(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the kept result of earlier work on this study, or do the work and keep it.

        All snapshots of a study share what is kept, whatever their version. Only the results
        that were used last are kept, and a process that opens the study begins without any:
        what matters must follow from the history alone, at a price that may be paid again.

        Parameters
        ----------
        key : hashable
            Everything that determines the result, beside trials that have ended: the settings
            of the sampler, the space, and how many of the first trials of `ended` were used.
            They never change, so their number is enough.
        make : callable
            Does the work. It must depend on nothing but what the key says: not on open trials,
            notes, time, or the randomness of one trial. Its result must not be changed afterwards.

        Examples
        --------
        A model that is fitted again after every tenth trial only::

            n = len(history.ended) // 10 * 10
            model = history.remember((self, problem.space, n), lambda: self._fit(history, n))
        """
        return self._columns.memo.remember(key, make)

    @property
    def reports(self) -> Sequence[Reported]:
        """All reports that counted when they came, in their order.

        A trial that was started again repeats steps: of those of one trial and step the last
        one stands.
        """
        return Prefix(self._columns.reports, self._reported)

    def fold(
        self,
        key: Hashable,
        start: Callable[[], State],
        advance: Callable[[State, Happening], None],
        read: Callable[[State], Result],
    ) -> Result:
        """Return what `read` makes of a state that all that happened to trials has formed.

        The state is kept for the next question with the same key, which is then answered at the
        price of the events since. Asked of an older history it begins anew; the answer is always
        that of this one.

        Parameters
        ----------
        key : hashable
            Everything that determines the state, beside the events.
        start : callable
            Returns the state before the first event.
        advance : callable
            Changes the state in place by one event: `Asked`, `Reported`, `Paused`, `Resumed`,
            `Released` or `Told`, of those that counted, in the order of the log. It may look up
            trials that have ended, and nothing else that changes.
        read : callable
            Returns the answer. It must keep no part of the state.

        Examples
        --------
        How many reports each trial made::

            def advance(counts, event):
                if isinstance(event, Reported):
                    counts[event.number] += 1

            most = history.fold("reports", Counter, advance, lambda counts: max(counts.values()))
        """
        return self._columns.folds.read(key, self._happened, start, advance, read)

    @property
    def eligible(self) -> NDArray[np.bool_]:
        """Which ended trials may be best: complete and within all limits, ``(len(ended),)``."""
        return np.asarray(self.violations == 0) & ~np.isnan(self.losses).any(axis=1)


Item = TypeVar("Item")


class Prefix(Sequence[Item]):
    """The first items of a list that only grows."""

    __slots__ = ("_items", "_length")

    def __init__(self, items: list[Item], length: int) -> None:
        self._items = items
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._items[: self._length][index]
        if not -self._length <= index < self._length:
            raise IndexError(index)
        return self._items[index if index >= 0 else self._length + index]

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items[: self._length])
