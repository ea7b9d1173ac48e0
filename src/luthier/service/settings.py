"""What a service allows."""

from __future__ import annotations

from dataclasses import dataclass

from luthier.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Settings:
    """What a service allows.

    Attributes
    ----------
    max_body : int
        Bytes of a request's JSON, at most.
    max_upload : int
        Bytes of a file, at most.
    rate : float
        Requests a second for each token, or for each address where there are none; 0 is any.
    max_studies : int
        Studies whose history is kept in memory.
    files : str, optional
        The folder for artifacts, and for checkpoints where the storage suggests none; None if
        trials can have none.
    threads : int
        Studies that are worked on at the same time.
    max_wait : float
        Seconds that a request may wait for something to happen; then it is answered that nothing
        did.
    """

    max_body: int = 8 << 20
    max_upload: int = 1 << 30
    rate: float = 2000.0
    max_studies: int = 64
    files: str | None = None
    threads: int = 8
    max_wait: float = 60.0

    def __post_init__(self) -> None:
        for name in ("max_body", "max_upload", "max_studies", "threads"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidInput(name, value, "an integer from 1 on")
        if not 0 <= self.rate < float("inf"):
            raise InvalidInput("rate", self.rate, "a number of requests a second, 0 for any")
        if not 0 <= self.max_wait < float("inf"):
            raise InvalidInput("max_wait", self.max_wait, "a number of seconds")
