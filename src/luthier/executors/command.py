"""Run any program, in any language, as the objective."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luthier.errors import Infeasible, InvalidInput, InvalidResult, TrialPruned
from luthier.executors._metrics import Reader, ResultFile
from luthier.executors._template import Template, check_names, to_json
from luthier.executors.base import SCRATCH, Channel
from luthier.executors.limits import describe_exit

if TYPE_CHECKING:
    from luthier.executors._program import Line

_PAUSE = 0.1  # seconds between two looks at Channel.stopping
_TAIL = 16 * 1024  # bytes of output in the result
_EXCERPT = 150  # characters of output in an error of one line


@dataclass(frozen=True, slots=True)
class Command:
    """A task that runs a program once per job.

    It runs on any executor; on `Processes` the program gets that worker's GPU
    and thread limits, and ends with the worker.

    **In.** `args` is a list and never goes through a shell. ``{lr}`` becomes the value of the
    parameter ``lr``: text as it is, everything else as JSON (``0.001``, ``true``, ``null``,
    ``[1, 2]``). An argument that names a parameter which has no value in this trial is left out,
    so write ``--momentum={momentum}`` in one. ``{params}`` or ``{params:flags}``, a whole
    argument, becomes ``--name=value`` for each parameter that has a value, ``{params:json}`` all
    of them as JSON. ``{params_file}`` is a file with the same JSON, ``{result_file}`` one to
    write to, ``{number}`` the trial's number, ``{checkpoint_dir}`` a folder to write checkpoints
    to, and ``{restore_dir}`` the folder with the checkpoint to go on from; an argument that names
    it is left out if the trial begins anew. ``{{`` and ``}}`` stand for braces. The environment
    has the same in ``LUTHIER_TRIAL``, ``LUTHIER_PARAMS`` (JSON), ``LUTHIER_PARAMS_FILE``,
    ``LUTHIER_RESULT_FILE``, ``LUTHIER_CHECKPOINT_DIR`` and ``LUTHIER_RESTORE_DIR``, and the last
    step that is done in ``LUTHIER_RESTORED_STEP``.

    **Out.** Metrics are numbers by name, and come from any of: a line of standard output that
    is a JSON object, ``{"loss": 0.2}``; a line of either stream that `pattern` matches; the
    result file, a JSON object. A line with a whole number ``step`` is a report: the study
    hears of it at once, and may end the trial. The result is: the last report's metrics, over
    them those of all lines without a step, over them those of the result file. A line
    ``{"infeasible": "why"}`` ends the trial as infeasible, whatever the exit code. All output
    is passed on to that of the worker, where `Outcome.output` finds it.

    **Checkpoints.** A line ``{"step": 3, "loss": 0.2, "checkpoint": "three"}`` says that the
    file or folder ``three`` in the folder for checkpoints is complete: it is taken away at once,
    and is what the trial goes on from after step 3. What else is in the folder is taken when the
    program ends with exit code 0, for the last step reported; so a program may also write its
    checkpoint when it gets SIGTERM, within `grace`. What a program leaves behind that fails or
    is killed may be half-written, and does not count.

    Parameters
    ----------
    args : sequence of str
        The program and its arguments.
    env : mapping, optional
        Environment variables to add to those of the worker.
    cwd : path, optional
        Working directory. None: that of the worker.
    pattern : str, optional
        Regular expression with named groups, such as ``(?P<loss>[0-9.]+)``.
    result_file : str, optional
        Where the program writes its result, if it cannot use ``{result_file}``. May hold
        placeholders, such as ``runs/{number}/metrics.json``; relative to `cwd`. A file that
        does not change while the program runs does not count.
    infeasible_exit : int, optional
        An exit code by which the program says that the configuration is infeasible.
    grace : float, default 5
        Seconds between SIGTERM and SIGKILL to the program's process group.

    Raises
    ------
    InvalidInput
        If an argument is not allowed.
    """

    args: Sequence[str]
    env: Mapping[str, str] | None = None
    cwd: str | os.PathLike[str] | None = None
    pattern: str | None = None
    result_file: str | None = None
    infeasible_exit: int | None = None
    grace: float = 5.0

    def __post_init__(self) -> None:
        if isinstance(self.args, str) or not self.args:
            raise InvalidInput(
                "Command: args", self.args, 'a list of texts, such as ["python", "train.py"]'
            )
        for argument in self.args:
            if not isinstance(argument, str):
                raise InvalidInput("Command: args", argument, "texts")
        object.__setattr__(self, "args", tuple(self.args))
        self._templates()
        if self.result_file is not None:
            Template(self.result_file)
        if self.pattern is not None:
            try:
                groups = re.compile(self.pattern).groupindex
            except re.error as error:
                allowed = f"a regular expression ({error})"
                raise InvalidInput("Command: pattern", self.pattern, allowed) from error
            if not set(groups) - {"step"}:
                raise InvalidInput(
                    "Command: pattern", self.pattern, "at least one named group, (?P<name>...)"
                )
        if not self.grace >= 0:
            raise InvalidInput("Command: grace", self.grace, "seconds, 0 or more")

    def check(self, names: Iterable[str]) -> None:
        """Make sure that the placeholders are names of parameters.

        Parameters
        ----------
        names : iterable of str
            All parameters of the space, active or not, and parts of them: `Space.paths`.

        Raises
        ------
        InvalidInput
            If a placeholder is unknown, or is reserved and the name of a parameter too.
        """
        templates = self._templates()
        if self.result_file is not None:
            templates.append(Template(self.result_file))
        check_names(templates, names)

    def __call__(self, payload: Mapping[str, Any], channel: Channel) -> dict[str, Any]:
        """Run the program with the values of one trial.

        Parameters
        ----------
        payload : mapping
            ``number`` and ``params``; optionally ``repeat``, from 0, and ``trial_seed``, both 0
            if they are left out; ``checkpoint_dir``, ``restore_dir``,
            ``restored_step``, and ``keep``, a function of a path and a step that takes a
            checkpoint away.
        channel : Channel
            Asked ``("report", step, metrics)``; a true answer ends the program.

        Returns
        -------
        dict
            ``metrics``, ``exit_code`` and ``log_tail``, the last 16 KiB of its output.

        Raises
        ------
        TrialPruned
            If the study ended it by its answer to a report.
        Infeasible
            If the program said so.
        ObjectiveError
            If the program cannot be started.
        InvalidInput
            If a value cannot be written as JSON, or ``{checkpoint_dir}`` has no value.
        InvalidResult
            If the program wrote no metric, or a result file that is not a JSON object.
        RuntimeError
            If it failed, with its exit code or signal and the end of its output.
        """
        from tempfile import TemporaryDirectory

        parent = os.environ.get(SCRATCH)
        if parent is not None:
            os.makedirs(parent, exist_ok=True)  # the system may have cleared away old files
        prefix = f"luthier-trial-{payload['number']}-"
        with TemporaryDirectory(prefix=prefix, dir=parent, ignore_cleanup_errors=True) as folder:
            return self._run(payload, channel, Path(folder))

    def _run(self, payload: Mapping[str, Any], channel: Channel, folder: Path) -> dict[str, Any]:
        from luthier.executors._program import Program

        params = payload["params"]
        values = self._values(payload, folder)
        Path(values["params_file"]).write_text(to_json(params), encoding="utf-8")
        files = [ResultFile(Path(values["result_file"]))]
        if self.result_file is not None:
            names = Template(self.result_file).fill(params, values)
            files.extend(ResultFile(Path(self.cwd or "", name)) for name in names)
        args = [a for template in self._templates() for a in template.fill(params, values)]
        reader = Reader(None if self.pattern is None else re.compile(self.pattern))
        pruned = False
        step: int | None = payload.get("restored_step")
        cwd = None if self.cwd is None else os.fspath(self.cwd)
        environment = self._environment(params, values)
        if step is not None:
            environment["LUTHIER_RESTORED_STEP"] = str(step)
        with Program(args, environment, cwd, _TAIL) as program:
            for line in program.lines(_PAUSE):
                if channel.stopping:
                    program.end(self.grace)
                if line is None:
                    continue
                _pass_on(line)
                report = reader.read(line.text, structured=line.stream == "stdout")
                if report is None:
                    continue
                step = report.step
                if report.checkpoint is not None and "keep" in payload:
                    _keep(payload, report.checkpoint, step)
                if not report.metrics or pruned or channel.stopping:
                    continue
                if channel.ask(("report", report.step, report.metrics)):
                    pruned = True
                    program.end(self.grace)
        code = program.returncode
        if code == 0 and "keep" in payload and _has_files(payload["checkpoint_dir"]):
            payload["keep"](Path(payload["checkpoint_dir"]), step or 0)
        if pruned:
            raise TrialPruned
        if reader.infeasible is not None:
            raise Infeasible(reader.infeasible)
        if code == self.infeasible_exit and code is not None:
            raise Infeasible(f"the command exited with code {code}")
        if code != 0 and not channel.stopping:
            said = f"the command {describe_exit(code or 0)}"
            raise RuntimeError(f"{said}; its output ends with:\n{program.tail}")
        metrics = reader.metrics
        for file in files:
            metrics |= file.read()
        if not metrics and not channel.stopping:
            raise InvalidResult(
                "Command: metrics",
                program.tail[-_EXCERPT:],
                'a line {"name": number} on standard output, a line that the pattern matches, or '
                "a JSON object in the result file",
            )
        return {"metrics": metrics, "exit_code": code, "log_tail": program.tail}

    def _templates(self) -> list[Template]:
        return [Template(argument) for argument in self.args]

    def _values(self, payload: Mapping[str, Any], folder: Path) -> dict[str, str]:
        """Return what the reserved placeholders stand for."""
        values = {
            "number": str(payload["number"]),
            "repeat": str(payload.get("repeat", 0)),
            "trial_seed": str(payload.get("trial_seed", 0)),
            "params_file": str(folder / "params.json"),
            "result_file": str(folder / "result.json"),
        }
        if payload.get("checkpoint_dir") is not None:
            values["checkpoint_dir"] = str(payload["checkpoint_dir"])
        elif any("checkpoint_dir" in template.names for template in self._templates()):
            raise InvalidInput(
                "Command: placeholder", "{checkpoint_dir}", "only where trials have checkpoints"
            )
        if payload.get("restore_dir") is not None:
            values["restore_dir"] = str(payload["restore_dir"])
        return values

    def _environment(self, params: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, str]:
        ours = {
            "LUTHIER_TRIAL": values["number"],
            "LUTHIER_REPEAT": values["repeat"],
            "LUTHIER_TRIAL_SEED": values["trial_seed"],
            "LUTHIER_PARAMS": to_json(params),
            "LUTHIER_PARAMS_FILE": values["params_file"],
            "LUTHIER_RESULT_FILE": values["result_file"],
        }
        for name in ("checkpoint_dir", "restore_dir"):
            if name in values:
                ours[f"LUTHIER_{name.upper()}"] = values[name]
        # A Python program would keep its reports in a buffer until it ends.
        return {"PYTHONUNBUFFERED": "1", **os.environ, **(self.env or {}), **ours}


def _has_files(folder: str | os.PathLike[str]) -> bool:
    return os.path.isdir(folder) and bool(os.listdir(folder))


def _keep(payload: Mapping[str, Any], name: str, step: int) -> None:
    """Take away what the program calls a complete checkpoint, if it is one of ours."""
    folder = Path(payload["checkpoint_dir"]).resolve()
    path = (folder / name).resolve()
    if folder in path.parents and path.exists():
        payload["keep"](path, step)
    else:
        said = f"luthier: no checkpoint {name!r} in the folder {folder}: it is not kept\n"
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(said)


def _pass_on(line: Line) -> None:
    """Print a line of the program as our own output, where the executor captures it."""
    # Output that cannot be shown must not fail the trial.
    with contextlib.suppress(OSError, ValueError):
        print(line.text, file=sys.stdout if line.stream == "stdout" else sys.stderr, flush=True)
