"""Hostile and broken files: each gives a SpaceError that says where, and none takes long, recurses or runs anything."""

import contextlib
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fcsearch.errors import SpaceError
from fcsearch.space import load_space
from fcsearch.space.document import MAX_BYTES, MAX_NESTING, from_plain, read_text

GOOD = (Path(__file__).parents[2] / "search_spaces" / "full.yaml").read_text()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E-4", 1e-4),
        ("+1e3", 1000.0),
        ("1.0e-4", 1e-4),
        (".5", 0.5),
        ("5.", 5.0),
        ("-3", -3),
        ("1_000", 1000),
        ("010", 10),
        ("0x10", "0x10"),
        ("1:30", "1:30"),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        (".inf", float("inf")),
        ("'1e-4'", "1e-4"),
        ("2024-01-01", "2024-01-01"),
        ("[1, 2e1, a]", [1, 20.0, "a"]),
    ],
)
def test_scalars_read_by_yaml_1_2(text: str, value: object) -> None:
    found = read_text(text, "x").plain()
    assert found == value
    assert type(found) is type(value)


def test_every_node_knows_its_place() -> None:
    root = read_text("a: 1\nbc:\n  - x\n  - {d: 5}\n", "f.yaml")
    assert isinstance(root.value, dict)
    items = root.value["bc"]
    assert (str(items.key_mark), str(items.mark)) == ("f.yaml:2:1", "f.yaml:3:3")
    assert isinstance(items.value, tuple)
    inner = items.value[1]
    assert isinstance(inner.value, dict)
    assert str(inner.value["d"].mark) == "f.yaml:4:9"


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("", "FILE", "empty"),
        ("   \n\n", "FILE", "empty"),
        ("# only a comment\n", "FILE", "must be a mapping"),
        ("- a\n- b\n", "FILE:1:1", "must be a mapping"),
        ("just words", "FILE:1:1", "must be a mapping"),
        ("parameters: {epochs: 3\n", "FILE:2:1", "YAML error"),
        ("parameters:\n\tepochs: 3\n", "FILE:2:1", "tabs"),
        ("parameters:\n  epochs: 3\n bad: 1\n", "FILE:3:2", "line 3 begins in column 2, but no key above it does"),
        ("parameters:\n  epochs: 3\n\n  # so\n   depth: 2\n", "FILE:5:4", "indent it to column 1 or 3"),
        ("trials: 3\n  name: x\n", "FILE:2:7", "but no key above it does: indent it to column 1"),
        ("  trials: 3\nname: x\n", "FILE:2:1", "line 2 begins in column 1"),
        ("tries:\n  - depth: 2\n      reg: 0\n", "FILE:3:10", "line 3 begins in column 7"),
        ("parameters:\n  reg:\n    low: 1\n    high: 2: 3\n", "FILE:4:12", "mapping values are not allowed here"),
        ("parameters:\n  epochs: 3\n  epochs: 4\n", "FILE:3:3", "occurs twice; first at FILE:2:3"),
        ("parameters: {1: 2}\n", "FILE:1:14", "unknown parameter '1'"),
        ("parameters: {? [a] : 2}\n", "FILE:1:16", "a key must be a word"),
        ("a: &x 1\nparameters: {epochs: *x}\n", "FILE:2:22", "aliases"),
        ("parameters: {epochs: !!int '3'}\n", "FILE:1:22", "tags"),
        ("parameters: !!python/object/apply:os.system ['touch PWNED']\n", "FILE:1:13", "tags"),
        ("parameters: {epochs: 3}\n---\nparameters: {epochs: 4}\n", "FILE:2:1", "one YAML document"),
        ("parameters: {epochs: 3}\nname: a\x07b\n", "FILE:2", "character"),
        ("parameters: {epochs: " + "9" * 5000 + "}\n", "FILE:1:22", "2**53"),
        ("parameters: {epochs: 9007199254740993}\n", "FILE:1:22", "2**53"),
        ("%YAML 1." + "9" * 5000 + "\n---\na: 1\n", "FILE", "cannot be read"),
        ('name: "\\UFFFFFFFF"\nparameters: {epochs: 3}\n', "FILE", "cannot be read"),
        ('"\\ud800": 1\nparameters: {epochs: 3}\n', "FILE:1:1", "character #xd800 is not allowed"),
        ("#" + "x" * MAX_BYTES, "FILE", "at most 256 KiB"),
    ],
)
def test_bad_documents_say_where(refusal: Callable[..., str], text: str, where: str, says: str) -> None:
    message = refusal(text)
    assert message.startswith(f"{where}:"), message
    assert says in message
    message.encode()


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"parameters: {epochs: 3}\n# \xff\xfe\n", "FILE:2: a space file is UTF-8 text; found byte 0xff"),
        ("parameters: {epochs: 3}".encode("utf-16"), "FILE:1: a space file is UTF-8 text"),
        (b"\x00\x01\x02", "character #x0000 is not allowed"),
        (b"PK\x03\x04\xff\xff", "UTF-8"),
    ],
)
def test_files_that_are_no_text(refusal: Callable[..., str], raw: bytes, says: str) -> None:
    assert says in refusal(raw)


