"""Schedules: their formulas, their codec, and their way through logs, files and commands."""

from __future__ import annotations

import json
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import luthier
from luthier.errors import FormatError, InvalidInput, InvalidParams, InvalidSpace
from luthier.executors.command import Command
from luthier.formats.read import read_study_file
from luthier.model.events import Asked
from luthier.model.serde import from_texts, to_text
from luthier.samplers.registry import make, names
from luthier.space import Course, Float, Int, Piecewise, Schedule, Space
from luthier.space.courses import KINDS
from luthier.testing.strategies import schedules, seeds

# Courses


@pytest.mark.parametrize(
    ("course", "expected"),
    [
        (Course("constant", 2), {0: 2, 0.5: 2, 1: 2}),
        (Course("constant", 2, warmup=0.5), {0: 0.2, 0.25: 1.1, 0.5: 2, 1: 2}),
        (Course("linear", 8, end=0.25), {0: 8, 0.5: 5, 1: 2}),
        (Course("linear", 8, end=0, warmup=0.2), {0.1: 4.4, 0.2: 8, 0.6: 4, 1: 0}),
        (Course("cosine", 1, end=0), {0: 1, 1 / 3: 0.75, 0.5: 0.5, 2 / 3: 0.25, 1: 0}),
        # Periods of 1, 2 and 4 sevenths.
        (
            Course("cosine_restarts", 1, end=0, restarts=2, stretch=2),
            {0: 1, 0.5 / 7: 0.5, 0.9999999 / 7: 0, 1 / 7: 1, 2 / 7: 0.5, 5 / 7: 0.5, 1: 0},
        ),
        (
            Course("cosine_restarts", 4, end=0.5, restarts=3, stretch=1),
            {0: 4, 0.125: 3, 0.25: 4, 0.375: 3, 0.5: 4, 0.625: 3, 1: 2},
        ),
        (Course("step", 1, drops=3, factor=0.5), {0.24: 1, 0.25: 0.5, 0.6: 0.25, 1: 0.125}),
        (Course("exponential", 100, end=1e-4), {0: 100, 0.25: 10, 0.5: 1, 0.75: 0.1, 1: 0.01}),
        (
            Course("one_cycle", 10, rise=0.4, end=0.1),
            {0: 1, 0.2: 5.5, 0.4: 10, 0.6: 5.5, 0.8: 1, 0.9: 0.55, 1: 0.1},
        ),
        (Course("one_cycle", 10, rise=0.5), {0: 1, 0.5: 10, 0.75: 5.5, 1: 1}),
    ],
)
def test_the_formulas_give_what_one_reckons_by_hand(course, expected):
    found = {progress: course(progress) for progress in expected}
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_cosine_is_that_of_warm_restarts():
    # Loshchilov and Hutter, equation 5, with T_0 = 10, T_mult = 2 and two restarts: 70 epochs.
    course = Course("cosine_restarts", 0.05, end=0.0, restarts=2, stretch=2)
    expected, rate = [], []
    for period in (10, 20, 40):
        expected += [0.5 * 0.05 * (1 + math.cos(math.pi * t / period)) for t in range(period)]
    rate = [course(epoch / 70) for epoch in range(70)]
    assert rate == pytest.approx(expected)


@given(st.data(), seeds(), st.floats(0, 1))
def test_a_course_stays_between_nothing_and_its_peak(data, seed, progress):
    space = Space({"lr": data.draw(schedules())})
    course = space.sample(np.random.default_rng(seed))[0]["lr"]
    share = course(progress) / course.peak if course.peak else 0.0
    assert -1e-12 <= share <= 1 + 1e-12
    if course.warmup is not None and progress < course.warmup:
        assert share == pytest.approx(0.1 + 0.9 * progress / course.warmup if course.peak else 0.0)


@given(st.data(), seeds())
def test_a_course_is_a_mapping_that_json_knows(data, seed):
    space = Space({"lr": data.draw(schedules())})
    course = space.sample(np.random.default_rng(seed))[0]["lr"]
    text = json.dumps(dict(course))
    again = Course(**json.loads(text))
    assert again == course == pickle.loads(pickle.dumps(course)) == eval(repr(course))
    assert hash(again) == hash(course)
    assert set(course) == {"kind", "peak", *KINDS[course.kind]}
    assert replace(course, peak=course.peak + 1) != course


def test_a_course_does_not_change():
    course = Course("linear", 0.1)
    with pytest.raises(AttributeError):
        course.peak = 0.2
    with pytest.raises(KeyError):
        course["restarts"]
    assert course.restarts is None
    assert course["end"] == 0.01


