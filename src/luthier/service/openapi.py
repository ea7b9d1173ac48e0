"""The description of the service, made from the table of its routes."""

from __future__ import annotations

from typing import Any

import msgspec

from luthier._version import __version__
from luthier.service import wire
from luthier.service.problems import TITLES
from luthier.service.routes import PATH, ROUTES, VERSION, Route

_TEMPLATE = "#/components/schemas/{name}"
_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A word for this request alone. Sent again with it, the request is done once.",
    "schema": {"type": "string", "pattern": r"^[!-.0-~]{1,100}$"},
}


def document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    structs: set[type[Any]] = {wire.Problem}
    for route in ROUTES:
        structs |= {t for t in (route.body, route.answer) if t is not None and _is_struct(t)}
    ordered = sorted(structs, key=lambda struct: struct.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template=_TEMPLATE)
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        path = f"/{VERSION}/{'/'.join(route.path)}"
        paths.setdefault(path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Luthier",
            "version": __version__,
            "description": "Hyperparameter tuning over HTTP: thin workers ask for trials, run "
            "them, and tell how they ended.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token with the role read, work or admin. A service on a "
                    "loopback address may need none.",
                }
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.handler.__module__.rpartition(".")[2]],
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    role = f"Role: {route.role}." if route.role else "Needs no token."
    operation["description"] = f"{route.description}\n\n{role}".strip()
    if route.role is None:
        operation["security"] = []
    if route.body is bytes:
        content: dict[str, Any] = {"application/octet-stream": {"schema": {}}}
        operation["requestBody"] = {"required": True, "content": content}
    elif route.body is not None:
        operation["requestBody"] = {"required": True, "content": _json(route.body)}
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": msgspec.json.schema(PATH[name])}
        for _, name in route.places
    ]
    if route.query is not None:
        _, schemas = msgspec.json.schema_components([route.query], ref_template=_TEMPLATE)
        query = schemas[route.query.__name__]
        for name, schema in query["properties"].items():
            # In a query there is no null: who wants none leaves it out.
            needed = name in query.get("required", ())
            parameters.append(
                {"name": name, "in": "query", "required": needed, "schema": _without_null(schema)}
            )
    return [*parameters, *([_KEY] if route.keyed else [])]


def _responses(route: Route) -> dict[str, Any]:
    good: dict[str, Any] = {"description": route.summary}
    if route.answer is bytes:
        good["content"] = {"application/octet-stream": {"schema": {}}}
    elif _is_struct(route.answer):
        good["content"] = _json(route.answer)
    elif route.answer is not None:
        good["content"] = {"application/json": {"schema": {"type": "object"}}}
    bad = {400, 405, 429, *route.refusals}
    if route.role is not None:
        bad |= {401, 403, 421, 503}
    if route.places or route.query is not None or route.body is not None:
        bad.add(422)
    if route.body is not None:
        bad |= {408, 413}
    if route.body not in (None, bytes):
        bad.add(415)
    problem = {"application/problem+json": {"schema": {"$ref": _TEMPLATE.format(name="Problem")}}}
    responses = {str(route.status): good}
    for status in sorted(bad):
        responses[str(status)] = {"description": TITLES[status], "content": problem}
    return responses


def _json(struct: Any) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _TEMPLATE.format(name=struct.__name__)}}}


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    plain = {name: value for name, value in schema.items() if name != "anyOf"}
    if plain.get("default", 0) is None:
        del plain["default"]
    return {**plain, **options[0]} if options else plain
