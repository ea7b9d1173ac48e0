"""Population-based training: who copies whom, when, and with which params."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import luthier
from luthier.errors import InvalidInput
from luthier.executors.simulated import Simulated
from luthier.model.events import Asked, Defined, Paused, Reported, Resumed, Told
from luthier.model.ledger import Ledger
from luthier.model.problem import Limit, Objective, Problem
from luthier.model.serde import from_texts
from luthier.model.trial import TrialState
from luthier.schedulers import Decision, Done, Patience, PopulationBased, Resume, Start, Stop, Wait
from luthier.schedulers.exploring import perturbed, resampled
from luthier.schedulers.registry import describe, make
from luthier.space import Categorical, Float, Int, Schedule, Space
from luthier.study.replay import replay_all
from luthier.testing.schedulers import SchedulerContract

PROBLEM = Problem(Space({"x": Float(0.1, 10.0, log=True)}), seed=1)


class TestPerturbing(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return PopulationBased(3, 27, population=4)


class TestTournament(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return PopulationBased(3, 27, population=4, exploit="tournament", explore="resample")


class TestBandit(SchedulerContract):
    @pytest.fixture
    def scheduler(self):
        return PopulationBased(2, 27, population=4, explore="pb2", backtrack=2)


# ---------------------------------------------------------------- step by step


class Members:
    """A population whose events are made one by one."""

    def __init__(self, scheduler, problem=PROBLEM):
        self.scheduler = scheduler
        self.problem = problem
        self.ledger = Ledger().apply([Defined(problem)])

    @property
    def history(self):
        return self.ledger.snapshot()

    def next(self):
        return self.scheduler.next(self.problem, self.history)

    def start(self, x=1.0, fork=None, step=None):
        number = self.history.count
        self.ledger.apply(
            [Asked(number, {"x": x}, 0, "random", "owner", parent=fork, parent_step=step)]
        )
        return number

    def report(self, number, value, step):
        metrics = value if isinstance(value, dict) else {"value": value}
        attempt = self.history.trial(number).attempt
        self.ledger.apply([Reported(number, step, metrics, attempt)])
        history = self.history
        decision = self.scheduler.decide(self.problem, history, history.trial(number))
        if decision is Decision.PAUSE:
            self.ledger.apply([Paused(number)])
        return decision

    def resume(self, number):
        trial = self.history.trial(number)
        self.ledger.apply([Resumed(number, trial.attempt + 1, "owner", trial.reports[-1].step)])

    def end(self, number, state=TrialState.PRUNED, values=None):
        self.ledger.apply([Told(number, state, values)])


def four(values, **settings):
    """Return a population of four that has come to step 2 with these values."""
    run = Members(PopulationBased(2, 8, population=4, **settings))
    for value in values:
        assert run.next() == Start()
        run.report(run.start(), value, 2)
    return run


def test_the_worst_is_stopped_and_the_best_is_copied():
    run = four([0.4, 0.1, 0.9, 0.3])
    assert run.next() == Resume(0)
    run.resume(0)
    assert run.next() == Resume(1)
    run.resume(1)
    assert run.next() == Stop(2)
    run.end(2)
    step = run.next()
    assert (step.fork, step.step) == (1, 2)
    assert step.params["x"] != 1.0
    assert dict(step.why) == {"replaces": 2, "copies": "one of the best", "explore": "perturb"}
    run.start(step.params["x"], 1, 2)
    assert run.next() == Resume(3)


def test_better_is_what_the_direction_says():
    maximize = Problem(PROBLEM.space, (Objective("value", "maximize"),), seed=1)
    run = Members(PopulationBased(2, 8, population=2), maximize)
    for value in (0.4, 0.1):
        run.report(run.start(), value, 2)
    assert run.next() == Resume(0)
    run.resume(0)
    assert run.next() == Stop(1)


def test_equals_do_not_replace_each_other():
    run = four([0.5, 0.5, 0.5, 0.5])
    for number in range(4):
        assert run.next() == Resume(number)
        run.resume(number)
    assert run.next() == Wait()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_replaced_even_if_others_are_too(bad):
    run = four([0.4, bad, bad, bad])
    assert run.next() == Resume(0)
    run.resume(0)
    for number in (1, 2, 3):
        assert run.next() == Stop(number)
        run.end(number)
        step = run.next()
        assert (step.fork, step.step) == (0, 2)
        run.start(1.0, 0, 2)


def test_several_objectives_and_limits_are_compared():
    objectives = (Objective("loss"), Objective("time"))
    problem = Problem(PROBLEM.space, objectives, (Limit.parse("size <= 10"),), seed=1)
    run = Members(PopulationBased(2, 8, population=4), problem)
    for loss, time, size in ((1.0, 4.0, 1), (4.0, 1.0, 1), (5.0, 5.0, 1), (0.0, 0.0, 20)):
        run.report(run.start(), {"loss": loss, "time": time, "size": size}, 2)
    for number in (0, 1, 2):
        assert run.next() == Resume(number)
        run.resume(number)
    assert run.next() == Stop(3)  # it is beyond the limit


def test_a_failed_member_is_replaced_by_a_copy_of_a_good_one():
    run = four([0.4, 0.1, 0.9, 0.3])
    run.resume(0)
    run.end(0, TrialState.FAILED)
    assert (run.next().fork, run.next().step) == (1, 2)


def test_before_anybody_is_good_a_failed_member_is_replaced_by_a_new_one():
    run = Members(PopulationBased(2, 8, population=2))
    run.start()
    run.end(0, TrialState.FAILED)
    run.start()
    assert run.next() == Start()
    run.start()
    assert run.next() == Wait()


def test_nobody_waits_for_those_behind():
    run = Members(PopulationBased(2, 8, population=2))
    run.start()
    run.start()
    run.report(0, 0.5, 2)
    assert run.next() == Resume(0)
    run.resume(0)
    run.report(0, 0.4, 4)
    assert run.next() == Resume(0)
    run.resume(0)
    # The one behind is compared with what the first had reached at the same step.
    assert run.report(1, 0.45, 2) is Decision.PAUSE
    assert run.next() == Resume(1)
    run.resume(1)
    assert run.report(1, 0.42, 4) is Decision.PAUSE
    assert run.next() == Stop(1)


def test_the_member_furthest_behind_goes_on_first():
    run = four([0.1, 0.2, 0.3, 0.4], quantile=0.25)
    run.resume(0)
    run.report(0, 0.05, 4)
    assert run.next() == Resume(1)


def test_a_report_without_the_metric_does_not_count():
    run = Members(PopulationBased(2, 8, population=2))
    run.start()
    assert run.report(0, {"other": 1.0}, 2) is Decision.CONTINUE
    assert run.report(0, 1.0, 3) is Decision.PAUSE


def test_at_its_end_a_trial_is_not_paused():
    run = Members(PopulationBased(2, 4, population=2))
    for number in (0, 1):
        run.start()
        run.report(number, 0.5, 2)
        run.resume(number)
        assert run.report(number, 0.4, 4) is Decision.CONTINUE
        run.end(number, TrialState.COMPLETE, (0.4,))
    assert run.next() == Done()
    assert run.scheduler.kept(PROBLEM, run.history) == set()


def test_a_tournament_is_lost_to_a_better_one_only():
    run = four([0.4, 0.1, 0.9, 0.3], exploit="tournament")
    replaced = {}
    for number in range(4):
        step = run.next()
        if isinstance(step, Stop):
            run.end(number)
            step = run.next()
            replaced[number] = step.fork
            run.start(1.0, step.fork, step.step)
        else:
            assert step == Resume(number)
            run.resume(number)
    values = [0.4, 0.1, 0.9, 0.3]
    assert 2 in replaced  # everybody beats it
    assert 1 not in replaced
    assert all(values[winner] < values[loser] for loser, winner in replaced.items())


def test_when_all_have_gone_bad_the_population_goes_back():
    run = four([0.4, 0.1, 0.9, 0.3], backtrack=1)
    for number in range(4):
        run.resume(number)
        run.report(number, 5.0 + number, 4)
    assert run.scheduler.kept(PROBLEM, run.history) >= {(1, 2)}
    for _ in range(3):
        assert isinstance(run.next(), Resume)
        run.resume(run.next().number)
    assert run.next() == Stop(3)
    run.end(3)
    assert (run.next().fork, run.next().step) == (1, 2)
    # Without backtracking the best of now is copied.
    now = PopulationBased(2, 8, population=4)
    assert (now.next(PROBLEM, run.history).fork, now.next(PROBLEM, run.history).step) == (0, 4)


def test_combined_with_a_rule_it_keeps_its_checkpoints():
    run = four([0.4, 0.1, 0.9, 0.3])
    both = Patience(patience=5) | run.scheduler
    assert both.next(PROBLEM, run.history) == Resume(0)
    assert both.kept(PROBLEM, run.history) == {(number, 2) for number in range(4)}


def test_it_goes_back_to_a_checkpoint_a_few_times_only():
    run = four([0.4, 0.1, 0.9, 0.3], backtrack=1)
    for number in range(4):
        run.resume(number)
        run.report(number, 5.0 + number, 4)
        run.resume(number)
    copies = []
    for number in (0, 2):
        run.end(number, TrialState.FAILED)
        step = run.next()
        # The second one copies the first one, which is as good as what it went back to.
        assert (step.fork, step.step) == (1, 2)
        copies.append(run.start(1.0, step.fork, step.step))
    for copy in copies:
        run.report(copy, 9.0, 4)
        run.resume(copy)
    run.end(3, TrialState.FAILED)
    assert (run.next().fork, run.next().step) == (1, 4)


# ---------------------------------------------------------------- whole studies

SPACE = {"rate": luthier.Float(1e-3, 1.0, log=True)}


def training(seconds=lambda trial: 1.0, length=12, fails=lambda trial, step: False):
    """Return an objective whose state is what its whole lineage made of it."""
    states = {}

    def train(trial):
        done = trial.restored_step or 0
        state = 1.0
        if done:
            own = (trial.number, done)
            state = states[own] if own in states else states[trial.parent, done]
        for step in range(done + 1, length + 1):
            yield seconds(trial)
            if fails(trial, step):
                raise ValueError("failed")
            best = 0.3 * 0.8**step
            state *= 1 - 0.3 * math.exp(-abs(math.log(trial["rate"] / best)))
            states[trial.number, step] = state
            trial.report(state, step)
            if step < length and trial.should_prune():
                raise luthier.TrialPruned
        return state

    return train


def studied(workers, objective=None, seed=1, **settings):
    study = luthier.create_study(
        SPACE, scheduler=PopulationBased(2, 12, **settings), sampler="random", seed=seed
    )
    executor = Simulated(workers)
    study.optimize(objective or training(), executor=executor, max_failures=None)
    return study, executor


def uneven(trial):
    return 0.5 + (trial.number * 0.618) % 1.0


@pytest.mark.parametrize("exploit", ["truncation", "tournament"])
@pytest.mark.parametrize("explore", ["perturb", "resample", "pb2"])
@pytest.mark.parametrize("workers", [1, 3, 20])
def test_whole_populations(workers, explore, exploit):
    study, _ = studied(workers, training(uneven), explore=explore, exploit=exploit, backtrack=1)
    assert study.stop_reason == "the schedule is complete"
    states = Counter(trial.state for trial in study.trials)
    assert states[TrialState.COMPLETE] == 8
    assert set(states) == {TrialState.COMPLETE, TrialState.PRUNED}
    assert states[TrialState.PRUNED] >= 4
    for trial in study.trials[8:]:
        parent = study.trials[trial.parent]
        assert trial.parent_step in parent.intermediate_values
        assert trial.parent_step % 2 == 0
        assert trial.why["how"] == "scheduler"
    assert [r for r in replay_all(study) if r.same is False] == []


def test_a_population_beats_the_same_epochs_of_constant_rates():
    values = {"perturb": [], "pb2": [], "constant": []}
    for seed in range(5):
        for explore in ("perturb", "pb2"):
            study, _ = studied(1, seed=seed, explore=explore)
            values[explore].append(study.best_value)
            assert sum(len(trial.reports) for trial in study.trials) == 96
        constant = luthier.create_study(SPACE, sampler="random", seed=seed)
        constant.optimize(training(), n_trials=8, executor=Simulated(4))
        values["constant"].append(constant.best_value)
        assert sum(len(trial.reports) for trial in constant.trials) == 96
    medians = {name: np.median(found) for name, found in values.items()}
    assert medians["perturb"] < 0.9 * medians["constant"]
    assert medians["pb2"] < 0.6 * medians["constant"]


def events_of(study):
    return from_texts(study.storage.read(study.name))


def test_one_worker_keeps_the_population_in_step():
    study, _ = studied(1)
    reached = {}
    paused = set()
    for event in events_of(study):
        if isinstance(event, Asked):
            reached[event.number] = event.parent_step or 0
        elif isinstance(event, Reported):
            reached[event.number] = event.step
        elif isinstance(event, Paused):
            paused.add(event.number)
        elif isinstance(event, Told):
            paused.discard(event.number)
        elif isinstance(event, Resumed):
            assert reached[event.number] == event.step == min(reached[n] for n in paused)
            paused.discard(event.number)
    # In step, every epoch of the population is run once.
    assert sum(len(trial.reports) for trial in study.trials) == 8 * 12


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_who_is_replaced_is_among_the_worst_and_who_is_copied_is_better(workers):
    study, _ = studied(workers, training(uneven))
    trials = study.trials
    for trial in trials[8:]:
        loser = trials[trial.why["replaces"]]
        assert loser.state is TrialState.PRUNED
        last = loser.reports.last.step
        there = [t.intermediate_values[last] for t in trials if last in t.intermediate_values]
        worse = sum(value > loser.intermediate_values[last] for value in there)
        assert worse < max(1, len(there) // 4) + 1
        copied = trials[trial.parent].intermediate_values
        known = [value for step, value in copied.items() if step <= last]
        assert not known or min(known) < loser.intermediate_values[last]


@pytest.mark.parametrize("workers", [2, 8])
def test_workers_are_busy_until_members_come_to_their_end(workers):
    study, executor = studied(workers, training(uneven))
    begun = {e.number: e for e in events_of(study) if isinstance(e, Asked)}
    assert len(begun) >= 8
    first_end = min(t.ended for t in study.trials if t.state is TrialState.COMPLETE)
    worked = executor.worked
    # Idle time is there only behind the first complete member.
    assert worked >= workers * (first_end - study.trials[0].created) - 1e-6


def test_members_that_fail_are_replaced():
    fails = training(fails=lambda trial, step: trial.number in (2, 9) and step == 3 + trial.number)
    study, _ = studied(3, fails)
    states = Counter(trial.state for trial in study.trials)
    assert states[TrialState.COMPLETE] == 8
    failed = [t.number for t in study.trials if t.state is TrialState.FAILED]
    replaced = {t.why["replaces"]: t for t in study.trials if "replaces" in t.why}
    for number in failed:
        assert replaced[number].parent is not None


def saving(trial):
    """An objective that saves every step, so that old checkpoints are superseded fast."""
    state = trial.load() or {"loss": 1.0, "of": []}
    first = (trial.restored_step or 0) + 1
    assert len(state["of"]) == first - 1
    for step in range(first, 13):
        good = step <= 4 or trial.number >= 4  # all that begin first go bad in the end
        state["loss"] *= (0.8 if good else 3.0) + trial.number / 1000
        state["of"].append(trial["rate"])
        trial.report(state["loss"], step)
        trial.save(state)
        trial.prune_if_hopeless()
    return state["loss"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_checkpoints_that_may_be_needed_are_kept(jobs, caplog, tmp_path):
    study = luthier.create_study(
        SPACE,
        scheduler=PopulationBased(4, 12, population=4, backtrack=2, explore="resample"),
        checkpoints=luthier.Checkpoints(tmp_path, keep_last=1, keep_ended="none"),
        sampler="random",
        seed=2,
        storage=str(tmp_path / "s.db"),
    )
    study.optimize(saving, n_jobs=jobs)
    assert "checkpoint" not in caplog.text
    assert "begins anew" not in caplog.text
    forks = [trial for trial in study.trials if trial.parent is not None]
    assert forks
    assert all(trial.parent_step is not None for trial in forks)
    assert any(t.why["copies"] == "the best there ever was" for t in forks)
    # All is over: nothing is needed any more.
    assert list(tmp_path.rglob("manifest.json")) == []


# ---------------------------------------------------------------- other params

MIXED = Space(
    {
        "rate": Float(1e-4, 1.0, log=True),
        "shift": Float(-1.0, 1.0),
        "width": Int(1, 64),
        "tenths": Float(0.0, 1.0, step=0.1),
        "size": Categorical(["s", "m", "l"], ordered=True),
        "kind": Categorical(["sgd", "adam"]),
        "momentum": Float(0.1, 0.99, when={"kind": "sgd"}),
        "lr": Schedule(1e-3, 1e-1, kinds=["constant", "cosine"]),
    },
    constraints=["width * rate <= 8"],
)


@given(seed=st.integers(0, 2**32 - 1))
def test_perturbed_params_are_legal_and_near(seed):
    rng = np.random.default_rng(seed)
    params = MIXED.sample(rng)[0]
    moved = perturbed(params, MIXED, rng, (0.8, 1.2), 0.0)
    assert MIXED.contains(moved)
    assert MIXED.canonical(moved) == moved
    assert moved["lr"] == params["lr"]
    assert moved["kind"] == params["kind"]
    assert set(moved) == set(params)
    ratio = moved["rate"] / params["rate"]
    at_bound = moved["rate"] in (1e-4, 1.0)
    assert at_bound or pytest.approx(ratio) in (0.8, 1.2) or moved == params
    assert abs(moved["shift"] - params["shift"]) <= 0.4 + 1e-9
    assert abs(moved["tenths"] - params["tenths"]) <= 0.2 + 1e-9
    order = ["s", "m", "l"]
    assert abs(order.index(moved["size"]) - order.index(params["size"])) <= 1


@given(seed=st.integers(0, 2**32 - 1))
def test_only_what_may_change_changes(seed):
    rng = np.random.default_rng(seed)
    params = MIXED.sample(rng)[0]
    for moved in (
        perturbed(params, MIXED, rng, (0.8, 1.2), 0.5, ["rate", "kind"]),
        resampled(params, MIXED, rng, ["rate", "kind"]),
    ):
        assert MIXED.contains(moved)
        unchanged = {"shift", "width", "tenths", "size", "lr"}
        assert {name: moved[name] for name in unchanged} == {n: params[n] for n in unchanged}
        assert ("momentum" in moved) == (moved["kind"] == "sgd")


@pytest.mark.parametrize("param", [Int(1, 5), Int(1, 5, log=True)], ids=str)
def test_whole_numbers_always_move_unless_at_a_bound(param):
    space = Space({"n": param})
    rng = np.random.default_rng(0)
    for n in range(1, 6):
        found = {perturbed({"n": n}, space, rng, (0.8, 1.2), 0.0)["n"] for _ in range(40)}
        assert found == {max(n - 1, 1), min(n + 1, 5)}


def test_steps_by_factors_move_by_one():
    space = Space({"x": Float(1e-4, 1.0, log=True, step=10)})
    rng = np.random.default_rng(0)
    found = {perturbed({"x": 0.01}, space, rng, (0.8, 1.2), 0.0)["x"] for _ in range(40)}
    assert found == {0.001, 0.1}


def test_drawing_anew_covers_the_space():
    rng = np.random.default_rng(0)
    params = MIXED.sample(rng)[0]
    found = [resampled(params, MIXED, rng) for _ in range(200)]
    assert {row["kind"] for row in found} == {"sgd", "adam"}
    assert {row["size"] for row in found} == {"s", "m", "l"}
    assert min(row["rate"] for row in found) < 1e-3 < 1e-1 < max(row["rate"] for row in found)
    assert {row["lr"] for row in found} == {params["lr"]}


def test_params_that_left_the_space_are_drawn_anew():
    narrow = MIXED.narrow("rate", 1e-3, 1e-2)
    rng = np.random.default_rng(0)
    params = {**MIXED.sample(rng)[0], "rate": 0.5, "width": 2}
    for _ in range(20):
        assert narrow.contains(perturbed(params, narrow, rng, (0.8, 1.2), 0.0))


def test_the_bandit_learns_which_rate_improves_most():
    # A rate of about 1 improves by 1 in each interval, others the less the farther they are.
    problem = Problem(Space({"x": Float(0.01, 100.0, log=True)}), seed=3)
    run = Members(PopulationBased(1, 50, population=8, explore="pb2"), problem)
    rates = [0.01, 0.05, 0.2, 1.2, 4.0, 15.0, 60.0, 100.0]
    for number, rate in enumerate(rates):
        run.start(rate)
        value = 10.0
        for step in (1, 2, 3):
            value -= 1 / (1 + math.log10(rate) ** 2)
            run.report(number, value, step)
            run.resume(number)
    run.end(0, TrialState.FAILED)
    step = run.next()
    assert step.why["explore"]["pb2"]["intervals"] == 16
    assert 0.2 < step.params["x"] < 5.0


def test_the_bandit_survives_losses_of_any_size():
    run = Members(PopulationBased(1, 50, population=4, explore="pb2"))
    for number, value in enumerate((1e308, -1e308, 1.0, 1e-300)):
        run.start(0.5 + number)
        for step in (1, 2, 3):
            run.report(number, value / step, step)
            run.resume(number)
    run.end(0, TrialState.FAILED)
    assert "pb2" in run.next().why["explore"]


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"interval": 0}, "interval"),
        ({"interval": 5, "max_step": 5}, "max_step"),
        ({"interval": 5, "population": 1}, "population"),
        ({"interval": 5, "exploit": "best"}, "exploit"),
        ({"interval": 5, "explore": "best"}, "explore"),
        ({"interval": 5, "quantile": 0.6}, "quantile"),
        ({"interval": 5, "perturb": [1.0]}, "perturb"),
        ({"interval": 5, "perturb": []}, "perturb"),
        ({"interval": 5, "resample": 1.5}, "resample"),
        ({"interval": 5, "changes": "lr"}, "changes"),
        ({"interval": 5, "backtrack": -1}, "backtrack"),
        ({"interval": 5, "direction": "minimize"}, "direction"),
    ],
)
def test_settings_are_checked(settings, field):
    with pytest.raises(InvalidInput, match=field):
        PopulationBased(**settings)


def test_a_param_that_is_not_there_cannot_change():
    with pytest.raises(InvalidInput, match="changes"):
        PopulationBased(2, 8, changes=["y"]).next(PROBLEM, Members(None).history)


def test_it_is_made_from_what_describes_it():
    scheduler = PopulationBased(2, 8, perturb=(0.5, 2.0), changes=["x"])
    spec = describe(scheduler)
    assert spec == {
        "name": "pbt",
        "interval": 2,
        "max_step": 8,
        "perturb": [0.5, 2.0],
        "changes": ["x"],
    }
    assert make(spec) == scheduler


@pytest.mark.parametrize("explore", ["perturb", "pb2"])
def test_a_define_by_run_study_has_populations_too(explore):
    def objective(trial):
        rate = trial.suggest_float("rate", 1e-3, 1.0, log=True)
        kind = trial.suggest_categorical("kind", ["a", "b"])
        if kind == "b":
            trial.suggest_int("depth", 1, 3)
        state = trial.load() or {"loss": 1.0}
        for step in range((trial.restored_step or 0) + 1, 13):
            state["loss"] *= 1 - 0.3 * math.exp(-abs(math.log(rate / (0.3 * 0.8**step))))
            trial.report(state["loss"], step)
            if trial.should_prune():
                trial.save(state)
                raise luthier.TrialPruned
        return state["loss"]

    study = luthier.create_study(
        scheduler=PopulationBased(2, 12, explore=explore, changes=["rate"]),
        sampler="random",
        seed=1,
    )
    study.optimize(objective)
    assert sum(trial.state is TrialState.COMPLETE for trial in study.trials) == 8
    forked = [trial for trial in study.trials if trial.parent is not None]
    assert forked
    for trial in forked:
        parent = study.trials[trial.parent].params
        assert trial.params["kind"] == parent["kind"]
        assert trial.params.get("depth") == parent.get("depth")
        assert trial.params["rate"] != parent["rate"]
    assert [r for r in replay_all(study) if r.same is False] == []
