"""What a person writes into a study: points to try, results from elsewhere, notes, other limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from luthier.errors import InvalidInput
from luthier.model.events import Defined, Noted
from luthier.model.plain import plain
from luthier.model.problem import Limit
from luthier.model.problem import make_limits as make_problem_limits
from luthier.model.trial import FrozenTrial, TrialState
from luthier.space.base import Param
from luthier.space.space import Space
from luthier.study.by_hand import add, edit, enqueue
from luthier.study.engine import Engine
from luthier.study.view import StudyView

if TYPE_CHECKING:
    from luthier.study.transfer import Transfer


class EditableStudy(StudyView):
    """A study to look at, and to change by hand.

    Parameters
    ----------
    engine : Engine
        Works on the study.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.journal)
        self._engine = engine

    def enqueue_trial(
        self,
        params: Mapping[str, Any],
        *,
        user_attrs: Mapping[str, Any] | None = None,
        skip_if_exists: bool = False,
    ) -> int | None:
        """Queue a point to be tried next, and return its trial's number.

        Parameters
        ----------
        params : mapping of str to object
            All params or some; the sampler chooses the others.
        user_attrs : mapping, optional
            Notes on the trial.
        skip_if_exists : bool, default False
            Queue nothing, and return None, if a trial with these values is there already.

        Raises
        ------
        InvalidParams
            If a value is not in the space.
        EmptySpace
            If no complete point has these values.
        """
        return enqueue(self._journal, params, user_attrs, skip_if_exists, self._engine.clock)

    def add_trial(
        self,
        params: Mapping[str, Any],
        values: float | Sequence[float] | Mapping[str, float] | None = None,
        *,
        state: TrialState | str = TrialState.COMPLETE,
        metrics: Mapping[str, float] | None = None,
        user_attrs: Mapping[str, Any] | None = None,
        distributions: Mapping[str, Param] | None = None,
    ) -> FrozenTrial:
        """Add a trial that was run elsewhere, with its result; samplers learn from it.

        Parameters
        ----------
        params : mapping of str to object
            A complete configuration.
        values : float, sequence of float, or mapping, optional
            As for `tell`.
        state : TrialState or str, default COMPLETE
            How it ended.
        metrics, user_attrs : mapping, optional
            As for `tell` and `enqueue_trial`.
        distributions : mapping of str to Param, optional
            In a define-by-run study: what the params were chosen from.

        Raises
        ------
        InvalidParams
            If the params are not in the space.
        """
        words = values, state, metrics, user_attrs, distributions
        return add(self._journal, params, *words, self._engine.clock)

    def transfer_from(self, *studies: StudyView | str, n_start: int = 5) -> Transfer:
        """Start from what earlier studies found, perhaps on other spaces; see `Transfer`.

        Parameters
        ----------
        *studies : Study or str
            Studies, or names of them in the same storage.
        n_start : int, default 5
            How many points, good there, are queued at most: what unrelated studies may cost.

        Raises
        ------
        InvalidInput
            If a study is this one, has no result, or shares no parameter or no objective.
        """
        from luthier.study.transfer import transfer

        return transfer(self, studies, self.enqueue_trial, n_start)

    # ---------------------------------------------------------------- notes and edits

    def set_user_attr(self, key: str, value: Any, *, trial: int | None = None) -> None:
        """Note something on the study, or on one of its trials: anything that JSON can say."""
        if not isinstance(key, str):
            raise InvalidInput("user attribute: key", key, "a text")
        if trial is not None:
            self.history.trial(trial)
        self._journal.append(Noted(trial, key, plain(value, f"user attribute {key!r}")))

    def edit_space(self, space: Space) -> None:
        """Go on with another space; trials so far stay in the model.

        Make the new space from the old one with `Space.add`, `Space.widen`,
        `Space.narrow`, `Space.freeze`, `Space.add_choice`, which keep what the
        old trials mean.

        Raises
        ------
        InvalidInput
            If the study is define-by-run.
        InvalidParams
            If the new space cannot place a trial of the old one.
        """
        edit(self._journal, space, self._engine.clock)

    def edit_limits(self, limits: Sequence[Limit | str]) -> None:
        """Go on with other limits on metrics; they hold for the trials so far as well.

        A trial that did not measure a limited metric is not within its limit.

        Parameters
        ----------
        limits : sequence of Limit or str
            All that hold from now on, such as "latency <= 20".

        Raises
        ------
        InvalidInput
            If one cannot be read.
        """
        history = self._journal.sync()
        problem = replace(history.problem, limits=make_problem_limits(limits))
        self._journal.append(Defined(problem, self._engine.clock()))
