"""Plain values and arrays as files that hold no code: JSON and ``.npz``, never pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from luthier.errors import CorruptStorage, InvalidInput

TREE = "state.json"
ARRAYS = "state.npz"

_ALLOWED = (
    "numbers, texts, truth values, None, bytes, NumPy arrays, and lists, tuples and mappings of "
    "them; write anything else (a model, a state_dict) to files: "
    "with trial.checkpoint() as folder: torch.save(model.state_dict(), folder / 'model.pt')"
)


def write_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Write a mapping of plain values.

    Raises
    ------
    InvalidInput
        If a value is not plain.
    """
    if not isinstance(state, Mapping):
        raise InvalidInput("save", state, "a mapping from names to values")
    arrays: dict[str, Any] = {}
    try:
        tree = _pack(state, arrays, "save")
        text = json.dumps(tree, allow_nan=False)
    except InvalidInput:
        raise
    except (RecursionError, ValueError) as error:
        raise InvalidInput("save", type(state), f"what JSON can say ({error})") from error
    (folder / TREE).write_text(text, encoding="utf-8")
    if arrays:
        np.savez(folder / ARRAYS, **arrays)


def read_state(folder: Path) -> dict[str, Any]:
    """Return what `write_state` wrote.

    Raises
    ------
    InvalidInput
        If the checkpoint was not written by it.
    CorruptStorage
        If its files make no sense.
    """
    if not (folder / TREE).is_file():
        raise InvalidInput(
            "load", str(folder), "a checkpoint of trial.save; read your own files in restore_dir"
        )
    try:
        tree = json.loads((folder / TREE).read_text(encoding="utf-8"))
        arrays: dict[str, Any] = {}
        if (folder / ARRAYS).is_file():
            with np.load(folder / ARRAYS, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        state: dict[str, Any] = _unpack(tree, arrays)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CorruptStorage(f"the checkpoint {folder} cannot be read: {error!r}") from error
    return state


# Every JSON object is a mark with one key, so that no mapping of the user is mistaken for one.


def _pack(value: Any, arrays: dict[str, Any], field: str) -> Any:
    if type(value) in (bool, int, str, type(None)):
        return value
    if type(value) is float:
        return value if isfinite(value) else {"float": repr(value)}
    if type(value) is np.ndarray or isinstance(value, np.generic):
        if value.dtype.hasobject:
            raise InvalidInput(field, f"an array of dtype {value.dtype}", _ALLOWED)
        return _array("array" if isinstance(value, np.ndarray) else "scalar", value, arrays)
    if isinstance(value, bytes):
        return _array("bytes", np.frombuffer(value, np.uint8), arrays)
    if type(value) in (list, tuple):
        items = [_pack(item, arrays, f"{field}[{i}]") for i, item in enumerate(value)]
        return items if type(value) is list else {"tuple": items}
    if isinstance(value, Mapping):
        for key in value:
            if type(key) is not str:
                raise InvalidInput(f"{field}: key", key, "a text")
        return {"map": {k: _pack(item, arrays, f"{field}[{k!r}]") for k, item in value.items()}}
    raise InvalidInput(field, value, _ALLOWED)


def _array(mark: str, value: Any, arrays: dict[str, Any]) -> dict[str, str]:
    name = f"a{len(arrays)}"
    arrays[name] = value
    return {mark: name}


def _unpack(value: Any, arrays: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_unpack(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    ((mark, inner),) = value.items()
    match mark:
        case "map":
            return {key: _unpack(item, arrays) for key, item in inner.items()}
        case "tuple":
            return tuple(_unpack(item, arrays) for item in inner)
        case "float":
            return float(inner)
        case "array":
            return arrays[inner]
        case "scalar":
            return arrays[inner][()]
        case "bytes":
            return arrays[inner].tobytes()
    raise ValueError(f"unknown mark {mark!r}")