@pytest.mark.parametrize(
    ("make_it", "start", "part"),
    [
        (lambda: Course("cosines", 1), "Course: kind: got 'cosines'", "cosine_restarts"),
        (lambda: Course("cosine", math.inf), "Course: peak: got inf", "finite"),
        (lambda: Course("cosine", 1, warmup=1), "Course: warmup: got 1", "below 1"),
        (lambda: Course("cosine", 1, drops=1), "Course: drops: got 1", "none for kind 'cosine'"),
        (lambda: Course("one_cycle", 1, warmup=0.1), "Course: warmup", "none for kind"),
        (lambda: Course("one_cycle", 1, rise=0.6), "Course: rise: got 0.6", "at most 0.5"),
        (lambda: Course("step", 1, drops=1.5), "Course: drops: got 1.5", "whole"),
        (lambda: Course("exponential", 1, end=0), "Course: end: got 0", "above 0"),
        (lambda: Course("cosine", 1)(1.5), "progress: got 1.5", "from 0 to 1"),
        (lambda: Course("cosine", 1)(math.nan), "progress: got nan", "from 0 to 1"),
        (lambda: Piecewise([]), "Piecewise: points: got ()", "pairs"),
        (lambda: Piecewise([(0.1, 1)]), "Piecewise: points", "from 0"),
        (lambda: Piecewise([(0, 1), (0.5, 2), (0.5, 3)]), "Piecewise: points", "rises"),
        (lambda: Piecewise([(0, 1), (1.5, 2)]), "Piecewise: points", "at most 1"),
        (lambda: Piecewise([(0, math.nan)]), "Piecewise: points", "value"),
        (lambda: Piecewise([(0, 1)], "cubic"), "Piecewise: between: got 'cubic'", "'linear'"),
    ],
)
def test_what_makes_no_sense_as_a_course_is_refused(make_it, start, part):
    with pytest.raises(InvalidInput) as caught:
        make_it()
    assert str(caught.value).startswith(start)
    assert part in str(caught.value).partition("allowed: ")[2]


def test_a_piecewise_course_holds_or_goes_straight():
    points = [(0, 4), (0.5, 2), (0.75, 8)]
    held, straight = Piecewise(points), Piecewise(points, between="linear")
    at = (0, 0.25, 0.5, 0.625, 0.75, 1)
    assert [held(t) for t in at] == [4, 4, 2, 2, 8, 8]
    assert [straight(t) for t in at] == [4, 3, 2, 5, 8, 8]
    for course in (held, straight):
        again = Piecewise(**json.loads(json.dumps(dict(course))))
        assert again == course == eval(repr(course)) == pickle.loads(pickle.dumps(course))
        assert hash(again) == hash(course)
    assert held != straight


# The parameter


@pytest.mark.parametrize(
    ("make_it", "start", "part"),
    [
        (lambda: Schedule(0, 1), "Schedule: low: got 0", "positive"),
        (lambda: Schedule(2, 1), "Schedule: high: got 1", "2"),
        (lambda: Schedule(None, 1), "Schedule: low: got None", ""),
        (lambda: Schedule(1, 2, kinds=["sine"]), "Schedule: kinds: got ('sine',)", "one_cycle"),
        (lambda: Schedule(1, 2, kinds="cosine"), "Schedule: kinds: got 'cosine'", "some of"),
        (lambda: Schedule(1, 2, kinds=[]), "Schedule: kinds: got ()", "some of"),
        (lambda: Schedule(1, 2, kinds=["linear"] * 2), "Schedule: kinds", "each once"),
        (lambda: Schedule(1, 2, warmup=(0.2, 0.1)), "Schedule: warmup: got (0.2, 0.1)", "first"),
        (lambda: Schedule(1, 2, warmup=(0, 1)), "Schedule: warmup: got 1", "below 1"),
        (lambda: Schedule(1, 2, restarts=(0, 2)), "Schedule: restarts: got 0", "at least 1"),
        (lambda: Schedule(1, 2, end=(0, 0.1)), "Schedule: end: got (0, 0.1)", "'exponential'"),
        (lambda: Schedule(1, 2, fixed=Course("linear", 3)), "Schedule: fixed", "peak 1.0 to 2.0"),
    ],
)
def test_what_makes_no_sense_as_a_schedule_is_refused(make_it, start, part):
    with pytest.raises(InvalidSpace) as caught:
        make_it()
    assert start in str(caught.value)
    assert part in str(caught.value).partition("allowed: ")[2]


