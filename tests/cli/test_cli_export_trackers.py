"""`fcsearch export` of trials for programs that track experiments, each read again by that program's own library."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import optuna
import pytest
from commands import output_of
from synthetic_run import make_run

from fcsearch.results import RunDirectory


def export(run: RunDirectory, form: str, out: Path) -> str:
    command = ["export", str(run.path), "--format", form, "--out", str(out)]
    return output_of(*command)


def complete(run: RunDirectory) -> dict[str, object]:
    return next(row for row in run.trials().to_pylist() if row["state"] == "complete")


def test_optuna_reads_every_curve(made_run: RunDirectory, tmp_path: Path, refused: Callable[..., str]) -> None:
    place = tmp_path / "boards" / "study.journal"
    assert export(made_run, "optuna", place.parent) == f"wrote {place}\n"
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(place)))
    study = optuna.load_study(study_name="synthetic", storage=storage)
    assert study.metric_names == ["val_accuracy"]
    row = complete(made_run)
    trial = study.trials[row["trial_id"]]
    assert trial.value == row["val_accuracy"]
    assert list(trial.intermediate_values) == list(range(1, 11))
    error = refused("export", made_run.path, "--format", "optuna", "--out", place.parent)
    assert "must not hold the run synthetic yet" in error


def test_tensorboard_reads_curves_and_hyperparameters(
    made_run: RunDirectory, tmp_path: Path, refused: Callable[..., str]
) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    export(made_run, "tensorboard", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["synthetic"]
    assert len(list((tmp_path / "synthetic").iterdir())) == 48
    row = complete(made_run)
    events = EventAccumulator(str(tmp_path / "synthetic" / f"trial-{row['trial_id']:06d}")).Reload()
    curve = events.Scalars("val_accuracy")
    assert [point.step for point in curve] == list(range(1, 11))
    assert row["started_at"].timestamp() < curve[0].wall_time < curve[-1].wall_time <= row["finished_at"].timestamp()
    [result] = events.Scalars("result/val_accuracy")
    assert result.value == pytest.approx(row["val_accuracy"])
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    session = HParamsPluginData.FromString(content).session_start_info
    assert session.hparams["learning_rate"].number_value == row["learning_rate"]
    assert session.hparams["update_rule"].string_value == row["update_rule"]
    error = refused("export", made_run.path, "--format", "tensorboard", "--out", tmp_path)
    assert "must not hold the run synthetic yet" in error


def test_mlflow_reads_an_experiment(made_run: RunDirectory, tmp_path: Path, refused: Callable[..., str]) -> None:
    mlflow = pytest.importorskip("mlflow")
    out = tmp_path / "tracked runs"
    export(made_run, "mlflow", out)
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{out / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("synthetic")
    found = client.search_runs([experiment.experiment_id], max_results=100)
    assert len(found) == 48
    row = complete(made_run)
    [tracked] = [entry for entry in found if entry.info.run_name == f"trial-{row['trial_id']:06d}"]
    assert tracked.info.status == "FINISHED"
    assert tracked.data.params["learning_rate"] == repr(row["learning_rate"])
    assert tracked.data.metrics["result/val_accuracy"] == row["val_accuracy"]
    assert [point.step for point in client.get_metric_history(tracked.info.run_id, "val_loss")] == list(range(1, 11))
    error = refused("export", made_run.path, "--format", "mlflow", "--out", out)
    assert "must not hold the run synthetic yet" in error


def test_wandb_gets_offline_runs(tmp_path: Path) -> None:
    if importlib.util.find_spec("wandb") is None:
        pytest.skip("needs wandb, which is large, and not in fcsearch[dev]")
    run = make_run(tmp_path / "synthetic", trials=2, models=0)
    # In a process of its own, since wandb removes its temporary folders when that ends.
    command = ["-m", "fcsearch", "export", str(run.path), "--format", "wandb", "--out", str(tmp_path / "out")]
    subprocess.run([sys.executable, *command], check=True)
    assert len(list(tmp_path.glob("out/wandb/offline-run-*-synthetic-trial-*/*.wandb"))) == 2


def without_wandb(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A stand-in for wandb, which writes nothing; returns the names of the runs that it is given."""
    made: list[str] = []
    wandb, errors = ModuleType("wandb"), ModuleType("wandb.errors")
    errors.Error = type("Error", (Exception,), {})  # type: ignore[attr-defined]

    def init(**settings: Any) -> MagicMock:
        if settings["id"].startswith("refused"):
            raise errors.Error("Invalid project name")
        made.append(settings["id"])
        return MagicMock()

    wandb.Settings, wandb.init, wandb.teardown = MagicMock(), init, MagicMock()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.setitem(sys.modules, "wandb.errors", errors)
    monkeypatch.delitem(sys.modules, "fcsearch.results.export.wandb_offline", raising=False)
    return made


