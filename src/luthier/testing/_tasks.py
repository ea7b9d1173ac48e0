"""Tasks for `luthier.testing.executors`, in a module that any worker can import quickly."""

from __future__ import annotations

from typing import Any

from luthier.errors import Infeasible
from luthier.executors import Channel


def echo(payload: Any, channel: Channel) -> Any:
    """Return the payload."""
    return payload


def send_all(payload: list[Any], channel: Channel) -> None:
    """Send each item of the payload."""
    for item in payload:
        channel.send(item)


def ask_all(payload: list[Any], channel: Channel) -> list[Any]:
    """Ask each item of the payload, and return the answers."""
    return [channel.ask(item) for item in payload]


def fail_if_odd(payload: int, channel: Channel) -> int:
    """Raise for odd payloads."""
    if payload % 2:
        raise ValueError(f"{payload} is odd\nand that is bad")
    return payload


def infeasible(payload: Any, channel: Channel) -> None:
    """Raise a signal of the study."""
    raise Infeasible("not here")


def ask_until_stopped(payload: Any, channel: Channel) -> str:
    """Ask again and again, and return when told to stop."""
    while not channel.stopping:
        channel.ask("shall I stop?")
    return "saved"


def stopping_at_start(payload: Any, channel: Channel) -> bool:
    """Return what `Channel.stopping` says."""
    return channel.stopping


def stop_or_look(payload: str, channel: Channel) -> Any:
    """Be stopped, or say whether one is stopping."""
    return (ask_until_stopped if payload == "stop" else stopping_at_start)(payload, channel)
