"""Times as people write them."""

from __future__ import annotations

import re

from luthier.errors import InvalidInput
from luthier.formats.schema import DURATION

_SECONDS = {"d": 86400, "h": 3600, "min": 60, "m": 60, "s": 1}
_PART = re.compile(r"([0-9.]+)\s*([a-z]+)")


def seconds(given: float | str, field: str) -> float:
    """Return seconds from a number of them or a text such as ``"90s"`` or ``"1h 30m"``.

    Raises
    ------
    InvalidInput
        If the text is no time, or the time is not positive.
    """
    if isinstance(given, str):
        if not re.fullmatch(DURATION, given):
            raise InvalidInput(field, given, "a time such as 90s, 30m or 1h 30m")
        total = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(given))
    else:
        total = given
    if not total > 0:
        raise InvalidInput(field, given, "a time above 0")
    return total
