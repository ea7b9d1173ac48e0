"""A study in memory writes its log when somebody reads it; nobody can tell the difference."""

from __future__ import annotations

from typing import Any

import pytest

import luthier
from luthier.errors import InvalidInput
from luthier.model.events import Asked, Noted, Reported, Told
from luthier.model.frozen import EMPTY, Frozen
from luthier.model.serde import from_texts, is_settled, to_text
from luthier.model.trial import TrialState
from luthier.samplers.base import Suggestion
from luthier.storage.memory import Memory

SPACE = {"x": luthier.Float(0, 1), "kind": luthier.Categorical(["a", "b"])}


class Remembering:
    """A sampler that goes on to use the dict that it has handed out."""

    def __init__(self, **params: Any) -> None:
        self.params = params

    def suggest(self, problem: Any, history: Any, rng: Any, n: int = 1) -> list[Suggestion]:
        return [Suggestion(self.params)]


def test_what_is_read_is_what_was_done() -> None:
    study = luthier.create_study(SPACE, sampler="random", seed=1)
    for number in range(5):
        trial = study.ask()
        trial.report(float("nan"), 1)
        trial.set_user_attr("seen", [number, {"deep": None}])
        study.tell(trial, float(number), metrics={"size": 2 * number})
    texts = study.storage.read(study.name)
    assert [to_text(event) for event in from_texts(texts)] == texts
    again = luthier.load_study(study.name, storage=study.storage)
    # Of NaN no two are equal.
    assert repr(again.trials) == repr(study.trials)


def test_any_part_may_be_read_first_and_again() -> None:
    storage = Memory()
    study = luthier.create_study(SPACE, storage=storage, study_name="s", sampler="random", seed=1)
    study.optimize(lambda trial: trial["x"], n_trials=3)
    part = storage.read("s", 3, 2)
    everything = storage.read("s")
    assert part == everything[3:5] == storage.read("s", 3, 2)
    assert storage.read("s", 100) == [] == storage.read("s", 2, 0)


def test_a_dict_that_changes_later_does_not_change_the_log() -> None:
    sampler = Remembering(x=0.25, kind="a")
    study = luthier.create_study(SPACE, sampler=sampler, seed=1)
    study.tell(study.ask(), 1.0)
    sampler.params["x"] = 0.75
    assert luthier.load_study(study.name, storage=study.storage).trials[0].params["x"] == 0.25


def test_what_no_log_can_keep_is_refused_at_once() -> None:
    study = luthier.create_study(SPACE, sampler="random", seed=1)
    before = study.storage.read(study.name)
    with pytest.raises(InvalidInput):
        study.set_user_attr("model", object())
    assert study.storage.read(study.name) == before


ASKED = Asked(0, Frozen(x=0.5, kind="a", on=True, none=None), 2, "random", "me", 1.0)
TOLD = Told(0, TrialState.COMPLETE, (1.0, 2.0), Frozen(size=3), "é\ud800", time=2.0)


@pytest.mark.parametrize("event", [ASKED, TOLD, Reported(0, 1, Frozen(loss=float("inf")))])
def test_plain_and_immutable_events_are_settled(event: Any) -> None:
    assert is_settled(event)
    assert from_texts([to_text(event)]) == [event]


@pytest.mark.parametrize(
    "event",
    [
        Asked(0, {"x": 0.5}, 2, "random"),  # somebody may still change the dict
        Asked(0, Frozen(x=(1, 2)), 2, "random"),
        Asked(0, Frozen(x=Frozen(deep=1)), 2, "random"),
        Asked(0, Frozen(x=object()), 2, "random"),
        Asked(0, EMPTY, 2, "random", why=Frozen({1: "no text"})),  # type: ignore[dict-item]
        Asked(0, EMPTY, 2, {"name": "tpe"}),
        Told(0, TrialState.COMPLETE, ([1.0],), EMPTY),  # type: ignore[arg-type]
        Noted(0, "key", [1]),
    ],
)
def test_others_are_not(event: Any) -> None:
    assert not is_settled(event)
