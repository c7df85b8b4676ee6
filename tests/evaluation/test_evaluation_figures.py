"""Baselines, standard errors and figures of every objective."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from fcsearch.config.objective import OBJECTIVES
from fcsearch.data.dataset import Split
from fcsearch.errors import DataError
from fcsearch.evaluation import (
    BaseLine,
    Lead,
    Measurement,
    base_line,
    base_line_of_folds,
    base_line_of_targets,
    bootstrap_error,
)
from fcsearch.evaluation.measuring import _figures, measurement_of
from fcsearch.report.verdict import lead_over
from fcsearch.training.objectives import Truth


@pytest.mark.parametrize(
    ("objective", "value"),
    [
        ("accuracy", 0.75),
        ("balanced_accuracy", 0.5),
        ("f1_macro", 2 * 0.75 / 1.75 / 2),
        ("roc_auc", 0.5),
        ("average_precision", (5.187378 + 24 / 99 * (100 - 5.187378)) / 100),
        ("log_loss", -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))),
    ],
)
def test_base_lines_of_classes(objective: str, value: float) -> None:
    found = base_line(("no", "yes"), (75, 25), objective)
    assert found.value == pytest.approx(value)
    assert found.rows == 100


def test_the_base_line_is_of_the_positive_class() -> None:
    assert base_line(("no", "yes"), (20, 80), "average_precision", positive=0).value < 0.25


def test_classes_without_rows_do_not_count() -> None:
    assert base_line(("a", "b", "c"), (5, 5, 0), "balanced_accuracy").value == 0.5
    assert base_line(("a", "b", "c"), (5, 5, 0), "log_loss").value == pytest.approx(math.log(2))


def test_folds_have_one_answer_for_all_of_them() -> None:
    folds = [(8, 2), (4, 6)]
    assert base_line_of_folds(("a", "b"), folds, "accuracy").value == pytest.approx(0.6)
    expected = -(1.2 * math.log(0.6) + 0.8 * math.log(0.4)) / 2
    assert base_line_of_folds(("a", "b"), folds, "log_loss").value == pytest.approx(expected)


def test_base_lines_of_targets() -> None:
    targets = np.array([0.0, 0.0, 0.0, 8.0])
    assert base_line_of_targets(targets, "rmse") == BaseLine("2", math.sqrt(12), 4, "rmse")
    assert base_line_of_targets(targets, "mae") == BaseLine("0", 2.0, 4, "mae")
    assert base_line_of_targets(targets, "r2") == BaseLine("2", 0.0, 4, "r2")


def test_less_is_better_where_it_is() -> None:
    assert lead_over(BaseLine("2", 8.0, 4, "rmse"), 5.0, 1.0).is_real
    assert not lead_over(BaseLine("2", 8.0, 4, "rmse"), 7.0, 1.0).is_real
    assert not lead_over(BaseLine("2", 8.0, 4, "rmse"), 11.0, 1.0).is_real
    assert lead_over(BaseLine("2", 0.0, 4, "r2"), 0.5, 0.1).is_real


def test_figures_of_a_regression_are_in_its_unit() -> None:
    y = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    scores = torch.tensor([[[-1.0, 0.0, 2.0]]], dtype=torch.float64)
    found = _figures(OBJECTIVES["rmse"], scores, Truth(y, 0, scale=30.0))
    assert found == pytest.approx({"rmse": 30 / math.sqrt(3), "mae": 10.0, "r2": 0.5})


def test_figures_that_the_rows_do_not_allow_are_left_out() -> None:
    scores = torch.tensor([[[1.0, 2.0], [0.0, 0.0]]], dtype=torch.float64)
    found = _figures(OBJECTIVES["accuracy"], scores, Truth(torch.tensor([0, 0]), 2, positive=1))
    assert found["accuracy"] == 1
    assert "roc_auc" not in found
    # The mean of equal targets is off by rounding.
    y = torch.full((3,), 0.1, dtype=torch.float64)
    assert y.mean() != y[0]
    found = _figures(OBJECTIVES["rmse"], torch.zeros((1, 1, 3), dtype=torch.float64), Truth(y, 0))
    assert set(found) == {"rmse", "mae"}


@pytest.mark.parametrize(
    ("objective", "y", "says"),
    [
        ("roc_auc", [0, 0], "such as rows of more than one class; found 2 rows on which"),
        ("r2", [0.5], "such as rows of different targets; found 1 row on which"),
    ],
)
def test_an_objective_that_the_rows_do_not_allow_is_refused(objective: str, y: list[float], says: str) -> None:
    classes = [] if objective == "r2" else ["no", "yes"]
    scores = torch.zeros((1, max(1, len(classes)), len(y)), dtype=torch.float64)
    rows, truth = Split(np.zeros((len(y), 1), np.float32), np.array(y)), Truth(torch.tensor(y), len(classes))
    with pytest.raises(DataError, match=says):
        measurement_of(scores, rows, truth, OBJECTIVES[objective], classes, split_name="all", fingerprint="f")


def test_the_bootstrap_finds_the_error_of_a_mean() -> None:
    rng = np.random.default_rng(1)
    errors = torch.from_numpy(rng.exponential(size=2000))
    truth = Truth(torch.zeros(2000, dtype=torch.float64), 0)
    found = bootstrap_error("mae", errors.view(1, 1, -1), truth)
    assert found == pytest.approx(float(errors.std()) / math.sqrt(2000), rel=0.3)
    assert found == bootstrap_error("mae", errors.view(1, 1, -1), truth)


def test_a_measurement_of_an_earlier_version_is_read() -> None:
    old = {"trial_id": 3, "split": "val", "fingerprint": "f", "rows": 9, "accuracy": 0.5, "standard_error": 0.1}
    found = Measurement.from_json({**old, "loss": None, "classification": None})
    assert (found.value, found.accuracy, found.objective, found.figures) == (0.5, 0.5, "accuracy", {"accuracy": 0.5})


def test_a_measurement_comes_back_from_json() -> None:
    base = BaseLine("2", 8.0, 4, "rmse")
    found = Measurement(3, "val", "f", 9, 5.0, 0.1, 0.2, None, "rmse", {"rmse": 5.0, "mae": 4.0}, base)
    found = dataclasses.replace(found, base_figures={"rmse": 8.0, "mae": 7.0}, lead=Lead(3.0, 0.1))
    assert found.accuracy is None
    assert Measurement.from_json(json.loads(json.dumps(dataclasses.asdict(found)))) == found