SCHEDULE = Schedule(
    1e-3,
    1e-1,
    kinds=["constant", "step", "one_cycle"],
    warmup=(0, 0.2),
    end=(0.001, 0.1),
    factor=0.1,
)


def test_its_columns_are_what_is_searched():
    columns = Space({"lr": SCHEDULE}).codec.columns
    assert [(c.param, c.part, c.kind, c.levels) for c in columns] == [
        ("lr", "kind", "categorical", 3),
        ("lr", "peak", "continuous", None),
        ("lr", "warmup", "continuous", None),
        ("lr", "end", "continuous", None),
        ("lr", "drops", "integer", 4),
    ]


@pytest.mark.parametrize("name", ["lr", "conditional"])
def test_parts_are_active_where_the_kind_has_them(name):
    space = Space(
        {"on": Int(0, 1), "lr": SCHEDULE, "conditional": replace(SCHEDULE, when="on > 0")}
    )
    codec = space.codec
    expected = {
        "constant": [True, True, True, False, False],
        "step": [True, True, True, False, True],
        "one_cycle": [True, True, False, True, False],
    }
    rows = space.sample(np.random.default_rng(0), 50)
    points, active = codec.encode_with_activity(rows)
    mine = [i for i, column in enumerate(codec.columns) if column.param == name]
    for row, point, flags in zip(rows, points.tolist(), active.tolist(), strict=True):
        found = [flags[i] for i in mine]
        assert found == (expected[row[name].kind] if name in row else [False] * 5)
        assert all(point[i] == 0.5 for i in mine if not flags[i])
        assert codec.encode_one_with_activity(row) == (point, flags)
    assert {row[name].kind for row in rows if name in row} == set(expected)
    assert codec.active(points).tolist() == active.tolist()


def test_values_outside_are_refused_and_none_is_changed():
    space = Space({"lr": SCHEDULE})
    good = Course("step", 0.05, warmup=0.1, drops=4, factor=0.1)
    assert space.canonical({"lr": good}) == {"lr": good}
    for bad in (
        Course("cosine", 0.05),
        replace(good, peak=0.2),
        replace(good, warmup=0.3),
        replace(good, drops=5),
        replace(good, factor=0.2),
        dict(good),
        0.05,
    ):
        with pytest.raises(InvalidParams, match=r"^lr: got .*; allowed: a Course of kind constant"):
            space.check({"lr": bad})


def test_a_frozen_schedule_proposes_one_course_and_still_knows_the_others():
    space = Space({"lr": SCHEDULE})
    old = space.sample(np.random.default_rng(1), 30)
    kept = Course("constant", 0.05, warmup=0.1)
    frozen = space.freeze("lr", kept)
    points, active = frozen.codec.encode_with_activity(old)
    before = space.codec.encode_with_activity(old)
    assert np.array_equal(points, before[0])
    assert np.array_equal(active, before[1])
    assert {row["lr"] for row in frozen.sample(np.random.default_rng(2), 5)} == {kept}
    assert frozen.codec.active(points).tolist() == [[True, True, True, False, False]] * 30
    assert list(frozen.grid()) == [{"lr": kept}]
    assert Space.from_json(json.loads(json.dumps(frozen.to_json()))) == frozen


def test_a_later_schedule_counts_for_earlier_trials_as_what_it_is_deemed():
    space = Space({"b": Int(1, 4)}).add("lr", SCHEDULE, deemed=Course("constant", 0.05))
    space = Space.from_json(json.loads(json.dumps(space.to_json())))
    (point,), (active,) = space.codec.encode_with_activity([{"b": 1}])
    assert space.codec.decode([point]) == [{"b": 1, "lr": Course("constant", 0.05)}]
    assert active.tolist() == [True, True, True, True, False, False]


def test_its_grid_combines_what_each_kind_has():
    space = Space({"lr": replace(SCHEDULE, when=None)})
    assert space.size is None
    courses = [row["lr"] for row in space.grid(3)]
    # constant: peak and warm-up; step: those and 4 numbers of drops; one cycle: peak and end.
    assert len(courses) == len(set(courses)) == 9 + 9 * 4 + 9
    assert {course.peak for course in courses} == {0.001, 0.01, 0.1}
    assert all(space.contains({"lr": course}) for course in courses)
    finite = Space(
        {"lr": Schedule(0.1, 0.1, kinds=["step", "cosine_restarts", "linear"], factor=0.5)}
    )
    assert finite.size == len(list(finite.grid())) == 4 + 3 + 1
    alone = Space({"lr": Schedule(0.1, 0.1, kinds=["linear"])})
    assert alone.size == 1
    assert list(alone.grid()) == [{"lr": Course("linear", 0.1)}]


