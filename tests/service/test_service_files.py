"""Artifacts and checkpoints over HTTP: kept, found again, and never outside of their folder."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import AttemptOver, InvalidInput, LuthierError, NoResult
from luthier.service import Client, Settings
from luthier.service.archive import pack, unpack
from luthier.storage import SQLite
from luthier.storage._http_client import HttpClient
from service.service_runs import SPACE, served


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    settings = Settings(rate=0, files=str(tmp_path / "files"), max_upload=100_000)
    with served(SQLite(tmp_path / "s.db"), settings=settings) as url:
        study = {"name": "s", "space": SPACE, "sampler": "random", "seed": 1}
        HttpClient(url).request("POST", ("studies",), study)
        yield Client(url, "s", owner="w")


def test_an_artifact_comes_back_as_it_was(client: Client, tmp_path: Path) -> None:
    number = client.ask()["trial"]["number"]
    file, copy = tmp_path / "model.bin", tmp_path / "copy.bin"
    for content in (b"", bytes(range(256)) * 300):
        file.write_bytes(content)
        client.put_artifact(number, file)
        assert client.artifacts(number) == {"model.bin": len(content)}
        client.get_artifact(number, "model.bin", copy)
        assert copy.read_bytes() == content
    with pytest.raises(NoResult, match="no artifact"):
        client.get_artifact(number, "other.bin", copy)
    with pytest.raises(LuthierError, match="no trial 7"):
        client.put_artifact(7, file)


def test_artifacts_go_with_their_study(client: Client, tmp_path: Path) -> None:
    number = client.ask()["trial"]["number"]
    (tmp_path / "a").write_text("x")
    client.put_artifact(number, tmp_path / "a")
    assert any(path.name == "a" for path in (tmp_path / "files").rglob("*"))
    client._http.request("DELETE", ("studies", "s"))
    assert not any(path.is_file() for path in (tmp_path / "files").rglob("*"))


@pytest.mark.parametrize(
    "name", ["..", ".hidden", "a/b", "../../x", "/etc/passwd", "a\\b", "a\0b", "ä", "", "a" * 201]
)
def test_no_name_leads_out_of_the_folder(client: Client, tmp_path: Path, name: str) -> None:
    number = client.ask()["trial"]["number"]
    path = ("studies", "s", "trials", number, "artifacts", name)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(LuthierError):
        client._http.upload(path, io.BytesIO(b"x"), 1)
    with pytest.raises(LuthierError):
        client._http.download(path, io.BytesIO())
    assert {p for p in set(tmp_path.rglob("*")) - before if p.is_file()} == set()


def test_a_file_that_is_too_large_leaves_nothing(client: Client, tmp_path: Path) -> None:
    number = client.ask()["trial"]["number"]
    (tmp_path / "big").write_bytes(b"x" * 100_001)
    with pytest.raises(LuthierError, match="at most 100000 bytes"):
        client.put_artifact(number, tmp_path / "big")
    assert client.artifacts(number) == {}
    assert not any(path.is_file() for path in (tmp_path / "files").rglob("*"))


def test_another_worker_goes_on_from_a_checkpoint(client: Client, tmp_path: Path) -> None:
    client.ask()
    source = tmp_path / "state"
    (source / "deep").mkdir(parents=True)
    for step in (1, 2):
        client.report(0, 1, step, {"value": 1.0 / step})
        (source / "deep" / "weights").write_bytes(bytes([step]) * 1000)
        client.put_checkpoint(0, 1, step, source)
        client.put_checkpoint(0, 1, step, source)  # the answer was lost
    client.release(0, 1)
    asked = client.ask()
    assert asked["checkpoint"]
    assert asked["trial"]["restored_step"] == 2
    target = tmp_path / "restored"
    target.mkdir()
    assert client.get_checkpoint(0, 2, target) == 2
    assert (target / "deep" / "weights").read_bytes() == b"\2" * 1000
    with pytest.raises(AttemptOver):
        client.put_checkpoint(0, 1, 3, source)
    with pytest.raises(AttemptOver):
        client.get_checkpoint(0, 1, target)


def _archive(*members: tuple[str, bytes, str]) -> io.BytesIO:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:") as archive:
        for name, kind, link in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, link
            member.size = 1 if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(b"x"))
    file.seek(0)
    return file


@pytest.mark.parametrize(
    "member",
    [
        ("../x", tarfile.REGTYPE, ""),
        ("/x", tarfile.REGTYPE, ""),
        ("a/../../x", tarfile.REGTYPE, ""),
        ("a//x", tarfile.REGTYPE, ""),
        ("c:x", tarfile.REGTYPE, ""),
        ("a\\x", tarfile.REGTYPE, ""),
        ("x", tarfile.SYMTYPE, "/etc/passwd"),
        ("x", tarfile.LNKTYPE, "../../x"),
        ("x", tarfile.CHRTYPE, ""),
        ("x", tarfile.FIFOTYPE, ""),
    ],
)
def test_an_archive_with_anything_but_plain_files_is_refused(
    tmp_path: Path, member: tuple[str, bytes, str]
) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    with pytest.raises(InvalidInput, match="a regular file with a plain relative name"):
        unpack(_archive(("good", tarfile.REGTYPE, ""), member), folder, 1000)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"good"}


def test_an_archive_holds_no_more_than_is_allowed(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    (source / "a").write_bytes(b"x" * 600)
    (source / "b").write_bytes(b"x" * 600)
    file = io.BytesIO()
    pack(source, file)
    file.seek(0)
    with pytest.raises(InvalidInput, match="more than 1000 bytes"):
        unpack(file, target, 1000)


@given(content=st.binary(max_size=3000))
def test_bytes_that_are_no_archive_do_no_harm(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("none")
    try:
        unpack(io.BytesIO(content), folder, 1000)
    except InvalidInput:
        pass
    else:
        assert content.strip(b"\0") == b""  # an empty archive is nothing but zeros
    assert list(folder.iterdir()) == []
