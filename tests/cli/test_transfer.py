"""``luthier transfer``."""

import pytest

from luthier.study.create import create_study, load_study


@pytest.fixture
def new(study):
    """A new study beside the one of eight trials."""
    return create_study(study.space, study_name="new", storage="luthier.db", seed=6)


def test_transfer(luthier, study, new):
    data = luthier.json("transfer", "new", "--from", "toy", "--n-start", 2)
    eligible = int(study.history.eligible.sum())
    sources = [{"name": "toy", "trials": eligible}]
    assert data == {"study": "new", "sources": sources, "enqueued": [0, 1]}
    trials = load_study("new", storage="luthier.db").trials
    assert trials[0].fixed == study.best_params
    again = luthier.ok("transfer", "new", "--from", "toy", "--n-start", 2)
    assert again == f"toy: {eligible} trials\nnothing queued\n"
    assert "queued as 2" in luthier.ok("transfer", "new", "--from", "toy", "--n-start", 3)


def test_transfer_from_elsewhere(luthier, study):
    create_study(study.space, study_name="new", storage="other.db", seed=6)
    luthier.ok(
        "transfer", "new", "--storage", "other.db", "--from", "toy", "--from-storage", "luthier.db"
    )
    assert load_study("new", storage="other.db").history.n_waiting == 5


@pytest.mark.parametrize(
    ("code", "words", "part"),
    [
        (2, ["transfer", "new"], "--from"),
        (2, ["transfer", "new", "--from", "toy", "--n-start", -1], "--n-start"),
        (2, ["transfer", "new", "--from", "new"], "other studies than this one"),
        (1, ["transfer", "new", "--from", "tay"], "did you mean 'toy'?"),
        (1, ["transfer", "new", "--from", "toy", "--from-storage", "gone.db"], "gone.db"),
    ],
)
def test_transfer_refuses(luthier, new, code, words, part):
    assert part in luthier.fails(code, *words)
    assert load_study("new", storage="luthier.db").history.version == 1
