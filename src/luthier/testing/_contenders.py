"""What the processes do that contend for a storage in `luthier.testing.storage`.

Apart from the tests, so that a started process does not import them.
"""

from __future__ import annotations

from collections.abc import Callable

from luthier.errors import Conflict, StudyExists
from luthier.storage.base import Record, Storage


def claim_numbers(reopen: Callable[[], Storage], study: str, owner: str, total: int) -> list[int]:
    """Claim the next free number until `total` are gone; return the versions of what was got."""
    storage = reopen()
    versions: list[int] = []
    seen = 0
    while True:
        seen += len(storage.read(study, seen))
        number = seen - 1  # the study began with one record that claims nothing
        if number >= total:
            storage.close()
            return versions
        try:
            body = f'{{"number":{number},"owner":"{owner}"}}'
            versions.append(storage.append(study, [Record(body, str(number))]))
        except Conflict:
            continue


def append_pairs(reopen: Callable[[], Storage], study: str, owner: str, count: int) -> None:
    """Append `count` pairs of records, each pair at once."""
    storage = reopen()
    for place in range(count):
        storage.append(study, [Record(f"{owner} {place} a"), Record(f"{owner} {place} b")])
    storage.close()


def begin(reopen: Callable[[], Storage], study: str, owner: str) -> bool:
    """Try to begin a study; say whether this process did."""
    storage = reopen()
    try:
        storage.append(study, [Record(owner)], create=True)
    except StudyExists:
        return False
    finally:
        storage.close()
    return True
