"""A log that somebody or something has damaged: read as far as it makes sense, or refused."""

import contextlib
import json
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import luthier
from luthier.errors import LuthierError
from luthier.model.ledger import Ledger
from luthier.model.serde import from_texts
from luthier.storage.memory import Memory

SPACE = {
    "rate": luthier.Float(1e-5, 1, log=True),
    "layers": luthier.Int(1, 8),
    "optimizer": luthier.Categorical(["adam", "sgd"]),
    "momentum": luthier.Float(0, 1, when={"optimizer": "sgd"}),
    "columns": luthier.Subset(["a", "b", "c"]),
    "course": luthier.Schedule(1e-3, 1),
}

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([10**30, -1, 1e308, 0.5])
    | st.text(max_size=4)
    | st.sampled_from(["COMPLETE", "asked", "told", "nan", "rate", "sgd"])
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4) | st.just("float"), inner, max_size=3)
    ),
    max_leaves=5,
)


@cache
def whole() -> list[str]:
    """Return the log of a study in which everything happens."""
    storage = Memory()
    study = luthier.create_study(
        luthier.Space(SPACE, constraints=["layers * rate <= 4"]),
        study_name="s",
        storage=storage,
        sampler="random",
        limits=["size <= 10"],
        seed=0,
    )
    study.enqueue_trial({"layers": 2}, user_attrs={"by": "hand"})
    trial = study.ask()
    trial.report({"value": 1.0, "size": 3.0}, 1)
    study.tell(trial, {"value": 1.0, "size": 3.0}, cost=2.0)
    paused = study.ask()
    paused.report(float("nan"), 1)
    study.tell(paused, state="PAUSED")
    study.tell(study.ask(), state="FAILED", error="it broke")
    study.tell(study.ask(), state="INFEASIBLE")
    study.ask()
    study.set_user_attr("who", ["me", {"float": 1}])
    return storage.read("s")


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the ways to all that is in a JSON value."""
    if not isinstance(value, dict | list):
        return [path]
    found = [path]
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        found += places(item, (*path, key))
    return found


def changed(data: st.DataObject, text: str) -> str:
    """Return an event of which one part is missing or another one."""
    event = json.loads(text)
    within = [place for place in places(event) if place]
    if not within:
        return text
    *way, last = data.draw(st.sampled_from(within), label="place")
    inner = event
    for key in way:
        inner = inner[key]
    if data.draw(st.booleans(), label="taken out"):
        del inner[last]
    else:
        inner[last] = data.draw(ANYTHING, label="instead")
    return json.dumps(event)


@given(st.data())
@settings(max_examples=500)
def test_a_damaged_log_is_refused_with_an_error_of_ours_or_read(data: st.DataObject) -> None:
    texts = list(whole())
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(0, len(texts) - 1))
        match data.draw(st.sampled_from(["change", "change", "change", "drop", "double", "junk"])):
            case "change":
                with contextlib.suppress(ValueError):  # junk has no parts
                    texts[index] = changed(data, texts[index])
            case "drop" if len(texts) > 1:
                del texts[index]
            case "double":
                texts.insert(index, texts[index])
            case "junk":
                texts[index] = data.draw(ANYTHING.map(json.dumps) | st.text(max_size=6))
    with contextlib.suppress(LuthierError):
        history = Ledger().apply(from_texts(texts)).snapshot()
        assert len(history.ended) <= history.count
        for trial in history.trials:
            history.problem.space.contains(trial.params)
        assert len(history.losses) == len(history.ended)
        history.encoded()
