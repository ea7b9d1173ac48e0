"""The service as an ASGI application: who may ask, for what, and how the answer looks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec

from luthier.errors import InvalidInput
from luthier.service import about, files, logs, studies, trials
from luthier.service.problems import Refusal, refusal_of
from luthier.service.rates import Rates
from luthier.service.rooms import Rooms
from luthier.service.routes import PATH, ROUTES, VERSION, Call, Content, Route
from luthier.service.settings import Settings
from luthier.service.tokens import Tokens
from luthier.storage.base import Storage
from luthier.study.desk import Desk

log = logging.getLogger("luthier.service")

T = TypeVar("T")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MODULES = about, studies, trials, files, logs
"""Those whose routes are served, in the order of the documentation."""

GUESSES = 5.0
"""Wrong tokens a second from one address; what comes beyond is not even looked at."""

SLOWEST = 30.0
"""Seconds between two parts of a body."""

LINGER = 10.0
"""Seconds for which a body that is too large is let pass, before its connection is closed."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that only this machine reaches."""

_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_KEY_CHARACTERS = frozenset(map(chr, range(33, 127))) - {"/"}


class Service:
    """Serves the studies of a storage over HTTP.

    Parameters
    ----------
    storage : Storage
        Where the studies are; stays open.
    tokens : Tokens, optional
        Who may do what. Without any, everything is allowed to whoever names this machine as
        the host: serve it on a loopback address only.
    settings : Settings, optional
        What is allowed.
    """

    def __init__(
        self, storage: Storage, tokens: Tokens | None = None, settings: Settings | None = None
    ) -> None:
        self.storage = storage
        self.settings = settings or Settings()
        self.draining = False
        self._tokens = tokens or Tokens()
        self._rates = Rates(self.settings.rate)
        self._guesses = Rates(GUESSES)
        self._threads = ThreadPoolExecutor(self.settings.threads, "luthier-study")
        self._file_threads = ThreadPoolExecutor(self.settings.threads, "luthier-file")
        files = self.settings.files
        self.rooms = Rooms(
            storage,
            self._threads,
            self.settings.max_studies,
            None if files is None else os.path.join(files, "checkpoints"),
        )

    # ---------------------------------------------------------------- for the routes

    async def at_desk(self, study: str, work: Callable[[Desk], T]) -> T:
        """Do something with a study in a thread, when its turn comes."""
        return await self.rooms.at_desk(study, work)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do something that waits for a disk or a database."""
        return await asyncio.get_running_loop().run_in_executor(self._file_threads, work)

    def changed(self, study: str) -> None:
        """Let those know who wait for something to happen in a study."""
        room = self.rooms.find(study)
        if room is not None:
            room.changed()

    def drain(self) -> None:
        """Answer those who wait at once: the service ends."""
        self.draining = True
        self.rooms.send_away()

    def close(self) -> None:
        """Finish what has begun, and end the threads."""
        self.drain()
        self._threads.shutdown()
        self._file_threads.shutdown()

    # ---------------------------------------------------------------- ASGI

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI has it."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        if scope["type"] != "http":
            return
        try:
            route, answer = await self._answer(scope, receive)
        except Exception as error:
            refusal = refusal_of(error)
            if refusal is None:
                log.exception("an error in answering %s %s", scope["method"], scope["path"])
                refusal = Refusal(500, "the service failed; its log says how", kind="Failure")
            body = msgspec.json.encode(refusal.problem)
            await _send(
                send, scope, refusal.status, "application/problem+json", body, refusal.headers
            )
            return
        if isinstance(answer, Content):
            await _send_file(send, scope, answer)
        elif answer is None:
            await _send(send, scope, route.status, None, b"")
        else:
            body = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
            await _send(send, scope, route.status, "application/json", body)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[Route, Any]:
        route, parts = _find(scope)
        headers = _headers(scope)
        self._admit(route, scope, headers)
        call = Call(_path(route, parts))
        if route.query is not None:
            call.query = msgspec.convert(_query(scope), route.query, strict=False)
        if route.keyed:
            call.key = _key(headers)
        if route.body is bytes:
            call.content = self._upload(receive, headers)
        elif route.body is not None:
            call.body = msgspec.json.decode(await self._body(receive, headers), type=route.body)
        return route, await route.handler(self, call)

    def _admit(self, route: Route, scope: Scope, headers: Mapping[str, str]) -> None:
        """Refuse those who may not do this, or who come too often."""
        address = str((scope.get("client") or ("", 0))[0])
        if route.role is None:
            self._wait(self._rates, f"address {address}")
            return
        if not self._tokens:
            # A page in a browser on this machine may reach us under a name of its own.
            if _host(headers) not in LOOPBACK:
                detail = "without tokens this service answers only to the name of this machine"
                raise Refusal(421, detail)
            self._wait(self._rates, f"address {address}")
            return
        scheme, _, secret = headers.get("authorization", "").partition(" ")
        token = self._tokens.find(secret.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            self._wait(self._guesses, address)
            detail = "send a token: Authorization: Bearer ..."
            raise Refusal(401, detail, {"www-authenticate": 'Bearer realm="luthier"'})
        self._wait(self._rates, f"token {token.name}")
        if not token.allows(route.role):
            detail = f"the token {token.name!r} has the role {token.role}; needed: {route.role}"
            raise Refusal(403, detail)

    def _wait(self, rates: Rates, caller: str) -> None:
        seconds = rates.wait(caller)
        if seconds:
            detail = f"come again in {seconds:.1f} seconds"
            raise Refusal(429, detail, {"retry-after": str(int(seconds) + 1)})

    async def _body(self, receive: Receive, headers: Mapping[str, str]) -> bytes:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Refusal(415, "send JSON: Content-Type: application/json")
        parts = [part async for part in _parts(receive, headers, self.settings.max_body)]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _upload(self, receive: Receive, headers: Mapping[str, str]) -> AsyncIterator[bytes]:
        async for part in _parts(receive, headers, self.settings.max_upload):
            yield part


def _find(scope: Scope) -> tuple[Route, list[str]]:
    """Return the route of a request and the segments of its path, as they were sent."""
    # Names of studies may hold anything, so the path is cut before it is decoded.
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    raw = raw.partition(b"?")[0]
    parts = [_decoded(part) for part in raw.split(b"/")[1:]]
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    allowed: list[str] = []
    if parts[:1] == [VERSION] and None not in parts:
        segments = [part for part in parts[1:] if part is not None]
        length, last = len(segments), segments[-1] if segments else ""
        for route in (*_BY_END.get((length, last), ()), *_BY_END.get((length, None), ())):
            if route.matches(segments):
                if route.method == method:
                    return route, segments
                allowed.append(route.method)
    if not allowed:
        raise Refusal(404, "there is nothing at this path; see /v1/openapi.json")
    ways = sorted({*allowed, *(["HEAD"] if "GET" in allowed else [])})
    raise Refusal(405, f"allowed here: {', '.join(ways)}", {"allow": ", ".join(ways)})


def _decoded(part: bytes) -> str | None:
    try:
        return unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        return None


def _path(route: Route, parts: list[str]) -> dict[str, Any]:
    values = {}
    for place, name in route.places:
        try:
            values[name] = msgspec.convert(parts[place], PATH[name], strict=False)
        except msgspec.ValidationError as error:
            detail = f"path: {name}: {error}"
            raise Refusal(
                422,
                detail,
                kind="InvalidInput",
                field=name,
                given=repr(parts[place])[:200],
                allowed=str(error),
            ) from None
    return values


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _query(scope: Scope) -> dict[str, str]:
    text: bytes = scope.get("query_string", b"")
    if not text:
        return {}
    query: dict[str, str] = {}
    for item in text.split(b"&"):
        name, _, value = item.partition(b"=")
        key, given = _decoded(name.replace(b"+", b" ")), _decoded(value.replace(b"+", b" "))
        if key is None or given is None:
            raise Refusal(400, "the query is not UTF-8")
        if key in query:
            raise Refusal(422, f"query: {key!r} is given twice", kind="InvalidInput", field=key)
        query[key] = given
    return query


def _host(headers: Mapping[str, str]) -> str:
    host = headers.get("host", "")
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _key(headers: Mapping[str, str]) -> str | None:
    key = headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= 100 or not set(key) <= _KEY_CHARACTERS:
        allowed = "1 to 100 visible ASCII characters, none of them /"
        raise InvalidInput("Idempotency-Key", key[:100], allowed)
    return key


async def _parts(receive: Receive, headers: Mapping[str, str], most: int) -> AsyncIterator[bytes]:
    """Yield the parts of a body, as long as there are not too many of them."""
    length = headers.get("content-length", "")
    if length.isdecimal() and (len(length) > 18 or int(length) > most):
        raise await _too_large(receive, most)
    seen = 0
    more = True
    while more:
        try:
            async with asyncio.timeout(SLOWEST):
                message = await receive()
        except TimeoutError:
            detail = f"no byte of the body came for {SLOWEST:g} seconds"
            raise Refusal(408, detail, {"connection": "close"}) from None
        if message["type"] == "http.disconnect":
            raise Refusal(400, "the connection was cut in the middle of the body")
        part: bytes = message.get("body", b"")
        seen += len(part)
        if seen > most:
            raise await _too_large(receive, most)
        yield part
        more = message.get("more_body", False)


async def _too_large(receive: Receive, most: int) -> Refusal:
    """Let a body pass that nobody reads: who is still sending it hears no answer."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            message = await receive()
            while message["type"] == "http.request" and message.get("more_body", False):
                message = await receive()
    return Refusal(413, f"at most {most} bytes", {"connection": "close"})


