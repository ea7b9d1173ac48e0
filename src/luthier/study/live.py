"""A trial that runs: its params, its reports and checkpoints, and what it measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from luthier.errors import InvalidInput, InvalidParams, InvalidResult, InvalidSpace, TrialPruned
from luthier.executors.base import Channel
from luthier.model.dynamic import same_form
from luthier.model.plain import plain
from luthier.model.problem import Problem
from luthier.space.base import Param
from luthier.space.params import Categorical, Float, Int
from luthier.space.space import Space
from luthier.study.plain_state import read_state, write_state
from luthier.study.snapshots import local_copy, writing
from luthier.study.telling import checked_cost, checked_step
from luthier.study.telling import number as checked_number
from luthier.study.ticket import Ticket


class LiveTrial:
    """What a `luthier.study.trial.Trial` is, but for its folds and repeats.

    Parameters
    ----------
    ticket : Ticket
        The trial.
    problem : Problem
        What it belongs to.
    channel : Channel
        The line to the study.
    """

    def __init__(self, ticket: Ticket, problem: Problem, channel: Channel) -> None:
        self._ticket = ticket
        self._problem = problem
        self._channel = channel
        self._dynamic = ticket.known is not None
        self._params: dict[str, Any] = {}
        if not self._dynamic:
            # The objective may change its params; the log keeps its own.
            self._params = {
                name: dict(value) if isinstance(value, dict) else value
                for name, value in ticket.params.items()
            }
        self._asked: dict[str, Param] = {}
        self._user_attrs = dict(ticket.user_attrs)
        self._measured: dict[str, float] = dict(ticket.metrics)
        self._cost: float | None = None
        # On a virtual clock there is no checkpoint to ignore: who repeats steps may do so.
        virtual = ticket.restored is not None and ticket.restored.folder is None
        self._repeats = self.restored_step if virtual else None
        self._last_step = None if virtual else self.restored_step
        self._stop = False
        self._repeat = 0
        self._folded = False  # whether folds or repeats are what it reports

    def __reduce__(self) -> NoReturn:
        raise InvalidInput("trial", self, "its record, study.trials[trial.number], to copy or send")

    def __repr__(self) -> str:
        return f"Trial({self.number}, {dict(self.params)!r})"

    @property
    def number(self) -> int:
        """The trial's number in its study, from 0."""
        return self._ticket.number

    @property
    def attempt(self) -> int:
        """How often the trial was started, from 1."""
        return self._ticket.attempt

    @property
    def params(self) -> Mapping[str, Any]:
        """The active parameters; in a define-by-run study those asked for so far."""
        return MappingProxyType(self._params)

    @property
    def why(self) -> Mapping[str, Any]:
        """How the sampler chose the params; empty where its name says it all."""
        return self._ticket.why

    @property
    def user_attrs(self) -> Mapping[str, Any]:
        """What was noted on the trial."""
        return MappingProxyType(self._user_attrs)

    @property
    def measured(self) -> Mapping[str, float]:
        """What `measure` collected."""
        return MappingProxyType(self._measured)

    @property
    def cost(self) -> float | None:
        """What `set_cost` was told."""
        return self._cost

    @property
    def parent(self) -> int | None:
        """The trial that this one was forked from, None if it was not."""
        return self._ticket.parent

    @property
    def restored_step(self) -> int | None:
        """The last step that is done already, when the trial goes on from a checkpoint.

        None if it begins anew.
        """
        return None if self._ticket.restored is None else self._ticket.restored.step

    def __getitem__(self, name: str) -> Any:
        return self._params[name]

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return a value in ``[low, high]``.

        Parameters
        ----------
        name : str
            Name of the parameter, unique in the trial.
        low, high : float
            Bounds, both included.
        step : float, optional
            Only ``low, low + step, ...`` are allowed.
        log : bool, default False
            Search on a logarithmic scale.
        """
        try:
            param = _float(low, high, step, log)
        except TypeError:  # what cannot be remembered cannot be right; the parameter says why
            param = Float(low, high, step=step, log=log)
        value: float = self.suggest(name, param)
        return value

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Return an integer in ``[low, high]``; arguments as for `suggest_float`."""
        try:
            param = _int(low, high, step, log)
        except TypeError:
            param = Int(low, high, step=step, log=log)
        value: int = self.suggest(name, param)
        return value

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return one of `choices`."""
        return self.suggest(name, Categorical(choices))

    def suggest(self, name: str, param: Param) -> Any:
        """Return a value for any kind of parameter.

        In a study with a declared space the parameter must be the declared one.

        Raises
        ------
        InvalidParams
            If the name is not in the declared space, not active, declared
            otherwise, or was asked for as something else in this trial.
        """
        if not self._dynamic:
            return self._declared(name, param)
        if name in self._params:
            if self._asked.get(name, param) != param:
                raise InvalidParams(
                    f"parameter {name!r}", param, f"{self._asked[name]!r}, as asked before"
                )
            return self._params[name]
        known = (self._ticket.known or {}).get(name)
        if known is not None and type(known) is not type(param):
            raise InvalidSpace(
                f"parameter {name!r}",
                param,
                f"a {type(known).__name__}, as in earlier trials of this study",
            )
        fixed, proposed = self._ticket.fixed, self._ticket.params
        alone = Space({name: param})
        # What an earlier study found good may lie outside of this one's bounds; what a person
        # queued is an error there.
        foreign = "transferred_from" in self._ticket.user_attrs
        if name in fixed and not (foreign and not alone.contains({name: fixed[name]})):
            alone.check({name: fixed[name]})
            value = alone.canonical({name: fixed[name]})[name]
            self._channel.send(("used", name, value, param))
        elif known is not None and name in proposed and same_form(known, param):
            value = proposed[name]
            self._channel.send(("used", name, value, None))
        else:
            value = self._channel.ask(("suggest", name, param))
        value = dict(value) if isinstance(value, dict) else value
        self._params[name] = value
        self._asked[name] = param
        return value

    def use(self, name: str, param: Param, value: Any) -> None:
        """Record a value that the objective has chosen itself, in a define-by-run study.

        It may lie beyond what `param` allows; samplers then leave it out of their models.

        Parameters
        ----------
        name : str
            Name of the parameter, unique in the trial.
        param : Param
            What the value stands beside: samplers propose from it.
        value : object
            None, a truth value, number or text, or a tuple of these.

        Raises
        ------
        InvalidParams
            If the study declares its space, or the trial has a value of that name already.
        """
        if not self._dynamic:
            raise InvalidParams(f"parameter {name!r}", value, "values of a define-by-run study")
        if name in self._params:
            raise InvalidParams(f"parameter {name!r}", value, "a name without a value so far")
        self._channel.send(("used", name, value, param))
        self._params[name] = value
        self._asked[name] = param

    def report(self, value: float | Mapping[str, float], step: int) -> None:
        """Say how the trial goes, so that it can be stopped early.

        Parameters
        ----------
        value : float or mapping of str to float
            The objective's present value, or metrics by name. May be NaN or
            infinite: a diverging run is worth reporting.
        step : int
            How far the trial is, larger than in the report before.

        Raises
        ------
        InvalidResult
            If the step is no integer from 0 on or does not grow, a metric is no number, or the
            trial is one of `folds` or repeats.
        """
        if self._folded:
            raise InvalidResult("report", value, "none: each fold or repeat is a step here")
        self._report(value, step)

    def _report(self, value: float | Mapping[str, float], step: int) -> None:
        step = checked_step("report: step", step)
        if self._last_step is not None and step <= self._last_step:
            raise InvalidResult("report: step", step, f"a step after {self._last_step}")
        given = value if isinstance(value, Mapping) else {self._problem.objectives[0].name: value}
        metrics = {
            str(name): checked_number(item, f"report: {name}", finite=False)
            for name, item in given.items()
        }
        if not metrics:
            raise InvalidResult("report", value, "at least one metric")
        self._last_step = step
        if self._repeats is not None and step <= self._repeats:
            return  # it is in the log
        self._stop = bool(self._channel.ask(("report", step, metrics))) or self._stop

    def should_prune(self) -> bool:
        """Tell whether the trial should stop now: raise `luthier.TrialPruned` if so.

        Save a checkpoint first, if there is none of this step: it may go on later.
        """
        return self._stop or self._channel.stopping

    def prune_if_hopeless(self) -> None:
        """Raise `luthier.TrialPruned` if the trial should stop now."""
        if self.should_prune():
            raise TrialPruned

    # ------------------------------------------------------------------ checkpoints

    def save(self, state: Mapping[str, Any], step: int | None = None) -> None:
        """Keep plain values, so that the trial can go on from here.

        Parameters
        ----------
        state : mapping of str to object
            Numbers, texts, truth values, None, bytes, NumPy arrays, and lists, tuples and
            mappings of them. It is written as JSON and ``.npz``, so that reading it runs no
            code. Other things (a model, a `state_dict`) go to files, see `checkpoint`.
        step : int, optional
            The last step that is done. Default: that of the last report.

        Raises
        ------
        InvalidInput
            If a value is not plain, or the study has no folder for checkpoints.
        InvalidResult
            If there is no step, or it lies before one that is done.
        """
        with self.checkpoint(step) as folder:
            write_state(folder, state)

    def load(self) -> dict[str, Any] | None:
        """Return the state that the trial goes on from, None if it begins anew.

        It is what `save` was given: by an earlier attempt of this trial, or by the trial that
        this one was forked from.

        Raises
        ------
        InvalidInput
            If the checkpoint was written otherwise.
        """
        folder = self.restore_dir
        return None if folder is None else read_state(folder)

    @contextmanager
    def checkpoint(self, step: int | None = None) -> Iterator[Path]:
        """Give a folder to write a checkpoint's files to.

        It becomes the trial's checkpoint when the block ends, as a whole; if the block is left by
        an exception, or the process dies in it, there is none.

        Parameters
        ----------
        step : int, optional
            The last step that is done. Default: that of the last report.

        Raises
        ------
        InvalidInput
            If no file was written, or the study has no folder for checkpoints.
        InvalidResult
            If there is no step, or it lies before one that is done.

        Examples
        --------
        ::

            with trial.checkpoint() as folder:
                torch.save(model.state_dict(), folder / "model.pt")
        """
        done = self._done(step)
        with writing(self._checkpoint_folder(), self.attempt, done) as folder:
            yield folder
        self._channel.send(("saved",))

    @property
    def restore_dir(self) -> Path | None:
        """The folder with the files of the checkpoint to go on from, None to begin anew.

        Read from it and do not change it. If the study keeps checkpoints at a URI, it is a copy on
        this machine.
        """
        restored = self._ticket.restored
        if restored is None or restored.folder is None:
            return None
        return local_copy(restored.folder)

    def _done(self, step: int | None) -> int:
        if step is None:
            if self._last_step is None:
                raise InvalidResult("checkpoint: step", None, "a step, where none was reported yet")
            return self._last_step
        done = checked_step("checkpoint: step", step)
        if self._last_step is not None and done < self._last_step:
            raise InvalidResult("checkpoint: step", step, f"a step from {self._last_step} on")
        return done

    def _checkpoint_folder(self) -> str:
        if self._ticket.folder is None:
            raise InvalidInput(
                "checkpoints",
                None,
                "a folder that all workers reach: create_study(..., checkpoints=folder)",
            )
        return self._ticket.folder

    @property
    def preempted(self) -> bool:
        """Whether the trial was asked to stop for another reason than how it goes."""
        return self._channel.stopping and not self._stop

    def measure(self, metric: str, value: float) -> None:
        """Record a metric beside the objectives, such as one that the study limits.

        Raises
        ------
        InvalidResult
            If the value is not a finite number.
        """
        self._measured[metric] = checked_number(value, f"measure: {metric}")

    def set_cost(self, cost: float) -> None:
        """Say what the trial cost, in a unit of your own (money, energy, GPU hours).

        Raises
        ------
        InvalidResult
            If the cost is negative or no finite number.
        """
        self._cost = checked_cost(cost)

    def set_user_attr(self, key: str, value: Any) -> None:
        """Note something on the trial: anything that JSON can say.

        Raises
        ------
        InvalidInput
            If the key is no text, or JSON cannot say the value.
        """
        if not isinstance(key, str):
            raise InvalidInput("user attribute: key", key, "a text")
        value = plain(value, f"user attribute {key!r}")
        self._channel.send(("note", key, value))
        self._user_attrs[key] = value

    def _declared(self, name: str, param: Param) -> Any:
        declared = self._problem.space.params
        if name not in declared:
            raise InvalidParams(
                f"parameter {name!r}", param, f"one of the study's space: {', '.join(declared)}"
            )
        if name not in self._params:
            raise InvalidParams(f"parameter {name!r}", param, "a parameter active in this trial")
        known = declared[name]
        if type(known) is not type(param) or not _same_values(known, param):
            raise InvalidParams(f"parameter {name!r}", param, f"{known!r}, as the study declares")
        return self._params[name]


def _same_values(known: Param, asked: Param) -> bool:
    for attribute in ("low", "high", "choices"):
        if getattr(known, attribute, None) != getattr(asked, attribute, None):
            return False
    return True


@lru_cache(maxsize=4096, typed=True)
def _float(low: float, high: float, step: float | None, log: bool) -> Float:
    return Float(low, high, step=step, log=log)


@lru_cache(maxsize=4096, typed=True)
def _int(low: int, high: int, step: int, log: bool) -> Int:
    # Optuna's spelling: with log, a step of 1 means no step.
    return Int(low, high, step=step, log=log)
