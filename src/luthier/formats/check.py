"""Check a document against the part of JSON Schema that our schemas use."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from luthier.formats.document import Document, Place
from luthier.formats.schema import Schema

_WORDS = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
    "object": "a mapping",
    "array": "a list",
}


def check(document: Document, schema: Schema) -> None:
    """Make sure that a document is what its schema says.

    Raises
    ------
    FormatError
        With the line and the field of the first thing that is not.
    """
    _Checker(document).check(document.value, schema, ())


class _Checker:
    def __init__(self, document: Document) -> None:
        self._document = document

    def check(self, given: Any, schema: Schema, path: Place) -> None:
        if "anyOf" in schema:
            schema = self._chosen(given, schema, path)
        if not _accepts_kind(given, schema):
            raise self._refused(given, schema, path)
        if isinstance(given, dict):
            self._check_mapping(given, schema, path)
        elif isinstance(given, list):
            if len(given) < schema.get("minItems", 0):
                raise self._refused(given, schema, path)
            for index, item in enumerate(given):
                self.check(item, schema.get("items", {}), (*path, index))
        elif not _accepts(given, schema):
            raise self._refused(given, schema, path)

    def _chosen(self, given: Any, schema: Schema, path: Place) -> Schema:
        """Return the alternative that was meant, so that the error says what is wrong with it."""
        fitting = [option for option in schema["anyOf"] if _accepts_kind(given, option)]
        named = [o for o in fitting if "const" in o.get("properties", {}).get("type", {})]
        if not named:
            accepting = [o for o in fitting if isinstance(given, dict | list) or _accepts(given, o)]
            if not accepting and len(fitting) != 1:
                raise self._refused(given, schema, path)
            chosen: Schema = (accepting or fitting)[0]
            return chosen
        kinds: dict[str, Schema] = {
            option["properties"]["type"]["const"]: option for option in named
        }
        if "type" not in given:
            message = f"needs a 'type'; allowed: {', '.join(kinds)}"
            raise self._document.error(path, message)
        kind = given["type"]
        if not isinstance(kind, str) or kind not in kinds:
            message = f"got {kind!r}; allowed: {', '.join(kinds)}{_hint(kind, kinds)}"
            raise self._document.error((*path, "type"), message)
        return kinds[kind]

    def _check_mapping(self, given: dict[str, Any], schema: Schema, path: Place) -> None:
        fields = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        for name, value in given.items():
            if name not in fields and others is False:
                known = [field for field in fields if not field.startswith("$")]
                message = f"there is no such field; allowed: {', '.join(known)}{_hint(name, known)}"
                raise self._document.error((*path, name), message)
            item = fields.get(name, others if isinstance(others, dict) else {})
            self.check(value, item, (*path, name))
        if len(given) < schema.get("minProperties", 0):
            raise self._refused(given, schema, path)
        for name in schema.get("required", ()):
            if name not in given:
                raise self._document.error(path, f"needs the field {name!r}")
        for name, needed in schema.get("dependentRequired", {}).items():
            for other in needed:
                if name in given and other not in given:
                    message = f"needs the field {other!r} beside it"
                    raise self._document.error((*path, name), message)
        names = [option["required"][0] for option in schema.get("oneOf", ())]
        present = [name for name in names if name in given]
        if names and len(present) != 1:
            wanted = " or ".join(map(repr, names))
            where = (*path, present[-1]) if present else path
            message = f"either {wanted}, not both" if present else f"needs the field {wanted}"
            raise self._document.error(where, message)

    def _refused(self, given: Any, schema: Schema, path: Place) -> Exception:
        hint = _hint(given, schema.get("enum", ()))
        message = f"got {shown(given)}; allowed: {phrase(schema)}{hint}"
        return self._document.error(path, message)


def shown(given: Any) -> str:
    """Return a value as an error shows it: on one line, not too long."""
    text = repr(given)
    return text if len(text) <= 80 else text[:77] + "..."


def phrase(schema: Schema) -> str:
    """Return in words what a schema allows."""
    if "title" in schema:
        return str(schema["title"])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(phrase(option) for option in schema["anyOf"]))
    if "const" in schema:
        return repr(schema["const"])
    if "enum" in schema:
        return " or ".join(map(repr, schema["enum"]))
    kinds = schema["type"]
    words = " or ".join(_WORDS[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds))
    if "exclusiveMinimum" in schema:
        return f"{words} above {schema['exclusiveMinimum']}"
    if "minimum" in schema:
        return f"{words} from {schema['minimum']} on"
    if schema.keys() & {"minLength", "minItems", "minProperties"}:
        return f"{words} that is not empty"
    return words


def _accepts_kind(given: Any, schema: Schema) -> bool:
    """Tell whether a value is of the JSON type that a schema wants."""
    if "const" in schema or "enum" in schema:
        return given is None or isinstance(given, str | bool | int | float)
    kinds = schema.get("type")
    if kinds is None:
        return True
    return not _kinds(given).isdisjoint([kinds] if isinstance(kinds, str) else kinds)


def _kinds(given: Any) -> set[str]:
    match given:
        case None:
            return {"null"}
        case bool():
            return {"boolean"}
        case int():
            return {"integer", "number"}
        case float():
            return {"number"}
        case str():
            return {"string"}
        case list():
            return {"array"}
    return {"object"}


def _accepts(given: Any, schema: Schema) -> bool:
    """Tell whether a text, number, boolean or null of the right type is what a schema wants."""
    if "const" in schema:
        return type(given) is type(schema["const"]) and bool(given == schema["const"])
    if "enum" in schema:
        return given in schema["enum"]
    if isinstance(given, str):
        long_enough = len(given) >= schema.get("minLength", 0)
        return long_enough and re.search(schema.get("pattern", ""), given) is not None
    if "minimum" in schema:
        return bool(given >= schema["minimum"])
    if "exclusiveMinimum" in schema:
        return bool(given > schema["exclusiveMinimum"])
    return True


def _hint(given: Any, known: Any) -> str:
    close = get_close_matches(given, list(known), 1) if isinstance(given, str) else []
    return f" (did you mean {close[0]!r}?)" if close else ""
