"""What a parameter accepts, and what it says of what it does not accept."""

from __future__ import annotations

import math
import re
import time
from enum import IntEnum

import numpy as np
import pytest

from luthier.errors import InvalidParams, InvalidSpace
from luthier.space import (
    Around,
    Beta,
    Between,
    Categorical,
    Derived,
    Float,
    Int,
    LogNormal,
    Normal,
    Permutation,
    Rule,
    Simplex,
    Space,
    Subset,
    Uniform,
)


class Colour(IntEnum):
    RED = 1


BAD = [
    (lambda: Float(1, 0), "Float: high: got 0.0", "at least low, 1.0"),
    (lambda: Float("a", 1), "Float: low: got 'a'", "a finite number"),
    (lambda: Float(True, 2), "Float: low: got True", "a finite number"),
    (lambda: Float(0, math.inf), "Float: high: got inf", "a finite number"),
    (lambda: Float(0, 10**400), "Float: high", "a finite number"),
    (lambda: Float(0, math.nan), "Float: high: got nan", "a finite number"),
    (lambda: Float(0), "Float: high: got None", "Normal or LogNormal"),
    (lambda: Float(0, 1, log=True), "Float: low: got 0.0", "positive number, for scale 'log'"),
    (lambda: Float(1, 2, log="yes"), "Float: log: got 'yes'", "True or False"),
    (lambda: Float(1, 2, scale="cubic"), "Float: scale: got 'cubic'", "linear, log"),
    (lambda: Float(1, 2, log=True, scale="linear"), "Float: scale", "log=True was given too"),
    (lambda: Float(0, 1, scale="reverse_log"), "Float: high: got 1.0", "below 1"),
    (lambda: Float(0, 0.5, scale="logit"), "Float: low: got 0.0", "above 0"),
    (lambda: Float(0.1, 1, scale="logit"), "Float: high: got 1.0", "below 1"),
    (lambda: Float(0, 1, step=0.3), "Float: high: got 1.0", "nearest 0.9 or 1.2"),
    (lambda: Float(0, 1, step=0), "Float: step: got 0", "a positive number"),
    (lambda: Float(0.1, 0.5, scale="logit", step=0.1), "Float: step", "no step for scale"),
    (lambda: Float(1, 10, log=True, step=1), "Float: step: got 1", "a factor above 1"),
    (lambda: Float(1, 9, log=True, step=2), "Float: high: got 9.0", "nearest 8.0 or 16.0"),
    (lambda: Float(1, 1e9, log=True, step=1.00001), "Float: step", "at most 100000 values"),
    (lambda: Float(prior=Normal(0, 1), step=1), "Float: step", "without both bounds"),
    (lambda: Float(0, 1, prior="normal"), "Float: prior: got 'normal'", "a Uniform, Normal"),
    (lambda: Float(-1, 1, prior=LogNormal(0, 1)), "Float: low: got -1.0", "at least 0"),
    (lambda: Float(1e-20, None, prior=LogNormal(0, 1)), "Float: low: got 1e-20", "30 sd around"),
    (lambda: Int(0, None, prior=LogNormal(0, 1)), "Int: low: got 0", "from 1 to"),
    (lambda: Float([0], 1), "Float: low: got [0]", "a finite number"),
    (lambda: Float(1, 2, scale=["log"]), "Float: scale: got ['log']", "linear, log"),
    (lambda: Float(prior=LogNormal(0, 50)), "Float: prior", "sd at most 20"),
    (lambda: Float(prior=Normal(0, 1), scale="log"), "Float: scale", "'linear', the scale of"),
    (lambda: Float(99, None, prior=Normal(0, 1)), "Float: low: got 99.0", "30 sd around"),
    (lambda: Float(0, 1, belief=0.5), "Float: belief: got 0.5", "an Around"),
    (lambda: Float(0, 1, belief=Around(2, sd=1)), "Float: belief", "a value from 0.0 to 1.0"),
    (lambda: Float(0, 1, belief=Around(0.5, factor=2)), "Float: belief", "sd=..., for scale"),
    (lambda: Float(1, 2, log=True, belief=Around(1, sd=1)), "Float: belief", "factor=..., for"),
    (lambda: Float(0, 1, frame=(0.5, 1)), "Float: frame", "bounds around low and high"),
    (lambda: Float(0, 1, frame=(0, 1, 2)), "Float: frame", "a pair"),
    (lambda: Float(0, 1, step=0.5, frame=(-0.25, 1.75)), "Float: low", "a step of the frame"),
    (lambda: Float(0, 1, when=3), "Float: when: got 3", "a mapping from parents"),
    (lambda: Float(0, 1, when={}), "Float: when", "a mapping from parents"),
    (lambda: Float(0, 1, when={1: 2}), "Float: when: got 1", "names of parameters"),
    (lambda: Int(0, 1.5), "Int: high: got 1.5", "a whole number"),
    (lambda: Int(False, 1), "Int: low: got False", "a whole number"),
    (lambda: Int(0, 2**53 + 1), "Int: high", "at most 2**53"),
    (lambda: Int(-(2**53), 2**53), "Int: high", "at most 2**50 values"),
    (lambda: Int(-(2**53), 2**53, step=2), "Int: step", "at most 2**50 values"),
    (lambda: Int(1, 2**41, log=True), "Int: high", "at most 2**40"),
    (lambda: Int(0, 9, log=True), "Int: low: got 0", "positive"),
    (lambda: Int(0, 9, scale="logit"), "Int: scale: got 'logit'", "'linear' or 'log'"),
    (lambda: Int(0, 10, step=3), "Int: high: got 10", "nearest 9 or 12"),
    (lambda: Int(0, 10, step=2.5), "Int: step: got 2.5", "a whole number"),
    (lambda: Int(16, 100, log=True, step=2), "Int: high: got 100", "nearest 64 or 128"),
    (lambda: Int(16, 120, log=True, step=2), "Int: high: got 120", "nearest 64 or 128"),
    (lambda: Int(0, None), "Int: high: got None", "Normal or LogNormal"),
    (lambda: Categorical([]), "Categorical: choices", "at least one value"),
    (lambda: Categorical("abc"), "Categorical: choices: got 'abc'", "a sequence"),
    (lambda: Categorical(5), "Categorical: choices: got 5", "a sequence"),
    (lambda: Categorical([1, True]), "got True", "it equals 1"),
    (lambda: Categorical([1.0, 1]), "got 1", "it equals 1.0"),
    (lambda: Categorical([math.nan]), "got nan", "not NaN"),
    (lambda: Categorical([(1, math.nan)]), "got (1, nan)", "not NaN"),
    (lambda: Categorical([object]), "<class 'object'>", "look the object up in the objective"),
    (lambda: Categorical([Colour.RED]), "Colour.RED", "use a name"),
    (lambda: Categorical([[1]]), "got [1]", "tuples of those"),
    (lambda: Categorical([1], ordered=1), "Categorical: ordered: got 1", "True or False"),
    (lambda: Categorical([1, 2], weights=[1]), "Categorical: weights: got (1,)", "2 positive"),
    (lambda: Categorical([1, 2], weights=[1, 0]), "Categorical: weights: got 0", "positive"),
    (lambda: Categorical([1, 2], weights=5), "Categorical: weights: got 5", "2 positive"),
    (lambda: Categorical([1, 2], belief=5), "Categorical: belief: got 5", "each of [1, 2]"),
    (lambda: Categorical([1, 2], belief=[1, 2]), "Categorical: belief: got [1, 2]", "each of"),
    (lambda: Categorical(range(22), belief={}), "Categorical: belief: got {}", "19, and 2 more]"),
    (lambda: Categorical([1, 2], retired=2), "Categorical: retired: got 2", "some of"),
    (lambda: Categorical([1, 2], retired=[[2]]), "Categorical: retired: got ([2],)", "some of"),
    (lambda: Categorical([1, 2], belief={1: 1}), "Categorical: belief", "each of [1, 2]"),
    (lambda: Categorical([1, 2], belief={1: 1, 2: -1}), "Categorical: belief: got -1", "positive"),
    (lambda: Categorical([1], retired=[1]), "Categorical: retired", "not all"),
    (lambda: Categorical([1], retired=[3]), "Categorical: retired: got (3,)", "some of"),
    (lambda: Subset([1, 2], 3), "Subset: min_size: got 3", "from 0 to 2"),
    (lambda: Subset([1, 2], 1, 0), "Subset: max_size: got 0", "from 1 to 2"),
    (lambda: Subset([1, 2], True), "Subset: min_size: got True", "a whole number"),
    (lambda: Subset([1, 1]), "Subset: items: got 1", "differ"),
    (lambda: Subset([1, 2], fixed=(2, 1)), "Subset: fixed: got (2, 1)", "in this order"),
    (lambda: Permutation([1, 2], fixed=(1,)), "Permutation: fixed", "each of [1, 2] once"),
    (lambda: Simplex(["a"]), "Simplex: names: got ('a',)", "2 to 32 strings"),
    (lambda: Simplex([1, 2]), "Simplex: names", "strings"),
    (lambda: Simplex(["a", "b"], fixed={"a": 1}), "Simplex: fixed", "shares sum to 1"),
    (lambda: Derived(3), "Derived: expression: got 3", "an expression or a function"),
    (lambda: Derived(len, name=3), "Derived: name: got 3", "a string"),
    (lambda: Rule(len, name=3), "Rule: name: got 3", "a string"),
    (lambda: Derived(None), "Derived: expression: got None", "an expression or a function"),
    (lambda: Normal(0, 0), "Normal: sd: got 0", "a positive number"),
    (lambda: Normal("m", 1), "Normal: mean: got 'm'", "a finite number"),
    (lambda: LogNormal(0, -1), "LogNormal: sd: got -1", "a positive number"),
    (lambda: Beta(0, 1), "Beta: a: got 0", "a positive number"),
    (lambda: Around(1), "Around", "exactly one of factor and sd"),
    (lambda: Around(1, factor=2, sd=1), "Around", "exactly one of factor and sd"),
    (lambda: Around(1, factor=1), "Around: factor: got 1", "a number above 1"),
    (lambda: Around(1, sd=0), "Around: sd: got 0", "a positive number"),
    (lambda: Between(), "Between", "at least one of low and high"),
    (lambda: Between(2, 1), "Between: high: got 1", "at least low, 2"),
    (lambda: Between("a", 1), "Between: low: got 'a'", "a finite number or None"),
]


