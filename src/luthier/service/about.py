"""Routes: whether the service lives, and what it offers."""

from __future__ import annotations

from functools import cache

from luthier._version import __version__
from luthier.service import wire
from luthier.service.routes import Call, Serving, route


@route("GET", "/health", None, answer=wire.Health)
async def health(service: Serving, call: Call) -> wire.Health:
    """Say that the service answers."""
    return wire.Health("ok", __version__)


@route("GET", "/openapi.json", None, answer=dict)
async def openapi(service: Serving, call: Call) -> bytes:
    """Return this description of the service, as OpenAPI 3.1."""
    return _document()


@cache
def _document() -> bytes:
    import json

    from luthier.service.openapi import document

    return json.dumps(document(), indent=1).encode()
