"""Errors as answers, as RFC 9457 has them."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from luthier import errors
from luthier.service import wire
from luthier.storage._http_client import TYPE

RETRY_AFTER = 2.0
"""Seconds after which it makes sense to come again when something is away for a while."""

_STATUS: list[tuple[type[Exception], int]] = [  # the first that fits
    (errors.StudyNotFound, 404),
    (errors.TrialNotFound, 404),
    (errors.StudyExists, 409),
    (errors.Conflict, 409),
    (errors.AttemptOver, 409),
    (errors.CorruptStorage, 409),
    (errors.NewerStorage, 409),
    (errors.ReadOnlyStorage, 409),
    (errors.StorageFull, 507),
    (errors.StorageError, 503),
    (errors.LuthierError, 422),
]

TITLES = {
    400: "Bad request",
    401: "A token is needed",
    403: "Not allowed",
    404: "Not found",
    405: "No such method here",
    408: "The request took too long",
    409: "Conflict",
    411: "The length is needed",
    413: "Too large",
    415: "Another type of content is needed",
    421: "Another host",
    422: "Not allowed",
    429: "Too many requests",
    500: "An error of the service",
    503: "Away for a while",
    507: "The disk is full",
}


class Refusal(Exception):
    """Ends a request with a problem.

    Parameters
    ----------
    status : int
        HTTP status, at least 400.
    detail : str
        What is wrong, for people.
    headers : dict of str to str, optional
        More headers of the answer.
    kind : str, default "Refused"
        Name of the problem.
    field, given, allowed : str, optional
        As of `luthier.errors.InvalidInput`.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        headers: dict[str, str] | None = None,
        *,
        kind: str = "Refused",
        field: str | None = None,
        given: str | None = None,
        allowed: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}
        more = {"field": field, "given": given, "allowed": allowed}
        self.problem = wire.Problem(
            type=TYPE + kind,
            title=TITLES[status],
            status=status,
            detail=detail,
            **{name: value for name, value in more.items() if value is not None},
        )


def refusal_of(error: Exception) -> Refusal | None:
    """Return the answer to an error that was raised on purpose; None to any other."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, msgspec.ValidationError):
        return _invalid(str(error))
    if isinstance(error, msgspec.DecodeError):
        return Refusal(400, f"the body is no JSON: {error}", kind="InvalidInput")
    for kind, status in _STATUS:
        if isinstance(error, kind):
            headers = {"retry-after": str(int(RETRY_AFTER))} if status == 503 else {}
            name = type(error).__name__
            if isinstance(error, errors.InvalidInput):
                return Refusal(
                    status,
                    str(error),
                    headers,
                    kind=name,
                    field=error.field,
                    given=_shown(error.given),
                    allowed=error.allowed,
                )
            if isinstance(error, errors.FormatError):
                detail = f"{error.field}: {error.message}" if error.field else error.message
                return Refusal(status, detail, headers, kind="InvalidInput", field=error.field)
            if isinstance(error, errors.Conflict):
                return Refusal(status, str(error), headers, kind=name, given=error.claim)
            return Refusal(status, str(error), headers, kind=name)
    return None


def _invalid(message: str) -> Refusal:
    """Return the answer to a body that does not fit, from what msgspec says of it."""
    text, _, place = message.partition(" - at `")
    field = place.rstrip("`").removeprefix("$").removeprefix(".") or "body"
    match = re.fullmatch(r"Expected (.*?)(?:, got (.*))?", text)
    allowed, given = (match[1], match[2]) if match else (None, None)
    return Refusal(
        422,
        f"{field}: {text}",
        kind="InvalidInput",
        field=field,
        given=given.replace("`", "") if given else None,
        allowed=allowed.replace("`", "") if allowed else text,
    )


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # of an object, or an integer of too many digits
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= 200 else text[:197] + "..."
