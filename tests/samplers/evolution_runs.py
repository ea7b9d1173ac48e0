"""Studies in memory for tests of samplers: many trials at the price of the sampler alone."""

from collections import deque

from luthier.model.events import Asked, Defined, Told
from luthier.model.ledger import Ledger
from luthier.model.problem import Limit, Objective, Problem
from luthier.model.trial import TrialState


def problem_of(space, *, objectives=1, limits=(), seed=0):
    """Return a problem with objectives to minimise."""
    names = tuple(Objective(f"o{i}") for i in range(objectives))
    return Problem(space, names, tuple(Limit.parse(limit) for limit in limits), seed)


def told(number, result):
    """Return the end of a trial: a loss, several, a state, or a loss and metrics."""
    if isinstance(result, TrialState):
        return Told(number, result)
    loss, metrics = result, {}
    if isinstance(result, tuple) and isinstance(result[-1], dict):
        loss, metrics = result
    values = loss if isinstance(loss, tuple) else (loss,)
    return Told(number, TrialState.COMPLETE, tuple(map(float, values)), metrics)


def history_of(problem, points, results, whys=None):
    """Return the history of these trials."""
    events = [Defined(problem)]
    for number, (point, result) in enumerate(zip(points, results, strict=True)):
        why = whys[number] if whys else {}
        events += [Asked(number, point, 0, "other", "owner", why=why), told(number, result)]
    return Ledger().apply(events).snapshot()


def run(sampler, problem, objective, trials, *, workers=1, before=()):
    """Return all events of a study; with several workers, the oldest trial ends first."""
    events = [Defined(problem), *before]
    ledger = Ledger().apply(events)
    running = deque()
    first = ledger.snapshot().count
    for number in range(first, first + trials):
        history = ledger.snapshot()
        ((params, why),) = sampler.suggest(problem, history, problem.rng(number), 1)
        problem.space.check(params)
        new = [Asked(number, params, history.version, "sampler", "owner", why=why)]
        running.append((number, params))
        if len(running) == workers or number == first + trials - 1:
            ended = [running.popleft()] if number < first + trials - 1 else list(running)
            new += [told(n, objective(p)) for n, p in ended]
        ledger.apply(new)
        events += new
    return events


def history(events):
    """Return the history after these events."""
    return Ledger().apply(events).snapshot()


def best(events):
    """Return the least loss of complete trials within the limits."""
    snapshot = history(events)
    return float(snapshot.losses[snapshot.eligible, 0].min())
