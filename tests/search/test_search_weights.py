"""Searches on rows that count differently, whole, in this process and in others."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from commands import json_of, output_of, ran
from search_helpers import make_space

import fcsearch.cli
from fcsearch.data import Dataset
from fcsearch.evaluation import load_run_dataset
from fcsearch.results import RunDirectory
from fcsearch.results.records import row_config
from fcsearch.search.api import resume_search, saved_options, start_search
from fcsearch.search.loop.refitting import joined
from fcsearch.search.options import SearchOptions
from fcsearch.selection.refits import refit_configs
from fcsearch.training import Pack, TrainingData, train_pack

PARAMETERS: dict[str, Any] = {
    "learning_rate": {"low": 0.003, "high": 0.03, "log": True},
    "update_rule": "adam",
    "hidden_dim": 16,
    "batch_size": 32,
    "epochs": 4,
}


def write_table(path: Path, *, weights: bool = True) -> Path:
    """600 rows, of which a tenth are fraud, with a column of weights or without."""
    random = np.random.default_rng(0)
    X, noise = random.normal(size=(600, 3)), random.normal(size=600)
    fraud = np.where(X[:, 0] + noise > 2, "fraud", "fair")
    names = ["a", "b", "c", *(["w"] if weights else []), "kind"]
    rows = [[*x, *([1 + i % 3] if weights else []), y] for i, (x, y) in enumerate(zip(X.tolist(), fraud, strict=True))]
    path.write_text("\n".join(",".join(map(str, row)) for row in [names, *rows]) + "\n")
    return path


def search(folder: Path, *, pool: Any = "inline", **options: Any) -> RunDirectory:
    space = make_space(
        folder,
        dataset={"source": str(write_table(folder / "rows.csv")), "label": "kind", "weights": "w"},
        class_weight="balanced",
        parameters=PARAMETERS,
        trials=2,
    )
    settings = SearchOptions(**{"pool": pool, "workers": 1, "cpus_per_worker": 0.5, "confirm": 0, **options})
    return start_search(space, settings, path=folder / pool, command=["fcsearch", "run"]).run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return search(tmp_path_factory.mktemp("weighted"), confirm=1, confirm_seeds=1, refit=True)


def rows_of(data: Dataset) -> TrainingData:
    return TrainingData.from_arrays(**data.training_arrays("accuracy"))


def same(found: Any, expected: Any) -> bool:
    return all(torch.equal(found[name], expected[name]) for name in expected)


def test_the_run_knows_by_what_its_rows_are_weighted(made: RunDirectory) -> None:
    manifest = made.manifest()
    assert manifest.space["class_weight"] == "balanced"
    assert (manifest.dataset.spec["weights"], manifest.dataset.spec["class_weight"]) == ("w", "balanced")
    data = load_run_dataset(made)
    assert data.row_weights is not None
    sums = np.bincount(data.train.y, weights=data.row_weights / data.train.row_weights)
    assert sums[0] == pytest.approx(sums[1])


def test_trials_confirmations_and_the_refit_learn_by_the_weights(made: RunDirectory) -> None:
    torch.set_num_threads(1)
    data = load_run_dataset(made)
    trial = made.trials().to_pylist()[0]
    [result] = train_pack([row_config(trial)], rows_of(data))
    assert same(made.models.load(0).params, result.weights)
    assert trial["val_loss"] == pytest.approx(result.best.val_loss)
    [confirmed] = made.confirmations().to_pylist()
    again = row_config(made.trials().to_pylist()[confirmed["trial_id"]])
    [result] = train_pack([dataclasses.replace(again, seed=confirmed["seed"])], rows_of(data))
    assert confirmed["val_loss"] == pytest.approx(result.best.val_loss)
    # The weights of validation rows, which are trained on now, count too; and balance is that of all of them.
    [config] = refit_configs(made, [confirmed["trial_id"]]).values()
    pack = Pack([config], rows_of(joined(data)), keep_last=True)
    while pack.alive:
        pack.train_epoch()
    assert same(made.models.load_refit().params, pack.results()[0].weights)


def test_train_makes_a_trial_again(made: RunDirectory) -> None:
    command = ["train", "--run", made.path, "--trial", "1"]
    found = json_of(*command)
    trial = made.trials().to_pylist()[1]
    assert found["val_accuracy"] == pytest.approx(trial["val_accuracy"], abs=1e-12)
    solver = json_of(*command, "--engine", "solver")
    assert solver["val_accuracy"] == pytest.approx(trial["val_accuracy"], abs=1.01 / 90)


def test_later_rows_need_no_weights(made: RunDirectory, tmp_path: Path) -> None:
    later = str(write_table(tmp_path / "later.csv", weights=False))
    assert json_of("evaluate", made.path, "--dataset", later)["rows"] == 600
    out = tmp_path / "out.csv"
    ran("predict", made.path, later, "--out", out)
    assert len(out.read_text().splitlines()) == 601


@pytest.mark.parametrize("pool", ["inline", "local"])
def test_every_pool_weights_alike_and_a_run_goes_on_with_its_weights(tmp_path: Path, pool: str) -> None:
    run = search(tmp_path, pool=pool)
    options = SearchOptions(**{**saved_options(run).to_json(), "trials": 3})
    assert resume_search(run, options).ended_by == "trials"
    data = rows_of(load_run_dataset(run))
    for trial in run.trials().to_pylist():
        [result] = train_pack([row_config(trial)], data)
        assert trial["val_loss"] == pytest.approx(result.best.val_loss, rel=1e-6)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("class_weight.faud=3", "found 'faud'. Did you mean 'fraud'?"),
        ("class_weight=balance", "did you mean 'balanced'?"),
        ("dataset.weights=ww", "found 'ww', and the columns a, b, c, w. Did you mean 'w'?"),
        ("dataset.weights=a", "rows.csv must give every row a weight, a finite number of at least 0; found"),
    ],
)
def test_weights_that_cannot_be_are_refused_before_anything_is_made(
    option: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "rows.csv")
    with pytest.raises(SystemExit) as ended:
        fcsearch.cli.main(["run", "rows.csv", "--label", "kind", "--set", option])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert message in " ".join(error.split())
    assert "Traceback" not in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv"]


def test_the_plan_and_the_table_of_columns_say_what_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "rows.csv")
    data = ["--dataset", "rows.csv", "--label", "kind", "--set", "dataset.weights=w"]
    options = [*data, "--set", "class_weight={fraud: 4}"]
    shown = output_of("run", *options, "--dry-run")
    assert "column w; class fraud 4" in shown
    shown = output_of("validate", "default", *options, "--check-data")
    assert "class_weight {fraud: 4}" in shown
    [line] = [line for line in shown.splitlines() if line.split()[:2] == ["w", "number"]]
    assert line.endswith("weights: how much rows count")
