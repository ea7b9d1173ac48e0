"""The space as a whole: activity, checks, counting, editing, files, dataclasses."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Literal

import numpy as np
import pytest
from hypothesis import assume, given

from luthier.errors import InvalidInput, InvalidParams, InvalidSpace
from luthier.space import (
    Around,
    Beta,
    Between,
    Categorical,
    Codec,
    Derived,
    Float,
    Forbid,
    Int,
    LogNormal,
    Normal,
    Param,
    Permutation,
    Rule,
    Simplex,
    Space,
    Subset,
    base,
    counting,
    listing,
)
from luthier.space.structure import Structure
from luthier.testing.strategies import spaces

TREE = {
    "model": Categorical(["net", "tree"]),
    "opt": Categorical(["adam", "sgd"], when={"model": "net"}),
    "momentum": Float(0.5, 0.9, when={"opt": ["sgd"]}),
    "nesterov": Categorical([False, True], when="opt == 'sgd' and momentum > 0.6"),
    "depth": Int(1, 10, when={"model": ("tree",)}),
    "leaf": Int(1, 3, when={"depth": Between(3, 5), "model": {"tree"}}),
}


@dataclass(frozen=True, eq=False, repr=False)
class Odd(Param):
    when: None = None
    cardinality = 1

    def check(self, value, field): ...

    def knows(self, value):
        return True


def small(row):
    return row["a"] + row["b"] < 3


def broken(row):
    return row["nothing"]


def test_what_is_active_follows_from_the_values():
    space = Space(TREE)
    net = {"model": "net", "opt": "sgd", "momentum": 0.7}
    assert space.active(net) == {"model", "opt", "momentum", "nesterov"}
    assert space.active({**net, "momentum": 0.6}) == {"model", "opt", "momentum"}
    assert space.active({"model": "tree", "depth": 3}) == {"model", "depth", "leaf"}
    assert space.active({"model": "tree", "depth": 2}) == {"model", "depth"}
    assert space.active({}) == {"model"}
    assert space.conditional
    assert not Space({"a": Int(0, 1)}).conditional


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"modle": "net"}, "modle: got 'net'; allowed: did you mean 'model'"),
        ({"model": "net"}, "opt: got nothing; allowed: a value of Categorical"),
        (
            {"model": "tree", "depth": 1, "opt": "sgd"},
            "opt: got 'sgd'; allowed: no value: inactive",
        ),
        ({"model": "tree", "depth": 11}, "depth: got 11; allowed: a whole number from 1 to 10"),
        ({"model": "tree", "depth": "3"}, "depth: got '3'"),
        ([("model", "net")], "params: got .*; allowed: a mapping"),
    ],
)
def test_params_that_do_not_belong_are_named(params, message):
    with pytest.raises(InvalidParams, match=message):
        Space(TREE).check(params)
    assert not Space(TREE).contains(params)


def test_part_of_the_params_can_be_checked():
    space = Space(
        {**TREE, "d": Derived("depth * 2")}, constraints=["depth < 9", lambda row: "model" in row]
    )
    space.check({"opt": "sgd"}, partial=True)
    space.check({"model": "tree", "leaf": 1}, partial=True)
    space.check({}, partial=True)
    with pytest.raises(InvalidParams, match="opt"):
        space.check({"model": "tree", "opt": "sgd"}, partial=True)
    with pytest.raises(InvalidParams, match="leaf: got 7"):
        space.check({"leaf": 7}, partial=True)
    with pytest.raises(InvalidParams, match="constraint depth < 9"):
        space.check({"model": "tree", "depth": 9}, partial=True)


def test_rows_of_a_partial_space_may_lack_anything():
    space = Space({"x": Float(0, 1), "k": Int(0, 9)}, partial=True)
    space.check({"k": 3})
    assert Space.from_json(space.to_json()) == space
    assert space.canonical({"k": 3}) == {"k": 3}
    codec = Codec(space)
    assert codec.encode([{"k": 3}, {}]).tolist() == [[0.5, 0.35], [0.5, 0.5]]
    assert codec.activity([{"k": 3}, {}]).tolist() == [[False, True], [False, False]]
    assert codec.encode_one({"x": 0.25}) == [0.25, 0.5]
    with pytest.raises(InvalidParams, match=r"row 1: x: got nothing"):
        Codec(Space(space.params)).encode([{"x": 0, "k": 1}, {"k": 3}])
    with pytest.raises(InvalidParams, match=r"^x: got nothing"):
        Codec(Space(space.params)).encode_one({"k": 3})


def test_derived_values_are_computed_and_compared():
    space = Space({"a": Int(1, 4), "b": Int(0, 4), "ab": Derived("a * b"), "q": Derived("a / b")})
    assert space.complete({"a": 2}) == {"a": 2}
    assert space.complete({"a": 2, "b": 4}) == {"a": 2, "b": 4, "ab": 8, "q": 0.5}
    assert repr(space.canonical({"a": 2, "b": 0})) == "{'a': 2, 'b': 0, 'ab': 0, 'q': nan}"
    space.check({"a": 2, "b": 4, "ab": 8.0})
    space.check({"a": 2, "b": 0, "q": float("nan")})
    with pytest.raises(InvalidParams, match="ab: got 9; allowed: the derived value, 8"):
        space.check({"a": 2, "b": 4, "ab": 9})
    with pytest.raises(InvalidParams, match="ab: got 'x'"):
        space.check({"a": 2, "b": 4, "ab": "x"})
    row = space.canonical({"a": 2, "b": 0})
    assert repr(space.restore(json.loads(json.dumps(space.jsonable(row))))) == repr(row)


@pytest.mark.parametrize(
    ("params", "field", "part"),
    [
        (3, "space", "a mapping from names"),
        ({"": Int(0, 1)}, "space: name", "non-empty"),
        ({"a\n": Int(0, 1)}, "space: name", "control characters"),
        ({3: Int(0, 1)}, "space: name", "string"),
        ({"a": 3}, "space.a", "a parameter such as"),
        ({"a": [1, 2]}, "space.a", "such as Categorical([1, 2]); Space.from_dict takes lists"),
        ({"a": {"type": "int"}}, "space.a", "Space.from_dict takes plain dicts"),
        ({"a": Int(0, 1, when={"b": 1})}, "space.a.when", "a known parameter; known: 'a'"),
        ({"lr": Int(0, 1), "a": Int(0, 1, when="lrr > 0")}, "space.a.when", "did you mean 'lr'"),
        ({"a": Int(0, 1, when={"a": 1})}, "space.a.when", "refers to itself"),
        (
            {"a": Int(0, 1, when={"b": 1}), "b": Int(0, 1)},
            "space.a.when",
            "declared earlier; move 'b' before 'a'",
        ),
        (
            {
                "a": Int(0, 1, when={"b": 1}),
                "b": Int(0, 1, when={"c": 1}),
                "c": Int(0, 1, when="a>0"),
            },
            "space.a.when",
            "no cycle: 'b' depends on 'a' too",
        ),
        (
            {"a": Int(0, 1), "b": Int(0, 1, when={"a": 2})},
            "space.b.when.a",
            "that the parent can take",
        ),
        ({"a": Int(0, 1), "b": Int(0, 1, when={"a": []})}, "space.b.when.a", "at least one value"),
        ({"a": Int(0, 1), "b": Int(0, 1, when={"a": [[1]]})}, "space.b.when.a", "can take"),
        ({"a": Int(0, 1), "b": Int(0, 1, when={"a": Between(2)})}, "space.b.when.a", "from 0 to 1"),
        (
            {"a": Categorical(["x"]), "b": Int(0, 1, when={"a": Between(2)})},
            "space.b.when.a",
            "some of ['x']",
        ),
        ({"a": Subset([1]), "b": Int(0, 1, when={"a": Between(2)})}, "space.b.when.a", "a number"),
        ({"a": Int(0, 1), "d": Derived("a + c")}, "space.d.when", "known: 'a', 'd'"),
    ],
)
def test_spaces_that_make_no_sense_are_refused(params, field, part):
    with pytest.raises(InvalidSpace) as caught:
        Space(params)
    assert caught.value.field == field
    assert part in caught.value.allowed


@pytest.mark.parametrize(
    ("constraints", "part"),
    [
        (["aa > 1"], "did you mean 'a'"),
        ([Forbid({"c": 1})], "known: 'a'"),
        ([Forbid({"a": 7})], "that the parent can take"),
        (["1 < 2"], "names a parameter"),
        ([3], "an expression, a Forbid"),
        ("a > 1", "a list of constraints"),
        (5, "a list of constraints"),
    ],
)
def test_constraints_that_do_not_fit_are_refused(constraints, part):
    with pytest.raises(InvalidSpace) as caught:
        Space({"a": Int(0, 3)}, constraints=constraints)
    assert part in caught.value.allowed


def test_other_nonsense_is_refused():
    with pytest.raises(InvalidSpace, match="partial"):
        Space({}, partial=1)
    with pytest.raises(InvalidSpace, match="a mapping from parameters to values"):
        Forbid("a > 1")
    with pytest.raises(InvalidSpace, match="a function of the params"):
        Rule(3)
    with pytest.raises(InvalidSpace, match=r"space\.deemed\.a"):
        Space({"a": Int(0, 1)}, deemed={"a": 7})
    with pytest.raises(InvalidSpace, match=r"space\.deemed: got 5"):
        Space({}, deemed=5)
    with pytest.raises(InvalidSpace, match="a parameter of this package"):
        Space({"a": Odd()})
    with pytest.raises(InvalidInput, match="n: got -1"):
        Space({}).sample(np.random.default_rng(0), -1)
    with pytest.raises(AttributeError, match="cannot be changed"):
        Space({}).partial = True


def test_tuples_in_conditions_are_collections_unless_they_are_choices():
    for given_, values in [
        (("a", "b"), ["a", "b"]),
        ([("a", "b")], [("a", "b")]),
        (("a", ("a", "b")), ["a", ("a", "b")]),
    ]:
        parent = Categorical(["a", "b", ("a", "b")])
        space = Space({"p": parent, "x": Int(0, 1, when={"p": given_})})
        if given_ == ("a", "b"):
            values = [("a", "b")]  # it is a choice itself
        assert [v for v in parent.choices if "x" in space.active({"p": v})] == values
    number = Space(
        {
            "p": Categorical([1, 2.5, 9]),
            "d": Derived("p * 2"),
            "x": Int(0, 1, when={"p": Between(2)}),
            "y": Int(0, 1, when={"d": Between(high=5), "x": 1}),
            "z": Int(0, 1, when={"d": 18}),
        }
    )
    assert number.active({"p": 2.5, "x": 1}) == {"p", "d", "x", "y"}
    assert number.active({"p": 1}) == {"p", "d"}
    assert number.active({"p": 9}) == {"p", "d", "x", "z"}
    plain = Space({"p": Categorical(["a", "b", "c"]), "x": Int(0, 1, when={"p": ("a", "b")})})
    assert "x" in plain.active({"p": "a"})
    assert "x" not in plain.active({"p": "c"})


def test_constraints_apply_to_what_is_active():
    space = Space(TREE, constraints=["depth < 5", Forbid({"opt": "adam"}), "leaf != depth"])
    assert space.contains({"model": "tree", "depth": 2})
    assert not space.contains({"model": "tree", "depth": 6})
    assert not space.contains({"model": "net", "opt": "adam"})
    assert not space.contains({"model": "tree", "depth": 3, "leaf": 3})
    assert all(space.contains(row) for row in space.sample(np.random.default_rng(0), 200))


def test_functions_as_constraints_are_blamed_when_they_raise():
    ints = {"a": Int(0, 3), "b": Int(0, 3)}
    assert Space(ints, constraints=[small]).size == 6
    space = Space(ints, constraints=[broken])
    with pytest.raises(InvalidSpace, match=r"constraint '.*:broken'.*KeyError") as caught:
        space.contains({"a": 1, "b": 1})
    assert isinstance(caught.value.__cause__, KeyError)
    derived = Space({**ints, "d": Derived(broken)})
    with pytest.raises(InvalidSpace, match=r"derived '.*:broken'"):
        derived.sample(np.random.default_rng(0))


def test_functions_are_supplied_again_after_reading():
    space = Space(
        {"a": Int(0, 3), "b": Int(0, 3), "s": Derived(sum)}, constraints=[Rule(small, "s")]
    )
    data = json.loads(json.dumps(space.to_json()))
    assert data["constraints"] == [{"callable": "s"}]
    assert data["params"]["s"] == {"type": "derived", "callable": "builtins:sum"}
    bare = Space.from_json(data)
    with pytest.raises(InvalidSpace, match="callables="):
        bare.check({"a": 0, "b": 0})
    again = Space.from_json(data, callables={"s": small, "builtins:sum": lambda r: r["a"] + r["b"]})
    assert again.complete({"a": 1, "b": 1}) == {"a": 1, "b": 1, "s": 2}
    assert not again.contains({"a": 3, "b": 3})


def over(limit):
    return lambda row: row["a"] > limit


def test_functions_of_one_name_are_refused():
    ints = {"a": Int(0, 3)}
    for constraints, params in [
        ([over(0), over(1)], {}),
        ([over(0), lambda row: True, lambda row: False], {}),
        ([Rule(small, "s"), Rule(broken, "s")], {}),
        ([over(0)], {"d": Derived(over(1))}),
    ]:
        with pytest.raises(InvalidSpace, match=r"give names by Rule\(function, name=\.\.\.\)"):
            Space({**ints, **params}, constraints=constraints)
    first, second = Rule(over(0), name="over 0"), Rule(over(1), name="over 1")
    space = Space({**ints, "d": Derived(small, name="d")}, constraints=[first, second, first])
    assert dict(space.callables) == {
        "over 0": first.function,
        "over 1": second.function,
        "d": small,
    }
    data = json.loads(json.dumps(space.to_json()))
    assert Space.from_json(data, callables=space.callables) == space
    assert dict(Space.from_json(data).callables) == {}
    with pytest.raises(InvalidSpace, match="one function of a name"):
        space.add("e", Derived(over(2), name="d"), deemed=None)


def test_spaces_with_other_functions_of_the_same_name_differ():
    ints = {"a": Int(0, 3)}
    space = Space(ints, constraints=[small])
    assert space == space
    assert space == Space(ints, constraints=[small])
    assert hash(space) == hash(Space(ints, constraints=[small]))
    assert Space(ints, constraints=[over(0)]) != Space(ints, constraints=[over(1)])
    assert space != Space.from_json(space.to_json())


def test_sizes_of_trees_are_counted_exactly(monkeypatch):
    monkeypatch.setattr(counting, "MAX_LEAVES", 5000)
    monkeypatch.setattr(counting, "MAX_STEPS", 5000)
    space = Space({**TREE, "momentum": Float(0.5, 0.9, step=0.1, when={"opt": ["sgd"]})})
    # adam 1; sgd with 5 momenta, those above 0.6 (three) with two nesterov; depth with leaf.
    assert space.size == 1 + (2 + 3 * 2) + (7 + 3 * 3)
    assert len(list(space.grid())) == space.size
    assert Space(TREE).size is None
    assert Space({f"x{i}": Int(1, 10**15) for i in range(30)}).size == 10**450
    assert Space({}).size == 1
    assert list(Space({}).grid()) == [{}]
    nowhere = Space({}, constraints=[lambda row: False])
    assert nowhere.size == 0
    assert list(nowhere.grid()) == []
    assert Space({"a": Int(0, 9), "b": Int(0, 9)}, constraints=["a < b"]).size == 45
    assert Space({"a": Int(0, 9999), "b": Int(0, 9999)}, constraints=["a < b"]).size is None
    far = {"a": Int(0, 10**7), "b": Int(0, 1, when={"a": Between(5, 6)})}
    assert Space(far).size is None
    wide = {"a": Int(0, 99), "b": Int(0, 99), "c": Int(0, 1, when="a == b")}
    assert Space(wide).size is None
    counted = {"a": Int(0, 3), "b": Int(0, 3), "s": Derived("a + b"), "c": Int(0, 4, when="s == 6")}
    assert Space(counted).size == 15 + 5
    assert Space({**counted, "n": Derived(len), "e": Int(0, 1, when="n > 3")}).size == 15 + 10
    assert Space({"a": Int(0, 1), "d": Derived("a"), "x": Float(0, 1)}).size is None


@pytest.fixture
def looked_at(monkeypatch):
    """Return a list that gets an entry whenever it is asked whether a parameter is active."""
    calls = []
    is_active = Structure.is_active

    def counted(self, name, present):
        calls.append(name)
        return is_active(self, name, present)

    monkeypatch.setattr(Structure, "is_active", counted)
    return calls


def parents_and_children(parent, child, when, number):
    parents = {f"p{i}": parent for i in range(number)}
    children = {f"c{i}": child({f"p{i}": when}) for i in range(number)}
    return Space({**parents, **children})


def test_counting_takes_no_more_steps_than_there_are_answers_of_conditions(looked_at):
    def children(when):
        return Int(0, 9, when=when)

    assert parents_and_children(Int(0, 999), children, Between(low=900), 5).size == 1900**5
    assert parents_and_children(Categorical(["a", "b"]), children, "a", 40).size == 11**40
    tree = {
        "on": Categorical([False, True]),
        **{f"s{i}": Categorical(list("abcd"), when={"on": True}) for i in range(30)},
        **{f"t{i}": Int(0, 9, when=f"s{i} == 'a' or s{i} == 'b'") for i in range(30)},
    }
    assert Space(tree).size == 1 + 22**30
    assert not parents_and_children(Int(0, 999), lambda w: Float(0, 1, when=w), 0, 20).finite
    assert Space({"a": Int(1, 10**6), "b": Int(0, 1, when={"a": Between(2, 3)})}).size == 10**6 + 2
    assert Space({f"x{i}": Int(1, 9) for i in range(99)} | {"n": Derived(len)}).size == 9**99
    assert len(looked_at) < 1000


def test_where_counting_would_take_too_long_the_size_is_not_known(looked_at):
    ints = {f"x{i}": Int(0, 99) for i in range(4)}
    entangled = {**ints, "y": Int(0, 1, when="x0 + x1 == x2 + x3")}
    assert Space(entangled).finite
    assert not looked_at
    assert Space(entangled).size is None
    assert 0 < len(looked_at) <= counting.MAX_STEPS
    # Nobody knows whether z is ever active: it might be.
    assert not Space({**ints, "z": Float(0, 1, when="x0 + x1 == x2 + x3 + 500")}).finite
    assert len(looked_at) <= 2 * counting.MAX_STEPS


def test_a_space_is_finite_unless_something_continuous_is_active():
    assert Space({}).finite
    assert not Space({"x": Float(0, 1)}).finite
    assert not Space(TREE).finite
    assert Space({"a": Int(0, 3), "x": Float(0, 1, when="a > 5")}).finite
    assert not Space({"a": Int(0, 3), "x": Float(0, 1, when="a > 2")}).finite
    assert not Space({"a": Int(0, 3), "x": Float(0, 1)}, constraints=["x == 0.5"]).finite
    many = Space({"a": Int(0, 9999), "b": Int(0, 9999)}, constraints=["a < b"])
    assert many.finite
    assert many.size is None


@given(spaces())
def test_what_can_be_counted_is_finite(space):
    # Of more values than these it may take too long to see which ones a condition tells apart.
    assume(all((param.cardinality or 0) < 10_000 for param in space.params.values()))
    unconstrained = Space(space.params)
    assert space.finite == unconstrained.finite == (unconstrained.size is not None)
    assert space.finite or space.size is None


def test_spaces_of_many_choices_are_compared_at_once(monkeypatch):
    digested = []

    def noted(value):
        digested.append(value)
        return exact(value)

    exact = base.exact
    monkeypatch.setattr(base, "exact", noted)
    one, twin, other = (
        Space({"c": Categorical(range(first, first + 10_000)), "x": Float(0, 1)})
        for first in (0, 0, 1)
    )
    narrowed = [one.freeze("x", i / 100) for i in range(100)]
    again = [twin.freeze("x", i / 100) for i in range(100)]
    assert len({hash(space) for space in (one, other, *narrowed)}) == 102
    assert len({one, twin, other, *narrowed, *again}) == 102
    assert one == twin != other
    assert len([value for value in digested if isinstance(value, tuple) and len(value) > 99]) == 3


@given(spaces(max_params=3))
def test_the_size_is_the_length_of_the_grid(space):
    if space.size is not None and space.size < 2000:
        rows = list(space.grid())
        assert len(rows) == space.size
        assert len({repr(row) for row in rows}) == len(rows)
        assert all(space.contains(row) for row in rows)
        assert [space.canonical(row) for row in rows] == rows


def test_a_million_configurations_are_counted_in_less_than_a_blink(monkeypatch):
    ints = {f"x{i}": Int(0, 9) for i in range(6)}
    begin = time.process_time()
    assert Space(ints, constraints=["x0 < x5"]).size == 450_000
    assert Space(ints, constraints=["x0 + x1 + x2 + x3 + x4 == x5"]).size == 2002
    # A twentieth of a second; one by one it would be more than three.
    assert time.process_time() - begin < 1
    monkeypatch.setattr(listing, "_BLOCK", 7)
    assert Space({**ints, "x0": Int(0, 0), "x1": Int(0, 0)}, constraints=["x3 < x5"]).size == 4500


@given(spaces(max_params=3))
def test_what_is_listed_is_the_grid(space):
    if space.size is not None and space.size < 300:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(listing, "_BLOCK", 5)
            rows = [row for table in listing.listed(space) for row in table.rows()]
        assert list(map(repr, rows)) == list(map(repr, space.grid()))


def test_what_is_never_active_is_not_listed():
    space = Space(
        {
            "a": Int(0, 3),
            "x": Float(0, 1, when="a > 5"),
            "k": Int(0, 10**15, when={"a": Between(0, 3), "x": Between(0, 1)}),
            "b": Categorical(["u", "v"], when={"a": [1, 2]}),
            "d": Derived("a * 2"),
        },
        constraints=["d != 2 or b == 'v'", lambda row: row["a"] > 0],
    )
    rows = [row for table in listing.listed(space) for row in table.rows()]
    assert rows == [
        {"a": 1, "b": "v", "d": 2},
        {"a": 2, "b": "u", "d": 4},
        {"a": 2, "b": "v", "d": 4},
        {"a": 3, "d": 6},
    ]
    assert space.size == len(rows)
    assert list(space.grid()) == rows


def test_grids_have_a_fixed_order_and_both_ends():
    space = Space({"a": Int(0, 1), "x": Float(0, 1), "c": Categorical(["u", "v"], when={"a": 1})})
    rows = [tuple(row.values()) for row in space.grid(3)]
    assert rows == [
        (0, 0.0), (0, 0.5), (0, 1.0),
        (1, 0.0, "u"), (1, 0.0, "v"), (1, 0.5, "u"), (1, 0.5, "v"), (1, 1.0, "u"), (1, 1.0, "v"),
    ]  # fmt: skip
    assert len(list(space.grid({"x": 5}))) == 15
    assert [r["x"] for r in Space({"x": Float(1e-3, 1, log=True)}).grid(4)] == [1e-3, 1e-2, 0.1, 1]
    normal = [row["x"] for row in Space({"x": Float(prior=Normal(0, 1))}).grid(4)]
    assert normal == pytest.approx([-1.1503, -0.3186, 0.3186, 1.1503], abs=1e-3)
    mixes = [row["m"] for row in Space({"m": Simplex(["a", "b", "c"])}).grid(4)]
    assert len(mixes) == 10
    assert all(round(sum(mix.values()), 9) == 1 for mix in mixes)
    assert all(Space({"m": Simplex(["a", "b", "c"])}).contains({"m": mix}) for mix in mixes)
    everything = Space({"s": Subset([1, 2]), "p": Permutation([1, 2]), "k": Int(1, 2, log=True)})
    assert len(list(everything.grid())) == everything.size == 4 * 2 * 2


@pytest.mark.parametrize(
    ("resolution", "part"),
    [
        (None, "a number of points for 'x', 'y'"),
        ({"x": 3}, "a number of points for 'y'"),
        (0, "at least 1"),
        (True, "at least 1"),
        ("x", "at least 1"),
        ({"x": 3, "y": 0}, "at least 1"),
        ({"x": 3, "y": 2, "z": 1}, "names of parameters"),
    ],
)
def test_a_grid_of_continuous_parameters_needs_a_resolution(resolution, part):
    with pytest.raises(InvalidInput) as caught:
        Space({"x": Float(0, 1), "y": Float(0, 1), "d": Derived("x")}).grid(resolution)
    assert part in caught.value.allowed


def test_a_wrong_resolution_is_refused_also_where_none_is_needed():
    with pytest.raises(InvalidInput, match="resolution: got -1"):
        Space({"k": Int(0, 1)}).grid(-1)
    with pytest.raises(InvalidInput, match="resolution of 'k': got 0"):
        Space({"k": Int(0, 1)}).grid({"k": 0})


def test_long_spaces_do_not_recurse():
    space = Space({f"x{i}": Int(0, 1) for i in range(3000)})
    assert len(next(iter(space.grid()))) == 3000


def test_editing_keeps_old_trials_in_the_cube():
    space = Space({"x": Float(0, 1), "k": Int(0, 9), "c": Categorical(["a", "b", "c"])})
    old = space.sample(np.random.default_rng(0), 50)
    edited = (
        space.narrow("x", 0.2, 0.4)
        .narrow("k", high=4)
        .narrow("c", choices=["b"])
        .add("new", Float(0, 1), deemed=0.25)
        .add("d", Derived("x * 2"), deemed=None)
    )
    codec = Codec(edited)
    X = codec.encode(old)
    assert np.array_equal(X[:, :3], Codec(space).encode(old))
    assert (X[:, 3] == 0.25).all()
    shown = [(c.low, c.high) for c in codec.columns]
    assert shown == [(0.2, 0.4), (0, 0.5), (1 / 3, 2 / 3), (0, 1)]
    for row in edited.sample(np.random.default_rng(0), 50):
        assert 0.2 <= row["x"] <= 0.4
        assert row["k"] <= 4
        assert row["c"] == "b"
        assert row["d"] == row["x"] * 2
        assert codec.decode(codec.encode([row])) == [row]
    assert Space.from_json(json.loads(json.dumps(edited.to_json()))) == edited
    assert codec.decode([[0, 0, 0, 0]])[0]["x"] == 0.2
    assert codec.decode([[1, 1, 1, 1]])[0]["x"] == 0.4


def test_narrowing_and_widening_again_gives_the_space_back():
    space = Space({"x": Float(0, 1), "c": Categorical(["a", "b"], weights=[1, 2])})
    assert space.narrow("x", 0.25).widen("x", 0) == space
    assert space.widen("x", -1).params["x"] == Float(-1, 1)
    assert space.narrow("x", 0.25, 0.5).widen("x", -1, 2).params["x"] == Float(-1, 2)
    assert space.narrow("x", 0.25, 0.5).widen("x", 0.1).params["x"].frame == (0, 1)
    assert space.narrow("c", choices=["a"]).add_choice("c", "b") == space
    free = Space({"x": Float(prior=Normal(0, 1))})
    assert free.narrow("x", low=0).params["x"].frame == (None, None)
    assert Codec(free.narrow("x", low=0)).decode([[0.1], [0.75]]) == [{"x": 0.0}, {"x": 2.0}]
    ints = Space({"k": Int(prior=Normal(0, 5)), "w": Int(1, 64, log=True)}).narrow("k", -2, 3)
    rows = ints.narrow("w", 2, 8).sample(np.random.default_rng(0), 100)
    assert {row["k"] for row in rows} == {-2, -1, 0, 1, 2, 3}
    assert {row["w"] for row in rows} == set(range(2, 9))


def test_frozen_parameters_have_one_value():
    space = Space(
        {
            "x": Float(0, 1),
            "k": Int(0, 9),
            "c": Categorical(["a", "b"]),
            "s": Subset([1, 2]),
            "p": Permutation([1, 2]),
            "m": Simplex(["a", "b"]),
        }
    )
    old = space.sample(np.random.default_rng(0), 20)
    values = {"x": 0.3, "k": 4, "c": "b", "s": (2,), "p": (2, 1), "m": {"a": 0.25, "b": 0.75}}
    frozen = space
    for name, value in values.items():
        frozen = frozen.freeze(name, value)
    assert frozen.sample(np.random.default_rng(0), 3) == [values] * 3
    assert frozen.size == 1
    assert list(frozen.grid()) == [values]
    assert np.array_equal(Codec(frozen).encode(old), Codec(space).encode(old))
    assert Space.from_json(json.loads(json.dumps(frozen.to_json()))) == frozen
    with pytest.raises(InvalidParams, match="frozen at"):
        frozen.check({**values, "s": (1,)})


def test_choices_are_added_where_wanted():
    choice = Categorical(["a", "c"], weights=[1, 3], belief={"a": 1, "c": 2})
    space = Space({"c": choice}).add_choice("c", "b", at=1)
    assert space.params["c"] == Categorical(
        ["a", "b", "c"], weights=[1, 2, 3], belief={"a": 1, "b": 1.5, "c": 2}
    )


@pytest.mark.parametrize(
    ("edit", "part"),
    [
        (lambda s: s.add("x", Float(0, 1), deemed=0), "not taken"),
        (lambda s: s.add("y", Float(0, 1), deemed=2), "a value of a parameter"),
        (lambda s: s.add_choice("x", 1), "a Categorical"),
        (lambda s: s.add_choice("c", "b"), "values that differ"),
        (lambda s: s.add_choice("c", "z", at=9), "a place from 0 to 2"),
        (lambda s: s.widen("x", 0.5), "bounds beyond 0.0 to 1.0"),
        (lambda s: s.widen("x", high=0.5), "bounds beyond"),
        (lambda s: s.widen("x", "low"), "numbers as bounds"),
        (lambda s: s.narrow("x", high=[1]), "numbers as bounds"),
        (lambda s: s.narrow("c", choices=5), "some of ['a', 'b']"),
        (lambda s: s.narrow("c", choices=[["a"]]), "some of ['a', 'b']"),
        (lambda s: s.widen("c", 1), "a Float or an Int"),
        (lambda s: s.narrow("x", -1), "bounds within"),
        (lambda s: s.narrow("x", high=2), "bounds within"),
        (lambda s: s.narrow("x", 0.9, 0.1), "at least low"),
        (lambda s: s.narrow("x", choices=[1]), "low=... and high=..."),
        (lambda s: s.narrow("c", 1), "choices=..."),
        (lambda s: s.narrow("c", choices=["q"]), "some of ['a', 'b']"),
        (lambda s: s.narrow("c", choices=[]), "some of ['a', 'b']"),
        (lambda s: s.freeze("x", 3), "a number from 0.0 to 1.0"),
        (lambda s: s.freeze("d", 3), "a parameter that is searched"),
        (lambda s: s.freeze("q", 3), "known: "),
        (lambda s: s.remove("x"), "no parameter or constraint that mentions it"),
        (lambda s: s.remove("c"), "no parameter or constraint that mentions it"),
        (lambda s: s.remove("nix"), "known: "),
    ],
)
def test_edits_that_make_no_sense_are_refused(edit, part):
    space = Space(
        {"x": Float(0, 1), "c": Categorical(["a", "b"]), "d": Derived("x")},
        constraints=["c == 'a'"],
    )
    with pytest.raises(InvalidInput) as caught:
        edit(space)
    assert part in caught.value.allowed


def test_removed_parameters_are_ignored_in_old_rows():
    space = Space({"x": Float(0, 1), "k": Int(0, 1)}).add("n", Int(0, 1), deemed=0)
    assert Codec(space.remove("x").remove("n")).encode([{"x": 0.5, "k": 0}]).tolist() == [[0.25]]


READABLE = {
    "lr": {
        "type": "float",
        "low": "1e-5",
        "high": 0.1,
        "log": True,
        "belief": {"value": 1e-3, "factor": "3"},
    },
    "opt": ["adam", "sgd"],
    "epochs": 10,
    "none": None,
    "momentum": {"type": "float", "low": 0.5, "high": 0.9, "when": {"opt": ["sgd"]}},
    "beta": {"type": "float", "low": 0, "high": 1, "prior": {"type": "beta", "a": "2", "b": 3}},
    "free": {"type": "float", "prior": {"type": "lognormal", "mean": 0, "sd": 1}},
    "k": {"type": "int", "low": 16, "high": 64, "log": True, "step": 2, "when": "opt == 'sgd'"},
    "w": {"type": "int", "low": 0, "high": 4, "frame": [0, 9], "when": {"lr": {"high": 0.01}}},
    "c": {
        "type": "categorical",
        "choices": [{"float": "inf"}, ["a", 1], None],
        "weights": [1, 2, 3],
        "belief": [[{"float": "inf"}, 1], [["a", 1], 2], [None, 3]],
        "ordered": True,
        "retired": [None],
        "when": {"opt": "sgd"},
    },
    "s": {"type": "subset", "items": ["a", "b"], "min_size": 1, "max_size": 1, "fixed": ["a"]},
    "p": {"type": "permutation", "items": [1, 2], "fixed": [2, 1]},
    "m": {"type": "simplex", "names": ["a", "b"], "fixed": {"a": 1, "b": 0}},
    "d": {"type": "derived", "expression": "lr * 2", "when": {"c": [{"float": "inf"}]}},
    "ready": Int(0, 1, step=1),
    "tenth": {"type": "float", "low": 0, "high": 10, "step": 1, "scale": "linear"},
    "r": {"type": "float", "low": 0, "high": 0.9, "scale": "reverse_log"},
}


def test_spaces_are_read_from_plain_dicts_and_written_in_the_same_format():
    space = Space.from_dict(
        READABLE, constraints=["lr < 0.09", {"forbid": {"opt": "sgd", "momentum": {"low": 0.8}}}]
    )
    assert space.params["lr"] == Float(1e-5, 0.1, log=True, belief=Around(1e-3, factor=3))
    assert space.params["epochs"] == Categorical([10])
    assert space.params["c"].live == (float("inf"), ("a", 1))
    assert space.params["beta"].prior == Beta(2, 3)
    assert space.params["free"] == Float(prior=LogNormal(0, 1))
    assert space.params["w"].when.entries == (("lr", Between(None, 0.01)),)
    assert space.constraints[1] == Forbid({"opt": "sgd", "momentum": Between(low=0.8)})
    data = json.loads(json.dumps(space.to_json(), allow_nan=False))
    assert Space.from_json(data) == space
    assert Space.from_dict(data["params"], constraints=data["constraints"]) == space
    assert not space.plain
    assert Space.from_dict({"a": 1}).plain


@pytest.mark.parametrize(
    ("params", "field", "part"),
    [
        ([], "space", "a mapping from names"),
        ({"x": {"type": "real"}}, "space.x.type", "float, int"),
        ({"x": {}}, "space.x.type", "float, int"),
        ({"x": {"type": "float", "low": 0, "hihg": 1}}, "space.x.hihg", "did you mean 'high'"),
        ({"x": {"type": "float", "low": "a", "high": 1}}, "space.x.low", "a number"),
        ({"x": {"type": "float", "low": 2, "high": 1}}, "space.x.high", "at least low"),
        ({"x": {"type": "categorical"}}, "space.x.choices", "a list"),
        ({"x": {"type": "categorical", "choices": "ab"}}, "space.x.choices", "a list"),
        ({"x": [{"a": 1}]}, "space.x", "infinity is"),
        ({"x": {1, 2}}, "space.x", "a mapping, a list of choices"),
        ({"x": {"type": "float", "prior": "normal"}}, "space.x.prior", "uniform, normal"),
        (
            {"x": {"type": "float", "prior": {"type": "normal"}}},
            "space.x.prior",
            "arguments of Normal",
        ),
        ({"x": {"type": "derived"}}, "space.x", "exactly one of"),
        ({"x": {"type": "float", "low": 0, "high": 1, "belief": 3}}, "space.x.belief", "an Around"),
        ({"x": {"type": "float", "low": 0, "high": 1, "frame": 3}}, "space.x.frame", "a pair"),
        (
            {"x": 1, "y": {"type": "int", "low": 0, "high": 1, "when": {"x": 2}}},
            "space.y.when.x",
            "take",
        ),
        ({"x": 1, "y": {"type": "int", "low": 0, "high": 1, "when": "x >"}}, "space.y", "position"),
    ],
)
def test_errors_in_plain_dicts_carry_the_path(params, field, part):
    with pytest.raises(InvalidSpace) as caught:
        Space.from_dict(params)
    assert caught.value.field == field
    assert part in caught.value.allowed


def test_errors_in_files_are_named():
    for data, place in [
        ([], "space"),
        ({"params": {}, "parms": 1}, "space.parms"),
        ({"params": {}, "constraints": "a"}, "space.constraints"),
        ({"params": {}, "constraints": [{"a": 1}]}, "space.constraints.0"),
    ]:
        with pytest.raises(InvalidSpace) as caught:
            Space.from_json(data)
        assert caught.value.field == place


class Kind(Enum):
    RBF = "rbf"
    LINEAR = 2


@dataclass
class Settings:
    lr: Annotated[float, Float(1e-5, 1e-1, log=True)]
    kind: Kind
    loss: Literal["l1", "l2"]
    shuffle: Annotated[bool, "whether"]
    momentum: Annotated[float | None, Float(0, 1, when={"loss": "l2"})]
    depth: Annotated[int, Int(1, 3, when={"loss": "l1"})] = 7
    name: str = "run"
    tags: list[str] = field(default_factory=list)
    total: float = field(init=False, default=0.0)


@dataclass
class Unclear:
    lr: float


def test_dataclasses_become_spaces_and_come_back():
    space = Space.from_dataclass(Settings, constraints=["lr < 0.09"])
    assert space.names == ("lr", "kind", "loss", "shuffle", "momentum", "depth")
    assert space.params["kind"] == Categorical(["RBF", "LINEAR"])
    assert space.params["shuffle"] == Categorical([False, True])
    made = space.build(
        Settings, {"lr": 0.01, "kind": "RBF", "loss": "l1", "shuffle": True, "depth": 2}
    )
    assert made == Settings(0.01, Kind.RBF, "l1", True, None, 2)
    made = space.build(
        Settings, {"lr": 1, "kind": "LINEAR", "loss": "l2", "shuffle": True, "momentum": 0}
    )
    assert (made.depth, made.momentum, made.tags) == (7, 0, [])
    with pytest.raises(InvalidSpace, match=r"Unclear\.lr"):
        Space.from_dataclass(Unclear)
    with pytest.raises(InvalidSpace, match="a dataclass"):
        Space.from_dataclass(int)


def test_spaces_are_equal_by_exact_value():
    space = Space({"c": Categorical([1]), "x": Float(0, 1)}, constraints=["x > 0.1"])
    assert space == Space({"c": Categorical([1]), "x": Float(0, 1)}, constraints=["x > 0.1"])
    assert space != Space({"c": Categorical([True]), "x": Float(0, 1)}, constraints=["x > 0.1"])
    assert space != Space({"x": Float(0, 1), "c": Categorical([1])}, constraints=["x > 0.1"])
    assert space != Space(space.params)
    assert space != Space(space.params, constraints=space.constraints, partial=True)
    assert repr(Space({})) == "Space({\n})"
    assert hash(Forbid({"c": 1})) == hash(Forbid({"c": 1}))
    with pytest.raises(TypeError):
        space.params["y"] = Float(0, 1)
    shown = repr(Space(space.params, constraints=["x > 0.1", Forbid({"c": 1})], partial=True))
    assert shown == (
        "Space({\n    'c': Categorical([1]),\n    'x': Float(0.0, 1.0),\n}, "
        "constraints=['x > 0.1', Forbid({'c': 1})], partial=True)"
    )
