"""Samplers by name: for the command line, for files, and for the log.

To add a sampler, write its file and add its line here. A package of its own
registers one under the entry-point group ``luthier.samplers``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, cast

from luthier.errors import InvalidInput
from luthier.samplers.base import Sampler

BUILT_IN = {
    "auto": "luthier.samplers.auto:Auto",
    "random": "luthier.samplers.random:Random",
    "grid": "luthier.samplers.grid:Grid",
    "qmc": "luthier.samplers.qmc:QMC",
    "fixed": "luthier.samplers.fixed:Fixed",
    "tpe": "luthier.samplers.tpe:TPE",
    "gp": "luthier.samplers.gp.sampler:GP",
    "forest": "luthier.samplers.forest:Forest",
    "cmaes": "luthier.samplers.cmaes:CMAES",
    "de": "luthier.samplers.differential_evolution:DifferentialEvolution",
    "regularized_evolution": "luthier.samplers.regularized_evolution:RegularizedEvolution",
    "nsga2": "luthier.samplers.nsga2:NSGA2",
    "nsga3": "luthier.samplers.nsga3:NSGA3",
}

ENTRY_POINTS = "luthier.samplers"

Spec = str | Mapping[str, Any]
"""A sampler in a file or in the log: its name, or a mapping of ``name`` and its settings."""


def names() -> list[str]:
    """Return the names of all samplers, those of installed packages included."""
    return sorted({*BUILT_IN, *(point.name for point in entry_points(group=ENTRY_POINTS))})


def make(spec: Spec | Sampler) -> Sampler:
    """Return the sampler that a name or a mapping describes; a sampler is returned as it is.

    Raises
    ------
    InvalidInput
        If the name is unknown or a setting is not one of the sampler's.
    """
    if isinstance(spec, str):
        return cast(Sampler, _load(spec)())
    if isinstance(spec, Mapping):
        if "name" not in spec:
            raise InvalidInput("sampler", dict(spec), "a mapping with a 'name'")
        settings = {key: value for key, value in spec.items() if key != "name"}
        kind = _load(spec["name"])
        known = [item.name for item in fields(kind)]
        for key in settings:
            if key not in known:
                allowed = ", ".join(known) or "no settings"
                raise InvalidInput(f"sampler {spec['name']!r}: setting", key, allowed)
        return cast(Sampler, kind(**settings))
    if isinstance(spec, type):
        raise InvalidInput("sampler", spec, f"an instance of it, {spec.__name__}(...)")
    if isinstance(spec, Sampler):
        return spec
    raise InvalidInput("sampler", spec, f"a sampler, or one of the names {', '.join(names())}")


def describe(sampler: Sampler) -> Spec:
    """Return the name of a sampler, with those settings that differ from the defaults.

    A sampler that is not registered is described by its class's name.
    """
    kind = type(sampler)
    name = _registered(f"{kind.__module__}:{kind.__qualname__}") or kind.__qualname__
    settings: dict[str, Any] = {}
    for item in fields(sampler) if is_dataclass(sampler) else ():  # type: ignore[var-annotated]
        value = getattr(sampler, item.name)
        if value != item.default:
            settings[item.name] = value
    return {"name": name, **settings} if settings else name


def name_of(spec: Spec) -> str:
    """Return the name in a description of a sampler."""
    return spec if isinstance(spec, str) else str(spec["name"])


def _registered(path: str) -> str | None:
    for name, known in BUILT_IN.items():
        if known == path:
            return name
    for point in entry_points(group=ENTRY_POINTS):
        if point.value == path:
            return point.name
    return None


def _load(name: str) -> type[Any]:
    path = BUILT_IN.get(name)
    if path is None:
        for point in entry_points(group=ENTRY_POINTS):
            if point.name == name:
                loaded: type[Any] = point.load()
                return loaded
        close = get_close_matches(str(name), names(), 1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise InvalidInput("sampler", name, ", ".join(names()) + hint)
    module, _, attribute = path.partition(":")
    found: type[Any] = getattr(import_module(module), attribute)
    return found
