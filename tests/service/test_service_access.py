"""Who may do what, how much and how often; and how the service says no."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from luthier.errors import InvalidInput, LuthierError, StorageUnavailable
from luthier.service import Service, Settings, Tokens
from luthier.service.openapi import document
from luthier.service.rates import CALLERS, Rates
from luthier.service.routes import ROUTES
from luthier.service.server import Address
from luthier.service.tokens import Token, new_token, read_tokens, write_tokens
from luthier.storage import HTTP, Memory, Record
from service.service_runs import SPACE, Killable

_loops: list[asyncio.Runner] = []


@pytest.fixture(scope="module", autouse=True)
def one_loop() -> Iterator[None]:
    """Run all requests in one event loop, as a server does."""
    with asyncio.Runner() as loop:
        _loops.append(loop)
        yield


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        problem: dict[str, Any] = json.loads(self.body)
        assert problem["status"] == self.status
        return problem


def request(
    service: Service,
    method: str,
    path: str,
    body: Any = None,
    *,
    headers: dict[str, str] | None = None,
    parts: list[bytes] | None = None,
    scheme: str = "http",
) -> Answer:
    """Send a request to the application itself."""
    fields = {"host": "localhost", **(headers or {})}
    if body is not None:
        fields.setdefault("content-type", "application/json")
        parts = [body if isinstance(body, bytes) else json.dumps(body).encode()]
    parts = parts or [b""]
    raw, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "scheme": scheme,
        "path": raw,
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
        "client": ("10.0.0.1", 1),
    }
    messages = [
        {"type": "http.request", "body": part, "more_body": place < len(parts) - 1}
        for place, part in enumerate(parts)
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    _loops[-1].run(service(scope, receive, send))  # type: ignore[arg-type]
    names = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], names, b"".join(m.get("body", b"") for m in sent[1:]))


@pytest.fixture
def service() -> Service:
    return Service(Memory(), settings=Settings(rate=0))


def test_each_role_may_do_what_those_before_it_may() -> None:
    made = [new_token(role, role) for role in ("read", "work", "admin")]
    secrets, tokens = [secret for secret, _ in made], [token for _, token in made]
    service = Service(Memory(), Tokens(tokens), Settings(rate=0))
    study = {"name": "s", "space": SPACE}

    def statuses(secret: str) -> list[int]:
        headers = {"authorization": f"Bearer {secret}", "host": "anywhere"}
        return [
            request(service, "POST", "/v1/studies", study, headers=headers).status,
            request(service, "GET", "/v1/studies/s", headers=headers).status,
            request(service, "DELETE", "/v1/studies/s", headers=headers).status,
        ]

    assert statuses(secrets[0]) == [403, 404, 403]
    assert statuses(secrets[1]) == [201, 200, 403]
    assert statuses(secrets[2]) == [409, 200, 204]
    assert statuses(secrets[0][:-1]) == [401, 401, 401]
    guesses = [status for _ in range(4) for status in statuses("guess")]
    assert guesses[0] == 401
    assert guesses[-1] == 429
    assert statuses(secrets[1])[1] == 200  # who has a token does not suffer from those who guess


def test_every_route_but_two_needs_a_token() -> None:
    service = Service(Memory(), Tokens([new_token("a", "admin")[1]]), Settings(rate=0))
    for route in ROUTES:
        service._guesses = Rates(0)
        path = "/v1/" + "/".join(part if part[0] != "{" else "1" for part in route.path)
        status = request(service, route.method, path).status
        assert status == (200 if route.role is None else 401), path


def test_a_token_is_in_no_log_and_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    secret, token = new_token("me", "work")
    service = Service(Memory(), Tokens([token]))
    headers = {"authorization": f"Bearer {secret}"}
    with caplog.at_level(logging.DEBUG):
        answers = [
            request(service, "GET", "/v1/studies/none", headers=headers),
            request(service, "DELETE", "/v1/studies/s", headers=headers),
            request(service, "POST", "/v1/studies", {"space": 1}, headers=headers),
        ]
    assert secret not in caplog.text
    assert not any(secret.encode() in answer.body for answer in answers)
    assert secret not in repr(token)


def test_only_hashes_are_kept_and_only_for_their_owner(tmp_path: Path) -> None:
    secret, token = new_token("me", "work")
    write_tokens(tmp_path / "t.json", [token])
    assert secret not in (tmp_path / "t.json").read_text()
    assert (tmp_path / "t.json").stat().st_mode & 0o777 == 0o600
    assert read_tokens(tmp_path / "t.json") == [token]
    assert Tokens([token]).find(secret) == token
    assert Tokens([token]).find(secret + "x") is None


@pytest.mark.parametrize(
    "text", ["", "{}", '[{"name": "a"}]', '[{"name": "a", "role": "god", "hash": "00"}]']
)
def test_a_file_that_is_no_list_of_tokens_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(InvalidInput, match="token"):
        read_tokens(tmp_path / "t.json")


def test_two_tokens_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidInput, match="a name of its own"):
        Tokens([Token("a", "read", "0" * 64), Token("a", "work", "1" * 64)])


def test_a_service_that_strangers_reach_needs_tokens() -> None:
    none, one = Tokens(), Tokens([new_token("a", "read")[1]])
    Address("127.0.0.1").check(none)
    Address("::1").check(none)
    for host in ("0.0.0.0", "192.0.2.1", "example.org", "::"):
        with pytest.raises(InvalidInput, match="tokens"):
            Address(host).check(none)
        Address(host).check(one)


def test_without_tokens_only_the_name_of_this_machine_is_answered(service: Service) -> None:
    for host in ("localhost:8080", "127.0.0.1:1", "[::1]:8080", "[::1]"):
        assert request(service, "GET", "/v1/studies", headers={"host": host}).status == 200
    answer = request(service, "GET", "/v1/studies", headers={"host": "evil.example"})
    assert answer.status == 421


def test_a_page_in_a_browser_cannot_send_a_form(service: Service) -> None:
    headers = {"content-type": "text/plain"}
    study = {"name": "s", "space": SPACE}
    answer = request(service, "POST", "/v1/studies", study, headers=headers)
    assert answer.status == 415


def test_headers_keep_browsers_from_mischief(service: Service) -> None:
    answer = request(service, "GET", "/v1/health")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in answer.headers
    assert "strict-transport-security" not in answer.headers
    secure = request(service, "GET", "/v1/health", scheme="https")
    assert "strict-transport-security" in secure.headers


def test_an_error_names_field_value_and_what_is_allowed(service: Service) -> None:
    bad = {"name": "s", "space": {"x": {"type": "float", "low": 2, "high": 1}}}
    problem = request(service, "POST", "/v1/studies", bad).problem
    assert problem["status"] == 422
    assert problem["type"] == "urn:luthier:error:InvalidSpace"
    assert problem["field"] == "space.x.high"
    assert problem["allowed"]
    unknown = request(service, "POST", "/v1/studies", {"space": SPACE, "sed": 1}).problem
    assert "sed" in unknown["detail"]
    deep = {"space": SPACE, "limits": ["a <= 1", 3]}
    assert request(service, "POST", "/v1/studies", deep).problem["field"] == "limits[1]"
    misspelt = {"space": {"x": {"type": "flaot"}}}
    assert "float" in request(service, "POST", "/v1/studies", misspelt).problem["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2/studies", 404),
        ("GET", "/v1/studies/none", 404),
        ("GET", "/v1/studies/none/trials/0", 404),
        ("GET", "/v1/studies/none/trials/x", 422),
        ("GET", "/v1/studies/none/trials/-1", 422),
        ("GET", "/v1/studies/%FF", 404),
        ("GET", "/v1/studies/none/trials?limit=0", 422),
        ("GET", "/v1/studies/none/trials?limit=1&limit=2", 422),
        ("GET", "/v1/studies/none/trials?size=1", 422),
        ("PATCH", "/v1/studies", 405),
        ("PUT", "/v1/studies/none", 405),
    ],
)
def test_what_is_not_there_is_said(service: Service, method: str, path: str, status: int) -> None:
    answer = request(service, method, path)
    assert answer.problem["status"] == status
    assert len(service.rooms) == 0
    if status == 405:
        assert "GET" in answer.headers["allow"]


def test_a_body_that_is_no_json_or_too_large_is_refused() -> None:
    service = Service(Memory(), settings=Settings(max_body=1000))
    assert request(service, "POST", "/v1/studies", b"{").status == 400
    assert request(service, "POST", "/v1/studies", b"[]").status == 422
    assert request(service, "POST", "/v1/studies", b"\xff").status == 400
    assert request(service, "POST", "/v1/studies", b" " * 1001).status == 413
    headers = {"content-type": "application/json"}
    parts = [b" " * 400] * 3
    assert request(service, "POST", "/v1/studies", headers=headers, parts=parts).status == 413
    headers["content-length"] = "9" * 30
    assert request(service, "POST", "/v1/studies", headers=headers).status == 413


@pytest.mark.parametrize("key", ["", "a b", "a/1", "ä", "a" * 101])
def test_a_key_that_cannot_be_kept_is_refused(service: Service, key: str) -> None:
    request(service, "POST", "/v1/studies", {"name": "s", "space": SPACE})
    headers = {"idempotency-key": key}
    answer = request(service, "POST", "/v1/studies/s/ask", {"owner": "w"}, headers=headers)
    assert answer.problem["field"] == "Idempotency-Key"


def test_who_comes_too_often_hears_when_to_come_again() -> None:
    service = Service(Memory(), settings=Settings(rate=1))
    answers = [request(service, "GET", "/v1/studies") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) >= 1


def test_allowances_come_back_with_time_and_callers_are_forgotten() -> None:
    now = 0.0
    rates = Rates(2.0, lambda: now)
    assert [rates.wait("a") for _ in range(5)] == [0.0, 0.0, 0.0, 0.0, 0.5]
    assert rates.wait("b") == 0.0
    now = 0.5
    assert rates.wait("a") == 0.0
    assert rates.wait("a") == 0.5
    for number in range(CALLERS + 10):
        rates.wait(f"c{number}")
    assert len(rates._left) == CALLERS


def test_a_log_that_makes_no_sense_is_an_answer_and_no_crash(service: Service) -> None:
    for name, body in {"a": "x", "b": "{}", "c": '{"event":"told","number":0}', "d": "3"}.items():
        service.storage.append(name, [Record(body)], create=True)
        answer = request(service, "GET", f"/v1/studies/{name}")
        assert answer.problem["status"] == 409


def test_an_error_of_our_own_is_logged_and_not_shown(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> list[str]:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(service.storage, "studies", broken)
    answer = request(service, "GET", "/v1/studies")
    assert answer.problem["status"] == 500
    assert b"secret detail" not in answer.body
    assert "secret detail" in caplog.text


def test_no_more_studies_are_kept_than_are_allowed() -> None:
    service = Service(Memory(), settings=Settings(max_studies=3, rate=0))
    for number in range(10):
        request(service, "POST", "/v1/studies", {"name": f"s{number}", "space": SPACE})
        request(service, "POST", f"/v1/studies/s{number}/ask", {"owner": "w"})
    assert len(service.rooms) == 3
    assert request(service, "GET", "/v1/studies/s0").status == 200


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InvalidInput, match="max_body"):
        Settings(max_body=0)
    with pytest.raises(InvalidInput, match="rate"):
        Settings(rate=-1)
    with pytest.raises(InvalidInput, match="both"):
        Address(tls_cert=__file__)
    with pytest.raises(InvalidInput, match="tls_key"):
        Address(tls_cert=__file__, tls_key="/none")


def test_the_description_names_every_route_and_resolves() -> None:
    described = document()
    operations = {
        (method.upper(), path) for path, item in described["paths"].items() for method in item
    }
    assert operations == {(r.method, "/v1/" + "/".join(r.path)) for r in ROUTES}
    names = [op["operationId"] for item in described["paths"].values() for op in item.values()]
    assert len(names) == len(set(names))
    text = json.dumps(described)
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in described["components"]["schemas"]
    assert all(op["summary"] for item in described["paths"].values() for op in item.values())


@pytest.mark.integration
def test_it_speaks_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    options = ("--tls-cert", str(cert), "--tls-key", str(key))
    with Killable(tmp_path / "s.db", *options) as service:
        assert service.url.startswith("https://")
        with pytest.raises(StorageUnavailable, match="certificate"):
            HTTP(service.url).studies()
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        assert HTTP(service.url).studies() == []


def test_errors_have_all_a_status() -> None:
    from luthier.service.problems import refusal_of

    assert refusal_of(LuthierError("x")).status == 422
    assert refusal_of(msgspec.DecodeError("x")).status == 400
    assert refusal_of(ZeroDivisionError()) is None
