import math

import pytest

from luthier.errors import FormatError
from luthier.formats.document import (
    MAX_SIZE,
    dotted,
    parse_document,
    parse_scalar,
    read_document,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("1E3", 1000.0),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("+3", 3),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("-.inf", -math.inf),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("1_000", "1_000"),
        ("12:30:00", "12:30:00"),
        ("2001-01-01", "2001-01-01"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("!!str 5", "5"),
        ("[1, a]", [1, "a"]),
        ("{a: 1}", {"a": 1}),
    ],
)
def test_scalars_follow_yaml_1_2(text, value):
    parsed = parse_scalar(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_nan_is_a_number():
    assert math.isnan(parse_scalar(".nan"))


def test_every_value_knows_its_line():
    document = parse_document("a:\n  - 1\n  - b: 2\nc:\n  d: 3\n", "x.yaml")
    assert document.value == {"a": [1, {"b": 2}], "c": {"d": 3}}
    assert document.lines[("a",)] == 1
    assert document.lines[("a", 1, "b")] == 3
    assert document.lines[("c", "d")] == 5
    assert dotted(("a", 1, "b")) == "a[1].b"
    assert document.locate("a[1].b.deeper") == ("a", 1, "b")
    assert document.locate("nowhere") is None


def test_keys_are_texts_as_written():
    assert parse_document("1: a\nyes: b\n", "x.yaml").value == {"1": "a", "yes": "b"}


def test_aliases_are_followed():
    text = "base: &b {low: 0, high: 1}\nx: *b\n"
    assert parse_document(text, "x.yaml").value["x"] == {"low": 0, "high": 1}


BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "stands twice, first in line 1"),
        ("a: 1\nb: [1,\n", 3, "is not YAML"),
        ("a: *nobody", 1, "undefined alias"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]", 2, "tag 'python/object/apply:os.system'"),
        ("a: !mine {b: 1}", 1, "tag '!mine'"),
        ("a: !!timestamp 2001-01-01", 1, "tag 'timestamp'"),
        ("a: !!int one", 1, "invalid literal"),
        ("a: " + "9" * 5000, 1, "limit"),
        ("? [a, b]\n: 1", 1, "a key must be a text"),
        ("a: &x [*x]", 1, "nested more than"),
        ("[" * 60 + "]" * 60, 1, "nested more than"),
        ("[" * 50_000, None, "nested more than"),
        (BOMB, None, "more than 100000 values"),
        ("a: \x07", None, "is not YAML"),
        ("a: 1\n--- \nb: 2", 2, "is not YAML"),
    ],
)
def test_bad_yaml_is_refused_with_its_line(text, line, part):
    with pytest.raises(FormatError, match=r"bad\.yaml") as caught:
        parse_document(text, "bad.yaml")
    assert part in str(caught.value)
    if line is not None:
        assert caught.value.line == line


def test_json_is_read_as_json():
    text = '{\n\t"a":\t[1, 2.5, "\\ud83d\\ude00", null],\n\t"yes": true\n}'
    document = parse_document(text, "x.json", is_json=True)
    assert document.value == {"a": [1, 2.5, "😀", None], "yes": True}
    assert document.lines[("yes",)] == 3


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ('{"a": 1,\n}', 2, "is not JSON"),
        ('{"a": NaN}', None, "no number NaN"),
        ('{"a": 1,\n"a": 2}', 2, "stands twice"),
        ("[" * 200_000, None, "nested more than"),
        ("yes", 1, "is not JSON"),
    ],
)
def test_bad_json_is_refused(text, line, part):
    with pytest.raises(FormatError) as caught:
        parse_document(text, "bad.json", is_json=True)
    assert part in str(caught.value)
    assert caught.value.line == line


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(FormatError, match="No such file"):
        read_document(tmp_path / "none.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("a: 1\nb: é\n".encode("latin-1"))
    with pytest.raises(FormatError, match="is not UTF-8") as caught:
        read_document(latin)
    assert caught.value.line == 2
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (MAX_SIZE + 1))
    with pytest.raises(FormatError, match="allowed: at most"):
        read_document(large)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    file = tmp_path / "bom.json"
    file.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_document(file).value == {"a": 1}
