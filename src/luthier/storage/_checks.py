"""What any storage may be given, so that a study can move from one storage to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from luthier.errors import Conflict, InvalidInput, StudyExists, StudyNotFound

LONGEST_NAME = 250
"""Characters in the name of a study, a claim or an owner (indexes of MySQL hold no more)."""


def check_append(
    study: str,
    records: Sequence[tuple[Any, str | None]],
    create: bool,
    identity: str | None,
    *,
    later: bool = False,
) -> None:
    """Reject what some storage could not keep. With `later` a body may also be a callable.

    Raises
    ------
    InvalidInput
        If there is no record, a text cannot be stored everywhere: a claim that is too
        long, or one with NUL or half a surrogate pair (JSON escapes both); or if a study
        is to begin and has an identity already.
    Conflict
        If two of the records carry the same claim.
    """
    check_name("study", study)
    if create and identity is not None:
        raise InvalidInput("identity", identity, "None where the study begins")
    if not records:
        raise InvalidInput("records", records, "at least one record")
    claims: set[str] = set()
    for body, claim in records:
        if not (later and callable(body)):
            _check_text("body", body)
        if claim is not None:
            check_name("claim", claim)
            if claim in claims:
                raise Conflict(claim)
            claims.add(claim)


def check_name(field: str, name: str) -> None:
    """Reject a name that is not 1 to 250 storable characters."""
    if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidInput(field, name, f"a string of 1 to {LONGEST_NAME} characters")
    _check_text(field, name)


def check_range(after: int, limit: int | None) -> None:
    """Reject a range of versions that makes no sense."""
    if after < 0:
        raise InvalidInput("after", after, "a version, 0 or more")
    if limit is not None and limit < 0:
        raise InvalidInput("limit", limit, "0 or more, or None for all")


def unknown(study: str, url: str) -> StudyNotFound:
    """Return the error for a study that is not there."""
    return StudyNotFound(f"no study {study!r} in {url}")


def gone(study: str, url: str, again: bool) -> StudyNotFound:
    """Return the error for a study that was there, and whose name is taken `again` or not."""
    then = " and created again: load it anew" if again else ""
    return StudyNotFound(f"study {study!r} in {url} was deleted{then}")


def already(study: str, url: str) -> StudyExists:
    """Return the error for a study that is there already."""
    return StudyExists(f"study {study!r} is already in {url}")


def _check_text(field: str, text: str) -> None:
    if not isinstance(text, str):
        raise InvalidInput(field, text, "a string")
    if "\0" in text:
        raise InvalidInput(field, text, "text without the character NUL")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidInput(field, text, "text without lone surrogates") from None
