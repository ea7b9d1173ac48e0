"""Events as text: what JSON lacks, and what is refused."""

import math

import pytest

import luthier
from luthier.errors import CorruptStorage, InvalidInput, NewerStorage
from luthier.model.events import Asked, Defined, Noted, Reported
from luthier.model.problem import Limit, Objective, Problem
from luthier.model.serde import from_texts, to_text


def round_trip(event):
    return from_texts([to_text(event)])[0]


def test_values_that_json_lacks():
    params = {"depth": math.inf, "shape": (1, (2, 3)), "mix": {"a": 0.25, "b": 0.75}, "name": "ü"}
    event = Asked(0, params, 1, "random")
    assert round_trip(event) == event
    assert type(round_trip(event).params["shape"]) is tuple
    report = round_trip(Reported(0, 1, {"loss": math.nan, "grad": -math.inf}))
    assert math.isnan(report.metrics["loss"])
    assert report.metrics["grad"] == -math.inf


def test_texts_are_plain_json_without_control_characters():
    text = to_text(Noted(0, "key\x00\n", "a\u2028b\ud800"))
    assert text.isascii()
    assert text.isprintable()


def test_a_problem_round_trips():
    problem = Problem(
        luthier.Space(
            {"a": luthier.Categorical([None, 1.5, math.inf]), "b": luthier.Int(1, 8, log=True)}
        ),
        (Objective("loss"), Objective("speed", "maximize")),
        (Limit("latency", high=20.5), Limit("recall", 0.5, 1.0)),
        seed=7,
        duplicates="reuse",
    )
    assert round_trip(Defined(problem, 2.0)) == Defined(problem, 2.0)


@pytest.mark.parametrize("text", ["{", "[1", "nonsense", '{"event":"paused","number":1,"time":0}}'])
def test_a_line_that_is_not_json(text):
    with pytest.raises(CorruptStorage):
        from_texts([text])


@pytest.mark.parametrize(
    "text",
    [
        "3",
        "null",
        '{"event":"told","number":1}',
        '{"event":"told","number":1,"state":"X","time":0}',
    ],
)
def test_a_line_that_is_no_event(text):
    with pytest.raises(CorruptStorage):
        from_texts([text])


@pytest.mark.parametrize("text", ['{"event":"forked"}', "{}"])
def test_an_event_of_a_newer_version(text):
    with pytest.raises(NewerStorage, match="newer"):
        from_texts([text])


def test_a_newer_format():
    text = to_text(Defined(Problem(luthier.Space({})))).replace('"format":1', '"format":2')
    with pytest.raises(NewerStorage, match="format 2"):
        from_texts([text])


def test_what_json_cannot_say_is_refused():
    loop = []
    loop.append(loop)
    for value in (object(), {1, 2}, loop):
        with pytest.raises(InvalidInput, match="JSON"):
            to_text(Noted(0, "key", value))


def test_what_looks_like_a_mark_and_is_none():
    event = Noted(0, "key", {"float": {"other": {"float": "7"}}})
    assert round_trip(event) == event
    (told,) = from_texts(
        [
            '{"event":"told","number":0,"state":"FAILED","time":0,"metrics":{"a":{"float":"inf"},"b":1}}'
        ]
    )
    assert told.metrics == {"a": math.inf, "b": 1}
    (noted,) = from_texts(['{"event":"noted","number":0,"key":"a","value":{"float":3}}'])
    assert noted.value == {"float": 3}


def test_a_point_without_an_explanation_costs_the_log_nothing():
    event = Asked(0, {"x": 1}, 1, "random", "me", 2.0)
    line = (
        '{"event":"asked","number":0,"params":{"x":1},"at":1,"by":"random","time":2.0,"owner":"me"}'
    )
    assert to_text(event) == line
    assert from_texts([line]) == [event]


def test_an_explanation_comes_back_as_it_was():
    why = {"how": "model", "gain": -math.inf, "near": [{"float": "nan"}], "fit": {"lr": 0.5}}
    event = Asked(0, {"x": 1}, 1, "gp", why=why)
    assert round_trip(event) == event
