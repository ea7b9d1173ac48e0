"""Tables of earlier studies, as points of a space that may be another one."""

import numpy as np
import pytest

import luthier
from luthier.model.earlier import Earlier

SPACE = luthier.Space(
    {
        "kind": luthier.Categorical(["a", "b"]),
        "x": luthier.Float(0, 1),
        "depth": luthier.Int(1, 4, when={"kind": "b"}),
    },
    constraints=["x < 0.9"],
)


def table(*params, ranks=()):
    return Earlier("old", "1", params, ranks)


def encoded(*params, space=SPACE):
    points, activity = table(*params).encoded(space)
    return points.tolist(), activity.tolist()


def test_a_whole_row_is_where_the_space_puts_it():
    rows = [{"kind": "b", "x": 0.2, "depth": 1}, {"kind": "a", "x": 0.7}]
    points, activity = table(*rows).encoded(SPACE)
    expected_points, expected_activity = SPACE.codec.encode_with_activity(rows)
    assert points.tolist() == expected_points.tolist()
    assert activity.tolist() == expected_activity.astype(float).tolist()


@pytest.mark.parametrize(
    ("row", "point", "active"),
    [
        ({"x": 0.2}, [0.5, 0.2, 0.5], [0, 1, 0]),
        ({"x": 0.2, "other": 3}, [0.5, 0.2, 0.5], [0, 1, 0]),
        ({"x": 1.5, "kind": "a"}, [0.25, 0.5, 0.5], [1, 0, 0]),
        ({"x": "wide", "kind": "c"}, [0.5, 0.5, 0.5], [0, 0, 0]),
        ({"x": 0.95}, [0.5, 0.95, 0.5], [0, 1, 0]),  # a constraint does not hide what was found
        ({"x": 0.2, "depth": 3}, [0.5, 0.2, 0.5], [0, 1, 0]),  # nobody knows whether it counts
        ({"kind": "a", "depth": 3}, [0.25, 0.5, 0.5], [1, 0, 0]),
        ({"kind": "b", "depth": 4}, [0.75, 0.5, 0.875], [1, 0, 1]),
    ],
)
def test_what_is_missing_or_unknown_is_inactive(row, point, active):
    points, activity = encoded(row)
    assert points == [point]
    assert activity == [active]


def test_one_space_of_one_parameter():
    points, activity = encoded(
        {"x": 0.2, "kind": "a"}, space=luthier.Space({"x": SPACE.params["x"]})
    )
    assert (points, activity) == ([[0.2]], [[1.0]])


def test_no_value_is_made_up_for_parameters_that_were_added_here():
    space = luthier.Space({"x": luthier.Float(0, 1)}).add("y", luthier.Float(0, 1), deemed=0.9)
    assert encoded({"x": 0.2}, space=space) == ([[0.2, 0.5]], [[1.0, 0.0]])


def test_a_function_that_needs_what_is_missing_decides_nothing():
    space = luthier.Space(
        {
            "a": luthier.Int(1, 4),
            "b": luthier.Int(1, 4),
            "sum": luthier.Derived(lambda row: row["a"] + row["b"], name="sum"),
            "c": luthier.Float(0, 1, when={"sum": luthier.Between(low=6)}),
        }
    )
    _, activity = encoded({"a": 4, "c": 0.3}, {"a": 4, "b": 4, "c": 0.3}, space=space)
    assert activity == [[1, 0, 0], [1, 1, 1]]


def test_scores_are_normal_quantiles():
    scores = table({}, {}, {}, ranks=((0.5, None), (0.975, None), (0.025, None))).scores()
    assert np.allclose(scores[:, 0], [0, 1.959964, -1.959964])
    assert np.isnan(scores[:, 1]).all()


def test_a_table_may_be_in_a_key():
    one, same = (table({"x": 0.2, "mix": {"a": 0.5}}, ranks=((0.5,),)) for _ in range(2))
    assert {one: "kept"}[same] == "kept"
    assert one != table({"x": 0.3, "mix": {"a": 0.5}}, ranks=((0.5,),))
