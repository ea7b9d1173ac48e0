"""A dict of which any moment can be kept at no cost.

The newest moment is the dict itself. Those before it know, each for the time until the next
one, what was there before it was changed (Baker 1991, Shallow binding makes functional arrays
fast). So a change costs the same however much there is, and an old moment costs what has
changed since only if somebody still looks at it.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

V = TypeVar("V")


class _Since(Generic[V]):
    """What the changes after a moment replaced, None for what was not there."""

    __slots__ = ("later", "replaced")

    def __init__(self) -> None:
        self.replaced: dict[int, V | None] = {}
        self.later: _Since[V] | None = None


class Versions(Generic[V]):
    """The dict. Only its owner changes it; the views of it may be read by any thread."""

    __slots__ = ("_live", "_since", "_view")

    def __init__(self) -> None:
        self._live: dict[int, V] = {}
        self._since: _Since[V] = _Since()
        self._view = View(self._live, self._since)

    def __len__(self) -> int:
        return len(self._live)

    def get(self, key: int) -> V | None:
        """Return the value, None if there is none."""
        return self._live.get(key)

    def put(self, key: int, value: V) -> None:
        """Set a value."""
        self._remember(key)
        self._live[key] = value

    def pop(self, key: int) -> V | None:
        """Take a value out, None if there is none."""
        if key not in self._live:
            return None
        self._remember(key)
        return self._live.pop(key)

    def view(self) -> View[V]:
        """Return the dict as it is now."""
        if self._since.replaced:
            later: _Since[V] = _Since()
            self._since.later = later
            self._since = later
            self._view = View(self._live, later)
        return self._view

    def _remember(self, key: int) -> None:
        # Before the change itself: a thread that reads a view looks at the dict first.
        if key not in self._since.replaced:
            self._since.replaced[key] = self._live.get(key)


class View(Generic[V]):
    """A dict as it was at one moment."""

    __slots__ = ("_live", "_since")

    def __init__(self, live: dict[int, V], since: _Since[V]) -> None:
        self._live = live
        self._since = since

    def get(self, key: int) -> V | None:
        """Return the value, None if there is none."""
        value = self._live.get(key)
        since: _Since[V] | None = self._since
        while since is not None:
            if key in since.replaced:
                return since.replaced[key]
            since = since.later
        return value

    def values(self) -> list[V]:
        """Return the values in the order of their keys."""
        items = self._live.copy()
        undone: list[dict[int, Any]] = []
        since: _Since[V] | None = self._since
        while since is not None:
            if since.replaced:
                undone.append(since.replaced.copy())
            since = since.later
        for replaced in reversed(undone):
            for key, value in replaced.items():
                if value is None:
                    items.pop(key, None)
                else:
                    items[key] = value
        return [items[key] for key in sorted(items)]
