"""Logs of events as workers write them, late and doubled ones included, and their plain fold."""

import json
from typing import Any

from hypothesis import strategies as st

# Eighths are exact for every parser of JSON; that of SQLite rounds other numbers its own way.
NUMBERS = st.integers(-800, 800).map(lambda eighths: eighths / 8) | st.integers(-5, 5)
VALUES = NUMBERS | st.booleans() | st.none() | st.text(max_size=5) | st.just([1, "a"])
METRIC = NUMBERS | st.sampled_from([{"float": "nan"}, {"float": "inf"}, {"float": "-inf"}])
OWNERS = st.sampled_from(["one", "two"])
ERRORS = st.sampled_from(["it broke", "broke\0", "\ud800x", "\N{GUITAR}"])
FINAL = st.sampled_from(["COMPLETE", "PRUNED", "INFEASIBLE", "FAILED"])

KINDS = [
    *["begin", "ask again", "note", "tell", "pause", "release"],
    *3 * ["resume"],
    *3 * ["suggest"],
    *6 * ["report"],
]


@st.composite
def logs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw a study's events. Attempts are numbered, and go on behind the step they resume from."""
    partial = draw(st.booleans())
    events: list[dict[str, Any]] = [
        {"event": "defined", "problem": {"space": {"partial": partial}}, "time": 0.0}
    ]
    attempts: list[int] = []
    resumed_from: dict[tuple[int, int], int] = {}
    for clock in range(1, draw(st.integers(1, 40))):
        time = clock + 0.5
        kind = draw(st.sampled_from(KINDS if attempts else ["begin"]))
        if kind == "begin" and len(attempts) == 3:
            continue
        if kind == "begin":
            number = len(attempts)
            params = draw(st.dictionaries(st.sampled_from("xyz"), VALUES, max_size=3))
            if draw(st.booleans()):
                event = {"event": "enqueued", "params": params, "user_attrs": {}}
                attempts.append(0)
            else:
                event = {"event": "asked", "params": params, "at": clock, "by": "random"}
                if draw(st.booleans()):
                    event["owner"] = draw(OWNERS)
                attempts.append(1)
            events.append({**event, "number": number, "time": time})
            continue
        number = draw(st.integers(0, len(attempts) - 1))
        if kind == "resume" and attempts[number] == 0:
            attempts[number] = 1
            event = {
                "event": "asked",
                "params": {"x": 1},
                "at": clock,
                "by": "grid",
                "owner": "one",
            }
        elif kind == "resume":
            step = draw(st.none() | st.integers(0, 6))
            again = draw(st.sampled_from([max(2, attempts[number]), *3 * [attempts[number] + 1]]))
            attempts[number] = max(attempts[number], again)
            resumed_from.setdefault((number, again), -1 if step is None else step)
            event = {"event": "resumed", "attempt": again, "owner": "two", "step": step}
        elif attempts[number] == 0 and kind != "tell":
            continue  # nobody runs it
        elif kind == "ask again":
            event = {"event": "asked", "params": {"x": -1}, "at": 0, "by": "grid", "owner": "two"}
        elif kind == "report":
            attempt = draw(st.sampled_from([1, *3 * [attempts[number]]]))
            first = resumed_from.get((number, attempt), -1) + 1
            metrics = draw(st.dictionaries(st.sampled_from(["loss", "auc"]), METRIC, max_size=2))
            step = draw(st.integers(first, first + 4))
            event = {"event": "reported", "step": step, "metrics": metrics, "attempt": attempt}
        elif kind == "suggest":
            values = draw(st.dictionaries(st.sampled_from("xyz"), VALUES, min_size=1, max_size=2))
            event = {"event": "suggested", "values": values}
        elif kind == "pause":
            event = {"event": "paused"}
            if draw(st.booleans()):
                event["attempt"] = draw(st.sampled_from([1, *2 * [attempts[number]]]))
        elif kind == "release":
            event = {"event": "released", "reason": draw(st.sampled_from(["", "interrupted"]))}
            event["attempt"] = draw(st.sampled_from([1, *3 * [attempts[number]]]))
        elif kind == "note":
            event = {"event": "noted", "key": "k", "value": 1}
        else:
            event = {"event": "told", "state": draw(FINAL)}
            if draw(st.booleans()):
                event["values"] = draw(st.lists(METRIC, min_size=1, max_size=2))
            if draw(st.booleans()):
                event["error"] = draw(
                    st.sampled_from(["it broke", "broke\0", "\ud800x", "\N{GUITAR}"])
                )
        events.append({**event, "number": number, "time": time})
    return events


def texts(events: list[dict[str, Any]]) -> list[str]:
    """Return the bodies of the events."""
    return [json.dumps(event) for event in events]


def folded(events: list[dict[str, Any]]) -> tuple[dict[int, dict[str, Any]], set[tuple[Any, ...]]]:
    """Return the trials by number, and the reports (number, step, metric, value)."""
    partial = events[0]["problem"]["space"]["partial"]
    trials: dict[int, dict[str, Any]] = {}
    reports: dict[int, list[tuple[int, dict[str, Any]]]] = {}
    for event in events[1:]:
        number, kind = event["number"], event["event"]
        if number not in trials:
            reports[number] = []
            trials[number] = {
                "state": "WAITING",
                "params": event["params"],
                "attempt": 0,
                "started": None,
                "ended": None,
                "values": None,
                "error": "",
                "dynamic": False,
            }
        trial = trials[number]
        if trial["ended"] is not None:
            continue
        match kind:
            case "asked" if trial["attempt"] == 0:
                dynamic = partial and event.get("owner") is not None
                params = {} if dynamic else event["params"]
                trial.update(
                    state="RUNNING",
                    attempt=1,
                    params=params,
                    dynamic=dynamic,
                    started=event["time"],
                )
            case "suggested" if trial["dynamic"]:
                trial["params"] = {**trial["params"], **event["values"]}
            case "reported":
                late = trial["state"] != "RUNNING" or event["attempt"] != trial["attempt"]
                if not late and all(event["step"] > step for step, _ in reports[number]):
                    reports[number].append((event["step"], event["metrics"]))
            case "paused" | "released" if (
                trial["state"] != "RUNNING"
                or event.get("attempt", trial["attempt"]) != trial["attempt"]
            ):
                pass
            case "paused":
                trial["state"] = "PAUSED"
            case "released":
                trial.update(state="WAITING", error=event["reason"])
            case "resumed" if event["attempt"] == trial["attempt"] + 1:
                step = -1 if event["step"] is None else event["step"]
                reports[number] = [report for report in reports[number] if report[0] <= step]
                trial.update(
                    state="RUNNING", attempt=event["attempt"], error="", started=event["time"]
                )
                if trial["dynamic"]:
                    trial["params"] = {}
            case "told":
                trial.update(
                    state=event["state"],
                    ended=event["time"],
                    values=event.get("values"),
                    error=event.get("error", ""),
                )
    rows = {
        (number, step, metric, number_of(value))
        for number, kept in reports.items()
        for step, metrics in kept
        for metric, value in metrics.items()
    }
    return trials, rows


def number_of(value: Any) -> Any:
    """Return what a view shows for a number: None for NaN, which compares with nothing."""
    value = float(value["float"]) if isinstance(value, dict) else float(value)
    return value if value == value else None
