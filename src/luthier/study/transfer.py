"""Start from earlier studies: their results as tables in the log, and some points to queue."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import islice
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.errors import EmptySpace, InvalidInput, InvalidParams, InvalidSpace
from luthier.model.columns import Array
from luthier.model.earlier import Earlier, opened
from luthier.model.events import Transferred
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import Params
from luthier.numerics.portfolio import portfolio
from luthier.space.codec import Codec
from luthier.space.composite import Derived
from luthier.space.space import Space
from luthier.study.asking import queueable
from luthier.study.journal import Journal
from luthier.study.running import now
from luthier.study.view import StudyView

BEST = 100
"""So many of the best trials of an earlier study are taken over."""

OTHERS = 100
"""And so many of the others, evenly from good to bad."""

POOL = 1000
"""From about so many trials of all earlier studies together the points to start with are chosen."""

FIELD = "transfer_from"


@dataclass(frozen=True, slots=True)
class Transfer:
    """What `Study.transfer_from` did.

    The trials of each earlier study that ended with a result within its limits become a table
    in this study's log: params, and which share of the others was better. It is there for
    samplers, and for every replay. And a `luthier.numerics.portfolio.portfolio` of their points
    is queued, of the values that this space has: others, and parameters that are new here, are
    left to the sampler. Points that were tried or wait here already are not queued.

    Objectives are the same if they have the same name, or, where no name is shared and there
    are as many, the same place; better there is better here, whatever the directions.

    The same call again changes nothing, unless the earlier studies went on since: then their new
    tables replace the old ones. So a script may call it each time that it is started.

    Attributes
    ----------
    sources : tuple of str
        The names of the earlier studies.
    rows : tuple of int
        How many trials of each are in its table.
    enqueued : tuple of int
        The numbers of the trials that were queued.
    """

    sources: tuple[str, ...]
    rows: tuple[int, ...]
    enqueued: tuple[int, ...]


def transfer(
    study: StudyView,
    studies: Sequence[StudyView | str],
    enqueue: Callable[..., int | None],
    n_start: int,
) -> Transfer:
    """Do what `Study.transfer_from` says; `enqueue` is its `enqueue_trial`."""
    if isinstance(n_start, bool) or not isinstance(n_start, int) or n_start < 0:
        raise InvalidInput(f"{FIELD}: n_start", n_start, "a whole number of at least 0")
    views = [_view(study, given) for given in studies]
    if not views:
        raise InvalidInput(FIELD, (), "at least one study")
    problem, known = study.problem, study.history.transferred
    tables = list(dict.fromkeys(_table(study, view) for view in views))
    points = list(islice(_starts(problem, _space(problem, views), tables), n_start))
    events = [
        Transferred(table.source, table.identity, table.params, table.ranks, now())
        for table in tables
        if table not in known
    ]
    if events:
        study._journal.append(*events)
    numbers = [
        enqueue(point, user_attrs={"transferred_from": source}, skip_if_exists=True)
        for source, point in points
    ]
    return Transfer(
        tuple(table.source for table in tables),
        tuple(len(table.params) for table in tables),
        tuple(number for number in numbers if number is not None),
    )


# -------------------------------------------------------------------- tables


def _view(study: StudyView, given: StudyView | str) -> StudyView:
    if isinstance(given, str):
        return StudyView(Journal(study.storage, given))
    if isinstance(given, StudyView):
        return given
    raise InvalidInput(FIELD, given, "a study, or the name of one in the same storage")


def _identity(view: StudyView) -> str:
    """Return a fingerprint of the study's first event, which says its problem, seed and time.

    Unlike the storage's own mark it is the same for a copy, and differs between storages.
    """
    first = view.storage.read(view.name, 0, 1)[0]
    return blake2b(first.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _table(study: StudyView, view: StudyView) -> Earlier:
    """Return what this study can use of another one."""
    history, problem = view.history, study.problem
    identity = _identity(view)
    if identity == _identity(study):
        raise InvalidInput(FIELD, view.name, "other studies than this one")
    ranks = _ranks(history, _matching(problem, history.problem, view.name))
    finished = [trial for trial, ok in zip(history.ended, history.eligible, strict=True) if ok]
    if not finished:
        raise InvalidInput(FIELD, view.name, "a study with a finished trial within its limits")
    space, there = problem.space, history.problem.space
    wanted = None if problem.dynamic else space.params
    params = tuple(_shared(trial.params, there, wanted) for trial in finished)
    whole = Earlier(view.name, identity, params, ())
    if space.params or not problem.dynamic:
        usable = [bool(active.any()) for active in whole.encoded(space)[1]]
    else:  # in a define-by-run study that has just begun nobody knows yet
        usable = [bool(row) for row in params]
    if not any(usable):
        names = ", ".join(there.names)
        allowed = f"a study that shares parameters and values with {', '.join(space.names)}"
        raise InvalidInput(FIELD, f"{view.name}, of {names}", allowed)
    rows = np.flatnonzero(usable)
    rows = rows[_thinned(ranks[rows])]
    return replace(
        whole,
        params=tuple(params[i] for i in rows),
        ranks=tuple(
            tuple(None if np.isnan(rank) else float(rank) for rank in ranks[i]) for i in rows
        ),
    )


def _matching(problem: Problem, earlier: Problem, name: str) -> list[int | None]:
    """Return for each objective of a problem which objective of an earlier one it is."""
    wanted = [objective.name for objective in problem.objectives]
    there = [objective.name for objective in earlier.objectives]
    if not set(wanted).isdisjoint(there):
        return [there.index(metric) if metric in there else None for metric in wanted]
    if len(wanted) == len(there):
        return list(range(len(there)))
    allowed = f"a study with an objective named {' or '.join(wanted)}, or with {len(wanted)} in all"
    raise InvalidInput(FIELD, f"{name}, of {', '.join(there)}", allowed)


def _ranks(history: History, matching: Sequence[int | None]) -> Array:
    """Return the share of eligible trials that were better, for each objective that matches."""
    losses = history.losses[history.eligible]
    n = len(losses)
    ranks = np.full((n, len(matching)), np.nan)
    for column, match in enumerate(matching):
        if match is not None:
            _, place, count = np.unique(losses[:, match], return_inverse=True, return_counts=True)
            ranks[:, column] = ((np.cumsum(count) - count / 2) / n)[place]
    return ranks


def _thinned(ranks: Array) -> NDArray[np.intp]:
    """Return the places of the rows to keep, the best first.

    With several objectives a row is as good as its best place among all rows, in the mean or in
    one objective: both ends of a front are kept, and its middle.
    """
    known = ranks[:, ~np.isnan(ranks).any(axis=0)]
    orders = np.column_stack([known.mean(axis=1), known]).argsort(axis=0, kind="stable")
    order = orders.argsort(axis=0).min(axis=1).argsort(kind="stable")
    others = order[BEST:]
    if len(others) > OTHERS:
        others = others[np.linspace(0, len(others) - 1, OTHERS).round().astype(int)]
    return np.concatenate([order[:BEST], others])


def _shared(params: Params, there: Space, wanted: Collection[str] | None) -> Params:
    """Return the params of an earlier trial, and those that it is deemed to have had."""
    row = dict(params)
    if there.deemed:
        for name in opened(there).active({**there.deemed, **row}) & there.deemed.keys():
            row.setdefault(name, there.deemed[name])
    return {name: value for name, value in row.items() if wanted is None or name in wanted}


# -------------------------------------------------------------------- points to start with


def _space(problem: Problem, views: Sequence[StudyView]) -> Space:
    """Return the study's space; that of the earlier studies while a define-by-run one has none."""
    if problem.space.params or not problem.dynamic:
        return problem.space
    params: dict[str, Any] = {}
    for view in reversed(views):
        params |= {
            name: replace(param, when=None)  # type: ignore[type-var]  # all are dataclasses
            for name, param in view.space.params.items()
            if not isinstance(param, Derived)
        }
    return Space(params, partial=True)


