"""What a study file may hold, as a JSON Schema: what editors check is what we check.

The published file ``study.schema.json`` is this schema, written down.
"""

from __future__ import annotations

from typing import Any

from luthier.space.courses import KINDS, PARTS, Rule

Schema = dict[str, Any]

DURATION = r"^(\s*[0-9]+(\.[0-9]+)?\s*(d|h|min|m|s)\s*)+$"
"""Such as ``1h 30m``."""

SIZE = r"^[0-9]+(\.[0-9]+)?\s*([kKMGT]i?)?B?$"
"""Such as ``4GB`` or ``512MiB``."""

TEXT: Schema = {"type": "string", "minLength": 1}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
POSITIVE: Schema = {"type": "number", "exclusiveMinimum": 0}
NOT_NEGATIVE: Schema = {"type": "number", "minimum": 0}
COUNT: Schema = {"type": "integer", "minimum": 1}
CHOICES: Schema = {"type": "array", "minItems": 1}


def _record(
    fields: dict[str, Schema], required: tuple[str, ...] = (), description: str = ""
) -> Schema:
    schema: Schema = {"type": "object", "properties": fields, "additionalProperties": False}
    if required:
        schema["required"] = list(required)
    return _said(schema, description) if description else schema


def _said(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def _several(item: Schema) -> Schema:
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def _named(description: str) -> Schema:
    settings = {"type": "object", "properties": {"name": TEXT}, "required": ["name"]}
    return {"anyOf": [TEXT, settings], "description": description}


def _time(description: str) -> Schema:
    text = {"type": "string", "pattern": DURATION, "title": "a time such as 90s, 30m or 1h 30m"}
    return {"anyOf": [_said(POSITIVE, "Seconds"), text], "description": description}


_WHEN: Schema = {
    "type": ["object", "string"],
    "description": "Active only then: {parent: value or list of values}, or an expression",
}


def _parameter(kind: str, fields: dict[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    return _record({"type": {"const": kind}, **fields, "when": _WHEN}, ("type", *required))


_PRIORS = [
    _record({"type": {"const": "uniform"}}, ("type",)),
    _record({"type": {"const": "normal"}, "mean": NUMBER, "sd": POSITIVE}, ("type", "mean", "sd")),
    _record(
        {"type": {"const": "lognormal"}, "mean": NUMBER, "sd": POSITIVE}, ("type", "mean", "sd")
    ),
    _record({"type": {"const": "beta"}, "a": POSITIVE, "b": POSITIVE}, ("type", "a", "b")),
]


def _numeric(bound: str, scales: list[str]) -> dict[str, Schema]:
    return {
        "low": {"type": [bound, "null"], "description": "Smallest value"},
        "high": {"type": [bound, "null"], "description": "Largest value"},
        "log": _said(FLAG, "Search on a logarithmic scale"),
        "scale": {"enum": scales},
        "step": _said(POSITIVE, "Distance of the values; on a logarithmic scale their ratio"),
        "prior": {"anyOf": _PRIORS, "description": "What random search draws from"},
        "belief": _record(
            {"value": NUMBER, "factor": POSITIVE, "sd": POSITIVE},
            ("value",),
            "Where you expect the optimum, give or take a factor or a standard deviation",
        ),
    }


def _setting(rule: Rule) -> Schema:
    number: Schema = {"type": "integer" if rule.whole else "number"}
    pair = {"type": "array", "items": number, "minItems": 2, "maxItems": 2}
    return {"anyOf": [number, pair], "description": f"{rule.allowed}; or bounds of it".capitalize()}


_PARAMETERS = [
    _parameter("float", _numeric("number", ["linear", "log", "reverse_log", "logit"])),
    _parameter("int", _numeric("integer", ["linear", "log"])),
    _parameter(
        "categorical",
        {
            "choices": CHOICES,
            "ordered": _said(FLAG, "Whether neighbours in the list are alike"),
            "weights": {"type": "array", "items": POSITIVE, "description": "One per choice"},
            "belief": {
                "anyOf": [
                    {"type": "object", "additionalProperties": POSITIVE},
                    {"type": "array", "items": {"type": "array"}},
                ],
                "description": "A weight for each choice: where you expect the optimum",
            },
        },
        ("choices",),
    ),
    _parameter(
        "subset",
        {
            "items": CHOICES,
            "min_size": {"type": "integer", "minimum": 0},
            "max_size": {"type": "integer", "minimum": 0},
        },
        ("items",),
    ),
    _parameter("permutation", {"items": CHOICES}, ("items",)),
    _parameter("simplex", {"names": {"type": "array", "items": TEXT, "minItems": 2}}, ("names",)),
    _parameter(
        "schedule",
        {
            "low": _said(NUMBER, "Smallest peak"),
            "high": _said(NUMBER, "Largest peak"),
            "log": _said(FLAG, "Search the peak on a logarithmic scale (default true)"),
            "kinds": {"type": "array", "items": {"enum": list(KINDS)}, "minItems": 1},
            **{name: _setting(rule) for name, rule in PARTS.items()},
        },
        ("low", "high"),
    ),
    _parameter("derived", {"expression": TEXT}, ("expression",)),
]

_PARAMETER: Schema = {
    "anyOf": [
        *_PARAMETERS,
        _said(CHOICES, "A choice of these"),
        {"type": ["string", "number", "boolean", "null"], "description": "A constant"},
    ]
}

_ARGUMENTS: Schema = {
    "type": "array",
    "items": {"type": "string"},
    "minItems": 1,
    "title": 'a list such as [python, train.py, "--lr={lr}"]',
    "description": "Program and arguments; {name} stands for a parameter, {params} for all",
}

_COMMAND: Schema = {
    "anyOf": [
        _ARGUMENTS,
        _record(
            {
                "args": _ARGUMENTS,
                "env": {"type": "object", "additionalProperties": {"type": "string"}},
                "cwd": _said(TEXT, "Working directory; default: the folder of this file"),
                "pattern": _said(
                    TEXT, "Regular expression that finds metrics in the output: (?P<loss>[0-9.]+)"
                ),
                "result_file": _said(TEXT, "JSON file of metrics that the program writes"),
                "infeasible_exit": _said(
                    {"type": "integer"}, "Exit code that says: these params make no sense"
                ),
                "grace": _said({"type": "number", "minimum": 0}, "Seconds from SIGTERM to SIGKILL"),
            },
            ("args",),
        ),
    ],
    "description": 'A program that prints its metrics as JSON, such as {"accuracy": 0.93}',
}

_BUDGET = _record(
    {
        "trials": _said(
            COUNT, "Trials of the study in all; starting again goes on to the same end"
        ),
        "timeout": _time("After this time no further trial starts"),
        "target": _said(NUMBER, "Stop when the objective is at least as good"),
        "patience": _said(COUNT, "Stop after so many trials without a better one"),
        "cost": {
            "anyOf": [
                _said(NOT_NEGATIVE, "Of each trial"),
                _record({"each": NOT_NEGATIVE, "per_second": NOT_NEGATIVE}),
            ],
            "description": "What a trial costs that does not say it itself",
        },
        "max_cost": _said(POSITIVE, "Stop when the trials' costs sum up to this"),
        "max_failures": _said(COUNT, "Give up after so many failures in a row (default 10)"),
    },
    description="When to stop: whatever comes first",
)

_PER_TRIAL = _record(
    {
        "timeout": _time("A trial that takes longer is killed and fails"),
        "memory": {
            "anyOf": [
                COUNT,
                {"type": "string", "pattern": SIZE, "title": "a size such as 4GB or 512MiB"},
            ],
            "description": "A trial that uses more is killed and fails",
        },
        "grace": _time("A trial that is stopped has so long to save and end (default 5)"),
    },
    description="Limits on each trial",
)

SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "a mapping of the fields of a study",
    **_record(
        {
            "$schema": _said(TEXT, "Where an editor finds this schema"),
            "name": _said(TEXT, "Name of the study; default: that of the file"),
            "storage": _said(TEXT, "Where the study is kept; default: luthier.db"),
            "objective": {
                "type": "string",
                "pattern": r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$",
                "title": "a text such as train:objective",
                "description": "module:function, importable from the folder of this file",
            },
            "command": _COMMAND,
            "metric": _said(_several(TEXT), "What the objective or objectives are called"),
            "direction": _said(_several({"enum": ["minimize", "maximize"]}), "Which way is better"),
            "space": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": _PARAMETER,
                "description": "What can vary",
            },
            "constraints": {
                "type": "array",
                "items": {"type": ["string", "object"]},
                "description": "What params must satisfy, such as min_leaf <= max_leaf / 2",
            },
            "limits": {
                "type": "array",
                "items": TEXT,
                "description": "Bounds on what trials measure, such as latency <= 20",
            },
            "enqueue": {
                "type": "array",
                "items": {"type": "object"},
                "description": "Params to try first",
            },
            "sampler": _named("What proposes params: a name, or a name and its settings"),
            "scheduler": _named(
                "What stops trials early or lets them wait: a name, or a name and its settings"
            ),
            "seed": _said({"type": "integer", "minimum": 0}, "Makes the study repeatable"),
            "duplicates": {
                "enum": ["avoid", "reuse", "replicate"],
                "description": "What happens when a point is proposed again",
            },
            "budget": _BUDGET,
            "executor": _named("Who does the work: a name, or a name and its options"),
            "workers": {
                "anyOf": [COUNT, {"const": -1}],
                "description": "Trials at the same time; -1 for one per core",
            },
            "gpus": {
                "type": "array",
                "items": {
                    "anyOf": [{"type": "integer", "minimum": 0}, TEXT],
                },
                "minItems": 1,
                "description": "GPUs to spread trials over",
            },
            "trials_per_gpu": _said(COUNT, "How many trials share a GPU"),
            "per_trial": _PER_TRIAL,
            "retries": _said(
                {"type": "integer", "minimum": 0}, "How often a failed trial is run again"
            ),
            "repeats": _said(COUNT, "How often each trial is measured; its value is the mean"),
            "max_outage": _time("A storage that is away is waited for so long (default 1h)"),
        },
    ),
    "oneOf": [{"required": ["objective"]}, {"required": ["command"]}],
    "dependentRequired": {"command": ["space"], "trials_per_gpu": ["gpus"]},
}


def schema_text() -> str:
    """Return the schema as the text of ``study.schema.json``."""
    import json

    return json.dumps(SCHEMA, indent=2) + "\n"
