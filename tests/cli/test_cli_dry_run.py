"""`fcsearch run --dry-run`: the plan and the data, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from small_space import invoke

from fcsearch.cli.run import run
from fcsearch.errors import DataError, RunError


def test_a_dry_run_says_the_plan_and_leaves_nothing(here: Path) -> None:
    before = sorted(here.rglob("*"))
    result = invoke("--dry-run", "--trials", "9", "--pack-size", "3", "--workers", "1", "--cpus-per-worker", "1")
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert lines == [
        "run runs/small",
        "dataset digits",
        "task a classification, by validation accuracy",
        "trials 9, seed 0",
        "sampler random",
        "early stopping none",
        "workers 1 worker, each 1 thread on the CPU",
        "packs of up to 3 trials",
        "rows 400 training, 270 validation, 270 test",
        "label 10 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        "features 64 (preprocessing standardize)",
    ]
    assert sorted(here.rglob("*")) == before


def dry(here: Path, lines: list[str], *arguments: str) -> Any:
    (here / "rows.csv").write_text("\n".join(lines) + "\n")
    return CliRunner().invoke(run, ["rows.csv", "--dry-run", "--set", "dataset.folds=1", *arguments])


def test_a_dry_run_says_what_is_in_a_table(here: Path) -> None:
    rows = [f"{number % 7},{number / 3:.2f},{'yes' if number % 3 else 'no'}" for number in range(100)]
    said = dry(here, ["age,height,churn", *rows, "3,4.5,maybe"], "--label", "churn").output
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "task predicts churn, a classification, by validation accuracy" in lines
    assert "label 3 classes: maybe, no, yes" in lines
    assert "rows 71 training, 15 validation, 15 test" in lines
    assert "features from 2 columns" in lines, "each trial's preprocessing makes its own"
    assert (
        "rare classes no validation rows of 'maybe', and no test rows of 'maybe': the figures say nothing of them"
        in lines
    )
    folds = dry(here, ["age,height,churn", *rows], "--label", "churn", "--set", "dataset.folds=4").output
    assert "rows            85 in 4 folds, 15 test\n" in folds
    said = dry(here, ["age,height,churn", *rows], "--label", "height").output
    assert "predicts height, a regression, by validation RMSE" in said
    assert "label           from 0 to 33 in the training rows\n" in said


def test_a_dry_run_refuses_what_a_run_refuses(here: Path) -> None:
    found = dry(here, ["a,label", *(f"{number},x" for number in range(40))])
    assert "must hold at least 2 classes to tell apart; found only 'x'" in str(found.exception)
    found = dry(here, ["a,label", *(f"{number},{number % 2}" for number in range(40))], "--set", "objective=rmse")
    assert "the objective of a classification must be one of" in str(found.exception)
    (here / "file").touch()
    before = sorted(here.rglob("*"))
    with pytest.raises(RunError, match="file/small must be a place to write; found: Not a directory"):
        invoke("--dry-run", "--out", "file")
    for dataset in ("cifar10", "digits"):
        with pytest.raises(DataError, match="data_dir must name a folder; found 'nowhere'"):
            invoke("--dry-run", "--dataset", dataset, "--data-dir", "nowhere")
    assert sorted(here.rglob("*")) == before


def test_a_dry_run_downloads_nothing(here: Path) -> None:
    result = invoke("--dry-run", "--dataset", "openml:adult")
    assert "rows            not read: a dry run downloads nothing\n" in result.output
    assert here.exists()
