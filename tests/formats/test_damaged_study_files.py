"""A study file with anything in any place: it is read, or refused with an error of ours."""

import contextlib
import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.errors import LuthierError
from luthier.formats import read_study_file

WHOLE: dict[str, Any] = {
    "name": "s",
    "command": ["python", "train.py", "--rate={rate}"],
    "space": {
        "rate": {"type": "float", "low": 1e-5, "high": 1, "log": True},
        "layers": {"type": "int", "low": 1, "high": 8, "step": 1},
        "optimizer": {"type": "categorical", "choices": ["adam", "sgd"]},
        "momentum": {"type": "float", "low": 0, "high": 1, "when": {"optimizer": "sgd"}},
    },
    "constraints": ["layers * rate <= 4"],
    "metric": "loss",
    "direction": "minimize",
    "enqueue": [{"rate": 0.1}],
    "sampler": {"name": "tpe"},
    "scheduler": {"name": "asha", "max_step": 27},
    "budget": {"trials": 10, "timeout": "1h"},
    "workers": 2,
    "per_trial": {"timeout": "1m", "memory": "4GB"},
    "storage": "sqlite:///s.db",
    "seed": 1,
}

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([10**30, 1e308, 0.5, float("nan")])
    | st.text(max_size=4)
    | st.sampled_from(["1h", "2GB", "float", "rate", "rate >", "import os", "__class__", "{x"])
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=3) | st.sampled_from(["type", "low", "name"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the ways to all that is in a value."""
    if not isinstance(value, dict | list):
        return [path]
    found = [path]
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        found += places(item, (*path, key))
    return found


@given(st.data())
@settings(max_examples=300)
def test_anything_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    content = json.loads(json.dumps(WHOLE))
    for _ in range(data.draw(st.integers(1, 2))):
        within = [place for place in places(content) if place]
        *way, last = data.draw(st.sampled_from(within), label="place")
        inner = content
        for key in way:
            inner = inner[key]
        inner[last] = data.draw(ANYTHING, label="instead")
    path = tmp_path / "study.yaml"
    path.write_text(json.dumps(content))  # JSON is YAML
    with contextlib.suppress(LuthierError):
        read_study_file(path)


def test_the_whole_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(json.dumps(WHOLE))
    assert read_study_file(path).name == "s"
