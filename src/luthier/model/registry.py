"""Algorithms by name: for the command line, for files, and for the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from luthier.errors import InvalidInput

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")

Spec = str | Mapping[str, Any]
"""An algorithm in a file or in the log: its name, or a mapping of ``name`` and its settings."""


class Registry(Generic[T]):
    """All algorithms of one kind, which are dataclasses of their settings.

    Parameters
    ----------
    kind : str
        What they are, as errors call them: "sampler", ...
    contract : type
        A protocol that they fulfil.
    built_in : mapping of str to str
        Where each is, as ``"module:Class"``. Nothing is imported before it is asked for.
    group : str
        Entry points under which installed packages register theirs.
    """

    def __init__(self, kind: str, contract: type[T], built_in: Mapping[str, str], group: str):
        self.kind = kind
        self.contract = contract
        self.built_in = built_in
        self.group = group

    def names(self) -> list[str]:
        """Return the names of all, those of installed packages included."""
        return sorted({*self.built_in, *(point.name for point in entry_points(group=self.group))})

    def make(self, spec: Spec | T) -> T:
        """Return what a name or a mapping describes; an algorithm is returned as it is.

        Raises
        ------
        InvalidInput
            If the name is unknown or a setting is not one of the algorithm's.
        """
        if isinstance(spec, str):
            return self._build(spec, {})
        if isinstance(spec, Mapping):
            if "name" not in spec:
                raise InvalidInput(self.kind, dict(spec), "a mapping with a 'name'")
            settings = {key: value for key, value in spec.items() if key != "name"}
            return self._build(spec["name"], settings)
        if isinstance(spec, type):
            raise InvalidInput(self.kind, spec, f"an instance of it, {spec.__name__}(...)")
        if isinstance(spec, self.contract):
            return spec
        allowed = f"a {self.kind}, or one of the names {', '.join(self.names())}"
        raise InvalidInput(self.kind, spec, allowed)

    def describe(self, algorithm: T) -> Spec:
        """Return its name, with those settings that differ from the defaults.

        One that is not registered is described by its class's name.
        """
        kind = type(algorithm)
        name = self._registered(f"{kind.__module__}:{kind.__qualname__}") or kind.__qualname__
        settings: dict[str, Any] = {}
        anything: Any = algorithm  # one of somebody else's need not be a dataclass
        for item in fields(anything) if is_dataclass(anything) else ():
            value = getattr(algorithm, item.name)
            if item.init and value != item.default:
                settings[item.name] = self._described(value)
        return {"name": name, **settings} if settings else name

    def _described(self, value: Any) -> Any:
        """Return a setting, in which there may be other algorithms of this kind."""
        if isinstance(value, tuple):
            return [self._described(item) for item in value]
        return self.describe(value) if isinstance(value, self.contract) else value

    def _build(self, name: str, settings: Mapping[str, Any]) -> T:
        kind = self._load(name)
        known = {item.name: item for item in fields(kind) if item.init}
        for key in settings:
            if key not in known:
                allowed = ", ".join(known) or "no settings"
                raise InvalidInput(f"{self.kind} {name!r}: setting", key, allowed)
        for key, item in known.items():
            if item.default is MISSING and item.default_factory is MISSING and key not in settings:
                wanted = f"a mapping with {key!r}"
                raise InvalidInput(f"{self.kind} {name!r}", dict(settings), wanted)
        return cast(T, kind(**settings))

    def _registered(self, path: str) -> str | None:
        for name, known in self.built_in.items():
            if known == path:
                return name
        for point in entry_points(group=self.group):
            if point.value == path:
                return point.name
        return None

    def _load(self, name: str) -> type[Any]:
        path = self.built_in.get(name)
        if path is None:
            for point in entry_points(group=self.group):
                if point.name == name:
                    loaded: type[Any] = point.load()
                    return loaded
            close = get_close_matches(str(name), self.names(), 1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise InvalidInput(self.kind, name, ", ".join(self.names()) + hint)
        module, _, attribute = path.partition(":")
        found: type[Any] = getattr(import_module(module), attribute)
        return found


def entry_points(*, group: str) -> Iterable[EntryPoint]:
    """Return what installed packages register."""
    from importlib import metadata  # takes longer to import than most studies need

    return metadata.entry_points(group=group)


def name_of(spec: Spec) -> str:
    """Return the name in a description."""
    return spec if isinstance(spec, str) else str(spec["name"])