@pytest.mark.parametrize("other", ["my-synthetic", "synthetic-2", "synthetic-trial-000001"])
def test_wandb_runs_of_other_names_are_not_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., str], other: str
) -> None:
    made = without_wandb(monkeypatch)
    run, place = make_run(tmp_path / "synthetic", trials=2, models=0), tmp_path / "out" / "wandb"
    (place / f"offline-run-20260102_030405-{other}-trial-000000").mkdir(parents=True)
    export(run, "wandb", tmp_path / "out")
    assert made == ["synthetic-trial-000000", "synthetic-trial-000001"]
    (place / "offline-run-20260102_030405-synthetic-trial-000001").mkdir()
    error = refused("export", run.path, "--format", "wandb", "--out", tmp_path / "out")
    assert "must not hold the run synthetic yet" in error


def test_what_a_library_refuses_is_said_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., str]
) -> None:
    without_wandb(monkeypatch)
    run = make_run(tmp_path / "refused", trials=1, models=0)
    error = refused("export", run.path, "--format", "wandb", "--out", tmp_path / "out")
    assert "must hold what wandb can add the run to; found: Invalid project name; choose another" in error


@pytest.mark.parametrize(("form", "name"), [("mlflow", "mlflow.db"), ("optuna", "study.journal")])
def test_a_file_of_something_else_is_refused(
    made_run: RunDirectory, tmp_path: Path, refused: Callable[..., str], form: str, name: str
) -> None:
    pytest.importorskip(form)
    (tmp_path / name).write_text("something else\n" * 100)
    error = " ".join(refused("export", made_run.path, "--format", form, "--out", tmp_path).split())
    assert "must" in error
    assert "choose another" in error
    assert (tmp_path / name).read_text() == "something else\n" * 100


@pytest.mark.parametrize("form", ["mlflow", "optuna"])
def test_nothing_is_begun_of_a_run_that_is_damaged(
    run: RunDirectory, tmp_path: Path, refused: Callable[..., str], form: str
) -> None:
    pytest.importorskip(form)
    damaged, out = run.path / ("epochs" if form == "mlflow" else "study.journal"), tmp_path / "out"
    whole = tmp_path / "whole"
    shutil.copytree(run.path, whole)
    if damaged.is_dir():
        shutil.rmtree(damaged)
        damaged.write_text("")
    else:
        damaged.write_text("[]\n")
    refused("export", run.path, "--format", form, "--out", out)
    shutil.rmtree(run.path)
    whole.rename(run.path)
    export(run, form, out)


@pytest.mark.parametrize("form", ["tensorboard", "mlflow", "wandb"])
def test_a_library_that_is_missing_is_named(
    made_run: RunDirectory,
    tmp_path: Path,
    form: str,
    monkeypatch: pytest.MonkeyPatch,
    refused: Callable[..., str],
) -> None:
    for name in [name for name in sys.modules if name.startswith(("fcsearch.results.export.", f"{form}."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, form, None)
    error = refused("export", made_run.path, "--format", form, "--out", tmp_path / "out")
    assert f"--format {form} needs {form}'s own library" in error
    assert f"pip install 'fcsearch[{form}]'" in error


def test_a_model_is_no_trial(made_run: RunDirectory, tmp_path: Path, refused: Callable[..., str]) -> None:
    error = refused("export", made_run.path, "--format", "csv", "--model", "12", "--out", tmp_path)
    assert "--format csv writes the trials of a run; found --model 12; leave it out" in error