@pytest.mark.parametrize(("make", "start", "part"), BAD)
def test_what_makes_no_sense_is_refused_by_name_and_value(make, start, part):
    with pytest.raises(InvalidSpace) as caught:
        make()
    assert start in str(caught.value)
    assert part in str(caught.value).partition("allowed: ")[2]


@pytest.mark.parametrize(
    ("param", "good", "bad"),
    [
        (Float(0, 1), [0, 1, 0.5, np.float32(0.25), np.int64(1)], [-0.1, 1.1, True, "0", math.nan]),
        (Float(0, 1, step=0.1), [0.3, 0.1 + 0.2], [0.35, 0.3001]),
        (Float(prior=Normal(0, 1)), [0, 29.9, -29.9], [31, -math.inf]),
        (Float(None, 5, prior=LogNormal(0, 1)), [1e-6, 5], [0, 5.1]),
        (Int(1, 5), [1, 5, 3.0, np.int32(2)], [0, 6, 3.5, True, math.inf, "3"]),
        (Int(0, 10, step=5), [0, 5.0], [4]),
        (Int(1, 8, log=True, step=2), [4, 8.0], [3]),
        (Int(prior=Normal(0, 2)), [60, -3], [61]),
        (Categorical(["a", None, (1, 2)]), ["a", None, (1, 2)], ["b", [1, 2]]),
        (Categorical(["a", "b"], retired=["a"]), ["b"], ["a"]),
        (Subset([1, 2, 3], 1, 2), [(1,), (1, 3)], [(), (1, 2, 3), (3, 1), [1], (1, 1), (7,)]),
        (Permutation(["a", "b"]), [("b", "a")], [("a", "a"), ("a",), ["a", "b"]]),
        (
            Simplex(["a", "b"]),
            [{"a": 0.25, "b": 0.75}, {"b": 1, "a": 0}],
            [{"a": 1}, {"a": 0.5, "b": 0.4}, {"a": 1.5, "b": -0.5}, {"a": "x", "b": 1}, (0, 1)],
        ),
        (Subset([1, 2], fixed=(1,)), [(1,)], [(2,)]),
    ],
)
def test_which_values_belong_to_a_parameter(param, good, bad):
    space = Space({"x": param})
    for value in good:
        space.check({"x": value})
        canonical = space.canonical({"x": value})
        assert space.canonical(canonical) == canonical
    for value in bad:
        with pytest.raises(InvalidParams, match=r"^x: got .*; allowed: "):
            space.check({"x": value})
        assert not space.contains({"x": value})


