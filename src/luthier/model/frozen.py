"""Mappings that cannot be changed, for records that many hold at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn


class Frozen(dict[str, Any]):
    """A dict that refuses changes; ``dict(frozen)`` is a copy that allows them.

    It is a real dict, so that it prints, compares, pickles and turns into JSON as one.
    """

    __slots__ = ()

    def _refuse(self, *arguments: Any, **named: Any) -> NoReturn:
        raise TypeError("a record does not change: make a copy with dict(...)")

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = pop = popitem = clear = setdefault = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return Frozen, (dict(self),)


EMPTY = Frozen()


def frozen(values: Mapping[str, Any]) -> Frozen:
    """Return values, and the mappings directly among them, as what cannot be changed."""
    if type(values) is Frozen:
        return values
    for value in values.values():
        if type(value) is dict:
            return Frozen({k: Frozen(v) if type(v) is dict else v for k, v in values.items()})
    return Frozen(values) if values else EMPTY
