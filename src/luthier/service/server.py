"""The service on a port: TLS, signals, and an end without loss."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

from luthier.errors import InvalidInput, MissingExtra
from luthier.service.tokens import Tokens

try:
    import uvicorn

    from luthier.service.app import Service
except ImportError as error:
    raise MissingExtra("luthier serve", "service") from error

log = logging.getLogger("luthier.service")

DRAIN = 30
"""Seconds that requests have to end in when the service ends."""

KEEP_ALIVE = 75
"""Seconds after which a connection without requests is closed; clients close theirs earlier."""

CONNECTIONS = 20_000
"""Connections at the same time, at most."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service listens.

    Attributes
    ----------
    host : str
        Name or address. Without tokens it has to be this machine's own, 127.0.0.1 or ::1.
    port : int
        0 takes a free one.
    tls_cert, tls_key : str, optional
        PEM files of a certificate, with those it depends on, and its key.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    tls_cert: str | None = None
    tls_key: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise InvalidInput("port", self.port, "0 to 65535")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise InvalidInput("tls", self.tls_cert or self.tls_key, "both certificate and key")
        for name, path in (("tls_cert", self.tls_cert), ("tls_key", self.tls_key)):
            if path is not None and not os.path.isfile(path):
                raise InvalidInput(name, path, "a file that is there")

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def url(self) -> str:
        """The URL that clients use."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.tls_cert else ''}://{host}:{self.port}"

    def check(self, tokens: Tokens) -> None:
        """Make sure that strangers are kept out.

        Raises
        ------
        InvalidInput
            If others can reach it and there are no tokens.
        """
        if not self.is_loopback and not tokens:
            allowed = "an address of this machine alone, such as 127.0.0.1, or tokens"
            raise InvalidInput("host", self.host, allowed)
        if not self.is_loopback and self.tls_cert is None:
            log.warning(
                "tokens travel over the network as they are: give --tls-cert and --tls-key, or "
                "put a proxy with TLS in front"
            )


class Server(uvicorn.Server):
    """Serves until SIGTERM or Ctrl-C, then answers what has begun.

    Parameters
    ----------
    service : Service
        What is served.
    address : Address
        Where.
    ready : callable, optional
        Called with the URL when it listens.
    """

    def __init__(
        self, service: Service, address: Address, ready: Callable[[str], None] | None = None
    ) -> None:
        self._service = service
        self._address = address
        self._ready = ready
        super().__init__(
            uvicorn.Config(
                service,
                host=address.host,
                port=address.port,
                ssl_certfile=address.tls_cert,
                ssl_keyfile=address.tls_key,
                lifespan="on",
                interface="asgi3",
                ws="none",
                access_log=False,
                log_config=None,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=DRAIN,
                limit_concurrency=CONNECTIONS,
                backlog=2048,
            )
        )

    def serve_here(self) -> None:
        """Serve in this thread, to the end.

        Raises
        ------
        InvalidInput
            If it cannot listen at the address.
        """
        address = self._address
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        listening = socket.socket(family)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((address.host, address.port))
        except OSError as error:
            listening.close()
            allowed = f"an address that is free ({error.strerror or error})"
            raise InvalidInput(
                "host and port", f"{address.host}:{address.port}", allowed
            ) from error
        port = listening.getsockname()[1]
        self._bound = Address(address.host, port, address.tls_cert, address.tls_key)
        if threading.current_thread() is threading.main_thread():
            # uvicorn raises a signal once more when it has ended well; there is nothing left to do.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: None)
        try:
            self.run(sockets=[listening])
        finally:
            listening.close()
            self._service.close()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        await super().startup(sockets)
        if self.started and self._ready is not None:
            self._ready(self._bound.url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what has begun, and end."""
        self._service.drain()
        await super().shutdown(sockets)
