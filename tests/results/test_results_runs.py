"""Opening runs, finding them, and which trial is the best."""

from datetime import datetime
from pathlib import Path

import pytest
import torch
from synthetic_run import trial_row

from fcsearch.errors import RunError
from fcsearch.results import (
    Manifest,
    RunDirectory,
    find_runs,
    latest_run,
    open_run,
    rank_trials,
    resolve_run,
    summarize_run,
)


def make(root: Path, name: str, created_at: str) -> Path:
    made = Manifest(name=name, state="complete", created_at=datetime.fromisoformat(created_at))
    return RunDirectory.create(root / name, made).path


class TestBest:
    def ranking(self, run: RunDirectory, *results: tuple[str, float | None, float | None]) -> list[int]:
        rows = [
            {"trial_id": index, "state": state, "val_accuracy": accuracy, "val_loss": loss, "best_epoch": 1}
            for index, (state, accuracy, loss) in enumerate(results)
        ]
        run.write_pack(0, rows, [])
        return rank_trials(run.trials())["trial_id"].to_pylist()

    def test_highest_accuracy_of_complete_and_stopped_trials(self, empty_run: RunDirectory) -> None:
        ranked = self.ranking(
            empty_run,
            ("complete", 0.7, 1.0),
            ("diverged", 0.9, None),
            ("stopped", 0.8, 1.0),
            ("failed", None, None),
        )
        assert ranked == [2, 0]
        assert open_run(empty_run.path).best["trial_id"] == 2

    def test_ties_go_to_the_lower_loss_then_to_the_lower_number(self, empty_run: RunDirectory) -> None:
        ranked = self.ranking(
            empty_run, ("complete", 0.7, None), ("complete", 0.7, 0.4), ("complete", 0.7, 0.3), ("complete", 0.7, 0.3)
        )
        assert ranked == [2, 3, 1, 0]

    def test_the_objective_is_that_of_trials_that_did_not_fail(self, empty_run: RunDirectory) -> None:
        """A trial that failed was never measured: its row has the objective that rows have by default."""
        measured = [
            {"trial_id": trial, "state": "complete", "objective": "rmse", "val_rmse": value, "best_epoch": 1}
            for trial, value in ((1, 3.0), (2, 2.0))
        ]
        empty_run.write_pack(0, [{"trial_id": 0, "state": "failed", "objective": "accuracy"}, *measured], [])
        assert rank_trials(empty_run.trials())["trial_id"].to_pylist() == [2, 1]

    def test_none_yet(self, empty_run: RunDirectory) -> None:
        with pytest.raises(RunError, match="must have a trial with a result; found none"):
            _ = open_run(empty_run.path).best


class TestOpenRun:
    def test_reads_tables_manifest_and_models(self, made_run: RunDirectory) -> None:
        run = open_run(str(made_run.path))
        assert run.path == made_run.path
        assert run.manifest.name == "synthetic"
        assert (run.trials.num_rows, run.epochs.num_rows) == (48, 360)
        best = max((trial_row(i) for i in range(48)), key=lambda row: row.get("val_accuracy", 0))
        assert run.best["trial_id"] == best["trial_id"]
        model = run.load_model()
        assert list(model.hidden_dims) == run.best["hidden_dims"]
        other = next(trial for trial in made_run.models.saved() if trial != best["trial_id"])
        assert not torch.equal(run.load_model(other).params["W1"][:1, :1], model.params["W1"][:1, :1])

    def test_is_a_snapshot(self, empty_run: RunDirectory) -> None:
        run = open_run(empty_run.path)
        assert run.trials.num_rows == 0
        empty_run.write_pack(0, [trial_row(0)], [])
        assert run.trials.num_rows == 0
        assert open_run(empty_run.path).trials.num_rows == 1


class TestFind:
    def test_newest_first_and_a_damaged_one_last(self, tmp_path: Path) -> None:
        old = make(tmp_path, "zebra", "2026-01-01T00:00:00+00:00")
        new = make(tmp_path, "ant", "2026-01-02T00:00:00+00:00")
        damaged = make(tmp_path, "bee", "2026-01-03T00:00:00+00:00")
        (damaged / "run.json").write_text("{")
        (tmp_path / "no run").mkdir()
        assert find_runs(tmp_path) == find_runs(str(tmp_path)) == [new, old, damaged]
        assert latest_run(str(tmp_path)) == new
        assert resolve_run(new.name, str(tmp_path)) == new
        assert latest_run(tmp_path) == new

    def test_none(self, tmp_path: Path) -> None:
        assert find_runs(tmp_path / "missing") == []
        with pytest.raises(RunError, match=r"must hold a run; found none; start one with `fcsearch run --space FILE`"):
            latest_run(tmp_path / "missing")

    def test_a_run_is_named_by_path_by_name_or_not_at_all(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        make(Path("runs"), "a", "2026-01-01T00:00:00+00:00")
        make(Path("runs"), "b", "2026-01-02T00:00:00+00:00")
        assert resolve_run("a") == Path("runs/a")
        assert resolve_run("runs/a") == Path("runs/a")
        assert resolve_run(None) == Path("runs/b")
        assert resolve_run("c", Path("runs")) == Path("runs/c")  # RunDirectory.open names its nearest neighbour
        Path("a").mkdir()
        assert resolve_run("a") == Path("runs/a"), "a folder that is not a run"
        assert resolve_run("elsewhere/a") == Path("elsewhere/a")


class TestSummary:
    def test_of_a_run(self, made_run: RunDirectory) -> None:
        summary = summarize_run(made_run.path)
        assert summary.state == "complete"
        assert (summary.dataset, summary.trials) == ("digits", 48)
        assert summary.objective == "accuracy", "of a run whose rows do not say"
        assert summary.best_value == open_run(made_run.path).best["val_accuracy"]

    def test_of_a_damaged_run(self, empty_run: RunDirectory) -> None:
        (empty_run.path / "run.json").write_text("{")
        summary = summarize_run(empty_run.path)
        assert (summary.state, summary.trials) == ("damaged", None)
        assert "must hold JSON" in (summary.error or "")
