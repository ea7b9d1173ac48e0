"""The service from Python, for workers and for programs of one's own."""

from __future__ import annotations

import os
import platform
import socket
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from luthier._version import __version__
from luthier.model.plain import to_plain
from luthier.model.problem import Problem
from luthier.service.archive import pack, unpack
from luthier.storage._http_client import Answer, HttpClient

MOST_DOWNLOAD = 1 << 40
"""Bytes of a checkpoint that a client unpacks; the service has its own limit."""


class Client:
    """One study of a service, as a worker sees it: ask, report, tell.

    Nothing here repeats a request by itself. A request that was cut raises
    `luthier.errors.StorageUnavailable` and may be made again: `report`, `tell`, `release`,
    `note` and `heartbeat` have no further effect then, and `ask` and `enqueue` with the same
    `key` have none.

    Parameters
    ----------
    url : str
        The service, such as ``"https://tuning.example.org"``.
    study : str
        Name of the study.
    token : str, optional
        Default: the environment variable LUTHIER_TOKEN.
    owner : str, optional
        The worker's identity, which no other one has. Default: a new one.

    Examples
    --------
    ::

        client = Client("http://127.0.0.1:8080", "digits")
        trial = client.ask()["trial"]
        loss = train(**trial["params"])
        client.tell(trial["number"], trial["attempt"], loss)
    """

    def __init__(
        self, url: str, study: str, *, token: str | None = None, owner: str | None = None
    ) -> None:
        self._http = HttpClient(url, token)
        self._path = ("studies", study)
        self.study = study
        self.owner = owner or uuid.uuid4().hex[:16]

    def __repr__(self) -> str:
        return f"Client({self._http.shown!r}, {self.study!r})"

    # ---------------------------------------------------------------- trials

    def ask(
        self, *, key: str | None = None, total_trials: int | None = None, wait: float = 0.0
    ) -> dict[str, Any]:
        """Return ``{"trial": ..., "reason": ..., ...}`` as the service documents it.

        Parameters
        ----------
        key : str, optional
            A word for this request alone; asked again with it, the answer is the same trial.
        total_trials : int, optional
            No trial of a higher number begins.
        wait : float, default 0
            Seconds to wait for a trial, if there may be one.
        """
        about = {
            "host": socket.gethostname()[:200],
            "pid": str(os.getpid()),
            "luthier": __version__,
            "python": platform.python_version(),
        }
        request = {
            "owner": self.owner,
            "about": about,
            "total_trials": total_trials,
            "wait": wait,
        }
        return self._post("ask", request, key=key or uuid.uuid4().hex[:16], wait=wait)

    def report(self, number: int, attempt: int, step: int, metrics: Mapping[str, float]) -> bool:
        """Say how a trial goes; return whether it should stop."""
        request = {"attempt": attempt, "step": step, "metrics": to_plain(metrics)}
        return bool(self._post("trials", number, "report", request)["stop"])

    def should_stop(self, number: int, attempt: int) -> bool:
        """Tell whether a trial should stop, or is not this attempt's any more."""
        path = (*self._path, "trials", number, "should-stop")
        answer = self._http.request("GET", path, query={"attempt": attempt})
        return bool(answer.json()["stop"])

    def tell(
        self,
        number: int,
        attempt: int,
        values: float | Sequence[float] | Mapping[str, float] | None = None,
        state: str | None = None,
        *,
        metrics: Mapping[str, float] | None = None,
        error: str = "",
        traceback: str = "",
        output: str = "",
        cost: float | None = None,
    ) -> dict[str, Any]:
        """Say how a trial ended, or that it is PAUSED; return its record."""
        request = {
            "attempt": attempt,
            "values": values,
            "state": state,
            "metrics": dict(metrics or {}),
            "error": error,
            "traceback": traceback,
            "output": output,
            "cost": cost,
        }
        record: dict[str, Any] = self._post("trials", number, "tell", request)["trial"]
        return record

    def release(self, number: int, attempt: int, reason: str = "handed back") -> None:
        """Hand a trial back without a result."""
        self._send("POST", "trials", number, "release", {"attempt": attempt, "reason": reason})

    def heartbeat(self, trials: Mapping[int, int]) -> list[int]:
        """Say that this worker lives; return which of its trials should stop.

        Parameters
        ----------
        trials : mapping of int to int
            What it runs: attempts by number.
        """
        runs = [{"number": number, "attempt": attempt} for number, attempt in trials.items()]
        stop: list[int] = self._post("heartbeat", {"owner": self.owner, "trials": runs})["stop"]
        return stop

    def leave(self) -> list[int]:
        """Hand back all trials of this worker, and return their numbers."""
        path = (*self._path, "workers", self.owner)
        released: list[int] = self._http.request("DELETE", path, safe=True).json()["released"]
        return released

    def enqueue(
        self,
        params: Mapping[str, Any],
        user_attrs: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
    ) -> int:
        """Queue a point to be tried next, and return its trial's number."""
        request = {"params": to_plain(params), "user_attrs": to_plain(user_attrs or {})}
        return int(self._post("enqueue", request, key=key or uuid.uuid4().hex[:16])["number"])

    def note(self, key: str, value: Any, number: int | None = None) -> None:
        """Note something on the study, or on a trial."""
        place: tuple[str | int, ...] = () if number is None else ("trials", number)
        self._send("PUT", *place, "notes", {"key": key, "value": to_plain(value)})

    # ---------------------------------------------------------------- the study

    def info(self) -> dict[str, Any]:
        """Return what the study is, and how far it has come."""
        info: dict[str, Any] = self._http.request("GET", self._path).json()
        return info

    def problem(self) -> Problem:
        """Return the study's problem."""
        return Problem.from_json(self.info()["problem"])

    def trial(self, number: int) -> dict[str, Any]:
        """Return a trial with its reports and output."""
        record: dict[str, Any] = self._http.request("GET", (*self._path, "trials", number)).json()
        return record

    # ---------------------------------------------------------------- files

    def put_artifact(self, number: int, path: str | os.PathLike[str]) -> None:
        """Keep a file with a trial, under its name."""
        file = Path(path)
        with file.open("rb") as content:
            place = (*self._path, "trials", number, "artifacts", file.name)
            self._http.upload(place, content, file.stat().st_size)

    def get_artifact(self, number: int, name: str, path: str | os.PathLike[str]) -> None:
        """Write an artifact of a trial to a file."""
        with Path(path).open("wb") as file:
            self._http.download((*self._path, "trials", number, "artifacts", name), file)

    def artifacts(self, number: int) -> dict[str, int]:
        """Return the sizes of a trial's artifacts, in bytes, by name."""
        answer = self._http.request("GET", (*self._path, "trials", number, "artifacts"))
        return {file["name"]: file["size"] for file in answer.json()["files"]}

    def put_checkpoint(
        self, number: int, attempt: int, step: int, folder: str | os.PathLike[str]
    ) -> None:
        """Keep the files of a folder, so that the trial can go on from them."""
        with tempfile.TemporaryFile() as file:
            pack(folder, file)
            size = file.tell()
            file.seek(0)
            place = (*self._path, "trials", number, "checkpoint", step)
            self._http.upload(place, file, size, query={"attempt": attempt})

    def get_checkpoint(self, number: int, attempt: int, folder: str | os.PathLike[str]) -> int:
        """Write the checkpoint that a trial goes on from to an empty folder; return its step."""
        with tempfile.TemporaryFile() as file:
            place = (*self._path, "trials", number, "checkpoint")
            headers = self._http.download(place, file, query={"attempt": attempt})
            file.seek(0)
            unpack(file, folder, MOST_DOWNLOAD)
        return int(headers["luthier-step"])

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _post(
        self, *path_and_body: Any, key: str | None = None, wait: float = 0.0
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self._send("POST", *path_and_body, key=key, wait=wait).json()
        return answer

    def _send(
        self, method: str, *path_and_body: Any, key: str | None = None, wait: float = 0.0
    ) -> Answer:
        *path, body = path_and_body
        # All of these may be sent twice: the service knows them again.
        return self._http.request(method, (*self._path, *path), body, key=key, safe=True, wait=wait)
