"""The report as text: fit for a terminal and a pipe."""

import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from synthetic_run import change_dataset, digits, make_run

from fcsearch.evaluation import measure
from fcsearch.report import FinalTest, build_report, render_text
from fcsearch.report.judgement import Verdict
from fcsearch.report.words import duration, listing, percent, plural, rate, value_text
from fcsearch.results import RunDirectory

NOTHING = FinalTest(note="the model is gone")


def test_says_which_network_is_best_and_how_to_get_it(made_run: RunDirectory) -> None:
    found = build_report(made_run, test=NOTHING)
    text = render_text(found)
    trial = found.best.row["trial_id"]
    assert f"Best network  trial {trial}" in text
    assert f"\n  validation            {100 * found.best.row['val_accuracy']:.2f}%" in text
    assert re.search(r"validation, baseline\s+1\d\.\d\d%\s+always answering '\d', the commonest class", text)
    assert f"learning_rate {found.best.row['learning_rate']:.4g}" in text
    assert f"\n  fcsearch train --run {shlex.quote(str(made_run.path))} --trial {trial}\n" in text
    assert "48 trials in 6 packs: 32 complete, 12 stopped, 4 diverged" in text
    assert "1 min 36 s from the start to the last training, 30 trials per minute" in text
    assert "digits: 1,257 training, 270 validation, 270 test rows, 10 classes" in text
    assert "trained on machine 1 (cpu): 24 trials; machine 2 (cpu): 24 trials" in text
    assert "not measured: the model is gone" in text
    # As many as there are validation rows; the columns may break the remark.
    assert "at the best epoch, on a sample of 270 training rows" in " ".join(text.split())
    assert "learning_rate   8" in text  # its importance
    for title in ("Top 10", "What each parameter did", "How far to trust it", "Files", "Train the best network again"):
        assert f"\n{title}" in text


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_stays_within_the_width_but_for_what_is_to_be_copied(made_run: RunDirectory, width: int) -> None:
    found = build_report(made_run, test=NOTHING)
    lines = render_text(found, width=width).splitlines()
    # Paths and the command are there to be copied.
    assert [line for line in lines if len(line) > width and str(made_run.path) not in line] == []


def test_paths_are_never_folded(made_run: RunDirectory, tmp_path: Path) -> None:
    path = tmp_path / ("a long name " * 8).strip() / "run"
    shutil.copytree(made_run.path, path)
    text = render_text(build_report(RunDirectory.open(path), test=NOTHING), width=60)
    assert f"\n  log      {path / 'log.txt'}\n" in text
    assert f"\n  fcsearch train --run '{path}' --trial " in text


@pytest.mark.parametrize("width", [60, 100])
def test_the_classes_stay_within_the_width_too(made_run: RunDirectory, width: int) -> None:
    measured = measure(made_run, made_run.models.saved()[0], digits(), "val")
    best = build_report(made_run, test=NOTHING).best
    validation = replace(measured, trial_id=best.row["trial_id"])
    lines = render_text(build_report(made_run, test=NOTHING, validation=validation), width=width).splitlines()
    assert "Class by class  the best network on the validation rows" in lines
    # Paths and commands are never folded.
    assert [line for line in lines if len(line) > width and str(made_run.path) not in line] == []


def test_that_nothing_was_learned_comes_first(run: RunDirectory) -> None:
    counts = {"train": [0] * 9 + [1257], "val": [0] * 9 + [270], "test": [0] * 9 + [270]}
    change_dataset(run, class_counts=counts)
    lines = render_text(build_report(run, test=NOTHING)).splitlines()
    assert lines[1].strip().startswith("Nothing was learned: the best validation accuracy")
    assert "No validation row is of classes '0', '1', '2', '3', '4', '5' and 3 more" in " ".join(
        " ".join(lines).split()
    )


def test_what_the_top_trials_share_is_said_once(made_run: RunDirectory) -> None:
    found = build_report(made_run, test=NOTHING, top=2)
    assert found.top_columns
    assert "update_rule" in found.top_columns
    alike = build_report(made_run, test=NOTHING, top=1)
    assert alike.top_columns == ()
    first, second = found.top
    for effect in found.effects:
        assert (effect.parameter in found.top_columns) == (first[effect.parameter] != second[effect.parameter])
        same = f"{effect.parameter} {value_text(first[effect.parameter], 3)}"
        if effect.parameter not in found.top_columns:
            # What none of them reads is not worth a word.
            said = render_text(found).partition("The same in all of them:")[2]
            assert (same in said) == (first[effect.parameter] is not None)


def test_parameters_for_which_there_is_no_room_are_named(made_run: RunDirectory) -> None:
    found = build_report(made_run, test=NOTHING)
    narrow = render_text(found, width=70)
    rest = re.search(r"Also varied, but not shown for lack of room: (.*?)\.", narrow, re.DOTALL)
    assert "momentum" in rest[1]
    assert "learning_rate" not in rest[1], "the most important is shown first"
    assert "no room" not in render_text(found, width=160)


def test_colour_only_where_it_is_understood(made_run: RunDirectory) -> None:
    found = build_report(made_run, test=NOTHING)
    assert "\x1b" not in render_text(found)
    assert "\x1b[1" in render_text(found, color=True)


def test_names_are_text_and_no_markup(made_run: RunDirectory) -> None:
    found = replace(build_report(made_run, test=NOTHING), name="[red]x[/red]", error="[bold]oops")
    text = render_text(found)
    assert "[red]x[/red]" in text
    assert "[bold]oops" in text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (59.9, "59.9 s"), (60, "1 min 0 s"), (3725, "1 h 2 min"), (90_000, "1 d 1 h"), (59.99, "60.0 s")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("value", "words"), [(0.1234, "0.123"), (10.44, "10.4"), (999.7, "1,000"), (12_345.6, "12,346")]
)
def test_rates(value: float, words: str) -> None:
    assert rate(value) == words


def test_words() -> None:
    assert [plural(1, "class"), plural(2, "class"), plural(1234, "trial")] == ["1 class", "2 classes", "1,234 trials"]
    assert [listing(list("a")), listing(list("ab")), listing(list("abc"))] == ["a", "a and b", "a, b and c"]
    assert [percent(None), percent(0.98765)] == ["-", "98.77%"]
    assert [value_text(v) for v in (None, [], [64, 32], 0.00012345, 1e-8, 128, "adam")] == [
        "-", "none", "64-32", "0.0001234", "1e-08", "128", "adam",
    ]  # fmt: skip


def test_a_report_on_few_trials_is_short(tmp_path: Path) -> None:
    run = make_run(tmp_path / "few", trials=4, models=1)
    found = build_report(run, test=NOTHING)
    text = render_text(found, width=100)
    assert len(text.splitlines()) < 60
    assert "What each parameter did\n  No importances: they need 20 trials with a result; this run has " in text
    for title in ("of the trials with that value", "Train the best network again", "journal"):
        assert title not in text
    assert f"  report   {run.path / 'report.html'}\n" in text
    one = replace(found, dataset=replace(found.dataset, test_rows=1))
    assert ", 1 test row, " in render_text(one, width=100)


def test_where_nothing_was_learned_no_network_is_praised(made_run: RunDirectory) -> None:
    found = build_report(made_run, test=NOTHING)
    trust = replace(found.trust, verdict=Verdict("nothing was learned", "x."))
    text = render_text(replace(found, trust=trust), width=100)
    assert f"\nBest trial  {found.best.row['trial_id'] if found.best else ''}\n" in text
    for words in ("Best network", "a tie with", "Confirmed", "Train the best network again"):
        assert words not in text
