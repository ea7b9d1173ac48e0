"""Where trials come from, and the schedules that their lineages make."""

import json

import pytest

import luthier
from luthier.analysis import Replay, Segment, family, lineage, schedule_of
from luthier.errors import InvalidInput, NoResult, TrialNotFound
from luthier.model.events import Asked, Defined, Reported, Resumed, Told
from luthier.model.ledger import Ledger
from luthier.model.problem import Problem
from luthier.model.trial import TrialState
from luthier.space import Categorical, Float, Space

PROBLEM = Problem(Space({"lr": Float(0.0, 1.0), "kind": Categorical(["a", "b"])}))


def history(*trials):
    """Return a history of trials: params, parent, parent's step, last step."""
    ledger = Ledger().apply([Defined(PROBLEM)])
    for number, (params, parent, step, last) in enumerate(trials):
        asked = Asked(number, params, 0, "pbt", "owner", parent=parent, parent_step=step)
        reports = range((step or 0) + 1, last + 1)
        ledger.apply([asked, *(Reported(number, s, {"value": 1 / s}) for s in reports)])
        ledger.apply([Told(number, TrialState.COMPLETE, (1 / max(last, 1),))])
    return ledger.snapshot()


GROWN = history(
    ({"lr": 0.5, "kind": "a"}, None, None, 8),
    ({"lr": 0.9, "kind": "b"}, None, None, 2),
    ({"lr": 0.4, "kind": "a"}, 0, 4, 6),
    ({"lr": 0.4, "kind": "b"}, 2, 6, 10),
    ({"lr": 0.3, "kind": "a"}, 0, 4, 4),
    ({"lr": 0.2, "kind": "a"}, 4, 4, 9),
)


def test_a_lineage_goes_back_to_the_first_trial():
    assert lineage(GROWN, 3) == [
        Segment(0, 0, 4, {"lr": 0.5, "kind": "a"}),
        Segment(2, 4, 6, {"lr": 0.4, "kind": "a"}),
        Segment(3, 6, 10, {"lr": 0.4, "kind": "b"}),
    ]
    assert lineage(GROWN, 1) == [Segment(1, 0, 2, {"lr": 0.9, "kind": "b"})]
    with pytest.raises(TrialNotFound):
        lineage(GROWN, 9)


def test_a_fork_that_had_no_checkpoint_begins_a_lineage():
    begun_anew = history(
        ({"lr": 0.5, "kind": "a"}, None, None, 4), ({"lr": 0.1, "kind": "a"}, 0, None, 4)
    )
    assert [segment.trial for segment in lineage(begun_anew, 1)] == [1]


def test_a_fork_that_lost_its_checkpoint_begins_a_lineage():
    ledger = Ledger().apply([Defined(PROBLEM)])
    for number, parent, step in ((0, None, None), (1, 0, 2)):
        ledger.apply([Asked(number, {"lr": 0.5}, 0, "pbt", "a", parent=parent, parent_step=step)])
        ledger.apply([Reported(number, 2 + number, {"value": 1.0})])
    ledger.apply([Resumed(1, 2, "a", None), Reported(1, 1, {"value": 1.0}, 2)])
    assert lineage(ledger.snapshot(), 1) == [Segment(1, 0, 1, {"lr": 0.5})]


def test_a_schedule_says_from_which_step_on():
    assert schedule_of(GROWN, 3) == {"lr": [(0, 0.5), (5, 0.4)], "kind": [(0, "a"), (7, "b")]}
    # Trial 4 was forked before it had made a step of its own.
    assert schedule_of(GROWN, 5) == {"lr": [(0, 0.5), (5, 0.2)], "kind": [(0, "a")]}


def test_a_param_that_is_not_active_has_no_value():
    params = {"lr": 0.5}, {"lr": 0.5, "kind": "a"}
    grown = history((params[0], None, None, 3), (params[1], 0, 3, 5))
    assert schedule_of(grown, 1) == {"lr": [(0, 0.5)], "kind": [(0, None), (4, "a")]}


def test_a_replay_gives_each_step_the_params_it_had():
    replay = Replay(json.loads(json.dumps(schedule_of(GROWN, 3))))
    for segment in lineage(GROWN, 3):
        for step in range(segment.after + 1, segment.until + 1):
            assert replay(step) == segment.params
    assert replay(0) == {"lr": 0.5, "kind": "a"}
    assert replay(99) == {"lr": 0.4, "kind": "b"}


def test_a_replay_is_a_course_of_the_progress():
    course = Replay(schedule_of(GROWN, 3)).course("lr", 10)
    assert [course(step / 10) for step in (0, 4, 5, 10)] == [0.5, 0.5, 0.4, 0.4]
    with pytest.raises(InvalidInput, match="name"):
        Replay(schedule_of(GROWN, 3)).course("momentum", 10)


@pytest.mark.parametrize(
    "values", [3, {"lr": 0.5}, {"lr": []}, {"lr": [[1, 0.5]]}, {"lr": [[0, 1], [5, 2], [5, 3]]}]
)
def test_a_replay_takes_schedules_only(values):
    with pytest.raises(InvalidInput, match="Replay"):
        Replay(values)


def test_families_are_trees():
    first, second = family(GROWN)
    assert (first.trial.number, second.trial.number) == (0, 1)
    assert [fork.trial.number for fork in first.forks] == [2, 4]
    assert [fork.trial.number for fork in first.forks[0].forks] == [3]
    assert first.forks[0].changed == {"lr": (0.5, 0.4)}
    assert first.forks[0].forks[0].changed == {"kind": ("a", "b")}
    assert second.forks == ()


def train(trial):
    state = trial.load() or {"loss": 1.0}
    for step in range((trial.restored_step or 0) + 1, 7):
        state["loss"] *= 1 - trial["lr"] / step
        trial.report(state["loss"], step)
        if trial.should_prune():
            trial.save(state)
            raise luthier.TrialPruned
    return state["loss"]


def test_a_study_exports_the_schedule_of_its_best_trial():
    study = luthier.create_study(
        {"lr": luthier.Float(0.1, 1.0)},
        scheduler={"name": "pbt", "interval": 2, "max_step": 6, "population": 4},
        sampler="random",
        seed=1,
    )
    with pytest.raises(NoResult):
        study.export_schedule()
    study.optimize(train)
    replay = Replay(study.export_schedule())
    loss = 1.0
    for step in range(1, 7):
        loss *= 1 - replay(step)["lr"] / step
    assert loss == pytest.approx(study.best_value)
    assert study.export_schedule(0)["lr"][0] == (0, study.trials[0].params["lr"])
