"""The last lines of a run, and a report in which no terminal cuts a word."""

import dataclasses
import io
import re
import shlex
import shutil
from pathlib import Path

import pytest
from synthetic_run import digits, trial_row

import fcsearch.cli.closing
from fcsearch.cli.closing import print_closing
from fcsearch.cli.console import open_console
from fcsearch.report import FinalTest, Report, build_report, render_text, write_report
from fcsearch.report.closing import exported_name, figures_line, more_trials, next_commands, winner_line
from fcsearch.report.judgement import Caution, Verdict
from fcsearch.report.next_space import NEXT_SPACE, next_command
from fcsearch.report.verdict import NOT_SHOWN, NOTHING
from fcsearch.results import RunDirectory, TrialRecord
from fcsearch.results.records import row_config

WIDTHS = range(60, 201, 7)


@pytest.fixture(scope="module")
def report(made_run: RunDirectory, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Of a run that is measured and confirmed, with a path that is short everywhere."""
    copy = tmp_path_factory.mktemp("closing") / "synthetic"
    shutil.copytree(made_run.path, copy)
    run = RunDirectory.open(copy)
    run.update_manifest({"confirmation": {"trials": [4, 29], "seeds": [1, 2]}})
    rows = [
        TrialRecord(
            trial_id=trial,
            state="complete",
            config=row_config({**trial_row(trial), "seed": seed}),
            val_accuracy=0.95 + seed / 100 - trial / 1000,
            best_epoch=1,
        )
        for trial in (4, 29)
        for seed in (1, 2)
    ]
    run.write_confirmations(run.next_pack_id(), rows)
    return dataclasses.replace(write_report(run, dataset=digits()), path="runs/synthetic")


def words(text: str) -> set[str]:
    return {word for word in text.split() if not set(word) <= {"─", "│"}}


def test_more_trials_are_offered_where_they_may_help(report: Report) -> None:
    assert more_trials(report) == ["fcsearch", "resume", "runs/synthetic", "--trials", "96"]
    assert more_trials(dataclasses.replace(report, sampler="grid")) is None
    assert more_trials(dataclasses.replace(report, state="interrupted")) is None
    assert more_trials(dataclasses.replace(report, best=None)) is None
    nothing = dataclasses.replace(report.trust, verdict=Verdict(NOTHING, "x."))
    assert more_trials(dataclasses.replace(report, trust=nothing)) is None


def test_a_winner_that_early_stopping_ended_is_called_so(report: Report) -> None:
    assert report.best is not None
    row = {**report.best.row, "state": "stopped", "epochs_run": 3, "epochs": 30, "best_epoch": 2}
    stopped = dataclasses.replace(report, best=dataclasses.replace(report.best, row=row))
    assert stopped.best is not None
    assert winner_line(stopped, stopped.best).startswith(f"trial {row['trial_id']} (stopped after epoch 3 of 30): ")
    text = render_text(stopped, width=400)
    assert "at epoch 2, the best of 3 until early stopping; 30 were planned; " in text


def test_no_width_cuts_a_word_or_a_number(report: Report) -> None:
    whole = words(render_text(report, width=400))
    for width in WIDTHS:
        text = render_text(report, width=width)
        # What there is no room for is named.
        rest = re.sub(r"(Also varied, but not shown|Left out) for lack of room:[^.]*\.( ?html\.)?", "", text)
        assert words(rest) <= whole, (width, words(rest) - whole)


def test_the_last_lines_fit_too(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    def closing(width: int) -> str:
        stream = io.StringIO()
        console = open_console(stream)
        console.width = width
        monkeypatch.setattr(fcsearch.cli.closing, "open_console", lambda: console)
        print_closing(report)
        return stream.getvalue()

    whole = closing(400)
    for width in WIDTHS:
        assert words(closing(width)) == words(whole)
    assert whole.splitlines()[-6:] == [
        "Next",
        *(f"  {command}" for command in next_commands(report)),
        'In Optuna\'s dashboard, after pip install "fcsearch[dashboard]"',
        f"  optuna-dashboard {shlex.quote(report.files['journal'])}",
    ]


def test_they_say_the_winner_and_its_figures(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    print_closing(report)
    output = capsys.readouterr().out
    assert "Winner  trial 4: depth 4, hidden_dim 128, learning_rate 0.0111, dropout 0.04042, " in output
    assert report.best is not None
    assert figures_line(report, report.best).startswith(
        "validation accuracy 98.41%, confirmed 96.10% over 2 other seeds, "
    )
    assert re.search(
        r"test \d\d\.\d\d% \(standard error \d\.\d\d points; baseline 1\d\.\d\d%\)", " ".join(output.split())
    )
    print_closing(dataclasses.replace(report, best=None))
    assert capsys.readouterr().out == ""


def test_the_export_that_is_offered_is_one_that_this_environment_can_write(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
    assert next_commands(report)[-1] == "fcsearch export runs/synthetic --out model.onnx"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "onnxruntime" else object())
    assert next_commands(report)[-1] == "fcsearch export runs/synthetic --out model.pt2"


def test_a_search_that_its_time_budget_ended_early_is_called_that(report: Report) -> None:
    work = dataclasses.replace(report.work, planned=1500, ended_by="time_budget")
    early = dataclasses.replace(report, work=work)
    assert render_text(early).startswith("synthetic  ended by its time budget\n")
    assert render_text(report).startswith("synthetic  complete\n")


def test_the_commands_are_those_that_one_wants_next(report: Report, tmp_path: Path) -> None:
    path = str(tmp_path / "a run")
    found = dataclasses.replace(report, path=path)
    assert next_commands(found) == [
        f"fcsearch predict '{path}' NEW_ROWS.csv --out predictions.csv",
        f"fcsearch resume '{path}' --trials 96",
        f"fcsearch export '{path}' --out {exported_name()}",
    ]
    assert next_commands(dataclasses.replace(found, confirmation=None))[0] == f"fcsearch confirm '{path}'"
    assert next_commands(dataclasses.replace(found, state="interrupted"))[0] == f"fcsearch resume '{path}'"
    work = dataclasses.replace(found.work, planned=1500, ended_by="time_budget")
    assert not any("--trials" in command for command in next_commands(dataclasses.replace(found, work=work)))
    assert next_commands(dataclasses.replace(found, work=work))[0] == f"fcsearch resume '{path}'"
    Path(path).mkdir()
    (Path(path) / NEXT_SPACE).write_text("")
    assert next_commands(found)[1] == f"fcsearch run '{path}/{NEXT_SPACE}' --from '{path}'"
    assert next_commands(dataclasses.replace(found, sampler="random"))[1] == f"fcsearch run '{path}/{NEXT_SPACE}'"


REMEDIES = (
    ("objective=balanced_accuracy", "class_weight=balanced"),
    ("objective=average_precision",),
    ("dataset.folds=5",),
    ("dataset.test_fraction=0.15",),
)


@pytest.mark.parametrize("claim", [NOTHING, NOT_SHOWN])
def test_after_a_verdict_no_winner_is_praised_and_no_more_is_claimed(
    report: Report, capsys: pytest.CaptureFixture[str], claim: str
) -> None:
    trust = dataclasses.replace(report.trust, verdict=Verdict(claim, "x."), remedies=REMEDIES)
    found = dataclasses.replace(report, trust=trust)
    print_closing(found)
    output = capsys.readouterr().out
    assert "Winner" not in output
    assert f"No winner: {claim}\n" in output
    # The run's own space, each time with one remedy.
    assert next_commands(found) == [
        "fcsearch run runs/synthetic --set objective=balanced_accuracy --set class_weight=balanced",
        "fcsearch run runs/synthetic --set objective=average_precision",
        "fcsearch run runs/synthetic --set dataset.folds=5",
        "fcsearch run runs/synthetic --set dataset.test_fraction=0.15",
    ]


@pytest.mark.parametrize(
    ("state", "command"), [("interrupted", "resume"), ("failed", "resume"), ("complete", "confirm")]
)
def test_a_verdict_that_is_not_final_asks_for_what_may_change_it(
    report: Report, capsys: pytest.CaptureFixture[str], state: str, command: str
) -> None:
    trust = dataclasses.replace(report.trust, verdict=Verdict(NOTHING, "x.", so_far=True))
    found = dataclasses.replace(report, trust=trust, state=state)
    print_closing(found)
    assert "No winner: so far nothing was learned\n" in capsys.readouterr().out
    assert next_commands(found) == [f"fcsearch {command} runs/synthetic"]


def test_what_the_report_advises_first_comes_in_place_of_more_trials(report: Report) -> None:
    trust = dataclasses.replace(report.trust, remedies=(("dataset.folds=5",),))
    found = dataclasses.replace(report, trust=trust, run_options=("--pool", "local"))
    assert next_commands(found)[1] == "fcsearch run runs/synthetic --set dataset.folds=5 --pool local"
    assert not any("resume" in command for command in next_commands(found))


def test_options_that_a_further_search_needs_are_kept(made_run: RunDirectory, tmp_path: Path) -> None:
    copy = tmp_path / "kept"
    shutil.copytree(made_run.path, copy)
    run = RunDirectory.open(copy)
    assert build_report(run, test=FinalTest(note="-")).run_options == ()
    run.update_manifest({"options": {"pool": "local", "workers": 2, "gpus_per_worker": None, "tf32": True, "seed": 3}})
    found = build_report(run, test=FinalTest(note="-"))
    assert found.run_options == ("--pool", "local", "--workers", "2", "--tf32")
    assert next_command(found)[-5:] == ["--pool", "local", "--workers", "2", "--tf32"]


def test_the_caution_stands_under_the_winner(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    trust = dataclasses.replace(report.trust, caution=Caution("On the 9 test rows the network is not ahead."))
    found = dataclasses.replace(report, trust=trust)
    print_closing(found)
    assert "On the 9 test rows the network is not ahead." in " ".join(capsys.readouterr().out.split())
    assert render_text(found).splitlines()[1] == "  On the 9 test rows the network is not ahead."


def test_a_network_that_is_not_to_be_used_is_no_winner(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    sentence = "Do not use the network of trial 4."
    instead = dataclasses.replace(report.trust, caution=Caution(sentence, forbids=True, model="ensemble"))
    found = dataclasses.replace(report, trust=instead)
    print_closing(found)
    output = capsys.readouterr().out
    assert "Winner" not in output
    assert sentence in output
    assert next_commands(found)[0] == (
        "fcsearch predict runs/synthetic --model ensemble NEW_ROWS.csv --out predictions.csv"
    )
    assert next_commands(found)[-1] == f"fcsearch export runs/synthetic --model ensemble --out {exported_name()}"
    text = render_text(found, width=200)
    assert "Best network" not in text
    assert "Train the best network again" not in text
    again = dataclasses.replace(report.trust, caution=Caution(sentence, forbids=True, seed=2))
    found = dataclasses.replace(report, trust=again)
    train = "fcsearch train --run runs/synthetic --trial 4 --seed 2 --save model.safetensors"
    assert next_commands(found)[0] == train
    assert not any(word in command for command in next_commands(found) for word in ("predict", "export"))
    assert f"With another seed\n  {train}" in render_text(found, width=200)
    # A network of the first fold alone is not what a run with folds uses.
    folds = dataclasses.replace(found, dataset=dataclasses.replace(found.dataset, folds=5))
    assert next_commands(folds)[0] == "fcsearch run runs/synthetic --seed 2"
    folds = dataclasses.replace(report, dataset=folds.dataset)
    assert "Train fold 1 of 5 of the best trial again\n  fcsearch train" in render_text(folds, width=200)
