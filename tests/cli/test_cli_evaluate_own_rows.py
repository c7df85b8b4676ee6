"""`fcsearch evaluate --dataset`: rows among those that trained or chose the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pytest
from commands import output_of
from customers import ROWS, table, write
from evaluated import found
from synthetic_run import make_table_run

from fcsearch.config import OWN_FORM
from fcsearch.data import Dataset
from fcsearch.evaluation import load_run_dataset
from fcsearch.results import RunDirectory


def test_the_runs_own_rows_are_said_to_be_such(customers: RunDirectory, tmp_path: Path) -> None:
    own = write(tmp_path, table())
    output = output_of("evaluate", customers.path, "--dataset", own)
    assert output.splitlines()[0] == f"trial 0 of run on all 300 rows of {own}"
    words = " ".join(output.split())
    assert "255 of the 300 rows equal rows that trained or chose the network: the figures are too good" in words
    assert found(customers, "--dataset", str(own))["own_rows"] == 255
    half = write(tmp_path, table().slice(0, ROWS // 2), "half.csv")
    assert 100 < found(customers, "--dataset", str(half))["own_rows"] < 150
    output = output_of("evaluate", customers.path, "--split", "val")
    assert output.splitlines()[0] == "trial 0 of run on 45 validation rows of customers.csv"
    assert "trained or chose" not in output


@pytest.mark.parametrize("options", [{}, {"folds": 3}, {"dates": "parts", "preprocessing": "piecewise"}])
def test_own_rows_are_known_in_a_file_as_spreadsheets_write_it(tmp_path: Path, options: dict[str, Any]) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"paid": random.normal(9, 2, ROWS).round(2), "city": random.choice(["Köln", "Bonn"], ROWS)})
    if "dates" in options:
        frame["day"] = [f"{1 + row % 28:02}.0{1 + row % 9}.2025" for row in range(ROWS)]
    frame["churn"] = np.where(frame["paid"] > 9, "yes", "no")
    frame.loc[random.random(ROWS) < 0.1, "paid"] = None
    source = tmp_path / "messy.csv"
    frame.to_csv(source, sep=";", decimal=",")
    run = make_table_run(tmp_path / "run", source, label="churn", **options)
    assert found(run, "--dataset", str(source))["own_rows"] == 255
    shuffled = frame.sample(frac=1, random_state=1)[["churn", "city", *frame.columns[:-1].difference(["city"])]]
    shuffled.iloc[:200].to_csv(tmp_path / "some.csv")
    assert 150 < found(run, "--dataset", str(tmp_path / "some.csv"))["own_rows"] <= 200
    other = frame.assign(paid=frame["paid"] + 0.003)
    other.to_csv(tmp_path / "other.csv", sep=";", decimal=",")
    assert found(run, "--dataset", str(tmp_path / "other.csv"))["own_rows"] < 30


def test_own_rows_are_counted_as_often_as_they_occur(tmp_path: Path) -> None:
    twice = pa.concat_tables([table(rows=40)] * 2)
    run = make_table_run(tmp_path / "run", write(tmp_path, twice, "twice.csv"), label="churn")
    assert found(run, "--dataset", str(tmp_path / "twice.csv"))["own_rows"] == 68
    once = pa.concat_tables([table(rows=40), table(1, rows=40)])
    # Half of them are, and more of the run's test rows, each of which has a twin.
    assert found(run, "--dataset", str(write(tmp_path, once)))["own_rows"] == 0


def test_rows_that_equal_others_by_chance_are_not_called_the_runs_own(tmp_path: Path) -> None:
    def few(seed: int) -> pa.Table:
        random = np.random.default_rng(seed)
        color, size = random.choice(["red", "blue"], ROWS), random.choice(["s", "m", "l"], ROWS)
        return pa.table({"color": color, "size": size, "churn": random.choice(["no", "yes"], ROWS)})

    run = make_table_run(tmp_path / "run", write(tmp_path, few(0), "few.csv"), label="churn")
    assert found(run, "--dataset", str(write(tmp_path, few(1))))["own_rows"] == 0
    assert found(run, "--dataset", str(tmp_path / "few.csv"))["own_rows"] == 255


def test_without_test_rows_only_all_of_many_different_rows_are_called_the_runs_own(tmp_path: Path) -> None:
    def binary(seed: int, rows: int) -> pa.Table:
        random = np.random.default_rng(seed)
        return pa.table({name: random.choice(["no", "yes"], rows) for name in ("a", "b", "churn")})

    few = make_table_run(
        tmp_path / "few", write(tmp_path, binary(0, 60), "few.csv"), label="churn", test_fraction=0.0, val_fraction=0.3
    )
    assert found(few, "--dataset", str(write(tmp_path, binary(1, 600))))["own_rows"] == 0
    own = write(tmp_path, table(), "many.csv")
    many = make_table_run(tmp_path / "many", own, label="churn", test_fraction=0.0)
    assert found(many, "--dataset", str(write(tmp_path, table(1))))["own_rows"] == 0
    words = " ".join(output_of("evaluate", many.path, "--dataset", own).split())
    # There are no test rows that another command could measure.
    assert words.endswith(
        "all 300 rows equal rows that trained or chose the network: the figures are too good for other rows"
    )


def test_own_rows_are_made_in_the_forms_of_the_model_alone(
    customers: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def load(run: RunDirectory, **options: Any) -> Dataset:
        asked.append(options["forms"])
        return load_run_dataset(run, **options)

    monkeypatch.setattr("fcsearch.evaluation.own_rows.load_run_dataset", load)
    assert found(customers, "--dataset", str(write(tmp_path, table())))["own_rows"] == 255
    assert [list(forms) for forms in asked] == [[OWN_FORM]]
