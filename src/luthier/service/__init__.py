"""Studies over HTTP: the service that keeps and suggests, its client, and its workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from luthier.service.client import Client

if TYPE_CHECKING:
    from luthier.service.app import Service
    from luthier.service.settings import Settings
    from luthier.service.tokens import Token, Tokens

__all__ = ["Client", "Service", "Settings", "Token", "Tokens"]


def __getattr__(name: str) -> Any:
    # Clients and workers need no package of the service.
    if name in ("Service", "Settings"):
        from luthier.service import app

        return getattr(app, name)
    if name in ("Token", "Tokens"):
        from luthier.service import tokens

        return getattr(tokens, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
