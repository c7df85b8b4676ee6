"""docs/analysis.md: its code runs."""

import re
from pathlib import Path

import pytest
from synthetic_run import make_run, trial_row

from fcsearch.results import TrialRecord
from fcsearch.results.records import row_config

PAGE = Path(__file__).parents[2] / "docs" / "analysis.md"


def test_the_code_runs_and_finds_what_it_promises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "runs" / "dropout")
    config = row_config(trial_row(0))
    rows = [
        TrialRecord(trial_id=trial, state="complete", config=config, val_accuracy=0.9 + trial / 100, best_epoch=1)
        for trial in (0, 1)
    ]
    run.write_confirmations(run.next_pack_id(), rows)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 5
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)

    assert "48 trials" in capsys.readouterr().out
    assert [row[:3] for row in names["spread"]] == [(1, 1, 0.91), (0, 1, 0.9)]
    by_rule, by_dropout, epochs_needed = names["by_rule"], names["by_dropout"], names["epochs_needed"]
    assert by_rule["count"].sum() == 44  # of 48, 4 diverged
    assert sum(row[1] for row in by_dropout) == 32  # the complete ones
    assert epochs_needed["trials"].sum() == 32
    assert epochs_needed["epochs"].is_between(1, 10).all()
