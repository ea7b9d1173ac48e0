"""Which points count as good: the best by one loss, or whole fronts by several."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


class Split(NamedTuple):
    """Good and bad points with their weights.

    Attributes
    ----------
    good, bad : arrays of int
        Rows; the bad ones in order.
    good_weights, bad_weights : arrays of float
        Their means are 1.
    share : float
        Of the good ones in all that were split, also those that were left out.
    """

    good: Indices
    good_weights: Array
    bad: Indices
    bad_weights: Array
    share: float


def split(losses: Array, good: int, most_bad: int) -> Split:
    """Part the rows into good and bad ones.

    Parameters
    ----------
    losses : array of shape ``(n, m)``
        Less is better. Rows with NaN have no result, and are bad.
    good : int
        How many rows are good; fewer if not so many have a result.
    most_bad : int
        How many bad rows there may be. Of more, three quarters are the newest, and the others
        are spread evenly over the older ones, for which they stand by a greater weight.
    """
    results = np.flatnonzero(~np.isnan(losses).any(axis=1))
    good = min(good, len(results))
    if losses.shape[1] == 1:
        chosen, weights = _lowest(losses[results, 0], good)
    else:
        chosen, weights = leading(losses[results], good), np.ones(good)
    chosen = results[chosen]
    rest = np.ones(len(losses), np.bool_)
    rest[chosen] = False
    bad, bad_weights = thinned(np.flatnonzero(rest), most_bad)
    return Split(chosen, weights, bad, bad_weights, len(chosen) / max(len(losses), 1))


def split_by_limits(violations: Array, good: int, most: int) -> Split:
    """Part the rows into those within limits and those beyond.

    Parameters
    ----------
    violations : array of shape ``(n,)``
        0 within the limits. Rows with NaN are neither good nor bad.
    good : int
        If fewer are within, so many that are beyond by the least are good as well.
    most : int
        How many good and bad rows there may be each, chosen as by `split`.
    """
    known = np.flatnonzero(~np.isnan(violations))
    order = known[np.argsort(violations[known], kind="stable")]
    count = min(max(good, int((violations == 0).sum())), len(known))
    good_rows, good_weights = thinned(np.sort(order[:count]), most)
    bad_rows, bad_weights = thinned(np.sort(order[count:]), most)
    return Split(good_rows, good_weights, bad_rows, bad_weights, count / max(len(known), 1))


def thinned(rows: Indices, most: int) -> tuple[Indices, Array]:
    """Return at most so many of the rows, and what each of them counts; the mean is 1."""
    if len(rows) <= most:
        return rows, np.ones(len(rows))
    spread = most // 4
    older, newest = rows[: spread - most], rows[spread - most :]
    places = ((np.arange(spread) + 0.5) * (len(older) / spread)).astype(np.intp)
    weights = np.ones(most)
    weights[:spread] = len(older) / spread
    return np.concatenate([older[places], newest]), weights / weights.mean()


def _lowest(losses: Array, k: int) -> tuple[Indices, Array]:
    """Return the `k` lowest, best first and of equal ones the earlier, with their weights.

    The weight falls with the logarithm of the rank, as in CMA-ES (Hansen 2016,
    arXiv:1604.00772, equation 49); equal losses share theirs.
    """
    if k == 0:
        return np.empty(0, np.intp), np.empty(0)
    threshold = np.partition(losses, k - 1)[k - 1]
    below = np.flatnonzero(losses < threshold)
    level = np.flatnonzero(losses == threshold)[: k - len(below)]
    chosen = np.concatenate([below, level])
    chosen = chosen[np.argsort(losses[chosen], kind="stable")]
    weights = np.log(k + 1) - np.log(np.arange(1, k + 1))
    found = losses[chosen]
    if (found[1:] == found[:-1]).any():
        _, place, count = np.unique(found, return_inverse=True, return_counts=True)
        weights = (np.bincount(place, weights) / count)[place]
    return chosen, weights / weights.mean()


def leading(losses: Array, k: int) -> Indices:
    """Return `k` rows: front by front, of the last front those that are far apart.

    Parameters
    ----------
    losses : array of shape ``(n, m)``
        Finite; only their order within each objective matters.
    k : int
        At most n.

    Returns
    -------
    array of int, shape ``(k,)``
    """
    ranks = np.column_stack([np.unique(column, return_inverse=True)[1] for column in losses.T])
    ranks = ranks / np.maximum(ranks.max(axis=0, initial=0), 1)
    left = np.argsort(ranks.sum(axis=1), kind="stable")
    chosen: list[Indices] = []
    missing = k
    while missing:
        on_front = _front(ranks[left])
        front, left = left[on_front], left[~on_front]
        if len(front) > missing:
            front = front[_far_apart(ranks[front], missing)]
        chosen.append(front)
        missing -= len(front)
    return np.concatenate(chosen) if chosen else np.empty(0, np.intp)


def _front(rows: Array) -> NDArray[np.bool_]:
    """Tell which rows no other dominates; they come with their sums rising."""
    on_front = np.zeros(len(rows), np.bool_)
    left = np.arange(len(rows))
    while len(left):
        best = rows[left[0]]  # nothing before it dominated it, and nothing after it can
        others = rows[left]
        on_front[left[(others == best).all(axis=1)]] = True
        left = left[(others < best).any(axis=1)]
    return on_front


def _far_apart(rows: Array, k: int) -> Indices:
    """Return `k` rows: the best of each objective, then again and again the farthest one."""
    chosen = list(dict.fromkeys(rows.argmin(axis=0).tolist()))[:k]
    distance = np.full(len(rows), np.inf)
    for index in chosen:
        distance = np.minimum(distance, ((rows - rows[index]) ** 2).sum(axis=1))
    while len(chosen) < k:
        distance[chosen] = -1.0
        index = int(distance.argmax())
        chosen.append(index)
        distance = np.minimum(distance, ((rows - rows[index]) ** 2).sum(axis=1))
    return np.array(chosen, np.intp)