def _starts(
    problem: Problem, space: Space, tables: Sequence[Earlier]
) -> Iterator[tuple[str, Params]]:
    """Yield points to start with, and the studies they come from; see `portfolio`."""
    step = ceil(sum(len(table.params) for table in tables) / POOL)
    legal = opened(space)
    encoded = [[part[::step] for part in table.encoded(space)] for table in tables]
    points, activity = (np.vstack(parts) for parts in zip(*encoded, strict=True))
    rows = [(table.source, _placed(legal, row)) for table in tables for row in table.params[::step]]
    candidates = np.array([bool(row) and _allowed(space, row) for _, row in rows])
    distances = _distances(space.codec, points, activity)
    scores = _side_by_side([table.scores()[::step] for table in tables])
    rng = problem.rng(0, "transfer")
    for i in portfolio(distances, scores, rng, candidates):
        source, point = rows[i]
        if problem.dynamic or _completable(space, point):
            yield source, point


def _placed(space: Space, params: Params) -> dict[str, Any]:
    """Return those of the params that may be proposed and are known to be active."""
    row: dict[str, Any] = {}
    for name, param in space.params.items():
        if not space.is_active(name, row):
            continue
        if isinstance(param, Derived):
            row[name] = param.compute(row)
        elif name in params:
            try:
                param.check(params[name], name)
            except InvalidParams:
                continue
            row[name] = params[name]
    return {name: row[name] for name in row if not isinstance(space.params[name], Derived)}


def _allowed(space: Space, params: Mapping[str, Any]) -> bool:
    try:
        space.check(params, partial=True)
    except InvalidParams:
        return False
    return True


def _completable(space: Space, params: Params) -> bool:
    try:
        queueable(space, params)
    except (EmptySpace, InvalidParams, InvalidSpace):
        return False
    return True


def _distances(codec: Codec, points: Array, activity: Array) -> Array:
    """Return root mean square distances over the columns of which anything is known."""
    total = np.zeros((len(points), len(points)))
    used = np.flatnonzero(activity.any(axis=0))
    for j in used:
        gap = points[:, None, j] - points[None, :, j]
        total += gap != 0 if codec.columns[j].kind == "categorical" else gap**2
    return np.sqrt(total / max(1, len(used)))


def _side_by_side(blocks: Sequence[Array]) -> Array:
    """Return a table with a block of rows and columns for each study, NaN elsewhere.

    Objectives that a study did not have get no column.
    """
    blocks = [block[:, ~np.isnan(block).any(axis=0)] for block in blocks]
    rows, columns = (sum(block.shape[axis] for block in blocks) for axis in (0, 1))
    table = np.full((rows, columns), np.nan)
    row = column = 0
    for block in blocks:
        height, width = block.shape
        table[row : row + height, column : column + width] = block
        row, column = row + height, column + width
    return table
