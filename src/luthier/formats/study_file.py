"""A study file that was read: what to tune, how, and when to stop."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luthier.errors import ObjectiveError
from luthier.executors.base import Limits as PerTrial
from luthier.executors.command import Command
from luthier.model.problem import Duplicates, Limit, Objective
from luthier.model.trial import Params
from luthier.samplers.registry import Spec
from luthier.space.space import Space
from luthier.study.budget import Budget
from luthier.study.outage import MAX_OUTAGE

if TYPE_CHECKING:
    from luthier.storage.base import Storage
    from luthier.study.study import Study


@dataclass(frozen=True, slots=True)
class StudyFile:
    """Everything that a study file says, checked.

    Attributes
    ----------
    path : Path
        The file.
    name : str
        Name of the study.
    objective : str or Command
        What to run: ``module:function``, importable from the file's folder, or a program.
    objectives : tuple of Objective
        Names and directions.
    space : Space, optional
        What can vary; None for define-by-run.
    storage : str, optional
        Where the study is kept; None leaves it to the caller.
    limits : tuple of Limit
        Bounds on metrics.
    enqueue : tuple of mapping
        Params to try first.
    sampler : str or mapping, optional
        As the registry of samplers knows it; None for the default.
    scheduler : str or mapping, optional
        As the registry of schedulers knows it; None stops no trial.
    seed : int, optional
        Seed of the study.
    duplicates : str, optional
        What happens when a point is proposed again.
    budget : Budget
        When to stop; its trials are those of the study in all.
    executor : str or mapping, optional
        Who does the work, as the registry of executors knows it; None for processes, or for
        this one if one trial runs at a time.
    workers : int, default 1
        Trials at the same time, -1 for one per core.
    gpus : tuple of int or str, optional
        GPUs to spread the trials over.
    trials_per_gpu : int, default 1
        How many trials share a GPU.
    trial_timeout : float, optional
        Seconds that a trial may take.
    trial_memory : int or str, optional
        Bytes that a trial may use, or a size such as ``"4GB"``.
    grace : float, default 5
        Seconds that a trial has to save and end when it is stopped.
    retries : int, default 0
        How often a failed trial is run again.
    repeats : int, default 1
        How often each trial is measured.
    max_outage : float, default 3600
        Seconds for which a storage that is away is waited for.
    """

    path: Path
    name: str
    objective: str | Command
    objectives: tuple[Objective, ...]
    space: Space | None = None
    storage: str | None = None
    limits: tuple[Limit, ...] = ()
    enqueue: tuple[Params, ...] = ()
    sampler: Spec | None = None
    scheduler: Spec | None = None
    seed: int | None = None
    duplicates: Duplicates | None = None
    budget: Budget = Budget()  # noqa: RUF009 - immutable
    executor: str | Mapping[str, Any] | None = None
    workers: int = 1
    gpus: tuple[int | str, ...] | None = None
    trials_per_gpu: int = 1
    trial_timeout: float | None = None
    trial_memory: int | str | None = None
    grace: float = PerTrial().grace
    retries: int = 0
    repeats: int = 1
    max_outage: float = MAX_OUTAGE

    def open_study(
        self, *, storage: str | Storage | None = None, study_name: str | None = None
    ) -> Study:
        """Create the study, or load it if it is there, and queue what is to be tried first.

        Points that were queued before are not queued again.

        Parameters
        ----------
        storage, study_name : optional
            Instead of those of the file.

        Raises
        ------
        StudyExists
            If the study is there with another space, other objectives, limits or seed.
        """
        from luthier.study.create import create_study

        study = create_study(
            self.space,
            metric=[objective.name for objective in self.objectives],
            directions=[objective.direction for objective in self.objectives],
            study_name=study_name or self.name,
            storage=storage or self.storage or "sqlite",
            sampler=self.sampler,
            scheduler=self.scheduler,
            seed=self.seed,
            limits=self.limits,
            duplicates=self.duplicates,
            load_if_exists=True,
        )
        queued = [trial.fixed for trial in study.trials] if self.enqueue else []
        for params in self.enqueue:
            if params not in queued:
                study.enqueue_trial(params, skip_if_exists=True)
        return study

    def most_trials(self, given: int | None = None) -> int | None:
        """Return how many trials the study has at most; None if nothing says so.

        Parameters
        ----------
        given : int, optional
            Instead of the budget's number.
        """
        from luthier.samplers.grid import Grid
        from luthier.samplers.registry import make

        most = self.budget.total_trials if given is None else given
        points: int | None = None
        if self.space is not None:
            sampler = None if self.sampler is None else make(self.sampler)
            if isinstance(sampler, Grid):
                # No further than it matters: a grid may be endless for all practical purposes.
                points = sum(1 for _ in islice(self.space.grid(sampler.resolution), most))
            elif self.duplicates in (None, "avoid"):
                points = self.space.size
        numbers = [number for number in (most, points) if number is not None]
        return min(numbers, default=None)

    def slots(self, workers: int | None = None) -> int:
        """Return how many trials run at the same time.

        Parameters
        ----------
        workers : int, optional
            Instead of the file's number.
        """
        from luthier.study.loop import choose_executor, make_limits

        executor = choose_executor(
            "processes",
            self.workers if workers is None else workers,
            self.gpus,
            self.trials_per_gpu,
            make_limits(None, None),
        )
        return executor.slots

    def load_objective(self) -> Callable[..., Any]:
        """Return what `optimize` is to run; imports the module if it is a function.

        Raises
        ------
        ObjectiveError
            If the module cannot be imported or has no such function.
        """
        if isinstance(self.objective, Command):
            return self.objective
        module_name, _, attribute = self.objective.partition(":")
        parent = self.path.resolve().parent
        folder = str(parent)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        try:
            found: Any = import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is None or not module_name.startswith(error.name):
                raise self._broken(error) from error
            raise ObjectiveError(
                f"objective {self.objective!r}: there is no module {module_name!r} in {folder}"
            ) from error
        except Exception as error:
            raise self._broken(error) from error
        top = module_name.partition(".")[0]
        file = getattr(found, "__file__", None)
        ours = (parent / top).is_dir() or (parent / f"{top}.py").exists()
        if ours and file is not None and not Path(file).resolve().is_relative_to(parent):
            raise ObjectiveError(
                f"objective {self.objective!r}: another module {top!r} is loaded already, from "
                f"{file}; give yours another name"
            )
        for part in attribute.split("."):
            if not hasattr(found, part):
                raise ObjectiveError(f"objective {self.objective!r}: {found!r} has no {part!r}")
            found = getattr(found, part)
        if not callable(found):
            raise ObjectiveError(f"objective {self.objective!r}: {found!r} is not a function")
        function: Callable[..., Any] = found
        return function

    def optimize_arguments(self) -> Mapping[str, Any]:
        """Return the arguments of `Study.optimize`, the objective aside."""
        budget = self.budget
        return {
            # Worker processes keep what a program prints apart from what we print.
            "executor": self.executor
            or ("processes" if isinstance(self.objective, Command) else None),
            "total_trials": budget.total_trials,
            "timeout": budget.timeout,
            "target": budget.target,
            "cost": budget.cost,
            "max_cost": budget.max_cost,
            "patience": budget.patience,
            "max_failures": budget.max_failures,
            "n_jobs": self.workers,
            "gpus": self.gpus,
            "trials_per_gpu": self.trials_per_gpu,
            "trial_timeout": self.trial_timeout,
            "trial_memory": self.trial_memory,
            "grace": self.grace,
            "retries": self.retries,
            "repeats": self.repeats,
            "max_outage": self.max_outage,
        }

    def _broken(self, error: Exception) -> ObjectiveError:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return ObjectiveError(
            f"objective {self.objective!r} cannot be imported: {type(error).__name__}: {error} "
            f"({last.filename}:{last.lineno})"
        )
