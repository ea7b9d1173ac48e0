"""The loop of Optuna's `optimize`: ask, run, tell, in one thread or several."""

from __future__ import annotations

import gc
import itertools
import logging
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from luthier.compat.optuna._base_trial import TrialState
from luthier.compat.optuna._tell import Verdict, judged
from luthier.compat.optuna.logging import get_logger
from luthier.errors import InvalidInput, NoResult, SpaceExhausted, TrialPruned

if TYPE_CHECKING:
    from concurrent.futures import Future

    from luthier.compat.optuna._frozen_trial import FrozenTrial
    from luthier.compat.optuna._live_trial import Trial
    from luthier.compat.optuna._study import Study

_log = get_logger("optuna")


class Optimization:
    """One call of `Study.optimize`; its arguments, and `run`."""

    def __init__(
        self,
        study: Study,
        func: Callable[[Trial], Any],
        n_trials: int | None,
        timeout: float | None,
        catch: tuple[type[Exception], ...],
        callbacks: tuple[Callable[[Study, FrozenTrial], None], ...],
        gc_after_trial: bool,
    ) -> None:
        self._study = study
        self._func = func
        self._n_trials = n_trials
        self._timeout = timeout
        self._catch = catch
        self._callbacks = callbacks
        self._gc = gc_after_trial
        self._began = time.monotonic()
        self._bar: Any = None

    def run(self, n_jobs: int, show_progress_bar: bool) -> None:
        """Run trials until something says stop."""
        if (
            isinstance(n_jobs, bool)
            or not isinstance(n_jobs, int)
            or not (n_jobs > 0 or n_jobs == -1)
        ):
            raise InvalidInput("n_jobs", n_jobs, "a positive integer, or -1 for one per core")
        self._study._stop_requested = False
        with self._progress(show_progress_bar) as self._bar:
            if n_jobs == 1:
                for begun in itertools.count():
                    if self._ends(begun) or not self._one_trial():
                        break
            else:
                self._in_threads(os.cpu_count() or 1 if n_jobs == -1 else n_jobs)

    def _ends(self, begun: int) -> bool:
        """Tell whether no further trial starts after so many."""
        if self._study._stop_requested or (self._n_trials is not None and begun >= self._n_trials):
            return True
        return self._timeout is not None and time.monotonic() - self._began >= self._timeout

    def _in_threads(self, n_jobs: int) -> None:
        from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

        running: set[Future[bool]] = set()
        with ThreadPoolExecutor(n_jobs) as pool:
            for begun in itertools.count():
                if len(running) >= n_jobs:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    if False in {future.result() for future in done}:  # raises what they raised
                        break
                if self._ends(begun):
                    break
                running.add(pool.submit(self._one_trial))
        for future in running:
            future.result()

    def _one_trial(self) -> bool:
        """Run a trial, and tell whether there was one to run."""
        study = self._study
        study._loop.running = True
        try:
            if study.sampler.exhausted(study):
                return False
            try:
                trial = study.ask()
            except SpaceExhausted as error:
                _log.info("nothing is left to try: %s", error)
                return False
            try:
                self._run(trial)
            finally:
                if self._gc:
                    gc.collect()
            if self._callbacks or self._bar is not None:
                for callback in self._callbacks:
                    callback(study, study._record(trial.number))
                self._show()
            return True
        finally:
            study._loop.running = False

    def _run(self, trial: Trial) -> None:
        study, number = self._study, trial.number
        objectives = len(study.directions)
        error: BaseException | None = None
        try:
            returned = self._func(trial)
        except TrialPruned as signal:
            verdict = judged(trial._reported, None, TrialState.PRUNED, objectives)
            _log.info("Trial %d pruned. %s", number, signal)
        except (Exception, KeyboardInterrupt) as raised:
            error = raised
            verdict = Verdict(TrialState.FAIL, None)
        else:
            if number not in study._live:
                raise ValueError(
                    f"trial {number} was told by its objective: return a value instead"
                )
            verdict = judged(trial._reported, returned, None, objectives)
        reason = "" if error is None else f"{type(error).__name__}: {error}"
        params = trial.params
        study._end(number, verdict, reason)
        if verdict.state is TrialState.COMPLETE:
            self._log_complete(number, verdict.values or [], params)
        elif verdict.state is TrialState.FAIL:
            _log.warning(
                "Trial %d failed with parameters: %s because of the following error: %s.",
                number,
                params,
                reason or verdict.reason,
                exc_info=error,
            )
        if error is not None and not isinstance(error, self._catch):
            raise error

    def _log_complete(self, number: int, values: list[float], params: dict[str, Any]) -> None:
        if not _log.isEnabledFor(logging.INFO):
            return
        names = self._study.metric_names
        shown: Any = values if names is None else dict(zip(names, values, strict=True))
        if len(values) > 1:
            _log.info(
                "Trial %d finished with values: %s and parameters: %s.", number, shown, params
            )
            return
        message = f"Trial {number} finished with value: {shown if names else values[0]} and "
        message += f"parameters: {params}."
        try:
            best = self._study._native.best_trial
            message += f" Best is trial {best.number} with value: {best.value}."
        except NoResult:
            pass
        _log.info(message)

    def _progress(self, wanted: bool) -> AbstractContextManager[Any]:
        if not wanted:
            return nullcontext()
        from tqdm.auto import tqdm

        if self._n_trials is None and self._timeout is not None:
            bar: Any = tqdm(total=self._timeout, bar_format="{l_bar}{bar}| {n:.0f}/{total:.0f} s")
        else:
            bar = tqdm(total=self._n_trials)
        return bar  # type: ignore[no-any-return]

    def _show(self) -> None:
        if self._bar is None:
            return
        if self._n_trials is None and self._timeout is not None:
            passed = min(time.monotonic() - self._began, self._timeout)
            self._bar.update(passed - self._bar.n)
        else:
            self._bar.update(1)
        study = self._study
        if len(study.directions) == 1:
            try:
                best = study._native.best_trial
                self._bar.set_description(
                    f"Best trial: {best.number}. Best value: {best.value:.6g}"
                )
            except NoResult:
                pass
