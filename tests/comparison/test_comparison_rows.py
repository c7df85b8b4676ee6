"""The chance in which rows validate: row by row where predictions were kept, and else said to be missing."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from compared_runs import confirm, made, sections
from synthetic_run import START, digits, manifest, trial_row

from fcsearch.comparison import Comparison, compare_runs
from fcsearch.comparison.contestant import read_contestant
from fcsearch.comparison.standing import Margin
from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.data.dataset import Dataset
from fcsearch.evaluation.uncertainty import bootstrap_error, paired_bootstrap_error, paired_share_error
from fcsearch.results import RunDirectory
from fcsearch.training.objectives import FIGURES, Truth

NORMAL = 1.96
Rows = npt.NDArray[np.float64]


def table(folder: Path, label: str) -> Dataset:
    """400 rows with two classes, or with a number."""
    random = np.random.default_rng(0)
    x = random.normal(size=400)
    y = x + random.normal(size=400)
    lines = [f"{a},{b > 0.8 if label == 'class' else b}" for a, b in zip(x, y, strict=True)]
    (folder / "rows.csv").write_text("\n".join([f"x,{label}", *lines]) + "\n")
    return load_dataset(DatasetSpec(str(folder / "rows.csv"), label=label))


def searched(path: Path, data: Dataset, objective: str, predicted: Rows, *, trials: int = 30) -> RunDirectory:
    """A run whose trials all predict the same (V, C), and whose first one's predictions were kept."""
    run = RunDirectory.create(path, manifest(path.name, dataset=data.describe()))
    value = float(FIGURES[objective](*judged(predicted, data)))
    own = {"val_accuracy": None, f"val_{objective}": value, "objective": objective, "state": "complete"}
    rows = [{**trial_row(0), **own, "trial_id": number, "finished_at": START} for number in range(trials)]
    run.write_pack(0, rows, [])
    run.predictions.save(0, predicted.astype(np.float16))
    return run


def judged(predicted: Rows, data: Dataset) -> tuple[torch.Tensor, Truth]:
    """Scores and truth, as the figures take them."""
    exact = torch.from_numpy(predicted.astype(np.float16).astype(np.float64)).T.unsqueeze(0)
    labels = torch.from_numpy(data.labels(data.val))
    if data.num_classes:
        return exact.clamp(min=1e-7).log(), Truth(labels, data.num_classes, data.positive)
    assert data.transform.target is not None
    return exact, Truth(labels.double(), 0, scale=data.transform.target.scale)


def guesses(data: Dataset, noise: float, seed: int) -> Rows:
    """(V, C) What networks might predict: the truth, and noise."""
    random, labels = np.random.default_rng(seed), data.labels(data.val)
    if not data.num_classes:
        return (labels + noise * random.normal(size=len(labels)))[:, None]
    scores = np.eye(data.num_classes)[labels] + noise * random.normal(size=(len(labels), data.num_classes))
    return np.exp(scores) / np.exp(scores).sum(1, keepdims=True)


def lead_of(found: Comparison) -> Margin:
    lead = found.sections[0].standings[1].lead
    assert lead is not None
    return lead


@pytest.mark.parametrize("objective", ["rmse", "mae", "r2", "log_loss", "roc_auc", "average_precision", "f1_macro"])
def test_leads_are_taken_row_by_row(tmp_path: Path, objective: str) -> None:
    regression = objective in ("rmse", "mae", "r2")
    data = table(tmp_path, "number" if regression else "class")
    good, bad = guesses(data, 0.5, 1), guesses(data, 0.9, 2)
    one, two = (searched(tmp_path / name, data, objective, rows) for name, rows in (("one", good), ("two", bad)))
    found = compare_runs([two.path, one.path])
    lead = lead_of(found)
    # All trials of a run are alike: what is left is the chance in its rows.
    scores, truth = judged(good, data)
    half = NORMAL * paired_bootstrap_error(objective, scores, judged(bad, data)[0], truth)
    assert half > 0
    assert (lead.rows, lead.difference - (lead.low or 0)) == ("by row", pytest.approx(half))
    first = found.sections[0].standings[0]
    assert first.run == str(one.path)
    assert (first.value or 0) - (first.low or 0) == pytest.approx(NORMAL * bootstrap_error(objective, scores, truth))
    assert "Which rows validate is chance, too, and in the intervals; of leads it is taken row by row." in found.methods


def test_the_error_of_a_regressions_lead_is_that_of_its_rows_losses(tmp_path: Path) -> None:
    data = table(tmp_path, "number")
    good, bad = guesses(data, 0.5, 1), guesses(data, 0.9, 2)
    runs = [searched(tmp_path / name, data, "mae", rows) for name, rows in (("one", good), ("two", bad))]
    assert data.transform.target is not None
    truth, scale = data.labels(data.val), data.transform.target.scale
    losses = [np.abs(rows[:, 0] - truth) * scale for rows in (good, bad)]
    lead = lead_of(compare_runs([run.path for run in runs]))
    assert lead.low is not None
    error = (lead.difference - lead.low) / NORMAL
    assert error == pytest.approx(np.std(losses[1] - losses[0]) / math.sqrt(len(truth)), rel=0.25)


