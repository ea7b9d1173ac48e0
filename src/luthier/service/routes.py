"""The table of what the service offers: its router, its checks and its OpenAPI all read it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from luthier.service import wire
from luthier.service.rooms import Rooms
from luthier.service.settings import Settings
from luthier.service.tokens import Role
from luthier.storage.base import Storage
from luthier.study.desk import Desk

T = TypeVar("T")

Method = Literal["GET", "POST", "PUT", "DELETE"]

VERSION = "v1"
"""Begins every path."""

PATH: dict[str, Any] = {
    "study": wire.Name,
    "number": wire.Number,
    "name": wire.FileName,
    "owner": wire.Owner,
    "step": wire.Step,
}
"""The types of what stands in braces in a path."""


@dataclass(slots=True)
class Call:
    """One request, read and checked.

    Attributes
    ----------
    path : mapping
        What stands at the places in braces.
    query, body : Struct
        As the route declares them; None if it declares none.
    key : str, optional
        The idempotency key.
    content : async iterator of bytes, optional
        The bytes of an upload.
    """

    path: Mapping[str, Any]
    query: Any = None
    body: Any = None
    key: str | None = None
    content: AsyncIterator[bytes] | None = None

    @property
    def study(self) -> str:
        """The study's name."""
        name: str = self.path["study"]
        return name

    @property
    def number(self) -> int:
        """The trial's number."""
        number: int = self.path["number"]
        return number


class Content(NamedTuple):
    """A file as an answer."""

    chunks: AsyncIterator[bytes]
    size: int
    headers: Mapping[str, str] = {}


class Serving(Protocol):
    """What a handler asks of the service that it works for."""

    @property
    def storage(self) -> Storage:
        """Where the studies are."""
        ...

    @property
    def settings(self) -> Settings:
        """What is allowed."""
        ...

    @property
    def rooms(self) -> Rooms:
        """Where those wait who want to know what happens in a study."""
        ...

    @property
    def draining(self) -> bool:
        """Whether it is about to end, so that nobody should wait."""
        ...

    async def at_desk(self, study: str, work: Callable[[Desk], T]) -> T:
        """Do something with a study in a thread, when its turn comes."""
        ...

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do something that waits for a disk or a database."""
        ...

    def changed(self, study: str) -> None:
        """Let those know who wait for something to happen in a study."""
        ...


Handler = Callable[[Serving, Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One thing that can be asked for.

    Attributes
    ----------
    method : str
        HTTP method.
    path : tuple of str
        Segments after ``/v1``; those in braces are parameters.
    role : str, optional
        What the caller's token must allow; None needs no token.
    handler : callable
        Does it.
    query, body, answer : type, optional
        Struct of the query, the body and the answer; ``bytes`` is a file. Without an answer the
        status is 204.
    status : int
        HTTP status of a good answer.
    keyed : bool
        Whether an idempotency key makes a difference.
    refusals : tuple of int
        Statuses of bad answers beside those that every route has.
    """

    method: Method
    path: tuple[str, ...]
    role: Role | None
    handler: Handler
    query: type[Any] | None = None
    body: type[Any] | None = None
    answer: type[Any] | None = None
    status: int = 200
    keyed: bool = False
    refusals: tuple[int, ...] = ()
    places: tuple[tuple[int, str], ...] = field(init=False)

    def __post_init__(self) -> None:
        braced = [(i, part[1:-1]) for i, part in enumerate(self.path) if part[0] == "{"]
        object.__setattr__(self, "places", tuple(braced))

    @property
    def name(self) -> str:
        """A name for the operation."""
        return self.handler.__name__

    @property
    def summary(self) -> str:
        """What it does, in a sentence."""
        return (self.handler.__doc__ or "").strip().partition("\n")[0].rstrip(".")

    @property
    def description(self) -> str:
        """What else there is to say."""
        rest = (self.handler.__doc__ or "").strip().partition("\n")[2]
        return "\n".join(line.strip() for line in rest.strip().splitlines())

    def matches(self, parts: list[str]) -> bool:
        """Tell whether a path of as many segments is this one's."""
        return all(
            mine == given or mine[0] == "{" for mine, given in zip(self.path, parts, strict=True)
        )


ROUTES: list[Route] = []
"""All routes, in the order of the documentation."""


def route(
    method: Method,
    path: str,
    role: Role | None,
    *,
    query: type[Any] | None = None,
    body: type[Any] | None = None,
    answer: type[Any] | None = None,
    status: int | None = None,
    keyed: bool = False,
    refusals: tuple[int, ...] = (),
) -> Callable[[Handler], Handler]:
    """Add a handler to the table."""
    good = status if status is not None else 200 if answer is not None else 204

    def add(handler: Handler) -> Handler:
        parts = tuple(path.strip("/").split("/"))
        ROUTES.append(
            Route(method, parts, role, handler, query, body, answer, good, keyed, refusals)
        )
        return handler

    return add
