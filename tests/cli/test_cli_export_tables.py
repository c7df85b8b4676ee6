"""`fcsearch export --format csv`: the tables as CSV, with all that is in them."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from commands import output_of
from synthetic_run import trial_row

from fcsearch.results import RunDirectory, TrialRecord
from fcsearch.results.records import row_config


def exported(run: RunDirectory, out: Path) -> dict[str, list[dict[str, Any]]]:
    written = output_of("export", run.path, "--format", "csv", "--out", out).splitlines()
    paths = [Path(line.removeprefix("wrote ")) for line in written]
    assert sorted(paths) == sorted(out.iterdir())
    return {path.stem: list(csv.DictReader(path.read_text().splitlines())) for path in paths}


def test_the_tables_are_whole(run: RunDirectory, tmp_path: Path) -> None:
    found = exported(run, tmp_path / "new" / "tables")
    assert set(found) == {"trials", "epochs"}
    assert [len(rows) for rows in found.values()] == [48, len(run.epochs())]
    for row, known in zip(found["trials"], run.trials().to_pylist(), strict=True):
        assert list(row) == ["run", *(name for name in known if name != "run")]
        assert (row["run"], row["dataset"]) == ("synthetic", "digits")
        assert row["hidden_dims"] == "-".join(map(str, known["hidden_dims"]))
        assert float(row["learning_rate"]) == known["learning_rate"]
        assert row["momentum"] == ("" if known["momentum"] is None else repr(known["momentum"]))
        assert row["state"] == known["state"]
    assert found["trials"][0]["finished_at"].startswith("2026-03-01T12:00:18")
    assert found["trials"][0]["finished_at"].endswith("Z")


def test_confirmations_come_along(run: RunDirectory, tmp_path: Path) -> None:
    again = TrialRecord(trial_id=4, state="complete", config=row_config(trial_row(4)), val_accuracy=0.9, best_epoch=1)
    run.write_confirmations(run.next_pack_id(), [again])
    [row] = exported(run, tmp_path / "tables")["confirmations"]
    assert (row["run"], row["trial_id"], row["val_accuracy"]) == ("synthetic", "4", "0.9")


def test_what_cannot_be_written_is_said(run: RunDirectory, tmp_path: Path, refused: Callable[..., str]) -> None:
    (tmp_path / "file").write_text("")
    error = refused("export", run.path, "--format", "csv", "--out", tmp_path / "file")
    assert "must be a folder to write to" in error
