"""Who may do what: tokens, of which only hashes are kept."""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal, get_args

from luthier.errors import InvalidInput

Role = Literal["read", "work", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may: read; create studies and run trials; delete studies."""

PREFIX = "lut_"
"""Begins every token, so that scanners for secrets know one when they see it."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept.

    Attributes
    ----------
    name : str
        Whose it is, for people.
    role : {"read", "work", "admin"}
        What it allows.
    hash : str
        SHA-256 of the token, hexadecimal. A token has 256 random bits, so there is nothing to
        guess and no need for a slow hash.
    """

    name: str
    role: Role
    hash: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InvalidInput("token: name", self.name, "a text that is not empty")
        if self.role not in ROLES:
            raise InvalidInput(f"token {self.name!r}: role", self.role, ", ".join(ROLES))
        if not (isinstance(self.hash, str) and len(self.hash) == 64 and self.hash.isalnum()):
            raise InvalidInput(f"token {self.name!r}: hash", "...", "64 hexadecimal digits")

    def allows(self, role: Role) -> bool:
        """Tell whether it allows what a role allows."""
        return ROLES.index(self.role) >= ROLES.index(role)


def new_token(name: str, role: Role) -> tuple[str, Token]:
    """Return a new token to hand out, and what to keep of it."""
    secret = PREFIX + secrets.token_urlsafe(32)
    return secret, Token(name, role, _hash(secret))


class Tokens:
    """The tokens that a service knows.

    Parameters
    ----------
    tokens : iterable of Token
        Names are unique.
    """

    def __init__(self, tokens: Iterable[Token] = ()) -> None:
        self._tokens = tuple(tokens)
        names = [token.name for token in self._tokens]
        for name in names:
            if names.count(name) > 1:
                raise InvalidInput("tokens", name, "a name of its own for each token")

    def __len__(self) -> int:
        return len(self._tokens)

    def __iter__(self) -> object:
        return iter(self._tokens)

    def find(self, secret: str) -> Token | None:
        """Return the token that this is; takes as long whether and whichever it is."""
        hashed = _hash(secret)
        found = None
        for token in self._tokens:
            if hmac.compare_digest(token.hash, hashed):
                found = token
        return found


def read_tokens(path: str | os.PathLike[str]) -> list[Token]:
    """Return the tokens of a file that `write_tokens` wrote.

    Raises
    ------
    InvalidInput
        If it cannot be read.
    """
    try:
        items = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(items, list):
            raise TypeError("it holds no list")
        return [Token(item["name"], item["role"], item["hash"]) for item in items]
    except FileNotFoundError:
        raise InvalidInput("tokens", os.fspath(path), "a file that is there") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, InvalidInput):
            raise
        allowed = "a file that `luthier token` wrote"
        raise InvalidInput("tokens", os.fspath(path), allowed) from error


def write_tokens(path: str | os.PathLike[str], tokens: Iterable[Token]) -> None:
    """Write tokens to a file that only its owner may read, all at once."""
    items = [{"name": t.name, "role": t.role, "hash": t.hash} for t in tokens]
    draft = Path(f"{os.fspath(path)}.{secrets.token_hex(4)}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        json.dump(items, file, indent=1)
        file.write("\n")
    draft.replace(path)


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
