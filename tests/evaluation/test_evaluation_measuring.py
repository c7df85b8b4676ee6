"""A saved network, measured on a split."""

import dataclasses

import numpy as np
import pytest
import torch
from run_fixtures import made_run
from synthetic_run import digits

from fcsearch.errors import DataError
from fcsearch.evaluation import load_run_dataset, measure
from fcsearch.nn import softmax_loss
from fcsearch.results import RunDirectory, open_run

__all__ = ["made_run"]


def test_accuracy_loss_and_classes_are_those_of_the_model(made_run: RunDirectory) -> None:
    data = digits()
    best = open_run(made_run.path).best["trial_id"]
    found = measure(made_run, best, load_run_dataset(made_run), "test")
    model = made_run.models.load(best)
    scores = model.loss(torch.from_numpy(data.test.X))
    right = scores.argmax(dim=1).numpy() == data.test.y
    assert 0.8 < found.accuracy == pytest.approx(right.mean())
    assert found.loss == pytest.approx(float(softmax_loss(scores, torch.from_numpy(data.test.y))[0]), rel=1e-5)
    assert (found.rows, found.split, found.trial_id) == (len(data.test.y), "test", best)
    assert sum(entry.rows for entry in found.classification.classes) == found.rows
    for label, entry in enumerate(found.classification.classes):
        assert entry.name == data.class_names[label]
        assert entry.recall == pytest.approx(right[data.test.y == label].mean())


def test_large_splits_are_scored_in_pieces_to_the_same_result(
    made_run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = made_run.models.saved()[0]
    whole = measure(made_run, trial, digits(), "train")
    monkeypatch.setattr("fcsearch.evaluation.measuring.rows_at_a_time", lambda _: 100)
    pieces = measure(made_run, trial, digits(), "train")
    assert (pieces.accuracy, pieces.classification) == (whole.accuracy, whole.classification)
    assert pieces.loss == pytest.approx(whole.loss, rel=1e-5)


def test_data_that_do_not_fit_the_model_are_refused(made_run: RunDirectory) -> None:
    data, trial = digits(), made_run.models.saved()[0]
    narrow = dataclasses.replace(data, train=dataclasses.replace(data.train, X=data.train.X[:, :5]))
    with pytest.raises(DataError, match="must have 64 features and 10 classes, like the model; digits has 5 and 10"):
        measure(made_run, trial, narrow, "test")
    with pytest.raises(DataError, match=r"the classes must be 0, 1, .* found zero, 1,"):
        measure(made_run, trial, dataclasses.replace(data, class_names=("zero", *data.class_names[1:])), "test")
    empty = dataclasses.replace(data, test=dataclasses.replace(data.test, X=data.test.X[:0], y=data.test.y[:0]))
    with pytest.raises(DataError, match="the test split of digits must have rows; found none"):
        measure(made_run, trial, empty, "test")


def test_a_class_without_rows_has_no_accuracy(made_run: RunDirectory) -> None:
    data = digits()
    keep = np.flatnonzero(data.test.y != 3)
    without = dataclasses.replace(data.test, X=data.test.X[keep], y=data.test.y[keep])
    found = measure(made_run, made_run.models.saved()[0], dataclasses.replace(data, test=without), "test")
    assert (found.classification.classes[3].rows, found.classification.classes[3].recall) == (0, None)
    assert found.classification.without_rows == ("3",)
