"""A storage behind a Luthier service, for Python programs that do not reach its database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from luthier.storage._checks import check_append, check_name, check_range
from luthier.storage._http_client import HttpClient
from luthier.storage.base import Record

PAGE = 1000
"""Records in one answer, at most."""


class HTTP:
    """Logs that ``luthier serve`` keeps, on this machine or another one.

    The study runs here, with its sampler and the whole history, as it does on a database;
    the service only keeps the log. Thin workers that have no history use ``luthier worker``.

    Parameters
    ----------
    url : str
        ``http://host:port`` or ``https://...``. The token is taken from the URL,
        ``https://:TOKEN@host``, or better from the environment variable LUTHIER_TOKEN.

    Raises
    ------
    InvalidInput
        If the URL is no such one.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        """With the token, if it was given with one; `repr` hides it."""
        self._client = HttpClient(url)

    def append(
        self,
        study: str,
        records: Sequence[Record],
        *,
        create: bool = False,
        identity: str | None = None,
    ) -> int:
        """Append all records or none; see `luthier.storage.base.Storage.append`.

        Raises
        ------
        StorageUnavailable
            If the connection was cut: whether the records were kept is not known.
        """
        check_append(study, records, create, identity)
        lines = [
            {"body": body} if claim is None else {"body": body, "claim": claim}
            for body, claim in records
        ]
        request = {"records": lines, "create": create, "identity": identity}
        answer = self._client.request("POST", ("studies", study, "log"), request)
        version: int = answer.json()["version"]
        return version

    def read(
        self,
        study: str,
        after: int = 0,
        limit: int | None = None,
        *,
        identity: str | None = None,
    ) -> list[str]:
        """Return bodies in order; see `luthier.storage.base.Storage.read`."""
        check_range(after, limit)
        check_name("study", study)
        bodies: list[str] = []
        while True:
            page = PAGE if limit is None else min(PAGE, limit - len(bodies))
            query = {"after": after + len(bodies), "limit": page, "identity": identity}
            answer = self._client.request("GET", ("studies", study, "log"), query=query)
            found: list[str] = answer.json()["records"]
            bodies += found
            if len(found) < page or len(bodies) == limit:
                return bodies

    def identity(self, study: str) -> str:
        """Return the mark of this very study; see `luthier.storage.base.Storage.identity`."""
        check_name("study", study)
        answer = self._client.request("GET", ("studies", study, "identity"))
        return str(answer.json()["identity"])

    def studies(self) -> list[str]:
        """Return the names of all studies, in order of creation."""
        names: list[str] = self._client.request("GET", ("studies",)).json()["studies"]
        return names

    def delete(self, study: str) -> None:
        """Delete a study; see `luthier.storage.base.Storage.delete`."""
        check_name("study", study)
        self._client.request("DELETE", ("studies", study))

    def beat(self, study: str, owner: str, *, identity: str | None = None) -> None:
        """Note that `owner` is alive now, by the clock of the service's storage."""
        check_name("study", study)
        check_name("owner", owner)
        request = {"owner": owner, "identity": identity}
        self._client.request("POST", ("studies", study, "beats"), request, safe=True)

    def beats(self, study: str) -> Mapping[str, float]:
        """Return for each owner the seconds since its last beat."""
        check_name("study", study)
        ages: dict[str, float] = self._client.request("GET", ("studies", study, "beats")).json()[
            "beats"
        ]
        return ages

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __repr__(self) -> str:
        return f"HTTP({self._client.shown!r})"

    def __reduce__(self) -> tuple[type[HTTP], tuple[str]]:
        return HTTP, (self.url,)
