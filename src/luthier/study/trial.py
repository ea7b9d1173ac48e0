"""The trial that an objective is given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar
from zlib import crc32

from numpy.random import SeedSequence

from luthier.model.repeats import confirms
from luthier.study.folds import Folds
from luthier.study.live import LiveTrial

Part = TypeVar("Part")


class Trial(LiveTrial):
    """One running trial: its params, and the way to report, note and measure.

    Objectives receive it; `luthier.study.study.Study.ask` returns it.

    Parameters
    ----------
    ticket : Ticket
        The trial.
    problem : Problem
        What it belongs to.
    channel : Channel
        The line to the study.
    """

    @property
    def repeat(self) -> int:
        """Which fold or repeat is being measured, from 0; 0 if there is only one."""
        return self._repeat

    @property
    def seed(self) -> int:
        """A seed that all trials of the study share at the same `repeat`, below 2**32.

        Use it for what should be the same for all trials, so that they are compared in pairs:
        splits of the data, initial weights. Trials that confirm others have new ones.
        """
        confirmed = confirms(self._ticket.user_attrs)
        return self._seed("paired", 0 if confirmed is None else confirmed.round)

    @property
    def own_seed(self) -> int:
        """A seed of this trial and `repeat` alone, below 2**32.

        Splits of the data that are drawn anew for each trial keep a study from fitting one split
        (Nagler et al. 2024, arXiv:2405.15393). Such trials are not to be compared in pairs.
        """
        return self._seed("own", self._ticket.number)

    def _seed(self, kind: str, which: int) -> int:
        key = (crc32(kind.encode()), which, self._repeat)
        return int(SeedSequence(self._problem.seed, spawn_key=key).generate_state(1)[0])

    def folds(self, parts: Iterable[Part]) -> Folds[Part]:
        """Measure the trial on several parts one by one: folds, data sets, seeds.

        Parameters
        ----------
        parts : iterable
            What the objective needs for each, in an order that is the same in all trials.

        Returns
        -------
        Folds
            To be looped over. The loop is left by `luthier.TrialPruned` when the trial should
            stop, and skips what was measured before the trial was interrupted.

        Examples
        --------
        ::

            def objective(trial):
                folds = trial.folds(KFold(5).split(X, y))
                for train, test in folds:
                    model = SVC(C=trial["C"]).fit(X[train], y[train])
                    folds.report(model.score(X[test], y[test]))
                return folds.mean()
        """
        return Folds(self, parts)