@pytest.mark.parametrize(
    ("param", "value", "allowed"),
    [
        (Int(0, 9), 10, "a whole number from 0 to 9"),
        (Int(0, 10, step=5), 3, "a whole number from 0 to 10 in steps of 5"),
        (Int(8, 128, log=True, step=2), 33, "a whole number from 8 to 128 by factors of 2"),
        (Float(1, 100, log=True, step=10), 5, "a number from 1.0 to 100.0 by factors of 10.0"),
        (Categorical(range(100)), 100, "one of [0, 1, .*, 19, and 80 more]"),
        (Categorical(["a", "b"], retired=["a"]), "a", "one of ['b']"),
    ],
)
def test_what_is_allowed_is_said_in_the_words_of_the_parameter(param, value, allowed):
    pattern = re.escape(allowed).replace(re.escape(".*"), ".*") + "$"
    with pytest.raises(InvalidParams, match=pattern):
        Space({"x": param}).check({"x": value})


def test_zero_is_the_natural_lower_bound_of_a_log_normal_prior():
    prior = LogNormal(0, 1)
    assert Float(0, None, prior=prior) == Float(prior=prior)
    assert Float(0, 5, prior=prior, frame=(0, None)) == Float(
        None, 5, prior=prior, frame=(None, None)
    )
    assert Float(0, 5, prior=prior).low == 0
    space = Space.from_dict(
        {"x": {"type": "float", "low": 0, "prior": {"type": "lognormal", "mean": 0, "sd": 1}}}
    )
    assert Space.from_json(space.to_json()) == space
    x = [row["x"] for row in space.sample(np.random.default_rng(0), 1000)]
    assert min(x) > 0
    assert np.median(x) == pytest.approx(1, rel=0.15)


