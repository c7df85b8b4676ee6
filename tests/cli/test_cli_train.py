from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fcsearch.cli.train import train
from fcsearch.errors import FcsearchError
from fcsearch.nn import FullyConnectedNet

SHORT = ["--hidden-dims", "32", "--epochs", "3", "--learning-rate", "0.05"]


def run_json(*arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(train, [*arguments, "--format", "json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_it_trains_and_says_what_came_of_it(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    done = CliRunner().invoke(train, [*SHORT, "--save", str(path)], catch_exceptions=False)
    assert done.exit_code == 0
    assert [line.split()[1] for line in done.output.splitlines() if line.startswith("epoch")] == ["1", "2", "3"]
    assert "test accuracy" in done.output
    assert tuple(FullyConnectedNet.load(path).params["W1"].shape) == (64, 32)


@pytest.mark.parametrize("rule", ["sgd", "sgd_momentum", "rmsprop", "adam"])
def test_the_solver_reaches_what_the_pack_reaches(rule: str) -> None:
    options = [*SHORT, "--update-rule", rule, "--learning-rate", "0.002", "--loss", "svm", "--lr-decay", "0.9"]
    pack = run_json(*options)
    solver = run_json(*options, "--engine", "solver")
    assert pack["val_accuracy"] > 0.15
    assert solver["val_accuracy"] == pytest.approx(pack["val_accuracy"], abs=1 / 270 + 1e-9)  # one row, by rounding
    assert solver["test_accuracy"] == pytest.approx(pack["test_accuracy"], abs=1 / 270 + 1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--trial", "3"], "--trial needs the run"),
        (["--hidden-dims", "100;50"], "integers separated by commas"),
        (["--weight-scale", "xavier"], "a number above 0, or kaiming"),
        (["--dropout", "1"], "dropout must be a number in"),
        (["--update-rule", "adamw"], "update_rule must be one of sgd"),
        (["--device", "cuda:77"], "--device must be one that this machine has"),
        (["--device", "nonsense"], "--device must be one that this machine has"),
        (["--save", "nowhere/at/all.safetensors"], "a folder that exists"),
        (["--run", "runs/no-such-run"], "no-such-run"),
    ],
)
def test_bad_options_are_refused_in_words(options: list[str], message: str) -> None:
    with pytest.raises(FcsearchError, match=message) as error:
        CliRunner().invoke(train, options, catch_exceptions=False)
    assert error.value.exit_code == 2


def test_a_table_is_learned_by_the_column_that_label_names(tmp_path: Path) -> None:
    rows = [f"{i % 7},{'yes' if i % 7 > 3 else 'no'},{i % 3}" for i in range(200)]
    (tmp_path / "table.csv").write_text("\n".join(["size,answer,other", *rows]))
    options = ["--dataset", str(tmp_path / "table.csv"), "--label", "answer", "--epochs", "30", "--batch-size", "20"]
    result = run_json(*options, "--learning-rate", "0.1")
    assert result["dataset"]["class_names"] == ["no", "yes"]
    assert result["test_accuracy"] > 0.9


def test_help_has_an_example() -> None:
    assert "fcsearch train --run" in CliRunner().invoke(train, ["--help"]).output
