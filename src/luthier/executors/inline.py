"""Run every job in the calling thread."""

from __future__ import annotations

import time
from typing import Any

from luthier.errors import ExecutorError, InvalidInput
from luthier.executors._wire import Failure
from luthier.executors.base import Ending, Handler, Job, Outcome, Task


class _InlineChannel:
    """Calls the handler directly."""

    __slots__ = ("_handler", "_key", "handler_error", "stopping")

    def __init__(self, handler: Handler, key: int) -> None:
        self._handler = handler
        self._key = key
        self.handler_error: Exception | None = None
        self.stopping = False

    def send(self, message: Any) -> None:
        self.ask(message)

    def ask(self, message: Any) -> Any:
        try:
            return self._handler(self._key, message)
        except Exception as error:
            self.handler_error = error
            raise


class Inline:
    """One slot: the job runs inside `poll`, in the thread that polls.

    The simplest executor and the easiest to debug: breakpoints, prints and
    global state work as in any function call. A crash of the objective is a
    crash of the study, and limits cannot be enforced, so jobs that carry a time
    or memory limit are refused. ``KeyboardInterrupt`` and ``SystemExit`` leave
    `poll`, and the job they ended is forgotten.
    """

    def __init__(self) -> None:
        self._task: Task | None = None
        self._handler: Handler | None = None
        self._job: Job | None = None
        self._channel: _InlineChannel | None = None

    def __repr__(self) -> str:
        return "Inline()"

    @property
    def slots(self) -> int:
        """Always 1."""
        return 1

    def open(self, task: Task, handler: Handler) -> None:
        """Remember what to run and who answers."""
        self._task = task
        self._handler = handler

    def start(self, job: Job) -> None:
        """Take a job; it runs in the next `poll`.

        Raises
        ------
        InvalidInput
            If the job has a limit in seconds or memory.
        ExecutorError
            If the executor is not open or has a job already.
        """
        if job.limits.seconds is not None or job.limits.memory is not None:
            raise InvalidInput(
                "Inline: limits",
                job.limits,
                "no limit in seconds or memory, which only worker processes can enforce "
                "(use the executor 'processes')",
            )
        if self._handler is None:
            raise ExecutorError("the executor is not open")
        if self._job is not None:
            raise ExecutorError("the executor has one slot, and it is taken")
        self._job = job
        self._channel = _InlineChannel(self._handler, job.key)

    def poll(self, timeout: float | None = None) -> list[Outcome]:
        """Run the job, if there is one. `timeout` cannot interrupt it.

        An exception of the handler ends the task, leaves `poll`, and the job is forgotten.
        """
        job, channel = self._job, self._channel
        if job is None or channel is None or self._task is None:
            return []
        try:
            if channel.stopping:
                return [Outcome(job.key, "stopped", error="stopped")]
            return [_run(self._task, job, channel)]
        finally:
            self._job = self._channel = None

    def stop(self, key: int) -> None:
        """Set `Channel.stopping` of the job, from its own messages' handler for instance."""
        if self._job is not None and self._channel is not None and self._job.key == key:
            self._channel.stopping = True

    def close(self) -> None:
        """Forget the task and the job."""
        self._task = self._handler = self._job = self._channel = None


def _run(task: Task, job: Job, channel: _InlineChannel) -> Outcome:
    result: Any = None
    failure = Failure("", "")
    began = time.perf_counter()
    try:
        result = task(job.payload, channel)
    except Exception as exception:
        failure = Failure.of(exception, skip=1)
    seconds = time.perf_counter() - began
    if channel.handler_error is not None:
        raise channel.handler_error  # the study's failure, whatever the task made of it
    ending: Ending = "error" if failure.error else "done"
    if channel.stopping:
        ending, failure = "stopped", failure._replace(error=failure.error or "stopped")
    return Outcome(job.key, ending, result, *failure, seconds=seconds)