def test_categoricals_of_many_choices_cost_no_more_than_their_number():
    names = [f"item {i}" for i in range(50_000)]
    begin = time.process_time()
    space = Space({"c": Categorical(names)})
    narrow = space.narrow("c", choices=names[::2])
    for each in (space, narrow):
        rows = each.sample(np.random.default_rng(0), 200) + each.sample(np.random.default_rng(0))
        each.codec.encode(rows)
        for row in rows:
            each.check(row)
            assert row["c"] in names if each is space else names.index(row["c"]) % 2 == 0
    # Half a second in all; what looks through the choices for every choice takes minutes.
    assert time.process_time() - begin < 10


def test_canonical_values_have_the_type_of_their_parameter():
    space = Space({"f": Float(0, 2), "i": Int(0, 9), "c": Categorical([1, 2.5])})
    row = space.canonical({"f": 1, "i": 3.0, "c": True})
    assert repr(row) == "{'f': 1.0, 'i': 3, 'c': 1}"


@pytest.mark.parametrize(
    ("param", "number"),
    [
        (Float(0, 1), None),
        (Float(2, 2), 1),
        (Float(0, 1, step=0.25), 5),
        (Float(0, 0.5, step=0.25, frame=(0, 1)), 3),
        (Float(prior=Normal(0, 1)), None),
        (Int(0, 9), 10),
        (Int(0, 9, step=3), 4),
        (Int(1, 9, log=True), 9),
        (Int(1, 8, log=True, step=2), 4),
        (Int(prior=Normal(0, 1)), None),
        (Categorical(["a", "b"], retired=["a"]), 1),
        (Subset([1, 2, 3], 1), 7),
        (Subset([1, 2, 3], fixed=()), 1),
        (Permutation([1, 2, 3]), 6),
        (Permutation([1, 2, 3], fixed=(1, 2, 3)), 1),
        (Simplex(["a", "b"]), None),
        (Simplex(["a", "b"], fixed={"a": 1, "b": 0}), 1),
        (Derived("1 + 1"), 1),
    ],
)
def test_how_many_values_there_are(param, number):
    assert param.cardinality == number


