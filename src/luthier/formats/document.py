"""YAML and JSON files as plain values that know on which line each of them stands.

YAML is read by the rules of its version 1.2: ``1e-5`` is a number, ``yes`` and ``on`` are
texts, there are no dates. A repeated key is an error. Nothing but plain values is ever built.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.tag import Tag

from luthier.errors import FormatError

MAX_SIZE = 2**20
"""Bytes that a file may have."""

MAX_VALUES = 100_000
"""Values that a file may hold once its aliases are followed."""

MAX_DEPTH = 50
"""How deep values may be nested."""

Place = tuple[str | int, ...]
"""Where a value stands: keys and indices from the top."""

_TAG = "tag:yaml.org,2002:"


# The core schema of YAML 1.2, chapter 10.3.2: what a plain scalar is. Everything else is a text.
_CORE = (
    ("null", re.compile(r"(~|null|Null|NULL|)")),
    ("bool", re.compile(r"(true|True|TRUE|false|False|FALSE)")),
    ("int", re.compile(r"([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)")),
    (
        "float",
        re.compile(
            r"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
            r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))"
        ),
    ),
)


class _Resolver(VersionedResolver):
    """Tells the type of a plain scalar by the core schema, without the library's extras."""

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> Tag:
        name = "map" if kind is MappingNode else "seq" if kind is SequenceNode else "str"
        if kind is ScalarNode and implicit[0]:
            name = next((name for name, form in _CORE if form.fullmatch(value)), "str")
        return Tag(suffix=_TAG + name)


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read.

    Attributes
    ----------
    file : str
        Its path, for messages.
    value : object
        What it holds: mappings with text keys, lists, texts, numbers, booleans, None.
    lines : mapping of tuple to int
        The line, from 1, of each value by its path: where its key stands, if it has one.
    """

    file: str
    value: Any
    lines: dict[Place, int]

    def error(self, path: Place, message: str) -> FormatError:
        """Return an error that points at a path, or at the nearest value around it."""
        found = path
        while found and found not in self.lines:
            found = found[:-1]
        return FormatError(
            message, file=self.file, line=self.lines.get(found), field=dotted(path) or None
        )

    def locate(self, field: str) -> Place | None:
        """Return the path whose dotted form is `field`, or its longest beginning; None if none."""
        best: Place | None = None
        for path in self.lines:
            name = dotted(path)
            if field == name or (name and field.startswith((f"{name}.", f"{name}["))):
                best = path if best is None or len(path) > len(best) else best
        return best


def dotted(path: Place) -> str:
    """Return a path as people write it, such as ``space.lr.low`` or ``limits[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_document(path: Path) -> Document:
    """Read a YAML file, or a JSON file if its name ends in ``.json``.

    Raises
    ------
    FormatError
        If it cannot be read, is too large, or is no valid YAML or JSON.
    """
    file = str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", file=file) from error
    if len(data) > MAX_SIZE:
        raise FormatError(f"has {len(data)} bytes; allowed: at most {MAX_SIZE}", file=file)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError("is not UTF-8 text", file=file, line=line) from error
    return parse_document(text, file, is_json=path.suffix.lower() == ".json")


def parse_document(text: str, file: str, *, is_json: bool = False) -> Document:
    """Parse the text of a file; see `read_document`."""
    if is_json:
        value = _read_json(text, file)
        # JSON is YAML apart from tabs, which can only stand between its values.
        reader = _Reader(text.replace("\t", " "), file)
        reader.read()
        return Document(file, value, reader.lines)
    reader = _Reader(text, file)
    return Document(file, reader.read(), reader.lines)


def parse_scalar(text: str) -> Any:
    """Return what a text on the command line means, by the rules of the files.

    Raises
    ------
    FormatError
        If it is no valid YAML.
    """
    return _Reader(text, "value").read()


def _read_json(text: str, file: str) -> Any:
    def refuse(word: str) -> NoReturn:
        raise ValueError(f"there is no number {word}")

    try:
        return json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise FormatError(f"is not JSON: {error.msg}", file=file, line=error.lineno) from error
    except RecursionError as error:
        raise FormatError(_too_deep(), file=file) from error
    except ValueError as error:  # a whole number of thousands of digits
        raise FormatError(f"is not JSON: {error}", file=file) from error


class _Reader:
    """Builds the values of one YAML text, and notes their lines."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._left = MAX_VALUES
        self.lines: dict[Place, int] = {}

    def read(self) -> Any:
        try:
            reader = YAML(typ="safe", pure=True)
            reader.Resolver = _Resolver
            node = reader.compose(self._text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = ", ".join(part for part in (error.context, error.problem) if part)
            line = None if mark is None else mark.line + 1
            raise FormatError(f"is not YAML: {problem}", file=self._file, line=line) from error
        except YAMLError as error:
            problem = str(error).splitlines()[0]
            raise FormatError(f"is not YAML: {problem}", file=self._file) from error
        except RecursionError as error:
            raise FormatError(_too_deep(), file=self._file) from error
        return None if node is None else self._build(node, ())

    def _build(self, node: Node, path: Place) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        self._left -= 1
        if self._left < 0:
            raise self._error(f"the file holds more than {MAX_VALUES} values", line, path)
        if len(path) > MAX_DEPTH:
            raise self._error(_too_deep(), line, path[:3])
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if isinstance(node, SequenceNode):
            if node.tag != f"{_TAG}seq":
                raise self._strange_tag(node, path)
            return [self._build(item, (*path, i)) for i, item in enumerate(node.value)]
        if node.tag != f"{_TAG}map":
            raise self._strange_tag(node, path)
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            line = key_node.start_mark.line + 1
            if key in built:
                first = self.lines[(*path, key)]
                raise self._error(f"stands twice, first in line {first}", line, (*path, key))
            self.lines[(*path, key)] = line
            built[key] = self._build(value_node, (*path, key))
        return built

    def _key(self, node: Node, path: Place) -> str:
        if not isinstance(node, ScalarNode):
            raise self._error("a key must be a text", node.start_mark.line + 1, path)
        # A key is a name: `1:` and `yes:` name parameters as they are written.
        return str(node.value)

    def _scalar(self, node: ScalarNode, path: Place) -> Any:
        text: str = node.value
        try:
            match _kind(node):
                case "str":
                    return text
                case "null":
                    return None
                case "bool":
                    return text.lower() == "true"
                case "int":
                    return int(text, 0) if text.startswith(("0o", "0x")) else int(text)
                case "float":
                    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError as error:
            raise self._error(str(error), node.start_mark.line + 1, path) from error
        raise self._strange_tag(node, path)

    def _strange_tag(self, node: Node, path: Place) -> FormatError:
        message = f"the tag {_kind(node)!r} is not allowed"
        return self._error(message, node.start_mark.line + 1, path)

    def _error(self, message: str, line: int, path: Place) -> FormatError:
        return FormatError(message, file=self._file, line=line, field=dotted(path) or None)


def _kind(node: Node) -> str:
    return str(node.tag).removeprefix(_TAG)


def _too_deep() -> str:
    return f"values are nested more than {MAX_DEPTH} deep"