async def _send(
    send: Send,
    scope: Scope,
    status: int,
    kind: str | None,
    body: bytes,
    headers: Mapping[str, str] | None = None,
) -> None:
    fields = _common(scope, headers)
    if kind is not None:
        fields.append((b"content-type", kind.encode()))
        fields.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": fields})
    empty = scope["method"] == "HEAD" or kind is None
    await send({"type": "http.response.body", "body": b"" if empty else body})


async def _send_file(send: Send, scope: Scope, content: Content) -> None:
    fields = _common(scope, content.headers)
    fields.append((b"content-type", b"application/octet-stream"))
    fields.append((b"content-length", str(content.size).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    async for chunk in content.chunks:
        if scope["method"] != "HEAD":
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _common(scope: Scope, headers: Mapping[str, str] | None) -> list[tuple[bytes, bytes]]:
    fields = _SECURE if scope.get("scheme") == "https" else _PLAIN
    if not headers:
        return list(fields)
    return [*fields, *((name.encode(), value.encode()) for name, value in headers.items())]


_PLAIN = tuple((name.encode(), value.encode()) for name, value in _HEADERS.items())
_SECURE = (*_PLAIN, (b"strict-transport-security", b"max-age=31536000"))

_ORDER = [module.__name__ for module in MODULES]
ROUTES.sort(key=lambda route: _ORDER.index(route.handler.__module__))

# By the number of segments and the last one; None where that is a parameter.
_BY_END: dict[tuple[int, str | None], list[Route]] = {}
for _route in ROUTES:
    _last = _route.path[-1]
    _BY_END.setdefault((len(_route.path), None if _last[0] == "{" else _last), []).append(_route)
