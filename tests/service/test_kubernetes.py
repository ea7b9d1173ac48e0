"""The Kubernetes manifests: what Kubernetes accepts, and commands that exist."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from luthier.cli import serve, worker

FOLDER = Path(__file__).parents[2] / "examples" / "kubernetes"
MANIFESTS = sorted(FOLDER.glob("*.yaml"))


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def containers() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        for document in documents(path):
            template = document["spec"].get("template")
            if template is not None:
                yield from template["spec"]["containers"]


@pytest.mark.integration
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_kubernetes_accepts_it(path: Path) -> None:
    from kubernetes_validate import validate

    for document in documents(path):
        validate(document, "1.31", strict=True)


@pytest.mark.parametrize(
    ("image", "command"), [("luthier", serve.command), ("training", worker.command)]
)
def test_it_calls_our_commands_as_they_are(image: str, command: click.Command) -> None:
    (args,) = [c["args"] for c in containers() if f"/{image}:" in c["image"]]
    assert args[0] == command.name
    context = command.make_context("luthier", [str(arg) for arg in args[1:]])
    assert context.params


def test_the_service_is_asked_at_a_path_that_it_has_and_where_it_listens() -> None:
    (service,) = [c for c in containers() if c["name"] == "luthier"]
    assert service["livenessProbe"]["httpGet"]["path"] == "/v1/health"
    (port,) = service["ports"]
    default = {option.name: option.default for option in serve.command.params}["port"]
    assert port["containerPort"] == default
    (workers,) = [c for c in containers() if c["name"] == "worker"]
    assert f"http://luthier:{default}" in workers["args"]


def test_pods_have_the_time_to_end_well() -> None:
    for path in MANIFESTS:
        for document in documents(path):
            pod = document["spec"].get("template", {}).get("spec", {})
            args = [a for c in pod.get("containers", ()) for a in c.get("args", ())]
            for argument in args:
                if str(argument).startswith("--grace="):
                    grace = float(str(argument).removeprefix("--grace="))
                    assert pod["terminationGracePeriodSeconds"] > grace