def test_accuracies_are_paired_too(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one", [0.9] * 30), made(tmp_path / "two", [0.85] * 30)
    right = digits().val.y
    wrong = (right + 1) % 10
    # Networks that are wrong on 27 rows, and on 41 others.
    answers = [np.where(np.arange(270) < 27, wrong, right), np.where(np.arange(270) >= 229, wrong, right)]
    for run, labels in zip((one, two), answers, strict=True):
        run.predictions.save(0, np.eye(10)[labels].astype(np.float16))
    lead = lead_of(compare_runs([one.path, two.path]))
    half = NORMAL * paired_share_error(*(torch.from_numpy(labels == right) for labels in answers))
    assert (lead.rows, lead.low, lead.high) == ("by row", pytest.approx(0.05 - half), pytest.approx(0.05 + half))


def test_an_interval_has_the_chance_in_its_rows(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one", [0.9] * 30), made(tmp_path / "two", [0.85] * 30)
    for run in (one, two):
        confirm(run, {1: 0.9, 2: 0.9, 3: 0.9})
    # Neither resamplings nor seeds differ: what is left is a binomial share of 270 rows.
    half = 1.96 * math.sqrt(0.9 * 0.1 / 270)
    found = sections(one, two)
    for basis in ("trials", "seeds"):
        first = found[basis].standings[0]
        assert (first.low, first.high) == (pytest.approx(0.9 - half), pytest.approx(0.9 + half))
    lead = found["trials"].standings[1].lead
    assert lead is not None
    assert lead.rows == "at least"
    # A lead of 5 points needs at least that many rows that only one of them has right.
    assert (lead.low, lead.high) == (
        pytest.approx(0.05 - 1.96 * math.sqrt(0.05 / 270)),
        pytest.approx(0.05 + 1.96 * math.sqrt(0.05 / 270)),
    )
    named = f"No predictions were kept of trial 0 of {one.path} and trial 0 of {two.path}"
    text = " ".join(compare_runs([one.path, two.path]).methods)
    assert f"{named}: leads with these include only the least that it can be." in text


def test_of_other_figures_it_is_said_where_it_is_missing(tmp_path: Path) -> None:
    data = table(tmp_path, "class")
    one = searched(tmp_path / "one", data, "roc_auc", guesses(data, 0.5, 1))
    two = searched(tmp_path / "two", data, "roc_auc", guesses(data, 0.9, 2))
    two.predictions.prune([])
    found = compare_runs([one.path, two.path])
    lead, second = lead_of(found), found.sections[0].standings[1]
    # No formula of shares: with a rare class it is wrong by several times.
    assert (lead.rows, lead.low, lead.high) == (None, lead.difference, lead.difference)
    assert (second.low, second.high) == (second.value, second.value)
    named = f"No predictions were kept of trial 0 of {two.path}: intervals with these do not include it."
    assert named in found.methods


def test_data_that_are_gone_are_said(tmp_path: Path) -> None:
    data = table(tmp_path, "number")
    runs = [searched(tmp_path / name, data, "rmse", guesses(data, 0.5, 1)) for name in ("one", "two")]
    (tmp_path / "rows.csv").unlink()
    found = compare_runs([run.path for run in runs])
    assert lead_of(found).rows is None
    assert any(f"The data of {runs[0].path} cannot be read" in method for method in found.methods)


@pytest.mark.parametrize("gone", ["one", "two"])
def test_one_readable_copy_of_the_rows_is_enough(tmp_path: Path, gone: str) -> None:
    runs = []
    for name, noise in (("one", 0.5), ("two", 0.9)):
        (tmp_path / "data" / name).mkdir(parents=True)
        data = table(tmp_path / "data" / name, "number")
        runs.append(searched(tmp_path / name, data, "rmse", guesses(data, noise, 1)))
    (tmp_path / "data" / gone / "rows.csv").unlink()
    found = compare_runs([run.path for run in runs])
    assert lead_of(found).rows == "by row"
    assert "cannot be read" not in " ".join(found.methods)


def test_a_damaged_file_of_predictions_is_as_none(tmp_path: Path) -> None:
    data = table(tmp_path, "number")
    runs = [searched(tmp_path / name, data, "rmse", guesses(data, 0.5, 1)) for name in ("one", "two")]
    next((runs[1].path / "predictions").iterdir()).write_bytes(b"PAR1")
    found = compare_runs([run.path for run in runs])
    assert f"No predictions were kept of trial 0 of {runs[1].path}: intervals" in " ".join(found.methods)


def test_with_folds_their_errors_add_up(tmp_path: Path) -> None:
    table(tmp_path, "number")
    data = load_dataset(DatasetSpec(str(tmp_path / "rows.csv"), label="number", folds=3))
    runs, halves = [], []
    for name, noise in (("one", 0.5), ("two", 0.9)):
        run = searched(tmp_path / name, data, "mae", guesses(data, noise, 1))
        run.predictions.save(0, np.concatenate([guesses(fold, noise, 1) for fold in data.folds]).astype(np.float16))
        runs.append(run)
    for fold in data.folds:
        (good, truth), (bad, _) = (judged(guesses(fold, noise, 1), fold) for noise in (0.5, 0.9))
        halves.append(NORMAL * paired_bootstrap_error("mae", good, bad, truth))
    lead = lead_of(compare_runs([run.path for run in runs]))
    assert lead.low is not None
    assert (lead.rows, lead.difference - lead.low) == ("by row", pytest.approx(math.hypot(*halves) / 3, rel=0.01))


def test_the_error_over_folds_is_that_of_the_table(tmp_path: Path) -> None:
    run = made(tmp_path / "folds", [0.9])
    run.write_pack(1, [{**trial_row(0), "trial_id": 1, "val_standard_error": 0.03}], [])
    assert read_contestant(run.path).error_of(1) == 0.03
