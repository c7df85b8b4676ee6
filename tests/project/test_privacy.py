"""What is not passed on with a run is recognised in texts, and ordinary words are left as they are."""

from pathlib import Path

import pytest

from fcsearch.privacy import Privacy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no file /home/anna/data/x.csv: gone", "no file x.csv: gone"),
        ("C:\\Users\\anna\\x.csv", "x.csv"),
        ("see https://x.org/a/b", "see https://ADDRESS/a/b"),
        ("1/30 epochs, 3/4, sgd/adam, 2026-01-01", "1/30 epochs, 3/4, sgd/adam, 2026-01-01"),
        ("at 192.168.0.7:6379", "at ADDRESS"),
        ("gpu-07.lab failed, gpu-07.lab2 not", "machine 1 failed, gpu-07.lab2 not"),
        ("version 2.13.0+cpu", "version 2.13.0+cpu"),
        ("file:///home/anna/x.csv is gone", "x.csv is gone"),
        ("at fe80::1c2:3%eth0: no route", "at ADDRESS: no route"),
        ("to [2001:db8::7]:6379, [::1] and ::ffff:10.0.0.7.", "to ADDRESS, ADDRESS and ADDRESS."),
        ("2001:0db8:0000:0000:0000:ff00:0042:8329 is down", "ADDRESS is down"),
        ("ray://[2001:db8::7]:10001", "ray://ADDRESS"),
        ("at 12:30:45, 1:2, x[1::2], a::b, std::abs, ::", "at 12:30:45, 1:2, x[1::2], a::b, std::abs, ::"),
        ("ssh anna@10.0.0.7 or anna@gpu-07.lab", "ssh ADDRESS or machine 1"),
    ],
)
def test_what_is_private_is_replaced(text: str, expected: str) -> None:
    assert Privacy(["gpu-07.lab"]).of(text) == expected


def test_the_folder_of_a_user_names_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna b")
    privacy = Privacy([], folders=[Path("/home/anna b"), Path("/home/anna b/my runs")])
    assert privacy.of("in /home/anna b/x/y.csv, /home/anna b/my runs and /home/anna b") == "in y.csv, my runs and ~"


def test_a_word_of_the_language_is_no_machine() -> None:
    assert Privacy(["cat"], host="digits").of("the cat of digits") == "the cat of digits"
    assert Privacy(["cat"]).node("cat") == "machine 1"


def test_a_name_that_may_be_a_word_is_one_of_a_machine_or_user_where_the_words_beside_it_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOGNAME", "anna")
    privacy = Privacy(["cat (10.0.0.9)", "box-2 (10.0.0.8)", "box-2 (10.0.0.7)"], host="digits")
    assert (
        privacy.of("the cat on node cat, cat:80, cat (10.0.0.9)")
        == "the cat on node machine 1, machine 1:80, machine 1"
    )
    assert privacy.of("box-2 (10.0.0.7), of two called box-2") == "machine 3, of two called a machine"
    assert privacy.of("user anna, anna@digits, Hanna") == "user USER, the driver, Hanna"


def test_what_has_a_number_keeps_it() -> None:
    privacy = Privacy(["a-1", "machine 2", "b-1"])
    assert [privacy.node(name) for name in ("machine 7", "b-1", None)] == ["machine 7", "machine 2", "a machine"]
