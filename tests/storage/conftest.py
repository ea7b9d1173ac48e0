"""The database server of these tests, started once."""

from collections.abc import Iterator

import psycopg
import pytest

from luthier.testing.servers import Server, postgresql_server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    with postgresql_server() as server:
        yield server


@pytest.fixture
def database(postgresql: Server, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of a database of the test's own."""
    name = f"test_{abs(hash(request.node.nodeid))}"
    psql(postgresql, f"CREATE DATABASE {name}")
    yield postgresql.url.replace("/postgres?", f"/{name}?")
    psql(postgresql, f"DROP DATABASE {name} WITH (FORCE)")


def psql(server: Server, statement: str, database: str = "postgres") -> None:
    """Let the database's owner say something."""
    with psycopg.connect(server.url.replace("/postgres?", f"/{database}?"), autocommit=True) as one:
        one.execute(statement)