def test_utf8_with_byte_order_mark_is_read(load: Callable[..., object]) -> None:
    load(b"\xef\xbb\xbfparameters: {epochs: 3}\n")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 10_000,
        "{a: " * 10_000,
        "[" * 10_000 + "]" * 10_000,
        "- " * 10_000 + "a",
        "? " * 10_000 + "a",
        "parameters: " + "[" * 10_000,
        "".join(" " * i + f"k{i}:\n" for i in range(600)),
    ],
    ids=["open lists", "open maps", "lists", "block lists", "complex keys", "in parameters", "block maps"],
)
def test_deep_nesting_ends_early(refusal: Callable[..., str], text: str) -> None:
    start = time.perf_counter()
    assert f"at most {MAX_NESTING} levels of nesting" in refusal(text)
    assert time.perf_counter() - start < 2


def test_deep_nesting_in_an_override_and_in_json(refusal: Callable[..., str]) -> None:
    assert "levels of nesting" in refusal("parameters: {epochs: 3}", "parameters.epochs=" + "[" * 10_000)
    deep: list[object] = []
    for _ in range(10_000):
        deep = [deep]
    with pytest.raises(SpaceError, match="levels of nesting"):
        from_plain(deep, "x")


def test_alias_bomb_is_refused_at_its_first_alias(refusal: Callable[..., str]) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 9) + "]" for i in range(1, 12)]
    assert refusal("\n".join(lines)).startswith("FILE:2:10: aliases (*a0)")


def test_merge_keys_are_no_way_round(refusal: Callable[..., str]) -> None:
    assert "unknown key '<<'" in refusal("<<: {trials: 3}\nparameters: {epochs: 3}\n")


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"none\.yaml: no such file; `fcsearch spaces` lists"):
        load_space(tmp_path / "none.yaml")
    (tmp_path / "churn.yaml").write_text("parameters: {epochs: 3}")
    with pytest.raises(SpaceError, match=r"chrun\.yaml: no such file; .*\. Did you mean '.*/churn\.yaml'\?$"):
        load_space(tmp_path / "chrun.yaml")
    with pytest.raises(SpaceError, match=r"no such file; .*\. Did you mean 'dropout'\?$"):
        load_space(tmp_path / "gone" / "dropuot.yaml")
    # Endings make no names alike.
    for name in ("a", "f", "defaults"):
        (tmp_path / f"{name}.yaml").write_text("parameters: {epochs: 3}")
    for name, meant in (("smal", "small"), ("default", "default"), ("tests/default", "default"), ("small", "small")):
        with pytest.raises(SpaceError, match=rf"no such file; .*\. Did you mean '{meant}'\?$"):
            load_space(tmp_path / f"{name}.yaml")
    with pytest.raises(SpaceError, match=r"Did you mean '.*/churn\.yaml'\?$"):
        load_space(tmp_path / "churn.yml")
    with pytest.raises(SpaceError, match=r"writes one$"):
        load_space(tmp_path / "b.yaml")
    with pytest.raises(SpaceError, match="found a folder"):
        load_space(tmp_path)


def test_a_damaged_space_is_read_or_refused_but_nothing_else(load: Callable[..., object]) -> None:
    """Bytes of a good file removed, doubled, swapped and replaced, 400 times over."""
    rng = random.Random(7)
    read = 0
    for _ in range(400):
        text = list(GOOD)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(text))
            text[at : at + rng.randint(0, 3)] = rng.choices(
                "{}[]:,-&*!#'\"|>%@ \n\t019.eE~xé\U0001f600", k=rng.randint(0, 3)
            )
        with contextlib.suppress(SpaceError):
            load("".join(text))
            read += 1
    assert 10 < read < 300


@pytest.mark.parametrize(
    "text",
    [
        "{0}: 1",
        "parameters: {{{0}: 1}}",
        "parameters: {{update_rule: {0}}}",
        "parameters: {{epochs: {{{0}: 1}}}}",
        "parameters: {{epochs: {{choices: [3], when: {{{0}: 3}}}}}}",
        "parameters: {{epochs: 3}}\nsampler: {0}",
        "parameters: {{epochs: 3}}\nsampler: {{name: tpe, {0}: 3}}",
        "parameters: {{epochs: 3}}\nearly_stopping: {{{0}: 3}}",
        "parameters: {{epochs: 3}}\nname: {0}",
    ],
)
def test_messages_stay_short_whatever_was_found(refusal: Callable[..., str], text: str) -> None:
    assert len(refusal(text.format("'" + "x" * 900 + "'"))) < 500
