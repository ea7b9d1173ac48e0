"""Arguments of a command with placeholders for a trial's values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from string import Formatter
from typing import Any, NamedTuple

from luthier.errors import InvalidInput

RESERVED = (
    "params",
    "number",
    "repeat",
    "trial_seed",
    "params_file",
    "result_file",
    "checkpoint_dir",
    "restore_dir",
)
"""Placeholders that stand for something else than one parameter."""


class _Piece(NamedTuple):
    """Literal text and the placeholder behind it, if there is one."""

    text: str
    name: str | None
    spec: str


class Template:
    """One argument, such as ``--lr={lr}``, taken apart.

    Parameters
    ----------
    text : str
        The argument; ``{{`` and ``}}`` stand for braces.

    Raises
    ------
    InvalidInput
        If the braces do not match or a placeholder is malformed.
    """

    def __init__(self, text: str) -> None:
        try:
            parsed = list(Formatter().parse(text))
        except ValueError as error:
            raise InvalidInput("Command: argument", text, f"matching braces ({error})") from error
        for _, name, spec, conversion in parsed:
            formats = ("", "flags", "json") if name == "params" else ("",)
            if name is not None and (not name or conversion or spec not in formats):
                raise InvalidInput(
                    "Command: argument",
                    text,
                    "placeholders {name}, {params}, {params:flags} and {params:json}; "
                    "write {{ and }} for braces",
                )
        self._pieces = [_Piece(text, name, spec or "") for text, name, spec, _ in parsed]
        self.names = frozenset(piece.name for piece in self._pieces if piece.name is not None)
        self._flags = any(p.name == "params" and p.spec != "json" for p in self._pieces)
        if self._flags and (len(self._pieces) > 1 or self._pieces[0].text):
            raise InvalidInput(
                "Command: argument", text, "{params} as a whole argument, since it becomes many"
            )

    def fill(self, params: Mapping[str, Any], others: Mapping[str, str]) -> list[str]:
        """Return the arguments it becomes: none if it names what has no value.

        ``{mix.web}`` is a part of a value that is a mapping.
        """
        if self._flags:
            return [f"--{name}={format_value(name, value)}" for name, value in params.items()]
        parts = []
        for text, name, _ in self._pieces:
            parts.append(text)
            if name is None:
                continue
            if name == "params":
                parts.append(to_json(params))
            elif name in RESERVED:
                if name not in others:
                    return []
                parts.append(others[name])
            else:
                value = _value(name, params)
                if value is None:
                    return []
                parts.append(format_value(name, value[0]))
        return ["".join(parts)]


def _value(name: str, params: Mapping[str, Any]) -> tuple[Any] | None:
    """Return the value of a parameter or of a part of it, None if there is none."""
    if name in params:
        return (params[name],)
    whole, _, part = name.rpartition(".")
    value = params.get(whole)
    return (value[part],) if isinstance(value, Mapping) and part in value else None


def check_names(templates: Sequence[Template], names: Iterable[str]) -> None:
    """Make sure that every placeholder means something, and one thing only.

    Raises
    ------
    InvalidInput
        If a placeholder is unknown, or is reserved and also the name of a parameter.
    """
    known = set(names)
    for name in sorted(set().union(*(template.names for template in templates))):
        if name in RESERVED and name in known:
            raise InvalidInput(
                "Command: placeholder", f"{{{name}}}", f"no parameter named {name!r} beside it"
            )
        if name not in RESERVED and name not in known:
            allowed = ", ".join(sorted(known) + list(RESERVED))
            raise InvalidInput("Command: placeholder", f"{{{name}}}", f"one of {allowed}")


def format_value(name: str, value: Any) -> str:
    """Write a value for a command line: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else to_json(value, name)


def to_json(value: Any, field: str = "params") -> str:
    """Write JSON that every language reads.

    Raises
    ------
    InvalidInput
        If the value is not made of texts, finite numbers, booleans, None, lists and mappings.
    """
    try:
        return json.dumps(value, allow_nan=False, default=_mapping)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"Command: {field}", value, "what JSON can express") from error


def _mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):  # the course that a schedule takes
        return dict(value)
    raise TypeError(f"a {type(value).__name__}")
