"""Problems: what they check, and their randomness."""

import pytest

import luthier
from luthier.errors import InvalidInput
from luthier.model.problem import Limit, Objective, Problem, make_limits

SPACE = luthier.Space({"x": luthier.Float(0, 1)})


def test_randomness_comes_from_seed_number_and_stream():
    draw = [
        Problem(SPACE, seed=s).rng(n, stream).random()
        for s in (0, 1)
        for n in (0, 1)
        for stream in ("", "a", "b")
    ]
    assert len(set(draw)) == 12
    assert (
        Problem(SPACE, seed=1).rng(5, "a").random() == Problem(SPACE, seed=1).rng(5, "a").random()
    )


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("latency <= 20", Limit("latency", high=20)),
        ("recall>=0.9", Limit("recall", low=0.9)),
        (" top 5 error <= 1e-2 ", Limit("top 5 error", high=0.01)),
        ("x >= -3", Limit("x", low=-3)),
    ],
)
def test_limits_are_read(text, limit):
    assert Limit.parse(text) == limit
    assert Limit.parse(str(limit)) == limit


@pytest.mark.parametrize(
    "text", ["latency", "latency < 20", "a <= b", "<= 3", "a <= 1 <= 2", "a <= nan"]
)
def test_limits_that_cannot_be_read(text):
    with pytest.raises(InvalidInput):
        Limit.parse(text)


def test_limits_are_checked():
    for arguments in [("", 0, 1), ("a",), ("a", 2, 1), ("a", float("nan"), 1)]:
        with pytest.raises(InvalidInput):
            Limit(*arguments)
    assert str(Limit("a", 1, 2)) == "1 <= a <= 2"
    assert [Limit("a", 1, 2).violation(v) for v in (0, 1, 1.5, 4)] == [1, 0, 0, 2]


def test_problems_are_checked():
    with pytest.raises(InvalidInput, match="objectives"):
        Problem(SPACE, ())
    with pytest.raises(InvalidInput, match="metric"):
        Problem(SPACE, (Objective("a"), Objective("a")))
    with pytest.raises(InvalidInput, match="seed"):
        Problem(SPACE, seed=True)
    with pytest.raises(InvalidInput, match="duplicates"):
        Problem(SPACE, duplicates="x")


def test_finite_spaces_avoid_duplicates_unless_told_otherwise():
    finite = luthier.Space({"a": luthier.Int(1, 3)})
    assert Problem(finite).avoids_duplicates
    assert not Problem(finite, duplicates="replicate").avoids_duplicates
    assert not Problem(SPACE).avoids_duplicates
    assert Problem(SPACE, duplicates="avoid").avoids_duplicates
    assert not Problem(luthier.Space({}, partial=True)).avoids_duplicates
    many = {"a": luthier.Int(0, 9999), "b": luthier.Int(0, 9999)}
    assert Problem(luthier.Space(many, constraints=["a < b"])).avoids_duplicates


def test_objectives_are_checked():
    with pytest.raises(InvalidInput, match="direction"):
        Objective("a", "up")
    with pytest.raises(InvalidInput, match="metric"):
        Objective("")


def test_limits_are_made_of_texts_and_objects():
    assert make_limits(["a <= 1", Limit("b", low=2)]) == (Limit("a", high=1), Limit("b", low=2))
    with pytest.raises(InvalidInput, match="limits"):
        make_limits([3])