def test_parameters_are_equal_by_exact_value():
    assert Float(0, 1) == Float(0.0, 1.0, scale="linear")
    assert Float(1e-3, 1, log=True) == Float(1e-3, 1, scale="log")
    assert hash(Float(0, 1)) == hash(Float(0, 1))
    assert Float(0, 1) != Int(0, 1)
    assert Categorical([1, 2]) != Categorical([1.0, 2.0])
    assert Categorical([True]) != Categorical([1])
    assert Categorical([(1,)]) != Categorical([(1.0,)])
    assert Simplex(["a", "b"], fixed={"a": 1.0, "b": 0.0}) != Simplex(["a", "b"])
    assert Float(1e-3, 1, log=True).log
    assert not Float(0, 1).log
    with pytest.raises(AttributeError):
        Float(0, 1).low = 3


@pytest.mark.parametrize(
    "param",
    [
        Float(0.0, 1.0),
        Float(1e-05, 0.1, scale="log", belief=Around(value=0.001, factor=3.0)),
        Int(1, 9, prior=Normal(mean=3.0, sd=1.0)),
        Categorical(["a", ("b", 1)], ordered=True, weights=(1.0, 2.0)),
        Subset([1, 2], min_size=1),
        Permutation([1, 2], when={"x": 3}),
        Float(0.0, 1.0, when={"x": Between(low=1, high=None)}),
    ],
)
def test_a_repr_can_be_read_back(param):
    names = {
        cls.__name__: cls
        for cls in (Around, Between, Categorical, Float, Int, Normal, Permutation, Subset, Uniform)
    }
    assert eval(repr(param), names) == param


def test_the_repr_of_a_derived_parameter_shows_its_expression():
    assert repr(Derived("a * b", when={"c": [1, 2]})) == "Derived('a * b', when={'c': [1, 2]})"
    assert re.fullmatch(r"Derived\('builtins:len'\)", repr(Derived(len)))


def test_steps_beyond_the_exact_powers_of_ten_are_still_decimals():
    tiny = Space({"x": Float(0, 1e-20, step=1e-21)})
    codec = tiny.codec
    # Eleven cells: the value i * 1e-21 is at (i + 1/2) / 11.
    units = [[(i + 0.5) / 11] for i in (0, 3, 10)]
    assert [row["x"] for row in codec.decode(units)] == [0.0, 3e-21, 1e-20]
    many = Float(1.0, 1.001**2000, log=True, step=1.001)
    assert many.cardinality == 2001
    assert many.grid().value(1000) == pytest.approx(1.001**1000, rel=1e-12)
    with pytest.raises(InvalidSpace, match="low times a power"):
        Float(1.0, 1.001**2000.5, log=True, step=1.001)


def test_whole_numbers_of_a_lognormal_prior():
    space = Space({"k": Int(prior=LogNormal(3, 1)), "x": Float(1, None, prior=LogNormal(1, 8))})
    rows = space.sample(np.random.default_rng(0), 300)
    assert np.median([row["k"] for row in rows]) == pytest.approx(np.exp(3), rel=0.2)
    assert min(row["k"] for row in rows) >= 1
    assert [space.canonical(row) for row in rows] == rows
