"""Spaces from typed dataclasses, and instances of them from params."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from luthier.errors import InvalidSpace
from luthier.space.base import Param
from luthier.space.params import Categorical

T = TypeVar("T")


def params_of(schema: type) -> dict[str, Param]:
    """Return the parameters that the fields of a dataclass describe.

    Raises
    ------
    InvalidSpace
        If it is no dataclass, or a field has neither a parameter nor a default.
    """
    params = {}
    hints = _hints(schema)
    for field in dataclasses.fields(schema):
        param = _param(hints[field.name])
        if param is not None:
            params[field.name] = param
        elif _default(field) is dataclasses.MISSING:
            raise InvalidSpace(
                f"{schema.__name__}.{field.name}",
                hints[field.name],
                "Annotated[type, Float(...)], bool, Literal, Enum, or a default",
            )
    return params


def build(schema: type[T], params: Mapping[str, Any]) -> T:
    """Return an instance of the dataclass with these values."""
    hints = _hints(schema)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(schema):  # type: ignore[arg-type]
        if not field.init:
            continue
        if field.name in params:
            values[field.name] = _value(hints[field.name], params[field.name])
        else:
            default = _default(field)
            values[field.name] = None if default is dataclasses.MISSING else default
    return schema(**values)


def _hints(schema: type) -> dict[str, Any]:
    if not isinstance(schema, type) or not dataclasses.is_dataclass(schema):
        raise InvalidSpace("dataclass", schema, "a dataclass")
    return get_type_hints(schema, include_extras=True)


def _param(hint: Any) -> Param | None:
    if get_origin(hint) is Annotated:
        for extra in get_args(hint)[1:]:
            if isinstance(extra, Param):
                return extra
        hint = get_args(hint)[0]
    if hint is bool:
        return Categorical([False, True])
    if get_origin(hint) is Literal:
        return Categorical(get_args(hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Categorical([member.name for member in hint])
    return None


def _value(hint: Any, value: Any) -> Any:
    """Return the value a field has, which for an Enum is the member of that name."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint[value]
    return value


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default
