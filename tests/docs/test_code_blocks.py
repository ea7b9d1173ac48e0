"""Every code block of the documentation runs, page by page, from top to bottom.

Each page is run in an empty folder of its own. What happens to a block depends on its language:

``python``
    Is executed, in one namespace for the whole page.
``console``
    Lines that begin with ``$ `` are run by bash one by one and have to succeed; a backslash at the
    end continues a line. The lines below a command are its output: where there are any, they have
    to be what the command printed.
``text title="Output"``
    Has to be what the block above it printed.
``yaml``, ``json``, ``toml``
    Have to be well-formed.
``bash``, ``text`` and the others of `NOT_RUN`
    Are only shown.

A block whose first line is ``# file: NAME`` is not run but saved under that name, for the blocks
below it. In outputs ``...`` stands for anything, and white space is not compared.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[2]
OUTPUT = 'text title="Output"'
WELL_FORMED: dict[str, Callable[[str], Any]] = {
    "yaml": yaml.safe_load,
    "json": json.loads,
    "toml": tomllib.loads,
}
NOT_RUN = {"text", "bash", "sql", "docker", "mermaid", "ini", "diff"}
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<info>[^`\n]*)\n(?P<code>.*?)^(?P=indent)``` *$", re.M | re.S
)
ANY_FENCE = re.compile(r"^[\s\d.>*+-]*(?:```|~~~)", re.M)
FILE = re.compile(r"# file: (\S+)\n")


CLUSTERS = {f"docs/how-to/{name}.md" for name in ("ray", "dask", "slurm")}
"""Pages that need the cluster that they are about."""


class Block(NamedTuple):
    place: str
    info: str
    code: str


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    matches = list(FENCE.finditer(text))
    assert len(ANY_FENCE.findall(text)) == 2 * len(matches), f"{page}: a block not begun or closed"
    for match in matches:
        line = text.count("\n", 0, match.start()) + 1
        yield Block(f"{page}:{line}", match["info"].strip(), textwrap.dedent(match["code"]))


class Runner:
    """Runs the blocks of one page in the current folder."""

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.printed = ""
        self.unused_files: set[str] = set()

    def run(self, block: Block) -> None:
        language = block.info.partition(" ")[0]
        file = FILE.match(block.code)
        self.unused_files -= {name for name in self.unused_files if Path(name).stem in block.code}
        if file:
            Path(file[1]).write_text(block.code[file.end() :], encoding="utf-8")
            self.unused_files.add(file[1])
        elif block.info == OUTPUT:
            assert_printed(block.code, self.printed, block.place)
        elif block.info == "python":
            self.printed = self.run_python(block)
        elif block.info == "console":
            self.printed = self.run_console(block)
        elif language in WELL_FORMED:
            WELL_FORMED[language](block.code)
        else:
            assert language in NOT_RUN, f"{block.place}: unknown kind of block {block.info!r}"

    def run_python(self, block: Block) -> str:
        # Blank lines in front make the line numbers of a traceback those of the page.
        page, _, line = block.place.rpartition(":")
        program = compile("\n" * int(line) + block.code, page, "exec", dont_inherit=True)
        with contextlib.redirect_stdout(io.StringIO()) as stdout:
            exec(program, self.namespace)
        return stdout.getvalue()

    def run_console(self, block: Block) -> str:
        code = block.code.replace("\\\n", "")
        before, *commands = re.split(r"^\$ ", code, flags=re.M)
        assert not before, f"{block.place}: a console block begins with '$ '"
        printed = ""
        for command, _, shown in (part.partition("\n") for part in commands):
            printed = run_command(command, block.place)
            if shown.strip():
                assert_printed(shown, printed, block.place)
        return printed


def run_command(command: str, place: str) -> str:
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", command],
        env=os.environ | {"PATH": programs, "COLUMNS": "80"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    message = f"{place}: {command!r} ended with {done.returncode}\n{done.stdout}"
    assert done.returncode == 0, message
    return done.stdout


def assert_printed(shown: str, printed: str, place: str) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    alike = doctest.OutputChecker().check_output(shown, printed, flags)
    assert alike, f"{place}: the page shows\n{shown}\nand printed was\n{printed}"


def run_page(page: Path) -> None:
    runner = Runner()
    for block in blocks_of(page):
        runner.run(block)
    assert not runner.unused_files, f"{page}: files that no later block mentions"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make an empty folder the current one, and its modules importable, until the page ends."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def documentation() -> list[Any]:
    def test_case(page: Path) -> Any:
        name = page.relative_to(ROOT).as_posix()
        heavy = name.startswith("docs/integrations/") or name in CLUSTERS
        return pytest.param(page, id=name, marks=[pytest.mark.integration] if heavy else [])

    front = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    pages = [*front, *sorted((ROOT / "docs").rglob("*.md"))]
    return [test_case(page) for page in pages]


@pytest.mark.parametrize("page", documentation())
@pytest.mark.usefixtures("folder")
def test_every_block_of(page: Path) -> None:
    run_page(page)


GOOD_PAGE = """
```python
a = 1
print("twice", 2 * a)
```
```text title="Output"
twice 2
```
```yaml
# file: study.yaml
name: first
```
```python
# file: helper.py
three = 3
```

- In a list, indented:

    ```python
    import helper
    print(a + helper.three)
    ```

```console
$ cat study.yaml
name: first
$ echo one \\
    two
one ...
$ python -c 'print(3)'
```
```text title="Output"
3
```
"""


def test_a_good_page_passes(folder: Path) -> None:
    page = folder / "page.md"
    page.write_text(GOOD_PAGE)
    run_page(page)


@pytest.mark.parametrize(
    ("good", "bad", "error"),
    [
        ("2 * a", "3 * a", "the page shows"),
        ("a + helper", "b + helper", "name 'b' is not defined"),
        ("cat study.yaml", "cat study.yaml absent", "ended with 1"),
        ("name: first\n$", "name: second\n$", "the page shows"),
        ("```python\na", "```python notest\na", "unknown kind of block"),
        ("```python\na", "```pyhton\na", "unknown kind of block"),
        ("# file: study.yaml\nname: first", "name: [", "expected the node"),
        ("twice 2\n```", "twice 2", "not begun or closed"),
        ("```yaml", "~~~yaml", "not begun or closed"),
        ("# file: helper.py", "# file: idle.py\n```\n```python\n# file: helper.py", "no later"),
    ],
)
def test_a_page_with_one_mistake_fails(good: str, bad: str, error: str, folder: Path) -> None:
    assert good in GOOD_PAGE
    page = folder / "page.md"
    page.write_text(GOOD_PAGE.replace(good, bad))
    with pytest.raises((AssertionError, NameError, yaml.YAMLError), match=error):
        run_page(page)
