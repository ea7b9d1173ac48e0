"""``luthier serve``, ``token`` and ``worker``, as they are typed."""

from __future__ import annotations

import json
import stat

import pytest

from luthier.service import Client
from luthier.service.tokens import Tokens, read_tokens
from luthier.storage._http_client import HttpClient
from service.service_runs import Killable


def test_a_token_is_printed_once_and_kept_as_a_hash(luthier, tmp_path):
    secret = luthier.ok("token", "worker-1").strip()
    made = luthier.json("token", "boss", "--role", "admin")
    tokens = Tokens(read_tokens("tokens.json"))
    assert tokens.find(secret).role == "work"
    assert tokens.find(made["token"]).name == "boss"
    text = (tmp_path / "tokens.json").read_text()
    assert secret not in text
    assert stat.S_IMODE((tmp_path / "tokens.json").stat().st_mode) == 0o600
    assert "a new name" in luthier.fails(2, "token", "boss")
    luthier.ok("token", "boss", "--revoke")
    assert [item["name"] for item in json.loads((tmp_path / "tokens.json").read_text())] == [
        "worker-1"
    ]
    assert "the name of a token" in luthier.fails(2, "token", "boss", "--revoke")


def test_a_service_that_strangers_reach_is_not_started_without_tokens(luthier):
    assert "tokens" in luthier.fails(2, "serve", "--host", "0.0.0.0")
    assert "a file that is there" in luthier.fails(2, "serve", "--tokens", "none.json")
    assert "memory ends" in luthier.fails(2, "serve", "--storage", "memory")


def test_a_worker_needs_one_thing_to_run(luthier):
    for arguments in ((), ("--objective", "a:b", "--", "program")):
        message = luthier.fails(2, "worker", "http://127.0.0.1:1", "--study", "s", *arguments)
        assert "either a program or --objective" in message


def test_the_other_commands_reach_studies_behind_a_service(luthier, tmp_path, monkeypatch):
    secret = luthier.ok("token", "me", "--role", "admin").strip()
    with Killable(tmp_path / "s.db", "--tokens", str(tmp_path / "tokens.json")) as service:
        monkeypatch.setenv("LUTHIER_TOKEN", secret)
        study = {"name": "s", "space": {"x": [1, 2, 3]}, "sampler": "random"}
        HttpClient(service.url).request("POST", ("studies",), study)
        client = Client(service.url, "s")
        trial = client.ask()["trial"]
        client.tell(trial["number"], trial["attempt"], 0.25)
        (listed,) = luthier.json("list", "--storage", service.url)["studies"]
        assert (listed["study"], listed["best"]) == ("s", 0.25)
        assert luthier.json("best", "s", "--storage", service.url)
        assert secret not in luthier.ok("show", "s", "--storage", service.url)
        luthier.ok("delete", "s", "--yes", "--storage", service.url)
        assert luthier.json("list", "--storage", service.url)["studies"] == []
        assert service.end() == 0


@pytest.mark.parametrize("command", ["serve", "token", "worker"])
def test_help_is_there(luthier, command):
    assert "Usage" in luthier.ok(command, "--help")
