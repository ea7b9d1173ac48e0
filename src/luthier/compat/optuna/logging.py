"""How much is said on standard error, as in ``optuna.logging``."""

from __future__ import annotations

import logging
import threading
from logging import CRITICAL, DEBUG, ERROR, FATAL, INFO, WARN, WARNING

__all__ = [
    "CRITICAL",
    "DEBUG",
    "ERROR",
    "FATAL",
    "INFO",
    "WARN",
    "WARNING",
    "disable_default_handler",
    "disable_propagation",
    "enable_default_handler",
    "enable_propagation",
    "get_logger",
    "get_verbosity",
    "set_verbosity",
]

ROOT = "optuna"
"""Scripts attach their handlers to the logger of this name."""

_FORMAT = "[%(levelname)1.1s %(asctime)s] %(message)s"

_lock = threading.Lock()
_handler: logging.Handler | None = None


def _root() -> logging.Logger:
    """Return the logger of the interface, which writes to standard error unless told otherwise."""
    global _handler
    root = logging.getLogger(ROOT)
    with _lock:
        if _handler is None:
            _handler = logging.StreamHandler()
            _handler.setFormatter(logging.Formatter(_FORMAT))
            root.addHandler(_handler)
            root.setLevel(INFO)
            root.propagate = False
    return root


def get_logger(name: str) -> logging.Logger:
    """Return a logger; ``"optuna"`` is the one that everything is said on."""
    _root()
    return logging.getLogger(name)


def get_verbosity() -> int:
    """Return the level below which nothing is said."""
    return _root().getEffectiveLevel()


def set_verbosity(verbosity: int) -> None:
    """Say nothing below a level, such as ``optuna.logging.WARNING``."""
    _root().setLevel(verbosity)


def disable_default_handler() -> None:
    """Write nothing to standard error; other handlers stay."""
    root = _root()
    assert _handler is not None  # made just now
    root.removeHandler(_handler)


def enable_default_handler() -> None:
    """Write to standard error again."""
    root = _root()
    assert _handler is not None  # made just now
    root.addHandler(_handler)


def disable_propagation() -> None:
    """Keep messages from the handlers of the root logger (the default)."""
    _root().propagate = False


def enable_propagation() -> None:
    """Give messages to the handlers of the root logger, too."""
    _root().propagate = True
