import copy
import json
from importlib.resources import files

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import FormatError
from luthier.formats.check import check
from luthier.formats.document import Document, parse_document
from luthier.formats.schema import SCHEMA, schema_text

VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

COMMAND = {
    "name": "digits",
    "command": {"args": ["python", "{params}"], "env": {"A": "b"}, "cwd": "sub", "grace": 1.5},
    "metric": ["accuracy", "latency"],
    "direction": ["maximize", "minimize"],
    "space": {
        "lr": {"type": "float", "low": 1e-5, "high": 0.1, "log": True, "when": {"opt": ["sgd"]}},
        "n": {"type": "int", "low": 1, "high": 9, "prior": {"type": "beta", "a": 2, "b": 1.5}},
        "opt": ["adam", "sgd"],
        "c": {"type": "categorical", "choices": [1, "x"], "weights": [1, 2.5]},
        "s": {"type": "subset", "items": ["a", "b"], "min_size": 1},
        "p": {"type": "permutation", "items": ["a", "b"]},
        "m": {"type": "simplex", "names": ["a", "b"]},
        "d": {"type": "derived", "expression": "n * 2"},
        "k": 3,
    },
    "constraints": ["n < 8", {"forbid": {"opt": "adam", "n": 3}}],
    "limits": ["latency <= 20"],
    "enqueue": [{"n": 3}],
    "sampler": {"name": "qmc", "kind": "halton"},
    "duplicates": "reuse",
}
FUNCTION = {
    "objective": "train:objective",
    "metric": "loss",
    "sampler": "random",
    "seed": 3,
    "budget": {"trials": 10, "timeout": "1h 30m", "target": 0.5, "max_cost": 2.5, "patience": 3},
    "workers": -1,
    "gpus": [0, "GPU-1"],
    "trials_per_gpu": 2,
    "per_trial": {"timeout": 1.5, "memory": "4GiB"},
    "retries": 0,
}


def accepts(value):
    try:
        check(Document("x.json", value, {(): 1}), SCHEMA)
    except FormatError:
        return False
    return True


def test_the_published_schema_is_the_one_we_check():
    published = files("luthier.formats").joinpath("study.schema.json").read_text(encoding="utf-8")
    assert published == schema_text()
    jsonschema.Draft202012Validator.check_schema(json.loads(published))


@pytest.mark.parametrize("value", [COMMAND, FUNCTION], ids=["command", "function"])
def test_good_files_are_good_for_both(value):
    VALIDATOR.validate(value)
    assert accepts(value)


def test_the_example_of_init_is_valid():
    text = files("luthier.cli").joinpath("example/study.yaml").read_text(encoding="utf-8")
    text = text.format(schema="s.json", file="study.yaml", module="train")
    document = parse_document(text, "study.yaml")
    VALIDATOR.validate(document.value)
    check(document, SCHEMA)
    assert yaml.safe_load(text).keys() == document.value.keys()


def paths(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*path, index))


def changed(value, path, change):
    if not path:
        return change
    value = copy.deepcopy(value)
    inner = value
    for part in path[:-1]:
        inner = inner[part]
    if change is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = change
    return value


# JSON Schema takes 3.0 for a whole number; we do not.
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-2, 5)
    | st.sampled_from([0.5, -0.5, 1e-9])
    | st.sampled_from(["", "a", "float", "int", "categorical", "minimize", "avoid", "log"])
    | st.sampled_from(["train:objective", "10m", "4GB", "x y", "1h 3x"])
)
values = st.recursive(
    scalars,
    lambda item: (
        st.lists(item, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "low", "name", "args", "a"]), item, max_size=2)
    ),
    max_leaves=4,
)


@given(st.data())
def test_a_changed_file_is_good_or_bad_for_both(data):
    base = data.draw(st.sampled_from([COMMAND, FUNCTION]))
    path = data.draw(st.sampled_from(list(paths(base))))
    value = changed(base, path, data.draw(values | st.just(...)) if path else data.draw(values))
    assert accepts(value) == VALIDATOR.is_valid(value)


@given(st.data())
def test_an_added_field_is_good_or_bad_for_both(data):
    base = data.draw(st.sampled_from([COMMAND, FUNCTION]))
    mappings = [p for p in paths(base) if isinstance(_at(base, p), dict)]
    path = data.draw(st.sampled_from(mappings))
    known = ["seed", "objective", "command", "trials", "low", "step", "scale", "typo", "env"]
    value = changed(base, (*path, data.draw(st.sampled_from(known))), data.draw(values))
    assert accepts(value) == VALIDATOR.is_valid(value)


def _at(value, path):
    for part in path:
        value = value[part]
    return value
