"""Values of users and trials in the types that JSON has, and back, exactly.

What JSON lacks is marked: a float that is not finite becomes
``{"float": "nan" | "inf" | "-inf"}``; a user's own mapping of that form is wrapped
once more, ``{"float": {"is": ...}}``. Tuples become arrays; params hold no lists, so
an array among them is read back as a tuple. A mapping with a ``kind`` among them is
the course that a schedule took.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from luthier.errors import InvalidInput
from luthier.space.courses import read_course

REAL = frozenset({int, float})


def _plain_mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):  # the course that a schedule takes
        return dict(value)
    raise TypeError(f"{type(value).__name__} is nothing that JSON can say")


def _make_encode() -> Callable[[Any], str]:
    """Return what turns plain values into JSON."""
    slowly = json.JSONEncoder(
        separators=(",", ":"), allow_nan=False, check_circular=False, default=_plain_mapping
    )
    # `encode` makes the encoder proper anew for each text, which takes a quarter of its time.
    make_encoder = getattr(json.encoder, "c_make_encoder", None)
    if make_encoder is None:
        return slowly.encode
    text = json.encoder.encode_basestring_ascii
    parts = make_encoder(None, _plain_mapping, text, None, ":", ",", False, False, False)
    return lambda value: "".join(parts(value, 0))


encode = _make_encode()
"""Turns plain values into JSON. ValueError where a float is not finite."""


def plain(value: Any, field: str) -> Any:
    """Return a user's value as the log will give it back: a copy, tuples as lists.

    Raises
    ------
    InvalidInput
        If JSON cannot say it.
    """
    try:
        return read_value(json.loads(encode(mark(escape(value)))))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(field, value, f"a value that JSON can say ({error})") from error


def to_plain(value: Any) -> Any:
    """Return a value of a trial in plain JSON types, as the log says it."""
    return json.loads(encode(mark(value)))


def mark(value: Any) -> Any:
    """Replace floats that are not finite, at any depth."""
    if isinstance(value, float) and not isfinite(value):
        return {"float": repr(value)}
    if isinstance(value, Mapping):
        return {key: mark(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mark(item) for item in value]
    return value


def escape(value: Any) -> Any:
    """Wrap mappings of a user that look like our mark."""
    if isinstance(value, Mapping):
        escaped = {key: escape(item) for key, item in value.items()}
        return {"float": {"is": escaped["float"]}} if escaped.keys() == {"float"} else escaped
    if isinstance(value, list | tuple):
        return [escape(item) for item in value]
    return value


def read_value(value: Any) -> Any:
    """Return a note or a metric from the JSON types in which the log says it."""
    if isinstance(value, dict):
        if value.keys() == {"float"}:
            marked = value["float"]
            if isinstance(marked, dict) and marked.keys() == {"is"}:
                return {"float": read_value(marked["is"])}
            if marked in ("nan", "inf", "-inf"):
                return float(marked)
        return {key: read_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [read_value(item) for item in value]
    return value


def _param_value(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_param_value(item) for item in value)
    # No other value is a mapping with a text in it: shares are numbers.
    return read_course(read_value(value))


def read_params(params: dict[str, Any]) -> dict[str, Any]:
    """Return params from the JSON types in which the log says them."""
    for value in params.values():
        if type(value) is list or type(value) is dict:
            return {name: _param_value(item) for name, item in params.items()}
    return params


def read_metrics(data: dict[str, Any]) -> dict[str, float]:
    """Return metrics by name; ValueError if one is no number."""
    for value in data.values():
        if type(value) is not float:
            return {name: read_number(item) for name, item in data.items()}
    return data


def read_number(value: Any) -> float:
    """Return a number that may not be finite; ValueError for anything else."""
    number = read_value(value)
    if type(number) not in REAL:
        raise ValueError(f"{value!r} is no number")
    return number  # type: ignore[no-any-return]


def read_numbers(values: Any) -> tuple[float, ...]:
    """Return finite numbers; ValueError if one is not."""
    for value in values:
        if type(value) not in REAL:
            raise ValueError(f"{value!r} is no number")
    return tuple(values)
