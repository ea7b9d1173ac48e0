"""Edited spaces and the trials from before."""

from luthier.space import Between, Categorical, Float, Int, Space


def test_conditions_of_older_trials_see_what_they_had():
    space = Space(
        {
            "model": Categorical(["svm", "knn"]),
            "kernel": Categorical(["a", "b"], when={"model": "svm"}),
            "depth": Int(1, 9),
            "share": Float(0, 1, when={"depth": Between(5, None)}),
        }
    )
    old = [
        {"model": "knn", "depth": 7, "share": 0.5},
        {"model": "svm", "kernel": "b", "depth": 2},
    ]
    edited = space.freeze("model", "svm").narrow("depth", 1, 3)
    points, active = edited.codec.encode_with_activity(old)
    assert active.tolist() == [[True, False, True, True], [True, True, True, False]]
    assert [edited.codec.encode_one(row) for row in old] == points.tolist()
    assert points.tolist() == space.codec.encode(old).tolist()
    # No depth that is left makes `share` active: the space is finite, and needs no resolution.
    assert edited.size == len(list(edited.grid())) == 6
