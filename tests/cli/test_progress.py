import io
import threading
import time

import pytest

from luthier.cli import lines
from luthier.errors import Infeasible, TrialPruned
from luthier.study import progress
from luthier.study.budget import Budget
from luthier.study.create import create_study
from luthier.study.progress import Progress, Tally

SPACE = {"x": {"type": "float", "low": 0, "high": 1}}


def endings(trial):
    if trial.number % 5 == 1:
        raise ValueError("fails")
    if trial.number % 5 == 2:
        raise TrialPruned
    if trial.number % 5 == 3:
        raise Infeasible
    return 1.0 / (1 + trial.number)


def shown(study, budget, n_trials):
    stream = io.StringIO()
    with Progress(lambda: study.history, budget, stream) as bar:
        study.optimize(endings, n_trials, callbacks=[bar])
    return stream.getvalue().split("\r")[-1]


def test_it_counts_what_ended_and_shows_the_best():
    study = create_study(SPACE, seed=1)
    line = shown(study, Budget(n_trials=10), 10)
    assert "10/10 [" in line
    assert f"best {study.best_value:.6g}, 2 failed, 2 pruned, 2 infeasible" in line


def test_it_begins_where_the_study_stands():
    study = create_study(SPACE, seed=1)
    study.optimize(lambda trial: 1.0, 4)
    assert "6/20 [" in shown(study, Budget(total_trials=20), 2)
    assert "8/8 [" in shown(study, Budget(n_trials=2), 2)
    assert "10/10 [" in shown(study, Budget(n_trials=2, total_trials=50), 2)
    line = shown(study, Budget(timeout=9.0), 2)
    assert "12trial [" in line.replace(" trial", "trial")


def test_it_starts_no_thread_and_draws_seldom(monkeypatch):
    draws = []
    monkeypatch.setattr(progress._Bar, "refresh", lambda self, *a, **k: draws.append(1))
    study = create_study(SPACE, seed=1)
    before = threading.active_count()
    began = time.monotonic()
    with Progress(lambda: study.history, Budget(n_trials=500), io.StringIO()) as bar:
        study.optimize(lambda trial: 1.0, 500, callbacks=[bar])
        assert threading.active_count() <= before + 1  # the study's heartbeat
    assert len(draws) <= 4 + (time.monotonic() - began) / progress.REDRAW


def test_optimize_shows_it(capsys):
    create_study(SPACE, seed=1).optimize(lambda trial: 2.0, 3, show_progress_bar=True)
    assert "3/3 [" in capsys.readouterr().err


def test_an_error_closes_the_bar(capsys):
    study = create_study(SPACE, seed=1)

    def broken(study, trial):
        raise KeyError("callback")

    with pytest.raises(KeyError, match="callback"):
        study.optimize(lambda trial: 2.0, 3, show_progress_bar=True, callbacks=[broken])
    assert capsys.readouterr().err.endswith("\n")


def test_the_tally_of_several_objectives_is_the_front():
    study = create_study(SPACE, directions=["minimize", "maximize"], seed=1)
    study.optimize(lambda trial: (trial.params["x"], trial.params["x"] // 0.25), 60)
    tally = Tally(study.problem)
    tally.update(study.history)
    assert tally.best is None
    distinct = {trial.values for trial in study.best_trials}
    assert str(tally) == f"front {len(distinct)}"


def test_the_tally_keeps_the_limits_and_updates_by_steps():
    study = create_study(SPACE, direction="maximize", limits=["size <= 0.5"], seed=1)
    tally = Tally(study.problem)
    for _ in range(6):
        study.optimize(lambda trial: {"value": trial.params["x"], "size": trial.params["x"]}, 5)
        tally.update(study.history)
        known = [t.value for t in study.trials if t.metrics["size"] <= 0.5]
        assert tally.best == max(known, default=None)
    assert tally.ended == 30


def test_lines_come_now_and_then(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(lines.time, "monotonic", lambda: now[0])
    study = create_study(SPACE, seed=1)
    callback = lines.Lines(study, 30)

    def tick(study, trial):
        now[0] += 1.0

    study.optimize(lambda trial: 5.0, 30, callbacks=[callback, tick])
    assert capsys.readouterr().err.splitlines() == [
        "1/30 trials, best 5",
        "11/30 trials, best 5",
        "21/30 trials, best 5",
    ]
    unbounded = lines.Lines(study, None)
    unbounded(study, study.trials[0])
    assert capsys.readouterr().err == "30 trials, best 5\n"


def test_it_says_when_time_or_money_ends_it():
    study = create_study(SPACE, seed=1)
    stream = io.StringIO()
    budget = Budget(max_cost=10.0)
    with Progress(lambda: study.history, budget, stream) as bar:
        study.optimize(lambda trial: 0.0, 4, cost=2.0, callbacks=[bar])
        bar._next = 0.0
        bar(study, study.trials[-1])
        line = stream.getvalue().split("\r")[-1]
    assert "about 1 more trials, 0:00:00 left" in line
