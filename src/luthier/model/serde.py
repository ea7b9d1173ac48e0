"""Events as JSON texts and back, exactly. `luthier.model.plain` says how values are written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from sys import intern
from types import NoneType
from typing import Any

from luthier.errors import CorruptStorage, InvalidInput, NewerStorage
from luthier.model.events import (
    Asked,
    Defined,
    Enqueued,
    Event,
    Noted,
    Opened,
    Paused,
    Released,
    Reported,
    Resumed,
    Suggested,
    Told,
    Transferred,
)
from luthier.model.frozen import EMPTY, Frozen, frozen
from luthier.model.plain import (
    REAL,
    encode,
    escape,
    mark,
    read_metrics,
    read_numbers,
    read_params,
    read_value,
)
from luthier.model.problem import Problem
from luthier.model.trial import TrialState
from luthier.space.serde import param_to_json, read_param

FORMAT = 1
"""Version of the log's format; a log that says a higher one is refused."""


def to_text(event: Event) -> str:
    """Return the event as one JSON text.

    Raises
    ------
    InvalidInput
        If the event carries a value that JSON cannot say.
    """
    try:
        data = _WRITERS[type(event)](event)
        try:
            return encode(data)
        except ValueError:
            return encode(mark(data))
    except (TypeError, ValueError, RecursionError) as error:
        kind = type(event).__name__
        raise InvalidInput(f"{kind} event", event, f"values that JSON can say ({error})") from error


_LEAVES = frozenset({float, int, str, bool, NoneType})
_SINGLE = _LEAVES | {TrialState}


def is_settled(event: Event) -> bool:
    """Tell whether `to_text` of an event cannot fail, and gives the same at any time.

    So it is if all that the event holds is immutable and of the plainest types.
    """
    for name in event.__slots__:
        value = getattr(event, name)
        if type(value) in _SINGLE:
            continue
        if type(value) is Frozen:
            if not (_TEXT.issuperset(map(type, value)) and _are_leaves(value.values())):
                return False
        elif type(value) is not tuple or not _are_leaves(value):
            return False
    return True


def _are_leaves(values: Iterable[Any]) -> bool:
    return _LEAVES.issuperset(map(type, values))


_ANY = frozenset({dict, list, str, int, float, bool, NoneType})
_WHOLE = frozenset({int})
_COUNT = frozenset({int, NoneType})
_TEXT = frozenset({str})
_MAPPING = frozenset({dict})

_KINDS: Mapping[str, frozenset[type]] = {
    **dict.fromkeys(("at", "attempt", "format", "number"), _WHOLE),
    **dict.fromkeys(("step", "parent", "parent_step"), _COUNT),
    **dict.fromkeys(("about", "metrics", "problem", "user_attrs", "why"), _MAPPING),
    **dict.fromkeys(("by", "sampler", "scheduler"), _TEXT | _MAPPING),
    **dict.fromkeys(("checkpoints", "owner", "request"), _TEXT | {NoneType}),
    **dict.fromkeys(("event", "identity", "key", "reason", "source"), _TEXT),
    **dict.fromkeys(("error", "output", "state", "traceback"), _TEXT),
    "params": frozenset({dict, list}),
    "values": frozenset({dict, list, NoneType}),
    "cost": REAL | {NoneType},
    "time": REAL,
}
"""What JSON may say in the fields of events: anything else would be found out much later."""


def from_texts(
    texts: Iterable[str], *, callables: Mapping[str, Callable[..., Any]] | None = None
) -> list[Event]:
    """Return the events that `to_text` wrote.

    Parameters
    ----------
    texts : iterable of str
        One JSON text per event.
    callables : mapping, optional
        Functions that the space's constraints refer to by name.

    Raises
    ------
    CorruptStorage
        If a text is no event.
    NewerStorage
        If an event is of a kind or format that this version does not know.
    """
    # One document decodes faster than many, and shares its keys' strings.
    document = "[" + ",".join(texts) + "]"
    try:
        items = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise CorruptStorage(f"the log holds a line that is not JSON: {error}") from error
    events = []
    sound: set[tuple[Any, ...]] = set()  # forms of records: nearly all have one of a few
    for data in items:
        try:
            read = _READERS[data["event"]]
        except KeyError:
            kind = data.get("event") if isinstance(data, dict) else data
            raise NewerStorage(
                f"the log holds an event {kind!r} that this version of Luthier does not know; "
                "use a newer version"
            ) from None
        except TypeError:
            raise CorruptStorage(f"the log holds a line that is no event: {data!r}") from None
        form = (read, *data, *map(type, data.values()))
        if form not in sound:
            _check_kinds(data)
            sound.add(form)
        try:
            events.append(read(data) if read is not _read_defined else read(data, callables))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise CorruptStorage(f"the log holds a broken event {data!r}: {error!r}") from error
    return events


def _check_kinds(data: dict[str, Any]) -> None:
    for name, value in data.items():
        if type(value) not in _KINDS.get(name, _ANY):
            if name == "number" and value is None and data["event"] == "noted":
                continue  # of the study
            raise CorruptStorage(f"the log holds a broken event {data!r}: {name}")


def _write_defined(event: Defined) -> dict[str, Any]:
    return {
        "event": "defined",
        "format": FORMAT,
        "problem": event.problem.to_json(),
        "time": event.time,
    }


def _read_defined(
    data: dict[str, Any], callables: Mapping[str, Callable[..., Any]] | None = None
) -> Defined:
    if data["format"] > FORMAT:
        raise NewerStorage(
            f"the study was written in format {data['format']}, this version of Luthier reads "
            f"format {FORMAT}; use a newer version"
        )
    return Defined(Problem.from_json(data["problem"], callables=callables), data["time"])