@given(schedules())
def test_it_comes_back_from_json_and_from_its_repr(schedule):
    space = Space({"lr": schedule})
    assert Space.from_json(json.loads(json.dumps(space.to_json()))) == space
    assert eval(repr(schedule)) == schedule == pickle.loads(pickle.dumps(schedule))
    assert hash(eval(repr(schedule))) == hash(schedule)


# Through the rest of the system


@given(st.data(), seeds())
def test_the_log_gives_a_course_back(data, seed):
    space = Space({"lr": data.draw(schedules()), "x": Float(0, 1)})
    (params,) = space.sample(np.random.default_rng(seed))
    event = Asked(0, params, at=0, by="random", owner=None, time=0.0)
    (read,) = from_texts([to_text(event)])
    assert read.params == params
    assert type(read.params["lr"]) is Course
    assert space.restore(json.loads(json.dumps(space.jsonable(params)))) == params


def test_a_study_gives_the_objective_a_course_and_remembers_it(tmp_path):
    storage = f"sqlite:///{tmp_path / 'luthier.db'}"
    study = luthier.create_study({"lr": SCHEDULE}, storage=storage, study_name="s", seed=0)
    queued = Course("one_cycle", 0.05)
    study.enqueue_trial({"lr": replace(queued, end=0.1)})
    study.optimize(lambda trial: trial["lr"](0.5) + trial["lr"](1.0), n_trials=4)
    read = luthier.load_study(storage=storage, study_name="s")
    assert [trial.params for trial in read.trials] == [trial.params for trial in study.trials]
    assert read.trials[0].params["lr"] == replace(queued, end=0.1)
    assert all(isinstance(trial.params["lr"], Course) for trial in read.trials)
    assert read.best_value == min(t.params["lr"](0.5) + t.params["lr"](1.0) for t in read.trials)


@pytest.mark.parametrize("sampler", sorted(set(names()) - {"fixed", "grid"}))
def test_every_sampler_handles_a_schedule(sampler):
    space = Space({"lr": SCHEDULE, "width": Int(1, 9)})
    study = luthier.create_study(space, sampler=make(sampler), seed=0)
    study.optimize(lambda trial: abs(math.log10(trial["lr"](0.5)) + 2), n_trials=14)
    assert len(study.trials) == 14
    assert all(space.contains(trial.params) for trial in study.trials)


def test_a_study_file_declares_and_queues_schedules(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(
        """
command: [echo, "{lr}", "{lr.peak}"]
space:
  lr:
    type: schedule
    low: 1e-4
    high: 0.1
    kinds: [constant, cosine]
    warmup: [0, 0.2]
enqueue:
  - lr: {kind: cosine, peak: 0.01, warmup: 0.1}
"""
    )
    found = read_study_file(path)
    expected = Schedule(1e-4, 0.1, kinds=["constant", "cosine"], warmup=(0, 0.2))
    assert found.space == Space({"lr": expected})
    assert found.enqueue == ({"lr": Course("cosine", 0.01, warmup=0.1)},)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{type: schedule, low: 0.1}", "space.lr"),
        ("{type: schedule, low: 0.1, high: 1, kinds: [sine]}", "kinds"),
        ("{type: schedule, low: 0.1, high: 1, warmup: [0, 0.1, 0.2]}", "warmup"),
        ("{type: schedule, low: 0.1, high: 1, warmup: 2}", "warmup"),
    ],
)
def test_a_study_file_with_a_bad_schedule_is_refused(tmp_path, line, said):
    path = tmp_path / "study.yaml"
    path.write_text(f"command: [echo]\nspace:\n  lr: {line}\n")
    with pytest.raises(FormatError, match=said):
        read_study_file(path)


def test_a_command_gets_a_course_as_json_or_in_parts():
    from luthier.executors._template import Template

    space = Space({"lr": SCHEDULE})
    args = ["--lr={lr}", "--peak={lr.peak}", "--kind={lr.kind}", "--end={lr.end}", "{params}"]
    Command(args).check(space.paths)
    course = Course("step", 0.05, warmup=0.1, drops=4, factor=0.1)
    filled = [a for text in args for a in Template(text).fill({"lr": course}, {})]
    text = '{"kind": "step", "peak": 0.05, "warmup": 0.1, "drops": 4, "factor": 0.1}'
    # A step decay has no end: the argument is left out.
    assert filled == [f"--lr={text}", "--peak=0.05", "--kind=step", f"--lr={text}"]
    with pytest.raises(InvalidInput, match=r"\{lr\.peek\}"):
        Command(["{lr.peek}"]).check(space.paths)
