"""Requests to a Luthier service: connections that are used again, and errors as they were."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from luthier import errors
from luthier._version import __version__

TYPE = "urn:luthier:error:"
"""Begins the type of every problem that the service tells; the name of an exception follows."""

TOKEN_VARIABLE = "LUTHIER_TOKEN"
"""Environment variable with the token for services whose URL holds none."""

TIMEOUT = 30.0
"""Seconds to wait for a sign of the server."""

IDLE = 20.0
"""Seconds after which a connection is not used again: the server may be closing it just then."""

Body = bytes | IO[bytes] | None

_LOST = (OSError, http.client.HTTPException)


class Answer(NamedTuple):
    """A good answer."""

    body: bytes
    headers: Mapping[str, str]
    """With names in lower case."""

    def json(self) -> Any:
        """Return what the body says."""
        return json.loads(self.body)


class HttpClient:
    """Talks to one service. Safe for threads, and for forked processes.

    Parameters
    ----------
    url : str
        ``http://host:port`` or ``https://...``; may hold a token, ``https://:TOKEN@host``.
    token : str, optional
        Default: that of the URL, or the environment variable LUTHIER_TOKEN.
    timeout : float, default 30
        Seconds to wait for a sign of the server.

    Raises
    ------
    InvalidInput
        If the URL is no such one.
    """

    def __init__(self, url: str, token: str | None = None, timeout: float = TIMEOUT) -> None:
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError:
            parts = urlsplit("")
            self._host = ""
        if parts.scheme not in ("http", "https") or not self._host:
            scheme = url.partition("://")[0]
            raise errors.InvalidInput("url", f"{scheme}://...", "http://host:port or https://host")
        if parts.query or parts.fragment:
            raise errors.InvalidInput("url", f"{parts.scheme}://...", "a URL without ? and #")
        if parts.username and not parts.password:
            allowed = "a token behind a colon, https://:TOKEN@host, where it counts as a secret"
            raise errors.InvalidInput("url", f"{parts.scheme}://...@{self._host}", allowed)
        self._scheme = parts.scheme
        self._prefix = parts.path.rstrip("/")
        host = f"[{self._host}]" if ":" in self._host else self._host
        port = "" if self._port is None else f":{self._port}"
        self.shown = f"{self._scheme}://{host}{port}{self._prefix}"
        """The URL without a token."""
        held = unquote(parts.password or "")
        self._token = token or held or os.environ.get(TOKEN_VARIABLE) or None
        self._timeout = timeout
        self._lock = threading.Lock()
        self._idle: list[tuple[http.client.HTTPConnection, float]] = []
        weakref.finalize(self, _close_all, self._idle)
        _clients.add(self)

    def __repr__(self) -> str:
        return f"HttpClient({self.shown!r})"

    def request(
        self,
        method: str,
        path: Iterable[str | int],
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        key: str | None = None,
        safe: bool | None = None,
        wait: float = 0.0,
    ) -> Answer:
        """Send a request and return the answer.

        Parameters
        ----------
        method : str
            GET, POST, ...
        path : iterable of str or int
            Segments after ``/v1``.
        body : object, optional
            What JSON can say.
        query : mapping, optional
            Those that are not None are sent.
        key : str, optional
            Idempotency key.
        safe : bool, optional
            Whether it may be sent again after a cut without harm. Default: if it only reads.
        wait : float, default 0
            Seconds that the server may take longer.

        Raises
        ------
        StorageUnavailable
            If the service cannot be reached; whether it did what it should is not known.
        LuthierError
            The error that the service tells.
        """
        headers = {"Accept": "application/json"}
        data = None
        if body is not None:
            text = json.dumps(body, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
            data = text.encode("utf-8", "surrogatepass")
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Idempotency-Key"] = key
        again = method == "GET" if safe is None else safe
        with self._answered(method, path, query, data, headers, again, wait) as answer:
            return Answer(answer.read(), _lower(answer))

    def upload(
        self,
        path: Iterable[str | int],
        file: IO[bytes],
        size: int,
        *,
        query: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Send a file by PUT; raises as `request`."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        with self._answered("PUT", path, query, file, headers, False, 0.0) as answer:
            return Answer(answer.read(), _lower(answer))

    def download(
        self, path: Iterable[str | int], file: IO[bytes], *, query: Mapping[str, Any] | None = None
    ) -> Mapping[str, str]:
        """Write what GET brings to a file, and return the headers; raises as `request`."""
        with self._answered("GET", path, query, None, {}, True, 0.0) as answer:
            while chunk := answer.read(1 << 20):
                file.write(chunk)
            return _lower(answer)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            _close_all(self._idle)

    @contextlib.contextmanager
    def _answered(
        self,
        method: str,
        path: Iterable[str | int],
        query: Mapping[str, Any] | None,
        body: Body,
        headers: dict[str, str],
        again: bool,
        wait: float,
    ) -> Iterator[http.client.HTTPResponse]:
        """Give the good answer to a request, and keep its connection for another one."""
        target = self._target(path, query)
        headers["User-Agent"] = f"luthier/{__version__}"
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        while True:
            connection, used = self._connection()
            try:
                connection.timeout = self._timeout + wait
                if connection.sock is not None:
                    connection.sock.settimeout(connection.timeout)
                with contextlib.suppress(BrokenPipeError):  # the answer says why it is not wanted
                    connection.request(method, target, body, headers)
                answer = connection.getresponse()
                break
            except _LOST as error:
                connection.close()
                if used and again:
                    continue  # it was closed while nobody used it: a new one will do
                raise self._away(error) from error
            except BaseException:
                connection.close()
                raise
        try:
            if answer.status >= 400:
                raise error_of(answer.status, answer.read(1 << 20))
            yield answer
        except _LOST as error:
            connection.close()
            raise self._away(error) from error
        except BaseException:
            if not answer.isclosed():
                connection.close()
            raise
        finally:
            if connection.sock is not None:
                if answer.isclosed() and not answer.will_close:
                    self._keep(connection)
                else:
                    connection.close()

    def _target(self, path: Iterable[str | int], query: Mapping[str, Any] | None) -> str:
        # Dots are quoted, too: nobody on the way shall take a study named ".." for a folder.
        parts = (quote(str(part), safe="").replace(".", "%2E") for part in path)
        target = f"{self._prefix}/v1/{'/'.join(parts)}"
        given = {name: value for name, value in (query or {}).items() if value is not None}
        if given:
            target += "?" + "&".join(
                f"{name}={quote(str(v), safe='')}" for name, v in given.items()
            )
        return target

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        """Return a connection, and whether it was used before."""
        now = time.monotonic()
        while True:
            with self._lock:
                if not self._idle:
                    break
                connection, since = self._idle.pop()
            if now - since < IDLE:
                return connection, True
            connection.close()
        if self._scheme == "https":
            return http.client.HTTPSConnection(self._host, self._port), False
        return http.client.HTTPConnection(self._host, self._port), False

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._idle.append((connection, time.monotonic()))

    def _away(self, error: Exception) -> errors.StorageUnavailable:
        text = str(error) or type(error).__name__
        return errors.StorageUnavailable(f"{self.shown} cannot be reached: {text}")

    def _after_fork(self) -> None:
        """Begin without connections: a forked child must not speak on its parent's."""
        self._lock = threading.Lock()
        _close_all(self._idle)  # the parent's own handles stay open