def _write_asked(event: Asked) -> dict[str, Any]:
    data = {
        "event": "asked",
        "number": event.number,
        "params": event.params,
        "at": event.at,
        "by": event.by,
        "time": event.time,
    }
    if event.owner is not None:
        data["owner"] = event.owner
    if event.why:
        data["why"] = escape(event.why)
    if event.parent is not None:
        data["parent"] = event.parent
        data["parent_step"] = event.parent_step
    if event.request is not None:
        data["request"] = event.request
    return data


def _read_asked(data: dict[str, Any]) -> Asked:
    return Asked(
        data["number"],
        frozen(read_params(data["params"])),  # so that the trial can share it
        data["at"],
        _named(data["by"]),
        _shared(data.get("owner")),
        data["time"],
        read_value(data["why"]) if "why" in data else EMPTY,
        data.get("parent"),
        data.get("parent_step"),
        data.get("request"),
    )


def _named(spec: Any) -> Any:
    if type(spec) is dict and type(spec.get("name")) is not str:
        raise ValueError("by: it has no name")
    return _shared(spec)


def _shared(value: Any) -> Any:
    # The same few words stand in every trial of a long history.
    return intern(value) if type(value) is str else value


def _write_told(event: Told) -> dict[str, Any]:
    data: dict[str, Any] = {
        "event": "told",
        "number": event.number,
        "state": event.state.value,
        "time": event.time,
    }
    if event.values is not None:
        data["values"] = event.values
    if event.metrics:
        data["metrics"] = event.metrics
    if event.error:
        data["error"] = event.error
    if event.traceback:
        data["traceback"] = event.traceback
    if event.output:
        data["output"] = event.output
    if event.cost is not None:
        data["cost"] = event.cost
    return data


_STATES = {state.value: state for state in TrialState if state.final}


def _read_told(data: dict[str, Any]) -> Told:
    values = data.get("values")
    get = data.get
    return Told(
        data["number"],
        _STATES[data["state"]],
        None if values is None else read_numbers(values),
        frozen(read_metrics(get("metrics", EMPTY))),
        get("error", ""),
        get("traceback", ""),
        get("output", ""),
        get("cost"),
        data["time"],
    )


@dataclass(frozen=True, slots=True)
class _Plain:
    """Reads and writes an event whose fields JSON can say as they are."""

    kind: type[Any]
    name: str
    fields: tuple[str, ...]
    sparse: tuple[str, ...] = ()
    """Fields that are left out where they say nothing."""

    def write(self, event: Any) -> dict[str, Any]:
        data = {"event": self.name}
        for name in self.fields:
            data[name] = getattr(event, name)
        for name in self.sparse:
            value = getattr(event, name)
            if value is not None and value != EMPTY:
                data[name] = value
        return data

    def read(self, data: dict[str, Any]) -> Any:
        fields = {name: read_value(data[name]) for name in self.fields}
        for name in self.sparse:
            if name in data:
                fields[name] = read_value(data[name])
        return self.kind(**fields)


_PLAIN = (
    _Plain(Opened, "opened", ("owner", "sampler", "about", "time"), ("scheduler", "checkpoints")),
    _Plain(Reported, "reported", ("number", "step", "metrics", "attempt", "time")),
    _Plain(Paused, "paused", ("number", "time"), ("attempt", "metrics", "cost")),
    _Plain(Resumed, "resumed", ("number", "attempt", "owner", "step", "time"), ("request",)),
    _Plain(Released, "released", ("number", "reason", "attempt", "time"), ("cost",)),
)

_WRITERS: dict[type[Any], Callable[[Any], dict[str, Any]]] = {
    Defined: _write_defined,
    Asked: _write_asked,
    Told: _write_told,
    Noted: lambda event: {
        "event": "noted",
        "number": event.number,
        "key": event.key,
        "value": escape(event.value),
    },
    Enqueued: lambda event: {
        "event": "enqueued",
        "number": event.number,
        "params": event.params,
        "user_attrs": escape(event.user_attrs),
        "time": event.time,
        **({} if event.request is None else {"request": event.request}),
    },
    Suggested: lambda event: {
        "event": "suggested",
        "number": event.number,
        "values": event.values,
        **(
            {"params": {name: param_to_json(param) for name, param in event.params.items()}}
            if event.params
            else {}
        ),
    },
    Transferred: lambda event: {
        "event": "transferred",
        "source": event.source,
        "identity": event.identity,
        "params": event.params,
        "ranks": event.ranks,
        "time": event.time,
    },
    **{entry.kind: entry.write for entry in _PLAIN},
}

_READERS: dict[str, Callable[..., Event]] = {
    "defined": _read_defined,
    "asked": _read_asked,
    "told": _read_told,
    "noted": lambda data: Noted(data["number"], data["key"], read_value(data["value"])),
    "enqueued": lambda data: Enqueued(
        data["number"],
        read_params(data["params"]),
        read_value(data["user_attrs"]),
        data["time"],
        data.get("request"),
    ),
    "suggested": lambda data: Suggested(
        data["number"],
        read_params(data["values"]),
        {
            name: read_param(param, f"params.{name}")
            for name, param in data.get("params", {}).items()
        },
    ),
    "transferred": lambda data: Transferred(
        data["source"],
        data["identity"],
        tuple(read_params(row) for row in data["params"]),
        tuple(tuple(row) for row in data["ranks"]),
        data["time"],
    ),
    **{entry.name: entry.read for entry in _PLAIN},
}
