"""docs/analysis.md: its code runs."""

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from synthetic_run import make_run, trial_row

from fcsearch.report import write_report
from fcsearch.results import RunDirectory, TrialRecord
from fcsearch.results.records import row_config

CONFIRMED = (2, 4)
PAGE = Path(__file__).parents[2] / "docs" / "analysis.md"


def make_older(run: RunDirectory) -> None:
    """Take from the parts of a run the columns that earlier versions did not have."""
    for part in (run.path / "trials").glob("*.parquet"):
        pq.write_table(pq.read_table(part).drop_columns(["run", "dataset"]), part)


def test_the_code_runs_and_finds_what_it_promises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "runs" / "dropout")
    config = row_config(trial_row(0))
    rows = [
        TrialRecord(trial_id=trial, state="complete", config=config, val_accuracy=0.9 + trial / 100, best_epoch=1)
        for trial in CONFIRMED
    ]
    run.write_confirmations(run.next_pack_id(), rows)
    run.update_manifest({"confirmation": {"trials": CONFIRMED, "seeds": [0]}})
    write_report(run)
    make_older(make_run(tmp_path / "runs" / "older", trials=8))
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 6
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)

    assert "48 trials" in capsys.readouterr().out
    assert [(row[0], row[1], round(row[2], 4)) for row in names["spread"]] == [(4, 1, 0.94), (2, 1, 0.92)]
    assert [row[:2] for row in names["every_trial"]] == [("dropout", 48), ("older", 8)]
    assert {row[1:4] for row in names["models"]} == {
        ("dropout", "winner", "val"),
        ("dropout", "winner", "test"),
        ("dropout", "confirmed", "val"),
    }
    by_rule, by_dropout, epochs_needed = names["by_rule"], names["by_dropout"], names["epochs_needed"]
    assert by_rule["count"].sum() == 44  # of 48, 4 diverged
    assert sum(row[1] for row in by_dropout) == 32  # the complete ones
    assert epochs_needed["trials"].sum() == 32
    assert epochs_needed["epochs"].is_between(1, 10).all()
