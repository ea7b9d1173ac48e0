"""Schemathesis against the service's own description: no 5xx, no hang, no undocumented answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from luthier.service import Client, Settings, Tokens, app
from luthier.service.tokens import new_token
from luthier.storage import SQLite
from luthier.storage._http_client import HttpClient
from service.service_runs import SPACE, served

pytestmark = pytest.mark.integration

# Whether a value is allowed is often for the study to say, and no schema can.
UNCHECKED = "positive_data_acceptance"

# A study that is there, with trials that run, so that the requests reach something.
KNOWN = """
[parameters]
"path.study" = "s"
"path.number" = [0, 1, 2, 3, 4, 5]
"path.name" = ["a", "b.txt"]
"path.owner" = ["w", "v"]
"query.attempt" = 1
"""


@pytest.mark.timeout(110)
@pytest.mark.parametrize(
    ("config", "arguments"),
    [
        ("", ()),
        (KNOWN, ("--exclude-operation-id", "delete", "--exclude-operation-id", "append")),
    ],
    ids=["any study", "a study with trials"],
)
def test_no_request_breaks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(app, "GUESSES", 0)  # else it would be 429 where 401 is expected
    secret, token = new_token("fuzz", "admin")
    settings = Settings(rate=0, files=str(tmp_path / "files"), max_wait=0.05)
    (tmp_path / "schemathesis.toml").write_text(config)
    with served(SQLite(tmp_path / "s.db"), Tokens([token]), settings) as url:
        http = HttpClient(url, secret)
        http.request(
            "POST", ("studies",), {"name": "s", "space": SPACE, "sampler": "random", "seed": 1}
        )
        client = Client(url, "s", token=secret, owner="w")
        for _ in range(6):
            client.ask()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli"),
                *("--config-file", str(tmp_path / "schemathesis.toml")),
                *("run", f"{url}/v1/openapi.json", "-H", f"Authorization: Bearer {secret}"),
                *("--exclude-checks", UNCHECKED, "--max-examples", "10"),
                *("--generation-deterministic", "--continue-on-failure", "--no-color"),
                *(
                    "--request-timeout",
                    "20",
                ),
                *arguments,
            ],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
        # It lives, and what it keeps makes sense.
        assert http.request("GET", ("health",)).json()["status"] == "ok"
        if config:
            assert client.info()["trials"] >= 6
