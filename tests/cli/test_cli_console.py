"""One rule for widths and colours, and paths that are never folded."""

import io
import shlex
from pathlib import Path

import pytest
from commands import Terminal
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fcsearch.cli.console import (
    command_lines,
    fields_grid,
    open_console,
    plain_table,
    print_sentence,
    print_table,
    short_path,
)
from fcsearch.cli.live import LineView, open_view
from fcsearch.text import printable


@pytest.mark.parametrize(("columns", "width"), [("40", 60), ("132", 132)])
def test_a_terminal_decides_and_a_pipe_has_100_columns(
    monkeypatch: pytest.MonkeyPatch, columns: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert open_console(Terminal()).width == width
    assert open_console(io.StringIO()).width == 100


def test_a_sentence_is_folded_at_spaces_and_a_path_in_it_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    path = "/data/" + 20 * "customers_of_may/"
    text = f"fcsearch: the file must be a table with a label; found {path} and nothing else there"
    screen, pipe = Terminal(), io.StringIO()
    print_sentence(text, screen)
    lines = screen.getvalue().splitlines()
    assert path in lines
    assert all(len(line) <= 60 for line in lines if line != path)
    assert " ".join(line.strip() for line in lines) == text
    print_sentence(text, pipe)
    assert pipe.getvalue() == f"{text}\n"


def test_colours_where_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert open_console(io.StringIO()).color_system is None
    assert open_console(Terminal()).color_system is not None
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert open_console(io.StringIO()).color_system is not None
    assert open_console(io.StringIO()).width == 100
    monkeypatch.setenv("NO_COLOR", "1")
    assert open_console(Terminal()).no_color


def test_forced_colours_make_no_screen_of_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with open_view(parameters=[], quiet=False, verbose=False) as view:
        assert isinstance(view, LineView)
        view.notice("plain")
    assert capfd.readouterr().err == "plain\n"


@pytest.mark.parametrize("order", ["\x1b[31m", "\x1b]0;title\x07", "\x9b2J", "\r", "\x7f", "\u202e"])
def test_text_from_data_gives_a_terminal_no_orders(order: str) -> None:
    stream = Terminal()
    console = open_console(stream)
    console.print(f"red{order}", Text(f"{order}green\t", style="bold"))
    table = plain_table()
    table.add_column(f"a{order}")
    table.add_row(f"{order}b")
    console.print(table)
    assert order not in stream.getvalue()
    assert printable(f"a{order}b\tc\n") == f"a\ufffd{printable(order[1:])}b\tc\n"


def test_a_table_gets_wider_before_it_folds_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    table = plain_table()
    table.add_column("path", no_wrap=True)
    table.add_column("two words")
    table.add_row(Text("/".join(["a folder"] * 30)), Text("folds here"))
    print_table(table)
    [line] = [line for line in capsys.readouterr().out.splitlines() if "folder" in line]
    assert line.split("  ")[0] == "/".join(["a folder"] * 30)


def test_paths_are_relative_or_lose_their_first_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert short_path(str(tmp_path / "runs" / "a")) == "runs/a"
    assert short_path("runs/a") == "runs/a"
    assert short_path("digits") == "digits"
    url = f"file://{tmp_path}/a/long/way/of/folders/that/is/no/path/of/this/machine/a"
    assert short_path(url) == url
    assert short_path("/data/cifar10.parquet") == "/data/cifar10.parquet"
    assert short_path("/a long way" * 9 + "/run") == ".../a long way/a long way/a long way/run"
    assert short_path("/x/" + "y" * 70) == ".../" + "y" * 70


def test_a_long_command_is_broken_between_its_words_and_stays_one_command() -> None:
    command = "fcsearch run 'runs/a run/next_space.yaml' --from 'runs/a run' --trials 200"
    assert command_lines(command, 100) == [command]
    lines = command_lines(command, 44)
    assert len(lines) > 1
    assert max(map(len, lines)) <= 44
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(command)
    # A word that is longer stays whole.
    assert command_lines(f"fcsearch report {'x' * 70}", 40) == ["fcsearch report \\", f"    {'x' * 70}"]


def test_a_table_gives_up_room_where_there_is_some_and_cuts_no_word(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for title in ("parameter", "kind", "values", "applies when", "file"):
        table.add_column(title)
    values = ("learning_rate", "integer range", "sgd_momentum, rmsprop, adam", "update_rule is sgd_momentum")
    table.add_row(*values, "a_word_of_forty_characters_without_space")
    print_table(table)
    shown = capsys.readouterr().out
    assert {"learning_rate", "sgd_momentum,", "update_rule"} <= set(shown.split())
    assert max(map(len, shown.splitlines())) <= 103


def test_a_value_without_spaces_is_folded_and_not_cut() -> None:
    path = "/data/" + "a_long_name/" * 9 + "customers.csv"
    screen = io.StringIO()
    Console(file=screen, width=60).print(fields_grid([("dataset", path)]))
    lines = screen.getvalue().splitlines()
    assert max(map(len, lines)) <= 60
    assert "".join(line[16:].strip() for line in lines) == path
