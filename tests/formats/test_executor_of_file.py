"""A study file says who does the work."""

import pytest

from luthier.errors import FormatError
from luthier.formats.read import read_study_file

FILE = """\
objective: module:function
space:
  x: {type: float, low: 0, high: 1}
workers: 2
"""


def read(folder, more=""):
    path = folder / "study.yaml"
    path.write_text(FILE + more)
    return read_study_file(path)


def test_it_is_an_argument_of_optimize(tmp_path):
    assert read(tmp_path).optimize_arguments()["executor"] is None
    assert read(tmp_path, "executor: ray\n").optimize_arguments()["executor"] == "ray"
    given = read(tmp_path, "executor: {name: processes, threads_per_worker: 1}\n")
    assert given.optimize_arguments()["executor"] == {"name": "processes", "threads_per_worker": 1}


@pytest.mark.parametrize(
    ("executor", "words"),
    [
        ("rai", "executor: got 'rai'"),
        ("{name: processes, threads: 1}", "executor: .*threads"),
        ("{name: processes, threads_per_worker: 0}", "an int of at least 1"),
    ],
)
def test_what_is_wrong_with_it_is_told_by_its_line(tmp_path, executor, words):
    with pytest.raises(FormatError, match=rf"study\.yaml:5: .*{words}"):
        read(tmp_path, f"executor: {executor}\n")