def _close_all(idle: list[tuple[http.client.HTTPConnection, float]]) -> None:
    while idle:
        idle.pop()[0].close()


def _lower(answer: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.getheaders()}


class _Shown(str):
    """A value as the service shows it."""

    def __repr__(self) -> str:
        return str(self)


def error_of(status: int, body: bytes) -> errors.LuthierError:
    """Return the exception that a bad answer stands for."""
    try:
        problem = json.loads(body)
        detail = str(problem["detail"])
        name = str(problem["type"]).removeprefix(TYPE)
    except (ValueError, KeyError, TypeError):
        problem, name = {}, ""
        detail = f"HTTP status {status}: {body[:200].decode(errors='replace')}"
    kind = getattr(errors, name, None)
    if not (isinstance(kind, type) and issubclass(kind, errors.LuthierError)):
        away = status in (429, 502, 503, 504)
        return errors.StorageUnavailable(detail) if away else errors.StorageError(detail)
    if issubclass(kind, errors.Conflict):
        return errors.Conflict(str(problem.get("given", "")))
    if issubclass(kind, errors.InvalidInput) and "field" in problem:
        given = _Shown(problem.get("given", "something else"))
        return kind(str(problem["field"]), given, str(problem.get("allowed", "another value")))
    try:
        return kind(detail)
    except TypeError:  # one that is made of other parts
        return errors.LuthierError(detail)


_clients: weakref.WeakSet[HttpClient] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for client in list(_clients):
        client._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
