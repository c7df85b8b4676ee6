"""Commands count trials that were in training when their search ended apart from those that are done."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import exported, json_of, output_of, ran
from sklearn.datasets import load_digits
from synthetic_run import EPOCHS, add_trials, digits, epoch_rows, manifest, save_model, trial_row

import fcsearch
from fcsearch.api.representation import facts_of
from fcsearch.report.build import build_report
from fcsearch.report.closing import winner_line
from fcsearch.report.measured import FinalTest
from fcsearch.results import RunDirectory
from fcsearch.search.loop.from_files import Watched


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight of 48 trials are done, and two, the best of all among them, are unfinished."""
    monkeypatch.chdir(tmp_path)
    made = RunDirectory.create(tmp_path / "runs" / "cut", manifest("cut", ended_by="time_budget"))
    add_trials(made, range(8))
    rows = [
        {**trial_row(trial), "state": "unfinished", "epochs_run": 4, "best_epoch": 3, "val_accuracy": value}
        for trial, value in ((9, 0.999), (10, 0.2))
    ]
    made.write_pack(made.next_pack_id(), rows, [epoch for row in rows for epoch in epoch_rows(row)])
    made.keep_transform(digits().transform)
    for row in rows:
        save_model(made, row)
    return made.path


def said(*arguments: str) -> str:
    return " ".join(output_of(*arguments).split())


@pytest.mark.usefixtures("run")
def test_runs() -> None:
    assert "8 of 48, 2 unfinished" in said("runs")
    [entry] = json_of("runs")
    assert (entry["trials"], entry["unfinished"]) == (8, 2)
    assert (entry["state"], entry["ended_by"]) == ("complete", "time_budget")


def test_watch(run: Path) -> None:
    assert Watched(RunDirectory.open(run)).ended() == "ended by its time budget, 8 of 48 trials, 2 unfinished"


def test_report(run: Path) -> None:
    text = said("report", "cut")
    assert "8 of 48 trials, and 2 unfinished, in 2 packs: " in text
    assert f"trial 9, had trained for 4 of {EPOCHS} epochs when the time budget was used up" in text
    assert f"at epoch 3, the best of 4 so far; {EPOCHS} were planned" in text
    assert text.count(f" 3/4 of {EPOCHS} ") == 2
    found = build_report(RunDirectory.open(run), test=FinalTest())
    assert found.best is not None
    assert winner_line(found, found.best).startswith(f"trial 9 (stopped after epoch 4 of {EPOCHS}): ")
    stored = json_of("report", "cut")
    assert (stored["state"], stored["work"]["ended_by"]) == ("complete", "time_budget")
    page = (run / "report.html").read_text()
    assert "after 8 of 48 trials, with 2 unfinished." in page
    assert f"the search ended after epoch 4 of {EPOCHS}" in page


def test_report_of_an_interrupted_run_speaks_of_no_time_budget(run: Path) -> None:
    RunDirectory.open(run).update_manifest({"state": "interrupted", "ended_by": None})
    text = said("report", "cut")
    assert f"had trained for 4 of {EPOCHS} epochs when the search ended: `fcsearch resume` trains it to its end" in text
    assert "time budget" not in text


LEFT = f"trial 9 had trained for 4 of {EPOCHS} epochs when its search ended"
RESUME = f"{LEFT}: `fcsearch resume runs/cut` trains it to its end"


def test_evaluate(run: Path) -> None:
    assert said("evaluate", "cut").endswith(RESUME)
    assert "trains it" not in said("evaluate", "cut", "--format", "json")
    for trials, words in (((9,), "trial 9 had trained for 4 of 10 epochs"), ((9, 10), "2 of its 2 trials were")):
        RunDirectory.open(run).models.save_ensemble(dict.fromkeys(trials, 1 / len(trials)), {})
        assert words in said("evaluate", "cut", "--model", "ensemble")
    assert "`fcsearch resume runs/cut` trains them to their end" in said("evaluate", "cut", "--model", "ensemble")


@pytest.mark.usefixtures("run")
def test_predict() -> None:
    for arguments in ([], ["--out", "out.csv"]):
        found = ran("predict", "cut", "digits", *arguments)
        assert f"fcsearch: {RESUME}" in found.stderr
        assert "trains it" not in found.stdout


def test_export(run: Path, tmp_path: Path) -> None:
    assert said("export", "cut", "--out", "one.safetensors").endswith(RESUME)
    card = exported(run, tmp_path / "two.safetensors")
    assert f"- T{LEFT[1:]}: `fcsearch resume` on that run goes on\n" in card
    with RunDirectory.open(run).writing():
        RunDirectory.open(run).models.save_ensemble({9: 0.5, 10: 0.5}, {})
    card = exported(run, tmp_path / "three.pt2", "--model", "ensemble")
    assert "- 2 of its 2 trials were in training when their search ended: `fcsearch resume` on that run" in card


@pytest.mark.usefixtures("run")
def test_train() -> None:
    def notes(*arguments: str) -> str:
        return ran("train", "--run", "runs/cut", *arguments).stderr

    assert notes() == f"fcsearch: {LEFT}: here it trains for all of them\n"
    stopped = next(trial for trial in range(8) if trial_row(trial)["state"] == "stopped")
    ended = next(trial for trial in range(8) if trial_row(trial)["state"] == "complete")
    assert f"trial {stopped} had trained for 3 of {EPOCHS} epochs when early stopping" in notes("--trial", str(stopped))
    assert (notes("--trial", str(ended)), notes("--epochs", "4")) == ("", "")


def test_compare(run: Path) -> None:
    whole = RunDirectory.create(run.parent / "whole", manifest("whole"))
    add_trials(whole, range(8))
    assert "ended after 8 of 48 trials, 2 unfinished" in said("compare", "cut", "whole")


def test_python(run: Path) -> None:
    found = fcsearch.open_run(run)
    facts = facts_of(found)
    assert (facts["state"], facts["trials"]) == ("ended by its time budget", "8 of 48 trials, 2 unfinished")
    assert found.best["trial_id"] == 9
    with pytest.warns(UserWarning, match=f"^{LEFT}$"):
        found.evaluate()
    rows, labels = load_digits(return_X_y=True)
    with pytest.warns(UserWarning, match=f"^{LEFT}$"):
        found.evaluate(rows[:50] + 1, labels[:50])
