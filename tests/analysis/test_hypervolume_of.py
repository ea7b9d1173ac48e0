"""The hypervolume that a study has dominated, trial by trial."""

import numpy as np
import pytest

import luthier
from luthier.analysis.hypervolume import hypervolume_of
from luthier.errors import InvalidInput
from luthier.model.events import Asked, Defined, Told
from luthier.model.ledger import Ledger
from luthier.model.problem import Limit, Objective, Problem
from luthier.model.trial import TrialState
from luthier.numerics.hypervolume import hypervolume, infer_reference

SPACE = luthier.Space({"x": luthier.Float(0, 1)})
COST_AND_GAIN = (Objective("cost"), Objective("gain", "maximize"))


def history_of(*results, objectives=COST_AND_GAIN, limits=()):
    """Trials that end in order with these values; None for one that failed."""
    events = [Defined(Problem(SPACE, objectives, limits))]
    for number, values in enumerate(results):
        events.append(Asked(number, {"x": 0.5}, 1, "random", "me"))
        if values is None:
            events.append(Told(number, TrialState.FAILED))
        else:
            metrics = {o.name: v for o, v in zip(objectives, values, strict=True)}
            events.append(Told(number, TrialState.COMPLETE, values, metrics))
    return Ledger().apply(events).snapshot()


def test_each_trial_adds_what_it_alone_dominates():
    history = history_of((3.0, 2.0), None, (1.0, 1.0), (3.0, 1.0), (9.0, 9.0), (1.0, 2.0))
    progress = hypervolume_of(history, reference=(4.0, 0.5))
    assert progress.tolist() == [1.5, 1.5, 2.5, 2.5, 2.5, 4.5]


def test_a_trial_beyond_a_limit_adds_nothing():
    history = history_of((3.0, 2.0), (1.0, 2.0), limits=(Limit.parse("cost >= 2"),))
    assert hypervolume_of(history, reference=(4.0, 0.0)).tolist() == [2.0, 2.0]


def test_the_default_reference_lies_beyond_the_last_front():
    values = [(3.0, 2.0, 1.0), (1.0, 4.0, 2.0), (2.0, 0.5, 3.0), (1.5, 1.5, 1.5), (9.0, 9.0, 9.0)]
    history = history_of(*values, objectives=tuple(Objective(name) for name in "abc"))
    bound = infer_reference(values)
    expected = [hypervolume(values[: i + 1], bound) for i in range(len(values))]
    np.testing.assert_allclose(hypervolume_of(history), expected)
    assert expected[0] > 0


def test_without_a_result_there_is_no_volume():
    assert hypervolume_of(history_of()).shape == (0,)
    assert hypervolume_of(history_of(None, None)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("reference", [(1.0,), (1.0, 2.0, 3.0), 4.0, (1.0, float("nan"))])
def test_a_reference_that_does_not_fit_is_rejected(reference):
    with pytest.raises(InvalidInput, match="reference"):
        hypervolume_of(history_of((1.0, 2.0)), reference)
