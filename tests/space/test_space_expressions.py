"""Expressions: what they mean, what they refuse, and that tables agree with rows."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import InvalidSpace
from luthier.space.expressions import Expression

ROW = {"a": 2, "b": 3.5, "c": "sgd", "z": 0, "t": ("x", "y"), "on": True, "no": None, "l r": 9}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("a + 2 * b - 1", 8.0),
        ("a / 4", 0.5),
        ("7 // a", 3),
        ("7 % a", 1),
        ("-a ** 2", -4),
        ("+b", 3.5),
        ("1 < a < 3", True),
        ("1 < a < 2", False),
        ("a == 2 and c == 'sgd'", True),
        ("a == 3 or c != 'sgd'", False),
        ("not on", False),
        ("c in ('adam', 'sgd')", True),
        ("a not in [1, 2]", False),
        ("'x' in t", True),
        ("no == None", True),
        ("a if on else b", 2),
        ("z == 0 or 1 / z > 2", True),
        ("z != 0 and 1 / z > 2", False),
        ("min(a, b, 1)", 1),
        ("max(a, b)", 3.5),
        ("abs(-b)", 3.5),
        ("log(exp(1))", 1.0),
        ("log(8, 2)", 3.0),
        ("log2(8) + log10(100)", 5.0),
        ("sqrt(9) + floor(b) + ceil(b)", 10.0),
        ("len(t) + round(b) + round(b, 1)", 9.5),
        ('params["l r"] + 1', 10),
        ("2 ** 0.5", 2**0.5),
        ("True", True),
    ],
)
def test_values(source, value):
    expression = Expression(source)
    assert expression.value(ROW) == value
    assert type(expression.value(ROW)) is type(value)
    columns = {name: np.array([ROW[name]] * 3) for name in expression.names if name not in ("t",)}
    if "t" in expression.names:
        columns["t"] = np.empty(3, object)
        columns["t"][:] = [ROW["t"]] * 3
    assert expression.holds_each(columns, 3).tolist() == [bool(value)] * 3


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("", "1 to 2000 characters"),
        (None, "1 to 2000 characters"),
        ("a" * 2001, "1 to 2000 characters"),
        ("a +", "position"),
        ("a = 1", "position"),
        ("a; b", "position"),
        ("a\0", "valid expression"),
        ("__import__('os')", "the functions min, max"),
        ("a.b", "numbers, strings, names"),
        ("a[0]", 'params["name'),
        ("params[a]", 'params["name'),
        ("lambda: 1", "numbers, strings, names"),
        ("[x for x in t]", "numbers, strings, names"),
        ("f'{a}'", "numbers, strings, names"),
        ("(1, 2)", "numbers, strings, names"),
        ("a @ b", "+ - * / // % **"),
        ("a & b", "+ - * / // % **"),
        ("~a", "the signs"),
        ("a is b", "the comparisons"),
        ("a in (b, 1)", "a collection of literals"),
        ("1j", "a number, a string"),
        ("b'x'", "a number, a string"),
        ("...", "a number, a string"),
        ("min(a)", "2 to 20 plain arguments of min"),
        ("log(a, base=2)", "plain arguments of log"),
        ("max(*t, 1)", "numbers, strings, names"),
        ("eval('1')", "the functions min, max"),
        ("t.__class__", "numbers, strings, names"),
        ("-" * 60 + "1", "50 levels"),
        ("(" * 500 + "1" + ")" * 500, "valid expression"),
        ("not " * 450 + "a", "50 levels"),
        ("-" * 1990 + "1", ""),
    ],
)
def test_what_is_not_allowed_is_refused_with_its_place(source, part):
    with pytest.raises(InvalidSpace) as caught:
        Expression(source)
    assert part in caught.value.allowed


@pytest.mark.parametrize("error", [ValueError, RecursionError, MemoryError])
def test_a_parser_that_gives_up_is_reported(monkeypatch, error):
    def give_up(*_, **__):
        raise error("too deep")

    monkeypatch.setattr("ast.parse", give_up)
    with pytest.raises(InvalidSpace, match="too deep"):
        Expression("a")


def test_the_place_is_that_of_the_part():
    with pytest.raises(InvalidSpace, match=r"got 'evil\(b\)'.*at position 5 of 'a \+ evil"):
        Expression("a + evil(b)")


@pytest.mark.parametrize(
    "source",
    [
        "1 / z > 0",
        "7 // z == 0",
        "a % z == 0",
        "log(z) < 0",
        "sqrt(-a) == 0",
        "(-8) ** 0.5 == 0",
        "exp(10000) > 0",
        "10 ** 10 ** 10 > 0",
        "(a + 1) ** 100000 > 0",
        "2.0 ** 100000 > 0",
        "floor(1e308 * 10) > 0",
        "0 ** -1 > 0",
    ],
)
def test_what_is_undefined_does_not_hold_and_does_not_hang(source):
    expression = Expression(source)
    with pytest.raises((ArithmeticError, ValueError)):
        expression.value(ROW)
    assert not expression.holds(ROW)
    columns = {name: np.array([ROW[name]] * 2) for name in expression.names}
    assert not expression.holds_each(columns, 2).any()


@pytest.mark.parametrize(
    "source",
    ["c > 3", "c * 1000000000 == c", "'%9999999d' % a == c", "len(a) > 1", "a in b", "sqrt(c)"],
)
def test_types_that_do_not_fit_are_an_error_of_the_space(source):
    expression = Expression(source)
    with pytest.raises(InvalidSpace, match="matching types"):
        expression.value(ROW)
    with pytest.raises(InvalidSpace, match="matching types"):
        expression.holds(ROW)
    columns = {name: np.array([ROW[name]], object) for name in expression.names}
    with pytest.raises(InvalidSpace, match="matching types"):
        expression.holds_each(columns, 1)


def test_expressions_are_values():
    one = Expression(" a + b ")
    assert one == Expression("a + b")
    assert hash(one) == hash(Expression("a + b"))
    assert one != "a + b"
    assert repr(one) == "Expression('a + b')"
    assert one.names == ("a", "b")
    assert pickle.loads(pickle.dumps(one)).value({"a": 1, "b": 2}) == 3


numbers = st.one_of(st.integers(-(2**53), 2**53), st.floats(-1e6, 1e6), st.sampled_from([0, 1, -1]))
terms = st.recursive(
    st.sampled_from(["i", "f", "0", "2", "0.5", "3"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "**"]), inner).map(
            lambda p: f"({p[0]} {p[1]} {p[2]})"
        ),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(
            lambda p: f"{p[0]}({p[1]}, {p[2]})"
        ),
        st.tuples(st.sampled_from(["abs", "log", "exp", "sqrt", "floor", "round", "-"]), inner).map(
            lambda p: f"{p[0]}({p[1]})"
        ),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} if {p[1]} > 1 else {p[2]})"),
    ),
    max_leaves=6,
)
tests = st.recursive(
    st.one_of(
        st.tuples(terms, st.sampled_from(["<", "<=", "==", "!=", ">="]), terms).map(" ".join),
        st.sampled_from(["w == 'a'", "w in ('a', 3)", "w != 'b'", "w not in ('b', None)", "w"]),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda p: f"({p[0]} {p[1]} {p[2]})"
        ),
        inner.map(lambda p: f"(not {p})"),
    ),
    max_leaves=4,
)


@given(
    tests,
    st.lists(st.tuples(st.integers(-(2**53), 2**53), st.floats(-1e6, 1e6)), min_size=1, max_size=4),
    st.sampled_from(["a", "b", 3, None]),
)
def test_tables_agree_with_rows(source, values, word):
    expression = Expression(source)
    rows = [{"i": i, "f": f, "w": word} for i, f in values]
    w = np.empty(len(rows), object)
    w[:] = word
    columns = {
        "i": np.array([i for i, _ in values], np.int64),
        "f": np.array([f for _, f in values], np.float64),
        "w": w,
    }
    assert expression.holds_each(columns, len(rows)).tolist() == [
        expression.holds(row) for row in rows
    ]


def test_infinite_results_are_numbers():
    assert Expression("1e308 * 10").value({}) == math.inf
