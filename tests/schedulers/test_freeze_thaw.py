"""Freeze-thaw goes on with what promises most, and lets the rest wait."""

import numpy as np
import pytest

import luthier
from luthier.errors import InvalidInput
from luthier.executors.simulated import Simulated
from luthier.model.problem import Objective, Problem
from luthier.schedulers import Decision, Done, FreezeThaw, Resume, Start, SuccessiveHalving, Wait
from luthier.schedulers.registry import describe, make
from luthier.space import Categorical, Float, Int, Space
from luthier.testing.schedulers import SchedulerContract
from schedulers.scheduler_runs import Run

STEPS = 27
SPACE = Space({"x": Float(0.0, 1.0), "kind": Categorical(["a", "b"])})


class TestFreezeThaw(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return FreezeThaw(max_step=STEPS)


class TestWithoutLength(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return FreezeThaw()


def level(params):
    """The loss at the end of a curve; the least is 0.1."""
    return 0.1 + (params["x"] - 0.7) ** 2 + (0.3 if params["kind"] == "a" else 0.0)


class Training:
    """Trains on a virtual clock, and counts epochs."""

    def __init__(self, sign=1.0):
        self.epochs = 0
        self.sign = sign

    def __call__(self, trial):
        value = None
        for step in range((trial.restored_step or 0) + 1, STEPS + 1):
            yield 1.0
            self.epochs += 1
            value = self.sign * (level(trial.params) + np.exp(-step / 3))
            trial.report(value, step)
            if step < STEPS and trial.should_prune():
                raise luthier.TrialPruned
        return value


def studied(scheduler, *, workers=1, trials=30, seed=1, space=SPACE, direction="minimize"):
    study = luthier.create_study(
        space, scheduler=scheduler, sampler="random", seed=seed, direction=direction
    )
    training = Training(1.0 if direction == "minimize" else -1.0)
    study.optimize(training, n_trials=trials, executor=Simulated(workers))
    return study, training


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_finds_the_best_with_few_epochs(workers, direction):
    scheduler = FreezeThaw(max_step=STEPS)
    study, training = studied(scheduler, workers=workers, direction=direction, trials=20)
    assert training.epochs < 20 * STEPS / 2
    assert level(study.best_params) < 0.11


def test_finds_better_than_halving_with_as_many_epochs():
    ours, theirs = [], []
    for seed in range(3):
        study, training = studied(FreezeThaw(max_step=STEPS), seed=seed, trials=20)
        ours.append(level(study.best_params))
        study, other = studied(SuccessiveHalving(max_step=STEPS), seed=seed, trials=70)
        assert other.epochs > 0.9 * training.epochs
        theirs.append(level(study.best_params))
    assert np.median(ours) < np.median(theirs)


def test_new_configurations_are_the_samplers_and_the_models_in_turns():
    study, _ = studied(FreezeThaw(max_step=STEPS), trials=9)
    assert [trial.by for trial in study.trials][:6] == ["random"] * 6
    assert [trial.by == "random" for trial in study.trials][6:] == [False, True, False]
    chosen = study.trials[6]
    assert chosen.by == {"name": "freeze_thaw", "max_step": STEPS}
    assert chosen.why["how"] == "model"


@pytest.mark.parametrize(("sampled", "theirs"), [(0, []), (1, [5, 6, 7, 8]), (3, [5, 8])])
def test_one_new_configuration_in_so_many_is_the_samplers(sampled, theirs):
    study, _ = studied(FreezeThaw(max_step=STEPS, sampled=sampled), trials=9)
    assert [t.number for t in study.trials if t.by == "random"][5:] == theirs


def test_ends_when_every_point_was_trained_to_its_end():
    space = Space({"x": Float(0.0, 1.0, step=0.5), "kind": Categorical(["a", "b"])})
    study, training = studied(FreezeThaw(max_step=STEPS), trials=50, space=space)
    assert len(study.trials) == 6
    assert all(trial.state is luthier.TrialState.COMPLETE for trial in study.trials)
    assert training.epochs == 6 * STEPS
    assert study.stop_reason == "the schedule is complete"


def test_the_same_seed_gives_the_same_study():
    first, second = (studied(FreezeThaw(max_step=STEPS), workers=3, trials=12)[0] for _ in range(2))
    assert [t.params for t in first.trials] == [t.params for t in second.trials]
    assert [len(t.reports) for t in first.trials] == [len(t.reports) for t in second.trials]


class Line(Run):
    """A study of one number, whose trials stand at chosen places."""

    def __init__(self, scheduler):
        super().__init__(scheduler, Problem(Space({"x": Int(0, 10)}), seed=1))

    def start(self, x=None, why=None):
        from luthier.model.events import Asked

        number = self.history.count
        params = {"x": number if x is None else x}
        self.ledger.apply([Asked(number, params, 0, "random", "owner", why=why or {})])
        return number


def test_waits_at_the_first_look_until_there_is_a_model():
    run = Line(FreezeThaw(max_step=9, n_startup=3))
    for first_look in (1, 2):
        assert run.next() == Start()
        number = run.start()
        for step in range(1, first_look):
            assert run.report(number, 1.0, step) is Decision.CONTINUE
        assert run.report(number, 1.0, first_look) is Decision.PAUSE


def test_the_best_one_goes_on_before_the_others():
    run = Line(FreezeThaw(max_step=9, n_startup=4, sampled=0))
    for x, loss in ((0, 5.0), (3, 1.0), (6, 6.0), (9, 9.0)):
        number = run.start(x)
        assert any(run.report(number, loss, step) is Decision.PAUSE for step in range(1, 9))
    resumed = []
    while len(resumed) < 3:
        step = run.next()
        if isinstance(step, Resume):
            resumed.append(step.number)
            run.resume(step.number, run.history.trial(step.number).reports.last.step)
            run.end(step.number, 0.9 * run.history.trial(step.number).reports[0].metrics["value"])
        else:
            number = run.start(step.params["x"])
            run.report(number, 8.0, 1)
            if len(run.history.trials) > 10:
                break
    assert resumed[0] == 1


def test_the_first_ones_are_trained_ever_farther_whatever_they_report():
    run = Line(FreezeThaw(min_step=2, max_step=20, eta=3, n_startup=5))
    paused_at = []
    for loss in (1.0, 1e9, 5.0, -1.0, 3.0):
        number = run.start()
        reported = range(1, 20)
        paused_at.append(next(s for s in reported if run.report(number, loss, s) is Decision.PAUSE))
    assert paused_at == [2, 6, 18, 2, 6]


def test_one_step_that_is_as_long_as_a_training_is_no_look():
    run = Line(FreezeThaw(min_step=5, n_startup=2))
    run.report(run.start(), 1.0, 3)
    run.end(0, 1.0)
    assert run.report(run.start(), 9.0, 3) is Decision.CONTINUE


def test_trials_are_asked_at_geometric_steps_only():
    run = Line(FreezeThaw(min_step=2, max_step=20, eta=3, n_startup=9))
    number = run.start()
    asked = []
    for step in range(1, 20):
        if run.report(number, 1.0, step) is Decision.PAUSE:
            asked.append(step)
            run.resume(number, step)
    assert asked == [2, 6, 18]


def test_one_that_begins_anew_is_not_asked_where_it_was():
    run = Line(FreezeThaw(max_step=20, n_startup=9))
    number = run.start()
    assert run.report(number, 1.0, 1) is Decision.PAUSE
    run.resume(number)
    assert run.report(number, 1.0, 1) is Decision.CONTINUE
    assert run.report(number, 1.0, 2) is Decision.PAUSE


def test_without_a_length_all_go_on_until_one_is_complete():
    run = Line(FreezeThaw(n_startup=2))
    first = run.start()
    assert {run.report(first, 1.0, step) for step in range(1, 10)} == {Decision.CONTINUE}
    run.end(first, 1.0)
    second = run.start()
    assert run.report(second, 9.0, 1) is Decision.CONTINUE
    assert run.report(second, 9.0, 2) is Decision.PAUSE


def test_what_failed_is_no_result_and_is_not_begun_again():
    from luthier.model.events import Told
    from luthier.model.trial import TrialState

    run = Line(FreezeThaw(max_step=9, n_startup=2))
    for x in range(11):
        number = run.start(x)
        run.ledger.apply([Told(number, TrialState.FAILED)])
    assert run.next() == Done()
    waiting = Line(FreezeThaw(max_step=9, n_startup=2))
    for x in range(11):
        number = waiting.start(x)
        if x:
            waiting.ledger.apply([Told(number, TrialState.FAILED)])
    assert waiting.next() == Wait()


def test_losses_of_any_size_are_taken():
    run = Line(FreezeThaw(max_step=9, n_startup=3))
    for x, loss in ((0, 1e308), (2, -1e308), (4, float("inf")), (6, float("nan")), (8, 0.0)):
        run.report(run.start(x), loss, 1)
    assert isinstance(run.next(), Start | Resume)


def test_several_objectives_are_refused():
    problem = Problem(SPACE, (Objective("a"), Objective("b")), seed=1)
    with pytest.raises(InvalidInput, match="one objective"):
        FreezeThaw(max_step=9).next(problem, Run(problem=problem).history)


@pytest.mark.parametrize(
    "settings",
    [
        {"eta": 1},
        {"min_step": 0},
        {"max_step": 1},
        {"thrift": -1.0},
        {"n_startup": 1},
        {"most": 1},
        {"hedge": -1},
        {"sampled": -1},
    ],
    ids=str,
)
def test_bad_settings_are_refused(settings):
    with pytest.raises(InvalidInput, match=next(iter(settings))):
        FreezeThaw(**settings)


def test_is_known_by_name():
    scheduler = make({"name": "freeze_thaw", "max_step": 9, "eta": 3})
    assert scheduler == FreezeThaw(max_step=9, eta=3)
    assert describe(scheduler) == {"name": "freeze_thaw", "max_step": 9, "eta": 3}


def trained_slowly(scheduler, seed):
    """Return the best loss where those that seem to be bad converge slowly, and end best."""

    def train(trial):
        floor = 0.05 + abs(trial["x"] - 0.1) / 4 + 1 / trial["width"]
        value = None
        for step in range((trial.restored_step or 0) + 1, STEPS + 1):
            yield 1.0
            value = floor + (1 - trial["x"] ** 0.5) ** step
            trial.report(value, step)
            if step < STEPS and trial.should_prune():
                raise luthier.TrialPruned
        return value

    space = {"x": Float(1e-4, 1.0, log=True), "width": Int(8, 256, log=True)}
    study = luthier.create_study(space, scheduler=scheduler, sampler="random", seed=seed)
    study.optimize(train, n_trials=30, executor=Simulated(1))
    return study.best_value


@pytest.mark.parametrize("seed", range(4))
def test_slow_starters_are_found_although_quick_ones_are_complete(seed):
    assert trained_slowly(FreezeThaw(max_step=STEPS), seed) < 0.1


def test_the_models_trials_do_not_keep_the_samplers_from_going_on():
    scheduler = FreezeThaw(max_step=16, n_startup=6, hedge=1)
    run = Line(scheduler)
    for x, loss in enumerate((4.0, 6.0, 7.0, 8.0, 9.0, 5.0)):
        number = run.start(x)
        assert any(run.report(number, loss, step) is Decision.PAUSE for step in range(1, 9))
    own = {"how": "model", "model": "learning curves"}
    for x in range(6, 11):
        run.report(run.start(x, why=own), 1.0, 1)
    assert run.next() == Resume(0)
